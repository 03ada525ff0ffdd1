"""Batches for many individuals at once: an epoch in which each sees the data in its own order, or given tensors."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from evoprune.checks import at_least, in_unit_interval, listed, of_type, shown, true_or_false
from evoprune.data import Rows, whole
from evoprune.individuals import Individual
from evoprune.seeds import Rng, Stream, generator
from evoprune.training.seen import Seen, largest_of, with_mirrored

Batch = tuple[Tensor, Tensor, Tensor | None]
"""Inputs and targets (cells, samples, ...), noise (cells, samples, width) or None."""


@dataclass(frozen=True)
class CellEpoch:
    """What an epoch shows to one individual.

    ``inputs`` (samples, units) are float32; ``targets`` are as well, or the same tensor, or int64 numbers of classes
    (samples,); ``order`` holds the samples as they come, int64, ``ends`` where in it each batch ends, int64; ``keep``
    (samples in order, inputs) is False where an input is set to zero, or None; ``largest`` is the largest magnitude in
    the data, finite.
    """

    inputs: Tensor
    targets: Tensor
    order: Tensor
    ends: np.ndarray
    keep: Tensor | None
    largest: float


class Epoch:
    """One pass over the data for several individuals, each in an order of its own.

    :param data: the inputs, (samples, ...), a tensor or what gives rows of one.
    :param size: samples in a batch; the last batch may be smaller.
    :param sources: a source of randomness for each individual (see :func:`evoprune.seeds.generator`), which draws the
        order, then who is mirrored, then the corruption, then the noise.
    :param corruption: probability with which an input is set to zero while the target keeps it (masking noise, Vincent
        et al. 2008, "Extracting and Composing Robust Features with Denoising Autoencoders").
    :param shuffle: False takes the samples in their order.
    :param targets: (samples, ...), or the numbers of classes, (samples,); by default the inputs.
    :param mirror: channels, height and width of samples that are images: each is mirrored from left to right with a
        probability of 0.5, its target too where that is the input.
    :raises ValueError: for a batch that is empty or larger than the data, another number of targets than of samples, a
        corruption outside [0, 1], and images of another size than the samples.
    """

    def __init__(
        self,
        data: Rows,
        size: int,
        sources: Sequence[Rng | int],
        corruption: float = 0.0,
        shuffle: bool = True,
        targets: Rows | None = None,
        mirror: tuple[int, int, int] | None = None,
    ) -> None:
        _check_rows(data)
        at_least("batch size", size, 1, whole=True)
        if size > len(data):
            raise ValueError(f"batch size {shown(size)} is larger than the {len(data)} training samples")
        in_unit_interval("corruption", corruption)
        true_or_false("shuffle", shuffle)
        listed("sources", sources, "a list of sources of randomness")
        if targets is not None:
            _check_gives_rows("targets", targets)
            if tuple(targets.shape[:1]) != (len(data),):
                raise ValueError(f"the data have {len(data)} samples, but targets of shape {tuple(targets.shape)}")
        self.count, self.size, self.sources = len(data), size, sources
        self.corruption, self.shuffle, self.mirror = corruption, shuffle, mirror
        own = targets is not None and targets is not data
        self.data, self.targets = data, cast(Rows, targets) if own else data
        if mirror is not None:
            self.data = with_mirrored(data, mirror)
            self.targets = torch.cat([whole(self.targets)] * 2) if own else self.data

    def __len__(self) -> int:
        return -(-self.count // self.size)

    @property
    def labelled(self) -> bool:
        """Whether the targets are something else than the inputs."""
        return self.targets is not self.data

    @property
    def tensors(self) -> list[Tensor]:
        """What is there as a whole, as of :class:`Given`: the inputs, and targets of their own."""
        found = [self.data, self.targets] if self.labelled else [self.data]
        return [table for table in found if isinstance(table, Tensor)]

    def take(self, cells: Sequence[int], like: Tensor, noise_width: int = 0) -> Iterator[Batch]:
        """Batches for some of them: inputs and targets (cells, samples, ...), noise (cells, samples, noise_width).

        :param like: the batches are put on the device of this tensor and take its type.
        :param noise_width: standard normal numbers a sample for a variational encoder; with 0 the noise is None.
        """
        sources = [generator(self.sources[cell]) for cell in cells]
        orders, keeps, noises = [], [], []
        for source in sources:
            drawn, kept = self._draw(source)
            orders.append(drawn)
            if kept is not None:
                keeps.append(kept)
            if noise_width:
                noises.append(torch.randn(self.count, noise_width, generator=source))
        data = _as(like, self.data)
        targets = _as(like, self.targets) if self.labelled else data
        order = torch.stack(orders).to(like.device)
        keep = torch.stack(keeps).to(like.device) if keeps else None
        noise = torch.stack(noises).to(like) if noises else None
        for start in range(0, self.count, self.size):
            stop = min(start + self.size, self.count)
            chosen = order[:, start:stop]
            picked = _picked(data, chosen, like)
            target = _picked(targets, chosen, like) if self.labelled else picked
            inputs = picked if keep is None else picked * keep[:, start:stop]
            yield inputs, target, None if noise is None else noise[:, start:stop]

    @property
    def is_whole(self) -> bool:
        """Whether the data are there as tensors such as the compiled kernel takes."""
        return isinstance(self.data, Tensor) and isinstance(self.targets, Tensor) and _plain(self.data, self.targets)

    def of_cells(self, cells: Sequence[int]) -> list[CellEpoch]:
        """The same for each of these individuals on its own, on the processor, where the data are whole."""
        data, targets = cast(Tensor, self.data), cast(Tensor, self.targets)
        rows, largest = _flat(data), _inputs.largest_of(data)
        wanted = _flat(targets) if self.labelled else rows
        if self.labelled and targets.is_floating_point():
            largest = max(largest, _wanted.largest_of(targets))
        each = len(rows) // len(data)  # rows of a sample
        ends = np.append(np.arange(self.size, self.count, self.size), self.count) * each
        found = []
        for source in (generator(self.sources[cell]) for cell in cells):
            order, keep = self._draw(source)
            order = (order.unsqueeze(1) * each + torch.arange(each)).flatten()
            width = rows.shape[1]
            found.append(CellEpoch(rows, wanted, order, ends, None if keep is None else keep.view(-1, width), largest))
        return found

    def _draw(self, source: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The order of the samples, and which of their inputs stay where some are set to zero."""
        count = self.count
        order = torch.randperm(count, generator=source) if self.shuffle else torch.arange(count)
        if self.mirror is not None:  # the mirrored ones stand behind the others
            order = order + count * (torch.rand(count, generator=source) < 0.5)
        shape = (count, *self.data.shape[1:])
        return order, torch.rand(shape, generator=source) >= self.corruption if self.corruption else None


