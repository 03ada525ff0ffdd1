"""Taking units out of a genome's tensors, and putting them back: what was taken out comes back as zeros, pruned.

``genome.whole`` says what a genome was before: of each tensor that was cut its shape, and along each axis the places
that are left, None for all; of each attribute of a layer that was changed its value then and now.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import shown

SIZES = frozenset(
    ("in_features", "out_features", "in_channels", "out_channels", "num_features", "num_parameters", "unflattened_size")
) | {"widths", "noise_width"}
"""The attributes of layers that say how many units there are."""
Cuts = Mapping[str, Mapping[int, Tensor]]
"""Name of a parameter or buffer -> axis -> the places along it that stay."""


def cut(genome: Any, tensors: Cuts, sizes: Mapping[str, Any]) -> None:
    """Keep the given places of a genome's tensors, of their masks and of what optimizers remember, in place.

    :param sizes: attribute of a layer, such as ``"0.out_features"``, -> what it is then.
    """
    old: dict[str, Any] = genome.whole or {"tensors": {}, "sizes": {}}
    places, before = dict(old["tensors"]), dict(old["sizes"])
    for name, axes in tensors.items():
        tensor = named(genome.module, name)
        shape, left = places.get(name, (list(tensor.shape), [None] * tensor.dim()))
        kept = [axes.get(axis) for axis in range(tensor.dim())]
        places[name] = (shape, [_after(was, now) for was, now in zip(left, kept, strict=True)])
        _change(genome, name, tensor, lambda value, kept=kept: _selected(value, kept))
    for path, size in sizes.items():
        before[path] = (before[path][0] if path in before else _attribute(genome.module, path), size)
        _set(genome.module, path, size)
    genome.whole = {"tensors": places, "sizes": before}


def expand(genome: Any) -> None:
    """Put back, in place, all that was cut: units without weights, which change nothing of what the genome computes."""
    if genome.whole is None:
        return
    for name, (shape, left) in genome.whole["tensors"].items():
        tensor = named(genome.module, name)
        fill = 1.0 if name.endswith("running_var") else 0.0
        _change(genome, name, tensor, lambda v, f=fill, s=shape, k=left: _spread(v, f, s, k))
    for path, (size, _) in genome.whole["sizes"].items():
        _set(genome.module, path, size)
    genome.whole = None


def expanded(individual: Any) -> Any:
    """An individual, or where something was cut from its genomes a copy to which it was put back."""
    parts = individual if isinstance(individual, list) else [individual]
    if all(genome.whole is None for genome in parts):
        return individual
    found = deepcopy(individual)
    for genome in found if isinstance(found, list) else [found]:
        expand(genome)
    return found


def fit(genome: Any, whole: Any) -> None:
    """Cut a genome as another of its kind was, whose ``whole`` this is, in place; None puts back what was cut.

    :raises ValueError: where it was made of other tensors, or the table is none; the genome is then as it was.
    """
    if whole is not None:
        fitted(genome, whole)
    refit(genome, whole)


def refit(genome: Any, whole: Any) -> None:
    """The same for a table that :func:`fitted` has taken already."""
    expand(genome)
    if whole is not None:
        _cut_as(genome, whole)


def fitted(genome: Any, whole: Any) -> Any:
    """A copy of a genome, cut as ``whole`` says; the genome itself where neither says anything.

    :raises ValueError: as :func:`fit`.
    """
    if genome.whole is None and whole is None:
        return genome
    found = deepcopy(genome)
    expand(found)
    if whole is not None:
        _check(found.module, whole)
        _cut_as(found, whole)
        _check_sizes(found.module)
    return found


def _cut_as(genome: Any, whole: dict[str, Any]) -> None:
    kept = {
        name: {axis: places for axis, places in enumerate(left) if places is not None}
        for name, (_, left) in whole["tensors"].items()
    }
    cut(genome, kept, {path: now for path, (_, now) in whole["sizes"].items()})


def _check_sizes(module: nn.Module) -> None:
    """See that layers have as many units as their tensors."""
    for name, part in module.named_modules():
        table: dict[str, Any] = {**part._parameters, **part._buffers}
        one = next((table[key] for key in ("weight", "running_mean") if isinstance(table.get(key), Tensor)), None)
        known = [key for key in sorted(SIZES) if isinstance(getattr(part, key, None), int)]
        if one is None or not known or one.numel() == 1:  # one slope for all units
            continue
        groups = getattr(part, "groups", 1)
        there = sorted(one.shape[:2]) if len(known) > 1 else [one.shape[0]]
        if groups == 1 and sorted(getattr(part, key) for key in known) != there:
            paths = ", ".join(f"{name}.{key}".lstrip(".") for key in known)
            raise ValueError(f"sizes of what was cut do not fit this network: {paths} are not those of the weights")


def _check(module: nn.Module, whole: Any) -> None:
    """See that a table, perhaps of a damaged file, is one of this module."""
    tables = isinstance(whole, dict) and (whole.get("tensors"), whole.get("sizes"))
    if not tables or not all(isinstance(table, dict) for table in tables):
        raise ValueError(f"what was cut must be a table of tensors and of sizes, got {shown(whole)}")
    there = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, item in whole["tensors"].items():
        shape, left = item if isinstance(item, (tuple, list)) and len(item) == 2 else (None, None)
        if name not in there or not isinstance(shape, list) or shape != list(there[name].shape):
            raise ValueError(f"units were cut from another network: no {shown(name)} of shape {shown(shape)} is here")
        if not isinstance(left, list) or len(left) != len(shape):
            raise ValueError(f"what was cut of {name} must be places for each axis, got {shown(left)}")
        for size, places in zip(shape, left, strict=True):
            if places is not None and not _are_places(places, size):
                raise ValueError(f"what was cut of {name} must be places below {size} in order, got {shown(places)}")
    parts = dict(module.named_modules())
    for path, item in whole["sizes"].items():
        owner, _, last = path.rpartition(".") if isinstance(path, str) else ("", "", "")
        known = last in SIZES and owner in parts and hasattr(parts[owner], last)
        if not known or not isinstance(item, (tuple, list)) or len(item) != 2 or not all(map(_is_size, item)):
            raise ValueError(f"what was cut must be sizes of layers, got {shown(path)} {shown(item)}")


def _are_places(places: Any, size: int) -> bool:
    if (
        not isinstance(places, Tensor)
        or places.dtype != torch.int64
        or places.dim() != 1
        or not 0 < len(places) <= size
    ):
        return False
    return bool((places.diff() > 0).all()) and int(places[0]) >= 0 and int(places[-1]) < size


def _is_size(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_size, value))
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def shape_before(whole: dict[str, Any] | None, name: str, tensor: Tensor) -> torch.Size:
    """The shape that a parameter had before anything was cut."""
    if whole is None or name not in whole["tensors"]:
        return tensor.shape
    return torch.Size(whole["tensors"][name][0])


def named(module: nn.Module, name: str) -> Tensor:
    """A parameter or buffer by its name."""
    owner, _, last = name.rpartition(".")
    part = module.get_submodule(owner)
    found = part._parameters.get(last)
    tensor = part._buffers.get(last) if found is None else found
    if tensor is None:
        raise ValueError(f"there is no tensor {name!r}")
    return tensor


def _change(genome: Any, name: str, old: Tensor, change: Any) -> None:
    """Put what ``change`` makes of a tensor in its place, wherever it stands, and the same for mask and moments."""
    with torch.no_grad():
        new: Tensor = change(old.detach())
        if isinstance(old, nn.Parameter):
            new = nn.Parameter(new, old.requires_grad)
        for part in genome.module.modules():
            for table in (part._parameters, part._buffers):
                for key, value in table.items():
                    if value is old:
                        table[key] = new
        if name in genome.masks:
            genome.masks[name] = change(genome.masks[name])
        if name in genome.moments:
            genome.moments[name] = tuple(map(change, genome.moments[name]))


def _selected(tensor: Tensor, kept: Sequence[Tensor | None]) -> Tensor:
    for axis, places in enumerate(kept):
        if places is not None:
            tensor = tensor.index_select(axis, places.to(tensor.device))
    return tensor


def _spread(tensor: Tensor, fill: float, shape: Sequence[int], left: Sequence[Tensor | None]) -> Tensor:
    """A tensor of the shape that holds these values at the places that were left."""
    for axis, places in reversed(list(enumerate(left))):
        if places is not None:
            wider = list(tensor.shape)
            wider[axis] = shape[axis]
            tensor = torch.full(wider, fill, dtype=tensor.dtype, device=tensor.device).index_copy(
                axis, places.to(tensor.device), tensor
            )
    return tensor


def _after(was: Tensor | None, now: Tensor | None) -> Tensor | None:
    """The places that are left of those that were left before."""
    if was is None or now is None:
        return now.cpu() if was is None and now is not None else was
    return was[now.cpu()]


def _attribute(module: nn.Module, path: str) -> Any:
    owner, _, last = path.rpartition(".")
    return getattr(module.get_submodule(owner), last)


def _set(module: nn.Module, path: str, value: Any) -> None:
    owner, _, last = path.rpartition(".")
    setattr(module.get_submodule(owner), last, value)
