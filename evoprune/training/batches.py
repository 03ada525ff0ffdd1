"""Batches for many pairs at once: an epoch in which each pair sees the data in its own order, or given tensors."""

import math
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from evoprune.checks import at_least, in_unit_interval, listed, of_type, shown, true_or_false
from evoprune.evaluation import Rows
from evoprune.genome import Autoencoder
from evoprune.seeds import Rng, Stream, generator

Batch = tuple[Tensor, Tensor, Tensor | None]
"""Inputs and targets (cells, samples, ...), noise (cells, samples, width) or None."""


@dataclass(frozen=True)
class CellEpoch:
    """What an epoch shows to one pair.

    ``inputs`` and ``targets`` (samples, units) are float32 and may be one; ``order`` holds the samples as they come,
    int64, ``ends`` where in it each batch ends, int64; ``keep`` (samples in order, inputs) is False where an input is
    set to zero, or None; ``largest`` is the largest magnitude in the data, finite.
    """

    inputs: Tensor
    targets: Tensor
    order: Tensor
    ends: np.ndarray
    keep: Tensor | None
    largest: float


class Epoch:
    """One pass over the data for several pairs, each in an order of its own.

    :param data: (samples, ...), a tensor or what gives rows of one.
    :param size: samples in a batch; the last batch may be smaller.
    :param sources: a source of randomness for each pair (see :func:`evoprune.seeds.generator`), which draws the order,
        then the corruption, then the noise.
    :param corruption: probability with which an input is set to zero while the target keeps it (masking noise, Vincent
        et al. 2008, "Extracting and Composing Robust Features with Denoising Autoencoders").
    :param shuffle: False takes the samples in their order.
    :raises ValueError: for a batch that is empty or larger than the data, or a corruption outside [0, 1].
    """

    def __init__(
        self,
        data: Rows,
        size: int,
        sources: Sequence[Rng | int],
        corruption: float = 0.0,
        shuffle: bool = True,
    ) -> None:
        _check_rows(data)
        at_least("batch size", size, 1, whole=True)
        if size > len(data):
            raise ValueError(f"batch size {shown(size)} is larger than the {len(data)} training samples")
        in_unit_interval("corruption", corruption)
        true_or_false("shuffle", shuffle)
        listed("sources", sources, "a list of sources of randomness")
        self.data, self.size, self.sources = data, size, sources
        self.corruption, self.shuffle = corruption, shuffle
        self.tensors = [data] if isinstance(data, Tensor) else []  # what is there as a whole, as of Given

    def __len__(self) -> int:
        return -(-len(self.data) // self.size)

    def take(self, cells: Sequence[int], like: Tensor, noise_width: int = 0) -> Iterator[Batch]:
        """Batches for some of the pairs: inputs and targets (cells, samples, ...), noise (cells, samples, noise_width).

        :param like: the batches are put on the device of this tensor and take its type.
        :param noise_width: standard normal numbers a sample for a variational encoder; with 0 the noise is None.
        """
        count = len(self.data)
        sources = [generator(self.sources[cell]) for cell in cells]
        orders, keeps, noises = [], [], []
        for source in sources:
            drawn, kept = self._draw(source)
            orders.append(drawn)
            if kept is not None:
                keeps.append(kept)
            if noise_width:
                noises.append(torch.randn(count, noise_width, generator=source))
        data = _as(like, self.data) if isinstance(self.data, Tensor) else self.data
        order = torch.stack(orders).to(like.device)
        keep = torch.stack(keeps).to(like.device) if keeps else None
        noise = torch.stack(noises).to(like) if noises else None
        for start in range(0, count, self.size):
            stop = min(start + self.size, count)
            chosen = order[:, start:stop]
            rows = chosen.flatten()
            picked = data.index_select(0, rows) if isinstance(data, Tensor) else _as(like, data[rows.cpu()])
            target = picked.view(*chosen.shape, *data.shape[1:])
            inputs = target if keep is None else target * keep[:, start:stop]
            yield inputs, target, None if noise is None else noise[:, start:stop]

    @property
    def is_whole(self) -> bool:
        """Whether the data are there as one tensor of floating-point numbers."""
        return isinstance(self.data, Tensor) and self.data.is_floating_point()

    def of_cells(self, cells: Sequence[int]) -> list[CellEpoch]:
        """The same for each of these pairs on its own, on the processor, where the data are whole."""
        data = cast(Tensor, self.data)
        rows, count, largest = _flat(data), len(data), _seen.largest_of(data)
        each = len(rows) // count  # rows of a sample
        ends = np.append(np.arange(self.size, count, self.size), count) * each
        found = []
        for source in (generator(self.sources[cell]) for cell in cells):
            order, keep = self._draw(source)
            order = (order.unsqueeze(1) * each + torch.arange(each)).flatten()
            found.append(CellEpoch(rows, rows, order, ends, None if keep is None else keep.view(rows.shape), largest))
        return found

    def _draw(self, source: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The order of the samples, and which of their inputs stay where some are set to zero."""
        count = len(self.data)
        order = torch.randperm(count, generator=source) if self.shuffle else torch.arange(count)
        shape = tuple(self.data.shape)
        return order, torch.rand(shape, generator=source) >= self.corruption if self.corruption else None


class Given:
    """Batches that are given as tensors, for several pairs.

    :param tensors: (samples, inputs) for all pairs alike, or (pairs, samples, ...).
    :param pairs: all of them; their seeds name the streams of the noise.
    :raises ValueError: for no batches; on the way for one of another shape.
    """

    def __init__(self, tensors: Iterable[Tensor], pairs: Sequence[Autoencoder]) -> None:
        expected = "an Epoch, or tensors (samples, inputs)"
        self.tensors, self.pairs = listed("batches", tensors, expected), pairs
        if not self.tensors:
            raise ValueError("there are no batches to train on; a generator can be used up only once")
        for batch in self.tensors:
            of_type("a batch", batch, Tensor, "a tensor (samples, inputs)")
            if not batch.numel():
                raise ValueError(f"batches must have samples, (samples, inputs), got shape {tuple(batch.shape)}")
            _check_spread(batch, len(pairs))

    def take(self, cells: Sequence[int], like: Tensor, noise_width: int = 0) -> Iterator[Batch]:
        """Batches for some of the pairs, as :meth:`Epoch.take` gives them."""
        seeds = [Stream.NOISE.of_pair(self.pairs[cell].seed) for cell in cells] if noise_width else []
        sources = [torch.Generator().manual_seed(seed) for seed in seeds]
        for batch in self.tensors:
            x = _as(like, _spread(batch, cells, len(self.pairs)))
            noise = [torch.randn(x.shape[1], noise_width, generator=source) for source in sources]
            yield x, x, torch.stack(noise).to(like) if noise else None

    @property
    def is_whole(self) -> bool:
        """Whether the batches hold floating-point numbers."""
        return all(batch.is_floating_point() for batch in self.tensors)

    def of_cells(self, cells: Sequence[int]) -> list[CellEpoch]:
        """The same for each of these pairs on its own, as :meth:`Epoch.of_cells` gives them."""
        largest, found = largest_of(self.tensors), []
        for cell in cells:
            parts = [_flat(_spread(batch, [cell], len(self.pairs))[0]) for batch in self.tensors]
            rows, ends = torch.cat(parts), np.cumsum([len(part) for part in parts])
            found.append(CellEpoch(rows, rows, torch.arange(len(rows)), ends, None, largest))
        return found


def largest_of(data: Sequence[Tensor]) -> float:
    """The largest magnitude in the data.

    :raises ValueError: for NaN and infinity.
    """
    ends = [float(end) for tensor in data for end in tensor.aminmax()]
    if not all(map(math.isfinite, ends)):
        raise ValueError(f"the data to train on hold NaN or infinity: {shown(data[0])}")
    return max(map(abs, ends))


class _Seen:
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


_seen = _Seen()


def _flat(data: Tensor) -> Tensor:
    """Rows (samples, inputs) as the compiled kernel takes them; further dimensions between count as samples."""
    return data.reshape(-1, data.shape[-1]).to("cpu", torch.float32).contiguous()


def _spread(batch: Tensor, cells: Sequence[int], count: int) -> Tensor:
    """A batch for every cell: (samples, inputs) is shared, (pairs, samples, ...) is one each."""
    if batch.dim() == 2:
        return batch.expand(len(cells), *batch.shape)
    _check_spread(batch, count)
    return batch[cells]


def _check_spread(batch: Tensor, count: int) -> None:
    if batch.dim() == 2 or (batch.dim() >= 3 and len(batch) == count):
        return
    raise ValueError(
        f"a batch must be (samples, inputs) or ({count} pairs, samples, ...), got {tuple(batch.shape)}; "
        "give images to all pairs as (pairs, samples, channels, height, width)"
    )


def _check_rows(data: Any) -> None:
    """Refuse what does not give rows of a tensor; for :func:`evoprune.evaluation.rows_of` whoever made it answers."""
    if isinstance(data, np.ndarray) or not (hasattr(data, "shape") and hasattr(data, "__getitem__")):
        raise TypeError(f"the data of an epoch must be a tensor, or give rows of one, got {shown(data)}")
    if len(data.shape) < 2 or not all(data.shape):
        raise ValueError(f"the data to train on must have samples, (samples, inputs), got shape {tuple(data.shape)}")


def _as(like: Tensor, data: Tensor) -> Tensor:
    """Data on the device of a parameter and, where they are floating, of its type."""
    return data.to(like.device, like.dtype if data.is_floating_point() else None)