class Given:
    """Batches that are given as tensors, for several individuals.

    :param batches: tensors, or pairs of them, (inputs, targets): inputs (samples, inputs) for all individuals alike, or
        (individuals, samples, ...); targets likewise. Inputs of a pair may be (samples, ...) as well, unless they could
        be meant either way: as many samples as individuals, and targets that go on as the inputs do.
    :param individuals: all of them; their seeds name the streams of the noise.
    :raises ValueError: for no batches, and one of another shape.
    """

    def __init__(self, batches: Iterable[Any], individuals: Sequence[Individual]) -> None:
        expected = "an Epoch, or tensors (samples, inputs), or pairs of tensors (inputs, targets)"
        given, self.individuals = listed("batches", batches, expected), individuals
        if not given:
            raise ValueError("there are no batches to train on; a generator can be used up only once")
        self.batches: list[tuple[Tensor, Tensor]] = []
        for batch in given:
            pair = isinstance(batch, tuple | list) and len(batch) == 2
            for tensor in batch if pair else (batch,):
                of_type("a batch", tensor, Tensor, "a tensor (samples, inputs), or a pair of them (inputs, targets)")
                if not tensor.numel():
                    raise ValueError(f"batches must have samples, (samples, inputs), got shape {tuple(tensor.shape)}")
            inputs, targets = batch if pair else (batch, batch)
            _check_spread(inputs, targets, len(individuals))
            self.batches.append((inputs, targets))
        self.labelled = any(inputs is not targets for inputs, targets in self.batches)

    @property
    def tensors(self) -> list[Tensor]:
        """All of them."""
        batches = self.batches
        return [tensor for batch in batches for tensor in (batch if batch[0] is not batch[1] else batch[:1])]

    def take(self, cells: Sequence[int], like: Tensor, noise_width: int = 0) -> Iterator[Batch]:
        """Batches for some of them, as :meth:`Epoch.take` gives them."""
        seeds = [Stream.NOISE.of_pair(self.individuals[cell].seed) for cell in cells] if noise_width else []
        sources = [torch.Generator().manual_seed(seed) for seed in seeds]
        for inputs, targets in self._of(cells):
            x = _as(like, inputs)
            y = x if targets is inputs else _as(like, targets)
            noise = [torch.randn(x.shape[1], noise_width, generator=source) for source in sources]
            yield x, y, torch.stack(noise).to(like) if noise else None

    @property
    def is_whole(self) -> bool:
        """Whether the batches are such as the compiled kernel takes."""
        kinds = {targets.is_floating_point() for _, targets in self.batches}
        return len(kinds) == 1 and all(_plain(inputs[0], targets[0]) for inputs, targets in self._of([0]))

    def of_cells(self, cells: Sequence[int]) -> list[CellEpoch]:
        """The same for each of these individuals on its own, as :meth:`Epoch.of_cells` gives them."""
        largest, found = largest_of([t for t in self.tensors if t.is_floating_point()]), []
        for cell in cells:
            parts = [(_flat(inputs[0]), _flat(targets[0])) for inputs, targets in self._of([cell])]
            rows, ends = torch.cat([inputs for inputs, _ in parts]), np.cumsum([len(inputs) for inputs, _ in parts])
            wanted = torch.cat([targets for _, targets in parts]) if self.labelled else rows
            found.append(CellEpoch(rows, wanted, torch.arange(len(rows)), ends, None, largest))
        return found

    def _of(self, cells: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Each batch for these individuals: inputs and targets (cells, samples, ...), or the same tensor twice."""
        for inputs, targets in self.batches:
            shared = is_shared(inputs, targets, len(self.individuals))
            x = inputs.expand(len(cells), *inputs.shape) if shared else inputs[cells]
            if targets is inputs:
                yield x, x
            else:
                yield x, targets.expand(len(cells), *targets.shape) if shared else targets[cells]


_inputs, _wanted = Seen(), Seen()


def _picked(data: Any, chosen: Tensor, like: Tensor) -> Tensor:
    """Rows of the data for every cell, (cells, samples, ...)."""
    rows = chosen.flatten()
    picked: Tensor = data.index_select(0, rows) if isinstance(data, Tensor) else _as(like, data[rows.cpu()])
    return picked.view(*chosen.shape, *data.shape[1:])


def _plain(inputs: Tensor, targets: Tensor) -> bool:
    """Whether inputs and targets, (samples, ...) each, are what the compiled kernel takes."""
    if targets is inputs or (targets.is_floating_point() and targets.dim() == inputs.dim()):
        return inputs.is_floating_point()
    return inputs.is_floating_point() and inputs.dim() == 2 and targets.dim() == 1


def _flat(data: Tensor) -> Tensor:
    """Rows (samples, inputs) as the compiled kernel takes them; further dimensions between count as samples.

    Classes, (samples,), stay as they are; a single value a sample is a row.
    """
    if data.dim() == 1 and not data.is_floating_point():
        return data.to("cpu", torch.int64).contiguous()
    return data.reshape(-1, data.shape[-1] if data.dim() > 1 else 1).to("cpu", torch.float32).contiguous()


def is_shared(inputs: Tensor, targets: Tensor, count: int) -> bool:
    """Whether a batch is for all individuals alike."""
    if targets is inputs or inputs.dim() < 3:
        return inputs.dim() == 2
    spread = len(inputs) == count and targets.dim() > 1 and targets.shape[:2] == inputs.shape[:2]
    return not spread


def _check_spread(inputs: Tensor, targets: Tensor, count: int) -> None:
    """Refuse a batch that is neither for all individuals alike nor one for each."""
    shared, own = is_shared(inputs, targets, count), targets is not inputs
    if own and inputs.dim() > 1:
        if shared and targets.shape[:1] != inputs.shape[:1]:
            found = f"{tuple(inputs.shape)} and {tuple(targets.shape)}"
            raise ValueError(f"a batch must have a target for each sample, got inputs and targets of shapes {found}")
        return
    if shared or (inputs.dim() >= 3 and len(inputs) == count):
        return
    raise ValueError(
        f"a batch must be (samples, inputs) or ({count} pairs, samples, ...), got {tuple(inputs.shape)}; "
        "give images to all pairs as (pairs, samples, channels, height, width)"
    )


def _check_rows(data: Any) -> None:
    """Refuse what does not give rows of a tensor; for :func:`evoprune.data.rows_of` whoever made it answers."""
    _check_gives_rows("data", data)
    if len(data.shape) < 2 or not all(data.shape):
        raise ValueError(f"the data to train on must have samples, (samples, inputs), got shape {tuple(data.shape)}")


def _check_gives_rows(what: str, rows: Any) -> None:
    if isinstance(rows, np.ndarray) or not (hasattr(rows, "shape") and hasattr(rows, "__getitem__")):
        raise TypeError(f"the {what} of an epoch must be a tensor, or give rows of one, got {shown(rows)}")


def _as(like: Tensor, data: Any) -> Any:
    """Tensors on the device of a parameter and, where they are floating, of its type."""
    if not isinstance(data, Tensor):
        return data
    return data.to(like.device, like.dtype if data.is_floating_point() else None)
