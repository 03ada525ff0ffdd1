"""Units that are the same for all samples: what they are behind what stands between layers, and for who reads them."""

from typing import Any

import torch
from torch import Tensor, nn

from evoprune.evaluation import evaluating
from evoprune.shrinking.joints import End, Pass
from evoprune.shrinking.stacks import AVERAGES, DROPOUTS, NORMS, PADS, TRANSPOSED, UNITWISE

DEPTHS: dict[type[nn.Module], int] = {nn.BatchNorm2d: 2, nn.BatchNorm3d: 3}
"""Norms of maps, and how many axes of positions they expect."""


def rows(end: End, tensor: Tensor) -> Tensor:
    """What of a tensor like a layer's weight leads into its units, (units, places, ...)."""
    return _grouped(end, tensor, 0)


def columns(end: End, tensor: Tensor) -> Tensor:
    """What of a tensor like a layer's weight reads its units, (units, places, outputs, ...)."""
    return _grouped(end, tensor, 1)


def constants(one: Pass, silent: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each reader which units it finds the same for all samples and positions, and what it finds.

    That is (units,) and (units, values): a value for each place of a unit, or one.

    :param silent: (units,): nothing leads into these units of the makers but their biases.
    """
    if one.observed:
        return [(alike & silent.cpu(), values) for alike, values in one.observed]
    maker = one.makers[0]
    layer: Any = maker.step.module
    alike, values = silent, torch.zeros(len(silent), 1, dtype=layer.weight.dtype)
    if len(one.makers) > 1:
        return [(torch.zeros_like(silent), values.double())] * len(one.readers)
    if layer.bias is not None:
        values = layer.bias.detach().cpu()[maker.places]
    for end in one.between:
        alike, values = _behind(end, alike, values)
    return [(alike, values.double())] * len(one.readers)


def absorbed(reader: End, values: Tensor) -> tuple[Tensor, Tensor]:
    """For each unit whether a reader's bias can stand for it, and what is added to it then: (units,), (units, outputs).

    Where a convolution pads with zeros, or a transposed one lays kernels beside each other, only a unit that is 0 can
    be stood for: others differ at the border.

    :param values: (units, values), as :func:`constants` gives them.
    """
    layer: Any = reader.step.module
    found = columns(reader, layer.weight.detach().cpu()).double()
    weight = found.reshape(*found.shape[:3], -1).sum(-1)  # (units, places, outputs)
    zero = (values == 0).all(1)
    even, wide = _wide(values, reader.places.shape[1])
    added = (weight * wide[..., None]).sum(1)
    return zero if _has_border(layer) else zero | even, torch.where(zero[:, None], 0.0, added)


def _grouped(end: End, tensor: Tensor, side: int) -> Tensor:
    axis = end.step.axes[side]
    moved = tensor.movedim(axis, 0)
    return moved[end.places]


def _behind(end: End, alike: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The same behind what stands between layers."""
    module: Any = end.step.module
    kind = type(module)
    if kind in DROPOUTS:
        return alike, values
    if kind in UNITWISE or kind in NORMS:
        return _through(end, module, alike, values)
    if kind in PADS:
        fill = module.value if hasattr(module, "value") else 0.0 if kind.__name__.startswith("Zero") else None
        same = torch.ones_like(alike) if fill is None else (values == fill).all(1)
        return alike & same, values
    if kind in AVERAGES:
        zero = (values == 0).all(1)
        padded = any(_sizes(module.padding)) and module.count_include_pad
        return (alike & zero if padded or getattr(module, "divisor_override", None) else alike), values
    if kind is nn.Unflatten:
        return alike & ~_uneven(values), values[:, :1]
    return alike, values


def _through(end: End, module: nn.Module, alike: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """What changes every unit by itself, on constants; a norm's scale of 0 makes constants of all units."""
    each = end.places.shape[1]
    if each:
        even, values = _wide(values, each)
        alike = alike & even
    like = next((tensor for tensor in module.state_dict().values() if tensor.is_floating_point()), values)
    maps = next((depth for kind, depth in DEPTHS.items() if isinstance(module, kind)), 0)
    with evaluating(module):
        found = module(values.to(like).reshape(1, -1, *[1] * maps)).cpu().view(values.shape)
    if isinstance(module, NORMS) and module.affine:
        alike = alike | (module.weight.detach().cpu()[end.places] == 0).all(1)
    return alike, found


def _wide(values: Tensor, each: int) -> tuple[Tensor, Tensor]:
    """Values for so many places of each unit, and which units have them: those whose values do not depend on places,
    or of which the places are the same ones."""
    if values.shape[1] == each:
        return torch.ones(len(values), dtype=torch.bool), values
    return ~_uneven(values), values[:, :1].expand(-1, each)


def _uneven(values: Tensor) -> Tensor:
    """Units whose values differ between positions, (units,)."""
    return (values != values[:, :1]).any(1)


def _has_border(layer: Any) -> bool:
    """Whether a layer makes something else of a constant at the border, or in other positions."""
    if isinstance(layer, nn.Linear):
        return False
    if isinstance(layer, TRANSPOSED):
        plain = {*layer.kernel_size, *layer.stride} == {1}
        return not plain or any((*layer.padding, *layer.output_padding))
    padded = layer.padding != "valid" if isinstance(layer.padding, str) else any(_sizes(layer.padding))
    if layer.padding == "same" and set(layer.kernel_size) == {1}:
        padded = False
    return padded and layer.padding_mode == "zeros"


def _sizes(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
