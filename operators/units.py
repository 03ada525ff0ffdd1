"""From units to weights: one number a unit becomes one number for each weight that leads into it."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import of_type, shown
from evoprune.genome import Genome, prunable_layers
from evoprune.individuals import genomes, names_of
from evoprune.layers import called


def unit_activations(individual: Any, activations: Any) -> list[tuple[Genome, dict[str, Tensor]]]:
    """For each genome of the individual, layer name -> activations (samples, units), on the layer's device.

    A layer that is missing, because the forward pass does not use it, is left out.

    :param individual: a Genome, an Autoencoder or another Network.
    :param activations: a probe (called with the individual), or what a probe returned: for a Genome
        ``{layer: (samples, units)}``, for an Autoencoder ``{"encoder": {layer: ...}, "decoder": {...}}``, for another
        network a table for each of its names.
    :raises TypeError: where the individual is neither, or the activations are.
    :raises ValueError: where a part is missing, or all of its layers; for layers that the genome does not have, and for
        another number of units.
    """
    parts = genomes(individual)
    if isinstance(activations, type | nn.Module):
        raise TypeError(f"activations must be a probe or a mapping as a probe returns, got {shown(activations)}")
    found = activations(individual) if callable(activations) else activations
    if isinstance(individual, Genome):
        return [(individual, _layers(individual, found, "activations"))]
    _check_mapping(found, "activations")
    names = names_of(individual)
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"activations lack {missing[0]!r}; they hold {_names(found)}")
    return [
        (genome, _layers(genome, found[name], f"activations of {called(name)}"))
        for name, genome in zip(names, parts, strict=True)
    ]


def spread(genome: Genome, per_unit: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Parameter name and a value for each of its entries, from one value a unit of its layer.

    The weights that lead into a unit (its row) and its bias get the unit's value.
    """
    of_type("genome", genome, Genome, "a Genome")
    of_type("per_unit", per_unit, Mapping, "a table of tensors by layer")
    for layer_name, layer in prunable_layers(genome.module):
        if layer_name not in per_unit:
            continue
        values = per_unit[layer_name]
        of_type(f"per_unit of layer {layer_name!r}", values, Tensor, "a tensor (units,)")
        for part in ("weight", "bias"):
            name = f"{layer_name}.{part}".lstrip(".")
            if name in genome.masks:
                yield name, values if part == "bias" else _rows(layer, values)


def count_units(layer: Any) -> int:
    """Output features of a Linear layer, output channels of a convolution."""
    return int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)


def minmax(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each row scaled to [0, 1], (..., units), and whether the row is constant, (..., 1).

    A constant row becomes 0. A row that holds NaN counts as constant, as nothing is known of it.
    """
    of_type("values", values, Tensor, "a tensor (..., units)")
    if not values.dim() or not values.numel() or values.is_complex():
        raise ValueError(f"values must be real numbers, (..., units), got {values.dtype} of {tuple(values.shape)}")
    low, high = values.amin(-1, keepdim=True), values.amax(-1, keepdim=True)
    constant = ~(high > low)
    return torch.where(constant, 0.0, (values - low) / (high - low).masked_fill(constant, 1.0)), constant


def _rows(layer: Any, values: Tensor) -> Tensor:
    shape = layer.weight.shape
    if not getattr(layer, "transposed", False):
        return values.view(-1, *[1] * (len(shape) - 1)).expand(shape)
    # A transposed convolution keeps its output channels in the second dimension, split into groups.
    groups = layer.groups
    grouped = values.view(groups, 1, -1, *[1] * (len(shape) - 2))
    return grouped.expand(groups, shape[0] // groups, *shape[1:]).reshape(shape)


def _layers(genome: Genome, found: Any, what: str) -> dict[str, Tensor]:
    _check_mapping(found, what)
    layers = dict(prunable_layers(genome.module))
    if not found.keys() <= layers.keys() or (layers and not found):
        raise ValueError(f"{what} must be those of the layers {_names(layers)}, got {_names(found)}")
    return {name: _fit(found[name], name, layer) for name, layer in layers.items() if name in found}


def _fit(values: Any, name: str, layer: Any) -> Tensor:
    units = count_units(layer)
    if not isinstance(values, Tensor) or values.dim() != 2 or values.shape[1] != units or len(values) == 0:
        got = tuple(values.shape) if isinstance(values, Tensor) else shown(values)
        raise ValueError(f"activations of layer {name!r} must be a tensor (samples, {units} units), got {got}")
    if values.is_complex():
        raise ValueError(f"activations of layer {name!r} must be real numbers, got {values.dtype}")
    return values.detach().to(layer.weight.device, torch.float32)


def _check_mapping(found: Any, what: str) -> None:
    if not isinstance(found, Mapping):
        raise TypeError(f"{what} must be a probe or a mapping as a probe returns, got {shown(found)}")


def _names(mapping: Mapping[Any, Any]) -> str:
    return ", ".join(repr(name) for name in mapping) or "nothing"
