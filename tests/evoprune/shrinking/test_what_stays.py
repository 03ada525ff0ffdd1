"""Units that nobody can take out, and the reasons given."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from evoprune import Genome, Network, compact
from tests.evoprune.shrinking.by_hand import (
    IMAGES,
    ROWS,
    SIGNALS,
    Own,
    check_same,
    convolution,
    hidden,
    ignoring,
    outputs,
    reason_of,
    shrunk,
    silent,
    widths,
)


@pytest.mark.parametrize(
    ("between", "reason"),
    [
        (nn.LayerNorm(4), "1 (LayerNorm) may mix units: the units of 0 stay"),
        (nn.Softmax(1), "1 (Softmax) may mix units: the units of 0 stay"),
        (nn.GroupNorm(2, 4), "1 (GroupNorm) may mix units: the units of 0 stay"),
        (nn.Sequential(nn.Unflatten(-1, (2, 2)), nn.Flatten()), "1.0 (Unflatten) may mix units: the units of 0 stay"),
        (nn.Sequential(nn.Unflatten(1, (2, -1)), nn.Flatten()), "1.0 (Unflatten) mixes units: the units of 0 stay"),
        (nn.MaxPool1d(3, 1, 1), "1 (MaxPool1d) may mix units: the units of 0 stay"),  # samples as channels
        (Own(lambda _, x: x.flip(1)), "1 (Own) may mix units: the units of 0 stay"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_may_mix_units(between: nn.Module, reason: str):
    assert reason_of(hidden(between)) == [reason]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((nn.Softmax2d(), nn.Conv2d(4, 2, 1)), "1 (Softmax2d) may mix units: the units of 0 stay"),
        ((nn.PixelShuffle(2), nn.Conv2d(1, 2, 1)), "1 (PixelShuffle) may mix units: the units of 0 stay"),
        ((nn.Flatten(2), nn.Conv1d(4, 2, 1)), "1 (Flatten) may mix units: the units of 0 stay"),
        ((nn.Unflatten(2, (2, 3)), nn.Conv3d(4, 2, 1)), "1 (Unflatten) may mix units: the units of 0 stay"),
        (
            (nn.Flatten(), nn.Unflatten(1, (2, 12, 6)), nn.Conv2d(2, 2, 1)),
            "2 (Unflatten) mixes units: the units of 0 stay",
        ),
        ((nn.Linear(6, 4),), "1 does not read the units of 0 one by one"),  # along the last axis
    ],
)
def test_what_may_mix_channels(steps: tuple[nn.Module, ...], reason: str):
    assert reason_of(convolution(steps[-1], *steps[:-1]), IMAGES) == [reason]


def test_groups_stay():
    grouped = nn.Conv2d(4, 4, 3, groups=2)
    first, second = reason_of(nn.Sequential(*convolution(grouped), nn.ReLU(), nn.Conv2d(4, 2, 1)), IMAGES)
    assert first == "1 (Conv2d) may mix units: the units of 0 stay"
    assert "evoprune[structured]" in second


def test_a_module_with_its_own_forward_names_the_extra():
    network = Own(lambda self, x: self.rest(torch.relu(x)), rest=hidden())
    with pytest.warns(UserWarning, match=r"dead units may be left: Own \(Own\) is no plain stack.*evoprune\[struct"):
        small: Any = compact(network)
    assert widths(small) == [(3, 4), (4, 2)]
    check_same(outputs(network, ROWS), outputs(small, ROWS), 0.0)


def test_a_part_with_its_own_forward_leaves_the_rest():
    """What stands before and behind it shrinks."""
    block = Own(lambda self, x: x + self.layer(x), layer=nn.Linear(2, 2))
    network = nn.Sequential(hidden(), nn.ReLU(), block, hidden_after())
    _, removed = shrunk(network, ROWS)
    assert removed.units == {"0.0": 1, "3.0": 1}
    assert len(removed.reasons) == 2


def hidden_after() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), ignoring(nn.Linear(4, 1), 2))


def test_subclasses_and_parametrizations_of_layers_stay():
    class Twice(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return super().forward(input) * 2

    for layer in (silent(Twice(3, 4), 1), weight_norm(nn.Linear(3, 4))):
        assert "evoprune[structured]" in reason_of(nn.Sequential(layer, ignoring(nn.Linear(4, 2), 0)))[0]

    class Doubled(nn.Sequential):
        def forward(self, input: Tensor) -> Tensor:
            return torch.as_tensor(super().forward(input) * 2)

    assert "evoprune[structured]" in reason_of(Doubled(*hidden()))[0]


def test_units_of_fewer_and_of_more_readers_stay():
    """Where a layer reads other things than units one by one."""
    network = nn.Sequential(silent(nn.Linear(3, 4), 1), nn.Flatten(), nn.Linear(8, 2))
    assert reason_of(network, torch.randn(5, 2, 3)) == ["2 does not read the units of 0 one by one"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_module_with_hooks_stays(place: int):
    network = hidden()
    network[place].register_forward_hook(lambda module, given, output: output * 2)
    assert reason_of(network)


def test_a_nonlinearity_with_hooks_says_so():
    between = nn.Sigmoid()
    between.register_forward_pre_hook(lambda module, given: (given[0].flip(1),))
    network = Network([Genome(silent(nn.Linear(3, 4), 1)), Genome(between), Genome(nn.Linear(4, 2))])
    assert reason_of(network) == ["1 (Sigmoid) has hooks: the units of 0 stay"]


def test_a_lone_layer_with_hooks_stays():
    """A part of a network that is a layer and nothing else."""
    layer = silent(nn.Linear(3, 4), 1)
    layer.register_forward_hook(lambda module, given, output: output * 2)
    assert reason_of(Network([Genome(layer), Genome(nn.Linear(4, 2))]))


def test_a_lone_layer_with_another_forward_stays():
    layer: Any = silent(nn.Linear(3, 4), 1)
    layer.forward = lambda x: nn.functional.linear(x, layer.weight, layer.bias) * 2
    assert reason_of(Network([Genome(layer), Genome(nn.Linear(4, 2))]))


def test_a_convolution_along_other_axes_stays():
    """Images without samples, whose channels the next layer takes for samples."""
    network = nn.Sequential(silent(nn.Conv2d(2, 4, 1), 1), nn.Sigmoid(), nn.Conv1d(4, 2, 1))
    assert reason_of(network, torch.randn(2, 4, 3)) == ["2 does not read the units of 0 one by one"]


def test_pools_over_channels_stay():
    """Where they take channels for positions, as a pool of one more axis does."""
    network = convolution(nn.Conv2d(4, 2, 1), nn.MaxPool3d((3, 1, 1), 1, (1, 0, 0)))
    assert reason_of(network, IMAGES)
    network = nn.Sequential(silent(nn.Conv1d(2, 4, 1), 1), nn.AvgPool2d(3, 1, 1), nn.Conv1d(4, 2, 1))
    assert reason_of(network, SIGNALS)
