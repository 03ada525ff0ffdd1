"""Copying and packing torch modules, fast and small: what clone and pickle of a genome rest on.

``copy.deepcopy`` of a module takes many times as long as copying its tensors, because it walks every empty hook table.
:func:`copy_module` copies the same things and passes over what is empty or cannot change.
:func:`pack` puts plain arrays where the tensors of a module were, without torch's storage headers and, where most are
pruned, without the weights that are; pickle puts the tensors back.
"""

import copy
import math
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evoprune.masks import kept, share, zero_dropped

_UNCHANGING = frozenset((type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size))
_TABLES = ("_parameters", "_buffers", "_modules")
_HOOKS = {k: type(v) for k, v in nn.Module().__dict__.items() if k not in _TABLES and isinstance(v, (dict, set))}
_hooks = itemgetter(*_HOOKS)
_STANDARD = frozenset(nn.Module().__dict__)


@lru_cache(maxsize=512)
def _is_special(cls: Any) -> bool:
    """Whether a class of modules has its own way of copying or pickling."""
    setstate = cls.__setstate__.__module__  # torch's own only serve modules pickled by old versions
    return (
        hasattr(cls, "__deepcopy__")
        or cls.__reduce_ex__ is not object.__reduce_ex__
        or cls.__reduce__ is not object.__reduce__
        or cls.__getstate__ is not nn.Module.__getstate__
        or not setstate.startswith("torch.nn.modules.")
        or any("__slots__" in vars(base) for base in cls.__mro__[:-1])
    )


