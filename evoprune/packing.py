"""Tensors that are mostly zeros, small: a bit an entry, and the values of those that are no zero.

Zero is the number without a set bit: -0.0 and NaN are values, and every number comes back with its bits. A mask of
bools is its bits alone. What would hardly become smaller, and what is no dense real tensor, stays as it is.

:func:`pack` puts in the place of a tensor ``{"packed tensor": {"shape", "strides", "bits", "values"}}``: ``bits`` as
``numpy.packbits`` packs them, entry by entry as they lie in memory; ``values`` in that order, of the tensor's type, or
None for bools. Tensors with the same bits, as a weight, its mask and its moments mostly have, share one such tensor.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoprune.checks import shown
from evoprune.memory import check_fits

PACKED = "packed tensor"
FIELDS = ("shape", "strides", "bits", "values")
WORTH = 512
"""Bytes that packing must save: the records of a tensor in the file, two instead of one, take about half of that."""
NUMBERS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}
WHOLE = {**NUMBERS, torch.bool: torch.bool}
"""What is packed, and as what NumPy, which lacks bfloat16, sees its bits."""
MOST = 2**63
"""What a size or a stride is below."""


def pack(value: Any) -> Any:
    """The same dicts, lists and tuples, in which the tensors that get smaller are packed; nothing is changed in place.

    Of a tensor on another device the packed one is on the CPU.
    """
    bits: dict[bytes, Tensor] = {}
    return _replaced(value, _is_packable, lambda tensor: _packed(tensor, bits), {})


def unpack(value: Any) -> Any:
    """What :func:`pack` was given; a value in which nothing is packed comes back as it is.

    :raises ValueError: for a packed tensor that is damaged, and where the memory does not suffice for all of them,
        before they are made.
    """
    sizes: list[int] = []
    _replaced(value, _is_packed, lambda found: sizes.append(_size(found[PACKED])), {})
    if not sizes:
        return value
    check_fits({"packed tensors": sum(sizes)})
    return _replaced(value, _is_packed, lambda found: _unpacked(**found[PACKED]), {})


def _replaced(value: Any, wanted: Callable[[Any], bool], change: Callable[[Any], Any], known: dict[int, Any]) -> Any:
    """Plain containers with another value for each that is wanted; what is there twice is changed once.

    :param known: what became of a value, by its ``id``.
    """
    kind = type(value)
    if kind not in (Tensor, dict, list, tuple):
        return value
    if id(value) not in known:
        if wanted(value):
            known[id(value)] = change(value)
        elif kind is dict:
            known[id(value)] = {key: _replaced(item, wanted, change, known) for key, item in value.items()}
        elif kind is not Tensor:
            known[id(value)] = kind(_replaced(item, wanted, change, known) for item in value)
        else:
            return value
    return known[id(value)]


def _is_packable(value: Any) -> bool:
    return _is_plain(value) and _is_dense(value.shape, value.stride())


def _packed(tensor: Tensor, known: dict[bytes, Tensor]) -> Any:
    """The packed tensor, or the same one where that is not worth it.

    :param known: bits that are there already, by their bytes.
    """
    numbers = _flat(tensor.cpu())
    marks = numbers != 0
    is_mask = tensor.dtype == torch.bool
    values = 0 if is_mask else numbers.itemsize * int(np.count_nonzero(marks))
    if numbers.nbytes - values - _bytes_of(numbers.size) <= WORTH:
        return tensor
    bits = np.packbits(marks)
    return {
        PACKED: {
            "shape": tuple(tensor.shape),
            "strides": tensor.stride(),
            "bits": known.setdefault(bits.tobytes(), torch.from_numpy(bits)),
            "values": None if is_mask else torch.from_numpy(numbers[np.flatnonzero(marks)]).view(tensor.dtype),
        }
    }


def _is_packed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {PACKED}


def _size(found: Any) -> int:
    """The bytes of a tensor that is packed.

    :raises ValueError: for what is none.
    """
    if not isinstance(found, dict) or found.keys() != set(FIELDS):
        raise ValueError(f"a packed tensor must have {', '.join(FIELDS)}, got {shown(found)}")
    shape, strides, bits, values = (found[name] for name in FIELDS)
    for name in ("shape", "strides"):
        if not isinstance(found[name], (tuple, list)) or not all(map(_is_count, found[name])):
            raise ValueError(f"the {name} of a packed tensor must be whole numbers, got {shown(found[name])}")
    count = math.prod(shape)
    if len(shape) != len(strides) or not count or not _is_dense(shape, strides):
        raise ValueError(f"the strides of a packed tensor must fit the shape {shown(shape)}, got {shown(strides)}")
    if not _is_line(bits, torch.uint8) or len(bits) != _bytes_of(count):
        raise ValueError(f"the bits of a packed tensor must be {_bytes_of(count)} bytes, got {shown(bits)}")
    if values is None:
        return count
    if not _is_line(values, *NUMBERS):
        raise ValueError(f"the values of a packed tensor must be real numbers, got {shown(values)}")
    return count * int(values.itemsize)


def _unpacked(shape: Any, strides: Any, bits: Tensor, values: Tensor | None) -> Tensor:
    """The tensor of fields that :func:`_size` has checked.

    :raises ValueError: where the bits are those of more or fewer values.
    """
    tensor = torch.empty_strided(shape, strides, dtype=torch.bool if values is None else values.dtype)
    numbers = _flat(tensor)
    marks = np.unpackbits(bits.numpy(), count=numbers.size).view(bool)
    if values is None:
        numbers[:] = marks
        return tensor
    places = np.flatnonzero(marks)  # with which NumPy is twice as fast as with the marks
    if len(places) != len(values):
        raise ValueError(f"a packed tensor must have a value for each of its {len(places)} bits, got {len(values)}")
    numbers[:] = 0
    numbers[places] = _flat(values)
    return tensor


def _flat(tensor: Tensor) -> np.ndarray:
    """The bits of a dense tensor, entry by entry as they lie in memory, as whole numbers that share it."""
    return tensor.as_strided((tensor.numel(),), (1,)).view(WHOLE[tensor.dtype]).numpy()


def _is_dense(shape: Any, strides: Any) -> bool:
    """Whether the entries of a tensor lie side by side in memory, in whatever order of its dimensions."""
    following = 1
    for stride, size in sorted((stride, size) for size, stride in zip(shape, strides, strict=True) if size != 1):
        if stride != following:
            return False
        following *= size
    return True


def _is_plain(value: Any, *kinds: torch.dtype) -> bool:
    """Whether a value is a tensor of these types, by default what is packed, of whose numbers torch knows no more."""
    return (
        type(value) is Tensor
        and value.dtype in (kinds or WHOLE)
        and value.layout == torch.strided
        and not (value.requires_grad or value.is_meta or vars(value))
    )


def _is_line(value: Any, *kinds: torch.dtype) -> bool:
    """Whether a value is a row of numbers that holds no more than its file."""
    return _is_plain(value, *kinds) and value.is_cpu and value.dim() == 1 and bool(value.is_contiguous())


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST


def _bytes_of(count: int) -> int:
    """The bytes that so many bits take."""
    return -(-count // 8)
