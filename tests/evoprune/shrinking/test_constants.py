"""What units are that are the same for all samples, and what biases can stand for, by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Genome
from evoprune.shrinking.constants import absorbed, columns, constants, rows
from evoprune.shrinking.joints import End, Pass, chain
from evoprune.shrinking.stacks import UNITWISE
from tests.evoprune.shrinking.by_hand import linear


def one_pass(*steps: nn.Module) -> Pass:
    """The way through the units of the first layer."""
    return next(joint.passes[0] for joint in chain(Genome(nn.Sequential(*steps))).joints)


def known(*steps: nn.Module, silent: tuple[bool, ...] = (True, True)) -> tuple[list[bool], list[list[float]]]:
    """Which units the only reader finds the same, and what it finds."""
    ((alike, values),) = constants(one_pass(*steps), torch.tensor(silent))
    return alike.tolist(), values.tolist()


def of_biases(*biases: float) -> nn.Linear:
    return linear([[0.0]] * len(biases), biases)


def channels(*biases: float) -> nn.Conv1d:
    layer: Any = nn.Conv1d(1, len(biases), 1)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor(biases))
    return layer


LAST = nn.Linear(2, 1)


def test_only_what_nothing_leads_into():
    assert known(of_biases(1.0, 2.0), LAST, silent=(False, True))[0] == [False, True]


def test_biases_go_through_what_stands_between():
    assert known(of_biases(1.0, -2.0), LAST) == ([True, True], [[1.0], [-2.0]])
    assert known(of_biases(1.0, -2.0), nn.ReLU(), nn.LeakyReLU(0.5), LAST)[1] == [[1.0], [0.0]]
    assert known(of_biases(1.0, -2.0), nn.LeakyReLU(0.5), nn.Hardtanh(-0.25, 0.5), LAST)[1] == [[0.5], [-0.25]]
    assert known(linear([[0.0], [0.0]]), nn.Sigmoid(), LAST)[1] == [[0.5], [0.5]]


@pytest.mark.filterwarnings("ignore:dropout")
@pytest.mark.parametrize("kind", UNITWISE)
def test_all_nonlinearities_are_taken_in_evaluation_mode(kind: Any):
    step = kind(*{nn.Threshold: (0.5, 3.0)}.get(kind, ())).train()
    alike, values = known(of_biases(0.75, -0.75), step, LAST)
    assert step.training
    step.eval()
    wanted = step(torch.tensor([[[0.75, -0.75]]]))[0, 0].tolist()
    assert alike == [True, True]
    assert [value[0] for value in values] == pytest.approx(wanted, abs=1e-6)


def test_what_works_in_place_leaves_the_bias():
    first = of_biases(-1.0, 2.0).double()
    known(first, nn.ReLU(inplace=True), LAST)
    assert first.bias.tolist() == [-1.0, 2.0]


def test_a_slope_a_unit():
    slopes = nn.PReLU(2)
    with torch.no_grad():
        slopes.weight.copy_(torch.tensor([0.5, 0.25]))
    assert known(of_biases(-1.0, -2.0), slopes, LAST)[1] == [[-0.5], [-0.5]]


def norm(affine: bool = True) -> nn.BatchNorm1d:
    """It takes 2 and 3, halves, and then takes 10 times and 100 times."""
    found = nn.BatchNorm1d(2, eps=0.0, affine=affine)
    found.running_mean = torch.tensor([2.0, 3.0])
    found.running_var = torch.tensor([4.0, 4.0])
    if affine:
        with torch.no_grad():
            found.weight.copy_(torch.tensor([10.0, 100.0]))
    return found


def test_a_norm_by_what_it_has_seen():
    assert known(of_biases(4.0, 4.0), norm(), LAST)[1] == [[10.0], [50.0]]
    assert known(of_biases(4.0, 4.0), norm(affine=False), LAST)[1] == [[1.0], [0.5]]


def test_a_scale_of_zero_makes_a_constant_of_any_unit():
    scaled = norm()
    with torch.no_grad():
        scaled.weight[1], scaled.bias[1] = 0.0, 7.0
    alike, values = known(of_biases(4.0, 4.0), scaled, LAST, silent=(False, False))
    assert alike == [False, True]
    assert values[1] == [7.0]


@pytest.mark.parametrize(
    ("step", "alike"),
    [
        (nn.ZeroPad1d(1), [False, True]),
        (nn.ConstantPad1d(1, 2.0), [True, False]),
        (nn.ConstantPad1d(1, 1.0), [False, False]),
        (nn.ReflectionPad1d(0), [True, True]),
        (nn.ReplicationPad1d(1), [True, True]),
        (nn.CircularPad1d(1), [True, True]),
        (nn.AvgPool1d(2), [True, True]),
        (nn.AvgPool1d(2, padding=1), [False, True]),
        (nn.AvgPool1d(2, padding=1, count_include_pad=False), [True, True]),
        (nn.MaxPool1d(3, padding=1), [True, True]),
        (nn.AdaptiveAvgPool1d(1), [True, True]),
        (nn.Upsample(scale_factor=2), [True, True]),
    ],
    ids=str,
)
def test_what_is_the_same_in_all_positions(step: nn.Module, alike: list[bool]):
    assert known(channels(2.0, 0.0), step, nn.Conv1d(2, 1, 1)) == (alike, [[2.0], [0.0]])


def test_sums_of_positions():
    layers = nn.Conv2d(1, 2, 1, bias=False), nn.Sigmoid(), nn.AvgPool2d(2, divisor_override=3)
    assert known(*layers, nn.Conv2d(2, 1, 1))[0] == [False, False]


def test_positions_of_which_values_differ():
    scale = nn.PReLU(4)
    with torch.no_grad():
        scale.weight.copy_(torch.tensor([1.0, 2.0, 3.0, 3.0]))
    layers = channels(-1.0, -2.0), nn.Flatten(), scale
    assert known(*layers, nn.Linear(4, 1)) == ([True, True], [[-1.0, -2.0], [-6.0, -6.0]])
    alike, values = known(*layers, nn.Unflatten(1, (2, 2)), nn.Conv1d(2, 1, 1))
    assert alike == [False, True]
    assert values[1] == [-6.0]


def test_values_that_become_channels():
    first = of_biases(1.0, 1.0, 2.0, 3.0)
    alike, values = known(first, nn.Unflatten(1, (2, 2)), nn.Conv1d(2, 1, 1))
    assert alike == [True, False]
    assert values[0] == [1.0]


def test_of_two_that_make_units_nobody_knows():
    both = one_pass(of_biases(1.0, 2.0), LAST)
    twice = Pass(both.makers * 2, (), both.readers * 2)
    assert [alike.tolist() for alike, _ in constants(twice, torch.tensor([True, True]))] == [[False, False]] * 2


def test_what_was_observed_counts_where_nothing_leads_in():
    seen = one_pass(of_biases(1.0, 2.0), LAST)
    values = torch.tensor([[5.0], [6.0]])
    seen = Pass(seen.makers, (), seen.readers, ((torch.tensor([True, False]), values),))
    ((alike, found),) = constants(seen, torch.tensor([True, True]))
    assert (alike.tolist(), found.tolist()) == ([True, False], [[5.0], [6.0]])
    assert constants(seen, torch.tensor([False, True]))[0][0].tolist() == [False, False]


# What readers make of it


def reader(*steps: nn.Module) -> End:
    (end,) = one_pass(*steps).readers
    return end


def test_a_linear_layer_stands_for_everything():
    end = reader(of_biases(0.0, 0.0), linear([[2.0, 3.0], [4.0, 5.0]]))
    fits, added = absorbed(end, torch.tensor([[10.0], [0.0]]))
    assert fits.tolist() == [True, True]
    assert added.tolist() == [[20.0, 40.0], [0.0, 0.0]]


def test_places_of_a_unit_are_added_up():
    end = reader(channels(0.0, 0.0), nn.Flatten(), linear([[1.0, 2.0, 3.0, 4.0]]))
    assert absorbed(end, torch.tensor([[10.0], [1.0]]))[1].tolist() == [[30.0], [7.0]]
    assert absorbed(end, torch.tensor([[10.0, 100.0], [0.0, 1.0]]))[1].tolist() == [[210.0], [4.0]]


def filled(layer: Any, value: float) -> Any:
    nn.init.constant_(layer.weight, value)
    return layer


@pytest.mark.parametrize(
    ("layer", "fits"),
    [
        (nn.Conv1d(2, 1, 3), True),
        (nn.Conv1d(2, 1, 3, padding=1), False),
        (nn.Conv1d(2, 1, 3, padding="valid"), True),
        (nn.Conv1d(2, 1, 3, padding="same"), False),
        (nn.Conv1d(2, 1, 1, padding="same"), True),
        (nn.Conv1d(2, 1, 1, padding=1), False),
        (nn.Conv1d(2, 1, 3, padding=1, padding_mode="reflect"), True),
        (nn.Conv1d(2, 1, 3, padding="same", padding_mode="circular"), True),
        (nn.ConvTranspose1d(2, 1, 1), True),
        (nn.ConvTranspose1d(2, 1, 3), False),
        (nn.ConvTranspose1d(2, 1, 1, stride=2), False),
        (nn.ConvTranspose1d(2, 1, 1, padding=1), False),
    ],
    ids=str,
)
def test_borders(layer: Any, fits: bool):
    found, added = absorbed(reader(channels(0.0, 0.0), filled(layer, 2.0)), torch.tensor([[10.0], [0.0]]))
    assert found.tolist() == [fits, True]  # what is 0 everywhere goes in any case
    assert added[1].tolist() == [0.0]
    if fits:
        assert added[0].tolist() == [20.0 * layer.kernel_size[0]]


def test_values_that_differ_between_positions_fit_values_alone():
    values = torch.tensor([[1.0, 2.0], [3.0, 3.0]])
    assert absorbed(reader(channels(0.0, 0.0), nn.Conv1d(2, 1, 1)), values)[0].tolist() == [False, True]
    assert absorbed(reader(channels(0.0, 0.0), nn.Flatten(), nn.Linear(4, 1)), values)[0].tolist() == [True, True]


def test_weights_that_are_not_finite_add_nothing_for_units_of_zero():
    end = reader(of_biases(0.0, 0.0), linear([[float("inf"), 1.0]]))
    assert absorbed(end, torch.tensor([[0.0], [0.0]]))[1].tolist() == [[0.0], [0.0]]


def test_weights_by_unit():
    """(units, places, ...): what leads into them, and what reads them."""
    weight = torch.arange(12.0).view(2, 6)
    one = one_pass(nn.Conv1d(1, 3, 1), nn.Flatten(), nn.Linear(6, 2))
    (maker,), (end,) = one.makers, one.readers
    assert columns(end, weight)[1].tolist() == [[2.0, 8.0], [3.0, 9.0]]  # columns 2 and 3
    assert rows(maker, torch.arange(3.0).view(3, 1, 1)).flatten().tolist() == [0.0, 1.0, 2.0]
    transposed = one_pass(nn.ConvTranspose1d(1, 3, 1), nn.ConvTranspose1d(3, 2, 1))
    weight = torch.arange(6.0).view(3, 2, 1)
    assert columns(transposed.readers[0], weight).flatten(1).tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    first: Tensor = torch.arange(3.0).view(1, 3, 1)
    assert rows(transposed.makers[0], first).flatten().tolist() == [0.0, 1.0, 2.0]
