"""Layers with weights of one's own, dead units, and whether two networks compute the same."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from evoprune import Genome
from evoprune.evaluation import evaluating
from evoprune.individuals import Individual, genomes
from evoprune.layers import prunable_layers
from evoprune.shrinking.compacting import compacted
from evoprune.shrinking.dead import Removed

BORDER = "no bias can stand for them"
"""In the reason for units that are the same for all samples and stay."""

ROWS = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
SIGNALS = torch.randn(4, 2, 9, generator=torch.Generator().manual_seed(2))
IMAGES = torch.randn(4, 2, 6, 6, generator=torch.Generator().manual_seed(3))
VOLUMES = torch.randn(2, 2, 4, 4, 4, generator=torch.Generator().manual_seed(4))
CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
DATA = {1: SIGNALS, 2: IMAGES, 3: VOLUMES}
INPUTS = torch.rand(7, 6, generator=torch.Generator().manual_seed(5))


class Own(nn.Module):
    """A module with a forward of its own."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **parts: nn.Module) -> None:
        super().__init__()
        self.function = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def linear(weight: Sequence[Sequence[float]], bias: Sequence[float] | None = None) -> nn.Linear:
    """A layer with these weights, (outputs, inputs)."""
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def silent(layer: Any, *units: int, bias: float | None = None) -> Any:
    """The layer, with nothing that leads into these units but their biases."""
    transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    with torch.no_grad():
        for unit in units:
            layer.weight.select(int(transposed), unit).zero_()
            if bias is not None:
                layer.bias[unit] = bias
    return layer


def ignoring(layer: Any, *units: int) -> Any:
    """The layer, without what reads these units."""
    transposed = isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    with torch.no_grad():
        for unit in units:
            layer.weight.select(int(not transposed), unit).zero_()
    return layer


def norm(kind: Callable[..., Any], units: int, **options: Any) -> Any:
    """A batch norm that has seen data."""
    found = kind(units, **options)
    with torch.no_grad():
        found.running_mean.normal_()
        found.running_var.uniform_(0.5, 2.0)
        if found.affine:
            found.weight.normal_()
            found.bias.normal_()
    return found


def drop(genome: Genome, name: str, makes: Sequence[int] = (), reads: Sequence[int] = ()) -> None:
    """Prune all that leads into units of a Linear layer but their biases, and all by which it reads some."""
    keep = torch.ones_like(genome.masks[f"{name}.weight"])
    keep[list(makes)] = False
    keep[:, list(reads)] = False
    genome.prune(f"{name}.weight", keep)


def outputs(individual: Any, x: Tensor) -> Any:
    """What an individual or a module computes in evaluation mode; the inputs stay as they are."""
    parts = [individual] if isinstance(individual, nn.Module) else [genome.module for genome in genomes(individual)]
    with evaluating(*parts):
        for part in parts:
            x = part(x.clone())
    return x


def check_same(wanted: Tensor, got: Tensor, tolerance: float = 1e-5) -> None:
    """See that two outputs are the same, relative to the largest."""
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    assert float((got - wanted).abs().max()) <= tolerance * float(wanted.abs().max())


def shrunk(
    individual: Individual | nn.Module, x: Tensor, example: Tensor | None = None, tolerance: float = 1e-5
) -> tuple[Any, Removed]:
    """What compaction makes of an individual, seen to compute the same, and once more to change nothing."""
    before, wanted = copy.deepcopy(individual), outputs(individual, x)
    small, removed = compacted(individual, example)
    check_same(wanted, outputs(small, x), tolerance)
    check_same(outputs(before, x), outputs(individual, x), 0.0)
    _, again = compacted(small, example)
    assert not again.units
    return small, removed


def widths(module: nn.Module) -> list[tuple[int, int]]:
    """What each layer reads and makes."""
    found: list[Any] = [layer for _, layer in prunable_layers(module)]
    return [
        (one.in_features, one.out_features) if isinstance(one, nn.Linear) else (one.in_channels, one.out_channels)
        for one in found
    ]


def hidden(between: nn.Module | None = None, units: tuple[int, ...] = (1,), bias: float | None = 0.5) -> nn.Sequential:
    """Three inputs, four units of which some are silent, and two outputs."""
    return nn.Sequential(silent(nn.Linear(3, 4), *units, bias=bias), between or nn.Sigmoid(), nn.Linear(4, 2))


def convolution(last: nn.Module, *between: nn.Module, bias: float | None = 0.5) -> nn.Sequential:
    """Two channels, four of which one is silent, and what reads them."""
    first = silent(nn.Conv2d(2, 4, 1, bias=bias is not None), 1, bias=bias)
    return nn.Sequential(first, *between, last)


def reason_of(network: Any, data: Tensor = ROWS) -> list[str]:
    """Why nothing was removed."""
    _, removed = shrunk(network, data)
    assert removed.units == {}
    return removed.reasons
