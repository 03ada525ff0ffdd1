"""Units that never fire."""

import pytest
import torch
from torch import nn

from evoprune.benchmarks.analysis import unit_coverage
from tests.benchmarks.analysis.small import linear, pair, rectified

SAMPLES = torch.tensor([[1.0, 2.0], [0.5, 3.0], [2.0, 1.0]])


def row(table, part="encoder", layer=None):
    table = table[(table["part"] == part) & ((table["layer"] == layer) | (layer is None))]
    (found,) = table.to_dict("records")
    return found


def test_a_rectified_unit_that_is_never_positive_is_dead():
    weights = [[1.0, 0.0], [-1.0, -1.0], [0.0, 0.0], [0.0, 0.0]]  # on; always below 0; always 0; always 5
    wide = pair(rectified(weights, [0.0, 0.0, 0.0, 5.0]), linear([[1.0] * 4] * 2))
    found = row(unit_coverage({3: [wide]}, SAMPLES))
    assert found == {
        "generation": 3,
        "part": "encoder",
        "layer": "0",
        "cell": 0,
        "units": 4,
        "dead": 2,
        "share": 0.5,
        "constant": 3,  # the unit that always is 5 tells nothing either
    }


def test_a_unit_that_fires_once_however_weakly_is_alive():
    weak = pair(rectified([[1e-9, 0.0], [-1.0, 0.0]]))
    assert row(unit_coverage([weak], SAMPLES))["dead"] == 1
    once = pair(rectified([[0.0, 1.0], [0.0, 1.0]], [-2.5, -3.5]))  # above 2.5 once, above 3.5 never
    assert row(unit_coverage([once], SAMPLES))["dead"] == 1
    assert row(unit_coverage([once], SAMPLES, limit=1))["dead"] == 2


@pytest.mark.parametrize("nonlinearity", [nn.Tanh(), nn.Identity(), nn.GELU(), nn.LeakyReLU()])
def test_other_units_are_dead_near_zero(nonlinearity):
    layer = linear([[1.0, 0.0], [-1.0, 0.0], [1e-5, 0.0], [0.0, 0.0]])
    found = row(unit_coverage([pair(nn.Sequential(layer, nonlinearity), linear([[1.0] * 4] * 2))], SAMPLES))
    assert found["dead"] == 2
    assert (
        row(unit_coverage([pair(nn.Sequential(layer, nonlinearity), linear([[1.0] * 4] * 2))], SAMPLES, quiet=0))[
            "dead"
        ]
        == 1
    )


def test_a_sigmoid_of_zero_is_constant_but_fires():
    found = row(unit_coverage([pair(nn.Sequential(linear([[0.0, 0.0], [0.0, 1.0]]), nn.Sigmoid()))], SAMPLES))
    assert (found["dead"], found["constant"]) == (0, 1)


def test_a_diverged_unit_is_not_dead():
    broken = pair(rectified([[float("nan"), 0.0], [-1.0, 0.0]]))
    assert row(unit_coverage([broken], SAMPLES))["dead"] == 1
