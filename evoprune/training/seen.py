"""What is looked at once and not again at every epoch: the largest magnitude of data, and their mirror images."""

import math
import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from evoprune.checks import at_least, listed, shown


def largest_of(data: Sequence[Tensor]) -> float:
    """The largest magnitude in the data.

    :raises ValueError: for NaN and infinity.
    """
    ends = [float(end) for tensor in data for end in tensor.aminmax()]
    if not all(map(math.isfinite, ends)):
        raise ValueError(f"the data to train on hold NaN or infinity: {shown(data[0])}")
    return max(map(abs, ends))


class Seen:
    """The largest magnitude of the tensor that was asked for last: as a rule the same one, again and again."""

    def __init__(self) -> None:
        self.last: tuple[Any, int, float] = (lambda: None, 0, 0.0)

    def largest_of(self, data: Tensor) -> float:
        """:func:`largest_of`; what has changed since then is looked at again, unless torch does not know of it."""
        known, version, largest = self.last
        if known() is not data or version != data._version:
            version, largest = data._version, largest_of([data])
            self.last = (weakref.ref(data), version, largest)
        return largest


class _Mirrored:
    """The data that were asked for last, with their mirror images behind them."""

    def __init__(self) -> None:
        self.last: tuple[Any, Any, Tensor | None] = (lambda: None, None, None)

    def of(self, data: Tensor, image: Sequence[int]) -> Tensor:
        """Samples (samples, ...) and then the same ones mirrored, (2 * samples, ...)."""
        known, key, table = self.last
        if table is None or known() is not data or key != (data._version, image):
            mirrored = data.reshape(-1, *image).flip(-1).reshape(data.shape)
            table = torch.cat([data, mirrored])
            self.last = (weakref.ref(data), (data._version, image), table)
        return table


_mirrored = _Mirrored()


def with_mirrored(data: Any, image: tuple[int, int, int]) -> Tensor:
    """Images, (samples, ...), and then each of them mirrored from left to right, (2 * samples, ...).

    :param image: channels, height and width of a sample.
    :raises TypeError: for an image that is no list of sizes.
    :raises ValueError: for samples that are no such images, or no tensor.
    """
    sizes = listed("mirror", image, "channels, height and width of the images")
    if len(sizes) != 3:
        raise ValueError(f"mirror must be channels, height and width of the images, got {shown(image)}")
    for size in sizes:
        at_least("a size of images to mirror", size, 1, whole=True)
    values = math.prod(data.shape[1:])
    if not isinstance(data, Tensor) or values != math.prod(image):
        size = " x ".join(map(str, image))
        raise ValueError(f"only images can be mirrored: {values} values a sample are none of {size}")
    return _mirrored.of(data, image)
