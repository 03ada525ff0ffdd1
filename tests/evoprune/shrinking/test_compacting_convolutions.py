"""Channels of convolutions: where borders differ, what stands between, and where they become values."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from evoprune import compact
from evoprune.shrinking.stacks import SPATIAL
from tests.evoprune.shrinking.by_hand import (
    BORDER,
    CONV,
    DATA,
    IMAGES,
    ROWS,
    SIGNALS,
    convolution,
    ignoring,
    linear,
    norm,
    shrunk,
    silent,
    widths,
)


def test_a_channel_worked_out_by_hand():
    first: Any = nn.Conv1d(1, 2, 1)
    last: Any = nn.Conv1d(2, 1, 2)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([1.0, 0.0]).view(2, 1, 1))
        first.bias.copy_(torch.tensor([0.0, 3.0]))
        last.weight.copy_(torch.tensor([[[1.0, 1.0], [10.0, 100.0]]]))
        last.bias.fill_(7.0)
    small: Any = compact(nn.Sequential(first, nn.ReLU(), last))
    assert small[2].weight.tolist() == [[[1.0, 1.0]]]
    assert small[2].bias.tolist() == [337.0]  # 7 + 3 * (10 + 100)


GOES: dict[str, tuple[nn.Module, ...]] = {
    "kernel of 1": (nn.Conv2d(4, 2, 1),),
    "kernel of 3": (nn.Conv2d(4, 2, 3, stride=2),),
    "holes": (nn.Conv2d(4, 2, 2, dilation=3),),
    "valid": (nn.Conv2d(4, 2, 3, padding="valid"),),
    "nothing to pad": (nn.Conv2d(4, 2, 1, padding="same"),),
    "reflected border": (nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"),),
    "repeated border": (nn.Conv2d(4, 2, 3, padding="same", padding_mode="replicate"),),
    "border from the other side": (nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular"),),
    "transposed kernel of 1": (nn.ConvTranspose2d(4, 2, 1),),
    "its own value around": (nn.ConstantPad2d(1, 0.5), nn.Conv2d(4, 2, 3)),
    "means": (nn.AvgPool2d(2), nn.Conv2d(4, 2, 1)),
    "means of less at the end": (nn.AvgPool2d(4, 3, ceil_mode=True), nn.Conv2d(4, 2, 1)),
    "means without the border": (nn.AvgPool2d(2, padding=1, count_include_pad=False), nn.Conv2d(4, 2, 1)),
    "maxima": (nn.MaxPool2d(3, padding=1), nn.Conv2d(4, 2, 1)),
    "between pixels": (nn.Upsample(scale_factor=2, mode="bicubic"), nn.Conv2d(4, 2, 1)),
    "values": (nn.Flatten(), nn.Linear(144, 3)),
    "back again": (nn.Flatten(), nn.Unflatten(1, (4, 6, 6)), nn.Conv2d(4, 2, 3)),
}
STAYS: dict[str, tuple[nn.Module, ...]] = {
    "zeros around": (nn.Conv2d(4, 2, 3, padding=1),),
    "zeros on one axis": (nn.Conv2d(4, 2, 3, padding=(0, 1)),),
    "same": (nn.Conv2d(4, 2, 3, padding="same"),),
    "zeros before": (nn.ZeroPad2d(1), nn.Conv2d(4, 2, 3)),
    "ones before": (nn.ConstantPad2d(1, 1.0), nn.Conv2d(4, 2, 3)),
    "means of a border": (nn.AvgPool2d(2, padding=1), nn.Conv2d(4, 2, 1)),
    "sums": (nn.AvgPool2d(2, divisor_override=3), nn.Conv2d(4, 2, 1)),
    "kernels beside each other": (nn.ConvTranspose2d(4, 2, 2, stride=2),),
    "kernels on each other": (nn.ConvTranspose2d(4, 2, 3),),
    "nothing between pixels": (nn.ConvTranspose2d(4, 2, 1, stride=2),),
    "a transposed border": (nn.ConvTranspose2d(4, 2, 1, stride=2, output_padding=1),),
}


@pytest.mark.parametrize("name", GOES)
def test_a_constant_channel_goes(name: str):
    small, removed = shrunk(convolution(GOES[name][-1], *GOES[name][:-1]), IMAGES)
    assert removed.units == {"0": 1}
    assert not removed.reasons
    assert small[0].out_channels == 3


@pytest.mark.parametrize("name", STAYS)
def test_a_constant_channel_stays_where_borders_differ(name: str):
    small, removed = shrunk(convolution(STAYS[name][-1], *STAYS[name][:-1]), IMAGES)
    assert removed.units == {}
    assert removed.reasons == [f"units of 0 are the same for all samples, but {BORDER}"]
    assert small[0].out_channels == 4


@pytest.mark.parametrize("name", [name for name in STAYS if name != "ones before"])
def test_a_channel_of_zeros_goes_wherever_it_is(name: str):
    _, removed = shrunk(convolution(STAYS[name][-1], nn.ReLU(), *STAYS[name][:-1], bias=-1.0), IMAGES)
    assert removed == type(removed)(units={"0": 1})
    _, removed = shrunk(convolution(STAYS[name][-1], *STAYS[name][:-1], bias=None), IMAGES)
    assert removed.units == {"0": 1}


@pytest.mark.parametrize("name", [*GOES, *STAYS])
def test_a_channel_that_nothing_reads_goes_wherever_it_is(name: str):
    *between, last = copy.deepcopy((GOES | STAYS)[name])
    places = [27 * 4 + k for k in range(36)] if isinstance(last, nn.Linear) else [3]
    places = list(range(108, 144)) if isinstance(last, nn.Linear) else places
    network = nn.Sequential(nn.Conv2d(2, 4, 1), *between, ignoring(last, *places))
    _, removed = shrunk(network, IMAGES)
    assert removed == type(removed)(units={"0": 1})


@pytest.mark.parametrize("kind", SPATIAL)
def test_everything_between_positions(kind: Any):
    name = kind.__name__
    depth = int(name[-2]) if name[-1] == "d" else 2
    options: Any = {"Upsample": {"scale_factor": 2}, "Constant": {"padding": 1, "value": 0.0}}
    found = next((given for start, given in options.items() if name.startswith(start)), None)
    between = kind(**found) if found else kind(2 if "Pool" in name and "Adaptive" not in name else 1)
    between = kind(scale_factor=2) if name.startswith("Upsampling") else between
    layers = silent(CONV[depth](2, 4, 1, bias=False), 1), between, nn.Sigmoid()
    small, removed = shrunk(nn.Sequential(*layers, ignoring(CONV[depth](4, 2, 1), 3)), DATA[depth])
    assert removed == type(removed)(units={"0": 2})
    assert widths(small) == [(2, 2), (2, 2)]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_transposed_convolutions(depth: int):
    kind: Any = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[depth]
    first = silent(kind(2, 4, 2, 2, output_padding=1, bias=False), 1)
    second = ignoring(silent(kind(4, 5, 3, padding=1, dilation=2), 0, 2, bias=-0.1), 3)
    network = nn.Sequential(first, nn.ReLU(), second, nn.LeakyReLU(), ignoring(kind(5, 2, 1), 1))
    small, removed = shrunk(network, DATA[depth])
    assert removed.units == {"0": 2, "2": 3}
    assert widths(small) == [(2, 2), (2, 2), (2, 2)]


def test_channels_become_values():
    """Flatten lays the positions of a channel beside each other."""
    first = silent(nn.Conv1d(2, 3, 8), 1, bias=2.0)  # two positions
    last = linear([[0.0, 0.0, 1.0, 10.0, 5.0, 5.0]], [100.0])
    small, removed = shrunk(nn.Sequential(first, nn.ReLU(), nn.Flatten(), last), SIGNALS)
    assert removed.units == {"0": 2}
    assert small[3].weight.tolist() == [[5.0, 5.0]]
    assert small[3].bias.tolist() == [122.0]  # 100 + 2 * (1 + 10)


def test_a_channel_of_which_one_position_is_read_stays():
    last = ignoring(nn.Linear(6, 2), 2, 4, 5)
    _, removed = shrunk(nn.Sequential(nn.Conv1d(2, 3, 8), nn.Flatten(), last), SIGNALS)
    assert removed.units == {"0": 1}


def test_values_of_a_norm_behind_flatten_differ_between_positions():
    between = nn.Flatten(), norm(nn.BatchNorm1d, 6), nn.PReLU(6), nn.Sigmoid()
    small, removed = shrunk(nn.Sequential(silent(nn.Conv1d(2, 3, 8), 1), *between, nn.Linear(6, 2)), SIGNALS)
    assert removed.units == {"0": 1}
    assert (small[2].num_features, small[3].num_parameters, small[5].in_features) == (4, 4, 4)


def test_values_become_channels():
    first = silent(nn.Linear(3, 12), *range(4), bias=-1.0)
    between = nn.BatchNorm1d(12), nn.ReLU(), nn.Unflatten(1, (3, 2, 2)), norm(nn.BatchNorm2d, 3)
    network = nn.Sequential(first, *between, nn.Conv2d(3, 2, 2))
    small, removed = shrunk(network, ROWS)
    assert removed.units == {"0": 1}  # which are four of its outputs
    assert small[0].out_features == 8
    assert small[3].unflattened_size == (2, 2, 2)
    assert (small[1].num_features, small[4].num_features, small[5].in_channels) == (8, 2, 2)


def test_a_channel_goes_only_as_a_whole():
    network = nn.Sequential(silent(nn.Linear(3, 12), 0, 1, 2), nn.Unflatten(1, (3, 2, 2)), nn.ConvTranspose2d(3, 2, 2))
    assert shrunk(network, ROWS)[1].units == {}
    silent(network[0], 3)
    _, removed = shrunk(network, ROWS)  # of which biases differ
    assert removed.units == {}
    assert BORDER in removed.reasons[0]
    silent(network[0], 0, 1, 2, 3, bias=0.0)
    assert shrunk(network, ROWS)[1].units == {"0": 1}


def test_convolutions_without_samples():
    network = nn.Sequential(silent(nn.Conv2d(2, 4, 3), 1), nn.Sigmoid(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 1))
    assert shrunk(network, IMAGES[0])[1].units == {"0": 1}
