"""Debiased linear CKA against its definition and its invariances."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group
from torch import nn

from evoprune.benchmarks.analysis import cka, similarity, similarity_over_time
from tests.benchmarks.analysis.small import linear, pair

RNG = np.random.default_rng(1)


def unbiased_hsic(k, m):
    """Song et al. 2012 as sums over all i, j, q, r that differ: the U-statistic, in loops."""
    n = len(k)
    indices = range(n)
    two = sum(k[i, j] * m[i, j] for i in indices for j in indices if i != j) / (n * (n - 1))
    three = sum(k[i, j] * m[i, q] for i in indices for j in indices for q in indices if len({i, j, q}) == 3) / (
        n * (n - 1) * (n - 2)
    )
    four = sum(
        k[i, j] * m[q, r] for i in indices for j in indices for q in indices for r in indices if len({i, j, q, r}) == 4
    ) / (n * (n - 1) * (n - 2) * (n - 3))
    return two + four - 2 * three


def test_against_the_definition():
    x, y = RNG.normal(size=(7, 3)) + 2, RNG.normal(size=(7, 2)) - 1
    k, m = x @ x.T, y @ y.T
    expected = unbiased_hsic(k, m) / math.sqrt(unbiased_hsic(k, k) * unbiased_hsic(m, m))
    assert cka([x, y]) == pytest.approx(np.array([[1, expected], [expected, 1]]))


def test_what_it_does_not_see():
    x = RNG.normal(size=(50, 6))
    turned = x @ ortho_group.rvs(6, random_state=1)
    assert cka([x, x, turned, 3 * x, x + 5, x[:, ::-1]]) == pytest.approx(np.ones((6, 6)))


def test_independent_representations_are_about_zero_however_wide():
    """The biased estimate is high where units are many and samples few; this is what debiasing is for."""
    found = []
    for _ in range(20):
        x, y = RNG.normal(size=(40, 400)), RNG.normal(size=(40, 400))
        found.append(cka([x, y])[0, 1])
        a, b = (z - z.mean(axis=0) for z in (x, y))
        k, m = a @ a.T, b @ b.T
        assert (k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum()) > 0.8
    assert abs(np.mean(found)) < 0.02
    assert min(found) < 0


def test_large_offsets_do_not_drown_it():
    x = RNG.normal(size=(30, 4))
    assert cka([x, x + 1e6])[0, 1] == pytest.approx(1)


def test_constant_and_diverged_representations_have_none():
    x, broken = RNG.normal(size=(10, 3)), np.full((10, 3), np.inf)
    found = cka([x, np.full((10, 3), 0.1), broken])
    assert np.isnan(found).tolist() == [[False, True, True], [True, True, True], [True, True, True]]
    with pytest.raises(ValueError, match="at least 4 samples, got 3"):
        cka([x[:3], x[:3]])


def nets():
    turn = [[0.6, -0.8], [0.8, 0.6]]
    return (
        pair(linear([[1.0, 0.0], [0.0, 1.0]])),
        pair(linear(turn)),
        pair(linear([[0.0, 0.0], [0.0, 0.0]], [1.0, 2.0])),
    )


def test_between_cells():
    straight, turned, constant = nets()
    table = similarity({4: [straight, turned, constant]}, torch.randn(20, 2))
    assert list(table.columns) == ["generation", "part", "layer", "cell", "other", "cka"]
    codes = table[table["part"] == "encoder"].set_index(["cell", "other"])["cka"]
    assert codes[0, 1] == pytest.approx(1)
    assert codes[[(0, 2), (1, 2)]].isna().all()


def test_layers_of_different_width_compare():
    wide = pair(linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), linear([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    found = similarity([wide, nets()[0]], torch.randn(20, 2))
    assert found["cka"].tolist() == pytest.approx([1, 1])


def test_a_layer_that_one_lacks_is_not_compared():
    deeper = pair(nn.Sequential(linear([[1.0, 0.0], [0.0, 1.0]]), linear([[1.0, 0.0], [0.0, 1.0]])))
    found = similarity([deeper, nets()[0]], torch.randn(20, 2))
    assert found[found["part"] == "encoder"]["cka"].isna().all()
    assert found[found["part"] == "decoder"]["cka"].tolist() == pytest.approx([1])


def test_over_time():
    straight, turned, constant = nets()
    table = similarity_over_time({0: [straight, straight], 5: [turned, constant], 9: [turned]}, torch.randn(20, 2))
    assert list(table.columns) == ["generation", "later", "part", "layer", "cell", "cka"]
    codes = table[table["part"] == "encoder"].set_index(["cell", "generation", "later"])["cka"]
    assert codes[0].to_dict() == pytest.approx({(0, 5): 1, (0, 9): 1, (5, 9): 1})
    assert codes[1].isna().all()  # constant in generation 5, gone in 9