def copy_module(module: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """What ``copy.deepcopy(module)`` gives: parameters without gradients, buffers, submodules, hooks, attributes.

    A tensor that is used twice (tied weights) is used twice in the copy as well. A module with its own way of copying
    or pickling is copied that way.

    :param memo: as ``copy.deepcopy`` has it.
    """
    memo = {} if memo is None else memo
    if id(module) in memo:
        return memo[id(module)]
    cls: Any = type(module)
    if _is_special(cls):
        return copy.deepcopy(module, memo)
    new = cls.__new__(cls)
    memo[id(module)] = new
    state = new.__dict__
    state.update(module.__dict__)  # then everything that can change is replaced
    state.pop("_compiled_call_impl", None)  # a compiled forward belongs to the original
    hooked = any(_hooks(state))  # a hook's handle points at several tables, empty ones among them
    for key, kind in _HOOKS.items():
        state[key] = copy.deepcopy(state[key], memo) if hooked else kind()
    for key in state.keys() - _STANDARD:
        if type(state[key]) not in _UNCHANGING:
            state[key] = copy.deepcopy(state[key], memo)
    parameters, buffers, modules = state["_parameters"], state["_buffers"], state["_modules"]
    state["_parameters"] = {n: _copy_parameter(p, memo) for n, p in parameters.items()} if parameters else {}
    state["_buffers"] = copy.deepcopy(buffers, memo) if buffers else {}
    state["_modules"] = {n: m if m is None else copy_module(m, memo) for n, m in modules.items()} if modules else {}
    return new


def _copy_parameter(parameter: Tensor | None, memo: dict[int, Any]) -> Any:
    """``copy.deepcopy``, whose own books cost as much as a small copy: torch's method keeps those that matter."""
    return parameter.__deepcopy__(memo) if type(parameter) is nn.Parameter else copy.deepcopy(parameter, memo)


def copy_value(value: Any, memo: dict[int, Any]) -> Any:
    """``copy.deepcopy``, which takes long for modules, and for numbers longer than to see that they cannot change."""
    if type(value) in _UNCHANGING:
        return value
    return copy_module(value, memo) if isinstance(value, nn.Module) else copy.deepcopy(value, memo)


class Packed(partial[Any]):
    """A call that unpickling makes: what stands in its place then is the tensor, the same one wherever this stood."""

    def __reduce__(self) -> tuple[Any, ...]:
        return self.func, self.args


class MaskPacker:
    """Packs tensors: of those of which a mask keeps less than half only that; to pick more takes longer than to copy.

    Tensors arrive on the CPU; what a mask drops arrives as zero. The ``bits`` of a mask are pickled once.
    """

    def __init__(self, masks: Mapping[str, Tensor]) -> None:
        self.masks = {name: mask.cpu() for name, mask in masks.items()}
        left = {name: share(kept(mask), mask.numel()) for name, mask in self.masks.items()}
        self.bits = {name: np.packbits(mask.numpy()) if left[name] < 1 else None for name, mask in self.masks.items()}
        self.few = {name for name, part in left.items() if part < 0.5}

    def tensor(self, name: str, tensor: Tensor, trainable: bool | None = None) -> Packed:
        """:param trainable: ``requires_grad`` of a parameter, or None for a tensor that is none."""
        bits, values = self.bits.get(name) if name in self.few else None, tensor.detach().cpu()
        sent: Any = values
        if bits is not None:
            sent = values[self.masks[name]]
        elif self.bits.get(name) is not None:
            zero_dropped([sent := values.clone()], self.masks[name])
        with suppress(TypeError, RuntimeError):  # what NumPy lacks stays a tensor: bfloat16, sparse and conjugate ones
            sent = sent.contiguous().numpy()
        strides = None if values.is_contiguous() else torch.empty_like(values).stride()
        return Packed(_unpack_tensor, sent, tuple(values.shape), strides, bits, trainable)


def pack(module: nn.Module, masks: Mapping[str, Tensor], moments: Mapping[str, tuple[Tensor, ...]]) -> dict[str, Any]:
    """What a genome pickles of its module, masks and moments, by these names: :class:`Packed` stands for tensors."""
    packer = MaskPacker(masks)
    return {
        "module": _pack_module(module, packer),
        "masks": {name: Packed(unpack_mask, packer.bits[name], tuple(mask.shape)) for name, mask in masks.items()},
        "moments": {name: tuple(packer.tensor(name, t) for t in tensors) for name, tensors in moments.items()},
    }


def _pack_module(module: nn.Module, packer: MaskPacker) -> nn.Module:
    """A copy of the module; with a part that has its own way of copying or pickling it is the module itself."""
    if any(map(_is_special, map(type, module.modules()))):
        return module
    memo: dict[int, Any] = {}
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        trainable = tensor.requires_grad if type(tensor) is nn.Parameter else None
        plain = trainable is not None or (type(tensor) is Tensor and not tensor.requires_grad)
        memo[id(tensor)] = packer.tensor(name, tensor, trainable) if plain and not vars(tensor) else tensor
    packed = copy_module(module, memo)
    for part in packed.modules():
        if not any(_hooks(part.__dict__)):  # many empty tables, each of which takes as long as a small tensor
            part.__dict__["__reduce_ex__"] = partial(_without_hooks, type(part), dict(part.__dict__))
    return packed


def _without_hooks(cls: Any, state: dict[str, Any], protocol: int) -> tuple[Any, ...]:
    """How to pickle a module without hooks."""
    return _unhooked, (cls, _same(tuple(state))), {key: value for key, value in state.items() if key not in _HOOKS}


@lru_cache(maxsize=512)
def _same(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names that are alike as one object, which is pickled once."""
    return names


def _unhooked(cls: Any, names: tuple[str, ...]) -> nn.Module:
    """A module with these attributes in order, of which only the empty hook tables are there yet."""
    new: nn.Module = cls.__new__(cls)
    vars(new).update((name, _HOOKS[name]() if name in _HOOKS else None) for name in names)
    return new


def unpack_mask(bits: np.ndarray | None, shape: tuple[int, ...]) -> Tensor:
    """The mask of this shape that :class:`MaskPacker` has packed; without bits all is kept."""
    if bits is None:
        return torch.ones(shape, dtype=torch.bool)
    return torch.from_numpy(np.unpackbits(bits, count=math.prod(shape)).astype(bool)).view(shape)


def _unpack_tensor(values: Any, shape: Any, strides: Any, bits: np.ndarray | None, trainable: bool | None) -> Tensor:
    tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))  # a copy can be written to
    if bits is not None:
        full = torch.zeros(shape, dtype=tensor.dtype)
        full[unpack_mask(bits, shape)] = tensor
        tensor = full
    if strides is not None:
        tensor = torch.empty_strided(shape, strides, dtype=tensor.dtype).copy_(tensor)
    return tensor if trainable is None else nn.Parameter(tensor, trainable)
