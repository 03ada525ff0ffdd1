"""What weights read: mean squares worked out by hand, for every way in which a weight is used."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.nn.utils.parametrizations import weight_norm

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.inputs import given_samples, mean_squares
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.parts import INPUTS, three

X = torch.tensor([[1.0, -1.0], [2.0, 3.0]])
READ = [2.5, 5.0]  # (1 + 4) / 2 and (1 + 9) / 2


class Own(nn.Module):
    """A forward of a user's own, with a layer from 2 to 3 and one of 2 that is not called."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.other, self.own = nn.Linear(2, 3), nn.Linear(2, 2), forward

    def forward(self, x: Tensor) -> Tensor:
        return self.own(self, x)


def read(module: nn.Module, x: Tensor = X) -> dict[str, Any]:
    genome = Genome(module)
    (found,) = mean_squares(genome, x)
    assert {name: table.shape for name, table in found.items()} == {n: m.shape for n, m in genome.masks.items()}
    return {name: table.tolist() for name, table in found.items()}


def test_a_linear_layer_by_hand() -> None:
    assert read(nn.Linear(2, 3)) == {"weight": [READ] * 3, "bias": [1.0] * 3}


def test_further_positions_of_a_linear_layer_count_as_samples() -> None:
    assert read(nn.Linear(2, 1), X.view(1, 2, 2))["weight"] == [READ]
    assert read(nn.Linear(2, 1), X.view(1, 1, 2, 1, 2))["weight"] == [READ]


WAYS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "called": lambda own, x: own.layer(x),
    "its weight": lambda own, x: F.linear(x, own.layer.weight, own.layer.bias),
    "by names": lambda own, x: F.linear(input=x, weight=own.layer.weight, bias=own.layer.bias),
    "in parts": lambda own, x: torch.cat(
        [F.linear(x, own.layer.weight[part], own.layer.bias[part]) for part in (slice(1), slice(1, 3))], 1
    ),
    "of another shape": lambda own, x: F.conv1d(x.unsqueeze(2), own.layer.weight.unsqueeze(2), own.layer.bias),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_use_a_weight(way: str) -> None:
    found = read(Own(WAYS[way]))
    assert found.pop("layer.weight") == [READ] * 3
    assert found.pop("layer.bias") == [1.0] * 3
    assert found == {"other.weight": [[0.0] * 2] * 2, "other.bias": [0.0] * 2}  # nothing reads these


def test_what_is_used_twice_reads_both() -> None:
    module = Own(lambda own, x: own.other(own.other(x)))
    with torch.no_grad():
        module.other.weight.copy_(torch.tensor([[0.0, 1.0], [2.0, 0.0]]))
        module.other.bias.zero_()
    # first (1, -1) and (2, 3), then (-1, 2) and (3, 4)
    assert read(module)["other.weight"] == [[2.5 + 5, 5.0 + 10]] * 2
    assert read(module)["other.bias"] == [2.0, 2.0]


@pytest.mark.parametrize("width", [3, 2])  # a square matrix has the same shape turned round
def test_a_tied_weight_reads_along_both_axes(width: int) -> None:
    network = TiedNetwork((2, width), activation="relu", output="identity")
    weight = torch.tensor([[1.0, 0.0], [0.0, -1.0], [1.0, 1.0]])[:width]
    with torch.no_grad():
        network.get_parameter("encoder.0.weight").copy_(weight)
        network.get_parameter("encoder.0.bias").zero_()
    found, after = mean_squares(TiedAutoencoder(network), X)
    assert after == {}
    codes = [2.5, 0.5, 12.5][:width]  # of (1, 1, 0) and (2, 0, 5)
    assert found["encoder.0.weight"].tolist() == [[code + there for there in READ] for code in codes]
    assert found["encoder.0.bias"].tolist() == [1.0] * width
    assert found["decoder.0.bias"].tolist() == [1.0] * 2


IMAGES = torch.arange(16.0).view(1, 4, 2, 2) * torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)  # the second is the negative
CHANNELS = [(0 + 1 + 4 + 9) / 4, (16 + 25 + 36 + 49) / 4, (64 + 81 + 100 + 121) / 4, (144 + 169 + 196 + 225) / 4]


def test_a_convolution_reads_channels() -> None:
    found = read(nn.Conv2d(4, 2, (2, 1), padding=1), IMAGES)
    assert found["weight"] == [[[[channel]] * 2 for channel in CHANNELS]] * 2
    assert found["bias"] == [1.0] * 2


