"""Gradient steps for many pairs at once, masks respected."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

import torch
from torch import Tensor

from evoprune.checks import shown
from evoprune.evaluation import keeping_modes, rows_of
from evoprune.genome import Autoencoder, Genome
from evoprune.layers import check_data
from evoprune.seeds import Rng, Stream, generator
from evoprune.training.batches import Batch, Epoch, Given
from evoprune.training.kernel import Kernel, kernel_for
from evoprune.training.optimizers import Optimizer, Step, optimizer_for
from evoprune.training.programs import Program, program_for
from evoprune.training.refused import PARTS, check_pairs, check_training
from evoprune.training.stacking import Stack, stack, unstack
from evoprune.training.structure import alike, structure_of

CACHED = 750_000  # parameters trained together: enough to spread the cost of a call, few enough to stay in the cache
MOST = 64  # pairs trained together at most, however small


def train(
    pairs: Sequence[Autoencoder],
    batches: Epoch | Iterable[Tensor],
    loss: str = "l1",
    optimizer: str | Optimizer = "adam",
    learning_rate: float = 1e-3,
    parts: Sequence[str] = PARTS,
    opponents: Sequence[Sequence[Genome]] | None = None,
    device: str | torch.device = "cpu",
    kernel: str | Kernel = "auto",
) -> Tensor:
    """Train pairs in place, one gradient step a batch; pairs of the same shape together, as one tensor program.

    :param pairs: pairs that share no genome.
    :param batches: an :class:`Epoch`, or tensors: (samples, ...) for all pairs alike or (pairs, samples, ...).
    :param loss: ``"l1"``, ``"mse"`` or ``"bce"``.
    :param optimizer: a name (``"adam"``, ``"sgd"`` and ``"adam-anew"``, the paper's) or an object of
        :mod:`evoprune.training.optimizers`. What it remembers lives with each genome.
    :param learning_rate: for the pairs whose own ``learning_rate`` is None.
    :param parts: which of ``"encoder"`` and ``"decoder"`` learn; the other stays as it is.
    :param opponents: for each pair the genomes that stand in for the part that does not learn, one drawn at random for
        every batch; they stay as they are.
    :param kernel: ``"auto"``, ``"native"``, ``"torch"`` or a :class:`~evoprune.training.kernel.Kernel`; see
        ``docs/performance.md``.
    :returns: the mean loss over the batches of each pair, as they passed, (pairs,), float64.
    :raises TypeError: for a pair outside a list, what is no optimizer, or data of a type that the network refuses.
    :raises ValueError: for an unknown loss, optimizer, part or device, a learning rate that is negative or not finite,
        a genome or a parameter that stands in two places, opponents of another structure than the part they stand in
        for, nothing to learn, no batches, data, codes and reconstructions whose widths differ as far as the layers
        tell, or batches that hold NaN or infinity; the pairs trained on those stay as they were.

    Modules are left in the mode they were in: training or evaluation. What is random, a variational encoder's noise on
    given batches, opponents, dropout, comes from streams that a pair's ``seed`` names, or where that is None from
    torch's global generator.
    """
    optimizer, kernel = optimizer_for(optimizer), kernel_for(kernel)
    check_training(pairs, loss, learning_rate, parts, opponents, device)
    data = batches if isinstance(batches, Epoch) else Given(batches, pairs)
    groups = alike(pairs)
    widths = {data.data.shape[-1]} if isinstance(data, Epoch) else {batch.shape[-1] for batch in data.tensors}
    for (first, *_), width in product(groups, widths):
        check_data(pairs[first].encoder.module, pairs[first].decoder.module, width)
    if isinstance(data, Epoch) and len(data.sources) != len(pairs):
        raise ValueError(f"the epoch has {len(data.sources)} sources of randomness for {len(pairs)} pairs")
    learns = [part in parts for part in PARTS]
    losses = torch.zeros(len(pairs), dtype=torch.float64)
    with _flushing_denormals():
        for cells in (cells for members in groups for cells in _chunks(members, pairs[members[0]])):
            chosen = [pairs[i] for i in cells]
            sides = list(zip(zip(*chosen, strict=True), learns, strict=True))
            stacks = [stack(side, optimizer.moments, device, learning) for side, learning in sides]
            if not any(stacked.params for stacked in stacks):
                raise ValueError(f"nothing learns: no {' or '.join(parts)} has a parameter that requires a gradient")
            rates = [float(learning_rate if p.learning_rate is None else p.learning_rate) for p in chosen]
            steps = [optimizer.bind(s, torch.tensor(rates, dtype=torch.float64)) for s in stacks if s.params]
            change = None
            if opponents is not None:
                change = _changing(chosen, [opponents[i] for i in cells], learns.index(False), stacks)
            with _blaming(data.tensors), keeping_modes(genome.module for pair in chosen for genome in pair):
                for side, learning in sides:
                    for genome in side:
                        genome.module.train(learning)
                program = program_for(chosen, stacks, loss)
                like = next(param for stacked in stacks for param in stacked.params.values())
                epoch = data.take(cells, like, int(getattr(chosen[0].encoder.module, "noise_width", 0)))
                losses[cells] = _descend(program, stacks, epoch, steps, change)
            if not bool(losses[cells].isfinite().all()):
                _check_finite(data.tensors)
            for stacked, (side, learning) in zip(stacks, sides, strict=True):
                if learning:
                    unstack(stacked, side)
    return losses


def train_epoch(
    pairs: Sequence[Autoencoder],
    data: Any,
    batch_size: int = 5,
    corruption: float = 0.0,
    shuffle: bool = True,
    rng: Rng = None,
    **settings: Any,
) -> Tensor:
    """Train pairs in place for one epoch; what :func:`eaSpatialCoevolution` takes as its ``train`` slot.

    Each pair draws from the stream that its ``seed`` names, or where that is None from ``rng``.

    :param data: a problem, whose ``train`` split is used, or what :func:`evoprune.evaluation.tensor_of` takes.
    :param settings: as in :func:`train`.
    :returns: the mean loss of each pair, (pairs,).
    """
    check_pairs(pairs)
    sources = [pair.seed if pair.seed is not None else generator(rng) for pair in pairs]
    return train(pairs, Epoch(rows_of(data, "train"), batch_size, sources, corruption, shuffle), **settings)


def _descend(
    program: Program, stacks: Sequence[Stack], batches: Iterable[Batch], steps: Sequence[Step], change: Step | None
) -> Tensor:
    """One gradient step a batch, on the stacks alone; the mean loss of each pair, (pairs,)."""
    total, count = torch.zeros(()), 0
    for batch in batches:
        if change is not None:
            change()
        total, count = total + program.gradients(*batch), count + 1
        for stacked in stacks:
            stacked.mask_gradients()
        with torch.no_grad():
            for step in steps:
                step()
    return (total / count).cpu().double()


def _changing(
    pairs: Sequence[Autoencoder], pools: Sequence[Sequence[Genome]], fixed: int, stacks: Sequence[Stack]
) -> Step:
    """A function that puts an opponent drawn from each pair's pool where the part stands that does not learn."""
    expected = structure_of(pairs[0][fixed].module)
    if any(structure_of(genome.module) != expected for pool in pools for genome in pool):
        raise ValueError("an opponent's network has another structure than the part it stands in for")
    tables = [
        [dict(genome.module.named_parameters()) | dict(genome.module.named_buffers()) for genome in pool]
        for pool in pools
    ]
    streams = [random.Random(Stream.OPPONENTS.of_pair(pair.seed)) for pair in pairs]

    @torch.no_grad()
    def change() -> None:
        for i, (source, pool) in enumerate(zip(streams, tables, strict=True)):
            opponent = source.choice(pool)
            for name, room in stacks[fixed].state.items():
                room[i].copy_(opponent[name])

    return change


def _chunks(members: list[int], pair: Autoencoder) -> Iterator[list[int]]:
    """Even parts of the members, as many together as suits their size."""
    size = sum(parameter.numel() for genome in pair for parameter in genome.module.parameters())
    most = min(max(CACHED // max(size, 1), 2), MOST)
    parts = -(-len(members) // most)
    even = -(-len(members) // parts)
    return (members[start : start + even] for start in range(0, len(members), even))


@contextmanager
def _flushing_denormals() -> Iterator[None]:
    """Within the block numbers below 1e-38 are zero: moments of idle units get there, and take many times as long."""
    tiny = torch.tensor(1e-39)
    flushed = not bool((tiny * 1).item())
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed)


def _check_finite(data: Sequence[Tensor]) -> None:
    """Refuse data that hold NaN or infinity; looked at only where a loss is not finite."""
    if not all(bool(tensor.isfinite().all()) for tensor in data):
        raise ValueError(f"the data to train on hold NaN or infinity: {shown(data[0])}")


@contextmanager
def _blaming(data: Sequence[Tensor]) -> Iterator[None]:
    """What torch raises on data that are no floating point numbers says so; an embedding may well take them."""
    try:
        yield
    except RuntimeError as error:
        kinds = {str(tensor.dtype) for tensor in data if not tensor.is_floating_point()}
        if not kinds:
            raise
        raise TypeError(
            f"the network refuses data of type {', '.join(kinds)}, try data.float(): {shown(str(error))}"
        ) from error
