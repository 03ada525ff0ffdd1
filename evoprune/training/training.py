"""Gradient steps for many pairs at once, masks respected."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.evaluation import tensor_of
from evoprune.genome import Autoencoder, Genome
from evoprune.seeds import Rng, Stream, generator
from evoprune.training.batches import Batch, Epoch, Given
from evoprune.training.checks import PARTS, blaming, check_finite, check_pairs, check_training
from evoprune.training.optimizers import Optimizer, optimizer_for
from evoprune.training.programs import program_for
from evoprune.training.stacking import Stack, stack, unstack
from evoprune.training.structure import structure, structure_of

CACHED = 750_000
"""Parameters trained together: enough to spread the cost of a call, few enough to stay in the cache."""
MOST = 64
"""Pairs trained together at most, however small."""


def train(
    pairs: Sequence[Autoencoder],
    batches: Epoch | Iterable[Tensor],
    loss: str = "l1",
    optimizer: str | Optimizer = "adam",
    learning_rate: float = 1e-3,
    parts: Sequence[str] = PARTS,
    opponents: Sequence[Sequence[Genome]] | None = None,
    device: str | torch.device = "cpu",
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
    :returns: the mean loss over the batches of each pair, as they passed, (pairs,), float64.
    :raises TypeError: for a pair outside a list, what is no optimizer, or data of a type that the network refuses.
    :raises ValueError: for an unknown loss, optimizer, part or device, a learning rate that is negative or not finite,
        a genome or a parameter that stands in two places, opponents of another structure than the part they stand in
        for, nothing to learn, no batches, or batches that hold NaN or infinity; the pairs trained on those stay as they
        were.

    Modules are left in the mode they were in: training or evaluation. What is random, a variational encoder's noise on
    given batches, opponents, dropout, comes from streams that a pair's ``seed`` names, or where that is None from
    torch's global generator.
    """
    optimizer = optimizer_for(optimizer)
    check_training(pairs, loss, learning_rate, parts, opponents, device)
    data = batches if isinstance(batches, Epoch) else Given(batches, pairs)
    if isinstance(data, Epoch) and len(data.sources) != len(pairs):
        raise ValueError(f"the epoch has {len(data.sources)} sources of randomness for {len(pairs)} pairs")
    alike: dict[Any, list[int]] = {}
    for i, pair in enumerate(pairs):
        alike.setdefault(structure(pair), []).append(i)
    losses = torch.zeros(len(pairs), dtype=torch.float64)
    with _flushing_denormals():
        for cells in (cells for members in alike.values() for cells in _chunks(members, pairs[members[0]])):
            pools = None if opponents is None else [opponents[i] for i in cells]
            stacked = _Stacked([pairs[i] for i in cells], optimizer, learning_rate, parts, pools, device)
            with blaming(data.tensors):
                losses[cells] = stacked.train(data.take(cells, stacked.like, stacked.noise_width), loss)
            if not bool(losses[cells].isfinite().all()):
                check_finite(data.tensors)
            stacked.write_back()
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
    return train(pairs, Epoch(tensor_of(data, "train"), batch_size, sources, corruption, shuffle), **settings)


class _Stacked:
    """Pairs of one structure on the way through an epoch: stacked, trained, and written back."""

    def __init__(
        self,
        pairs: Sequence[Autoencoder],
        optimizer: Optimizer,
        learning_rate: float,
        parts: Sequence[str],
        pools: Sequence[Sequence[Genome]] | None,
        device: str | torch.device,
    ) -> None:
        self.pairs = pairs
        self.sides = [[pair[k] for pair in pairs] for k in range(len(PARTS))]
        self.learns = [part in parts for part in PARTS]
        self.stacks = [
            stack(side, optimizer.moments, device, on) for side, on in zip(self.sides, self.learns, strict=True)
        ]
        learning = [stacked for stacked in self.stacks if stacked.params]
        if not learning:
            raise ValueError(f"nothing learns: no {' or '.join(parts)} has a parameter that requires a gradient")
        for stacked in learning:
            stacked.prepare()
        rates = [learning_rate if pair.learning_rate is None else pair.learning_rate for pair in pairs]
        self.steps = [optimizer.bind(stacked, torch.tensor(rates, dtype=torch.float64)) for stacked in learning]
        self.change = None
        if pools is not None:
            fixed = self.learns.index(False)
            self.change = _changing(pairs, pools, self.stacks[fixed], structure_of(pairs[0][fixed].module))
        self.like = next(param for stacked in learning for param in stacked.params.values())
        self.noise_width = int(getattr(pairs[0].encoder.module, "noise_width", 0))

    def train(self, batches: Iterable[Batch], loss: str) -> Tensor:
        """One gradient step a batch, on the stacks alone; the mean loss of each pair, (pairs,)."""
        total, count = torch.zeros(len(self.pairs), device=self.like.device, dtype=self.like.dtype), 0
        with _modes(self.sides, self.learns):
            program = program_for(self.pairs, self.stacks, loss)
            for x, target, noise in batches:
                if self.change is not None:
                    self.change()
                total += program.gradients(x, target, noise)
                count += 1
                for stacked in self.stacks:
                    stacked.mask_gradients()
                with torch.no_grad():
                    for step in self.steps:
                        step()
        return (total / count).cpu().double()

    def write_back(self) -> None:
        """Give the pairs what was learnt, and count the epoch."""
        for stacked, side, on in zip(self.stacks, self.sides, self.learns, strict=True):
            for genome in side:
                genome.age += on
            if on:
                unstack(stacked, side)


def _changing(
    pairs: Sequence[Autoencoder], pools: Sequence[Sequence[Genome]], fixed: Stack, expected: Any
) -> Callable[[], None]:
    """A function that puts an opponent drawn from each pair's pool where the part stands that does not learn."""
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
            for name, room in fixed.state.items():
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
def _modes(sides: Sequence[Sequence[Genome]], learns: Sequence[bool]) -> Iterator[None]:
    """Within the block what learns is in training mode, the rest in evaluation mode; afterwards each as it was."""
    parts: list[nn.Module] = [genome.module for side in sides for genome in side]
    for part in parts:  # grows on the way; nn.Module.modules() takes long as well
        parts.extend(child for child in part._modules.values() if child is not None)
    before = [part.training for part in parts]
    for side, on in zip(sides, learns, strict=True):
        for genome in side:
            genome.module.train(on)
    try:
        yield
    finally:
        for part, training in zip(parts, before, strict=True):
            if part.training != training:
                vars(part)["training"] = training  # nn.Module's own setattr takes long


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