def test_a_convolution_in_groups_reads_those_of_its_group() -> None:
    found = read(nn.Conv2d(4, 6, 1, groups=2), IMAGES)
    assert torch.tensor(found["weight"]).flatten(1).tolist() == [CHANNELS[:2]] * 3 + [CHANNELS[2:]] * 3


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_has_its_channels_first(groups: int) -> None:
    found = read(nn.ConvTranspose2d(4, 2, 2, groups=groups), IMAGES)
    expected = torch.tensor(CHANNELS).view(4, 1, 1, 1).expand(4, 2 // groups, 2, 2)
    assert found["weight"] == expected.tolist()


@pytest.mark.parametrize(("kind", "axes"), [(nn.Conv1d, 1), (nn.Conv3d, 3), (nn.ConvTranspose1d, 1)])
def test_other_dimensions(kind: Any, axes: int) -> None:
    images = IMAGES.reshape(2, 4, *([4] if axes == 1 else [2, 2, 1]))
    weight = torch.tensor(read(kind(4, 4, 1), images)["weight"]).view(4, 4)
    assert (weight.mT if "Transpose" in kind.__name__ else weight).tolist() == [CHANNELS] * 4


def test_a_convolution_of_one_image_without_samples() -> None:
    module = Own(lambda own, x: F.conv1d(x.mT, own.layer.weight.unsqueeze(2)).sum(0, keepdim=True))
    assert read(module)["layer.weight"] == [READ] * 3


def test_each_part_sees_what_the_one_before_makes() -> None:
    individual = three()
    values = INPUTS
    for genome, table in zip(individual, mean_squares(individual, INPUTS), strict=True):
        layers = [layer for layer in genome.module.modules() if isinstance(layer, nn.Linear)]
        assert torch.allclose(table["0.weight"], values.square().mean(0).expand_as(layers[0].weight))
        values = genome.module(values).detach()


def test_a_computed_weight_is_not_prunable_but_its_bias_is() -> None:
    with pytest.warns(UserWarning, match="never pruned"):
        assert read(weight_norm(nn.Linear(2, 3))) == {"bias": [1.0] * 3}


def test_parameters_that_share_one_piece_of_memory() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    apart = read(copy.deepcopy(module))
    vector_to_parameters(parameters_to_vector(module.parameters()), module.parameters())
    assert module.get_parameter("2.bias").storage_offset() > 0
    assert read(module) == apart


def test_only_what_is_prunable() -> None:
    (found,) = mean_squares(Genome(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), exclude=["0", "1.bias"]), X)
    assert list(found) == ["1.weight"]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_of_number(dtype: torch.dtype) -> None:
    (found,) = mean_squares(Genome(nn.Linear(2, 1).to(dtype)), X)
    assert found["weight"].tolist() == [READ]
    assert found["weight"].dtype == torch.promote_types(dtype, torch.float32)


def test_modules_are_left_as_they_were() -> None:
    encoder = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    pair = Autoencoder([Encoder(encoder), Decoder(nn.Linear(4, 2))])
    before, state = copy.deepcopy(pair), torch.get_rng_state()
    first, second = mean_squares(pair, X), mean_squares(pair, lambda: X)
    assert all(
        torch.equal(table[name], other[name]) for table, other in zip(first, second, strict=True) for name in table
    )
    assert pair == before
    assert all(part.training for genome in pair for part in genome.module.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(table.requires_grad for part in first for table in part.values())


@pytest.mark.parametrize(
    ("samples", "error", "match"),
    [
        (None, TypeError, r"samples must be a tensor \(samples, ...\), got None"),
        (nn.Linear(2, 2), TypeError, "samples must be a tensor"),
        (lambda: "nothing", TypeError, "samples must be a tensor"),
        (X[:0], ValueError, "samples must have at least one sample"),
        (X.mT.repeat(1, 2), ValueError, "reads 2 values a sample, but the data have 4"),
        (X * torch.inf, ValueError, "the samples hold NaN or infinite values"),
        (X.long(), TypeError, "refuses data of type torch.int64"),
    ],
)
def test_samples_that_are_refused(samples: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        mean_squares(Network([Genome(nn.Linear(2, 2))]), samples)


def test_given_samples_are_those_of_a_function() -> None:
    assert given_samples(X) is X
    assert given_samples(lambda: X) is X
