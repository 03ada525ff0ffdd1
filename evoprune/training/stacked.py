"""Gradient steps for many networks of one structure as one tensor program, by torch: for every network and device."""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from evoprune.checks import shown
from evoprune.evaluation import keeping_modes
from evoprune.genome import Genome
from evoprune.individuals import Individual, genomes, names_of
from evoprune.losses import LossFunction
from evoprune.seeds import Stream
from evoprune.training.batches import Batch, Epoch, Given
from evoprune.training.optimizers import Optimizer, Step
from evoprune.training.programs import Program, program_for
from evoprune.training.seen import largest_of
from evoprune.training.stacking import Stack, stack, unstack
from evoprune.training.structure import structure_of

CACHED = 750_000  # parameters trained together: enough to spread the cost of a call, few enough to stay in the cache
MOST = 64  # individuals trained together at most, however small

Pools = Sequence[Sequence[Genome]]
"""For each individual the genomes that stand in for the part that does not learn."""


@dataclass(frozen=True)
class StackedTrainer:
    """Trains individuals of one structure together; ``parts`` are the names of those that learn, None for all."""

    parts: Sequence[str] | None
    loss: str | LossFunction
    optimizer: Optimizer
    device: str | torch.device

    def train(
        self,
        individuals: Sequence[Individual],
        places: Sequence[int],
        data: Epoch | Given,
        rates: Sequence[float],
        opponents: Pools | None,
    ) -> Tensor:
        """An epoch of each individual, in place; the mean losses, (individuals,), float64.

        :param places: where they stand among all that the data are for.
        """
        learns = [self.parts is None or name in self.parts for name in names_of(individuals[0])]
        sides = list(zip(zip(*map(genomes, individuals), strict=True), learns, strict=True))
        stacks = [stack(side, self.optimizer.moments, self.device, learning) for side, learning in sides]
        steps = [self.optimizer.bind(s, torch.tensor(rates, dtype=torch.float64)) for s in stacks if s.params]
        change = None if opponents is None else _changing(individuals, opponents, learns.index(False), stacks)
        modules = (genome.module for side, _ in sides for genome in side)
        with _flushing_denormals(), _blaming(data), keeping_modes(modules):
            for side, learning in sides:
                for genome in side:
                    genome.module.train(learning)
            program = program_for(individuals, stacks, self.loss)
            like = next(param for stacked in stacks for param in stacked.params.values())
            epoch = data.take(places, like, int(getattr(sides[0][0][0].module, "noise_width", 0)))
            losses = _descend(program, stacks, epoch, steps, change)
        if data.tensors and not bool(losses.isfinite().all()):
            largest_of(data.tensors)  # refuses what is not finite
        for stacked, (side, learning) in zip(stacks, sides, strict=True):
            if learning:
                unstack(stacked, side)
        return losses


def _descend(
    program: Program, stacks: Sequence[Stack], batches: Iterable[Batch], steps: Sequence[Step], change: Step | None
) -> Tensor:
    """One gradient step a batch, on the stacks alone; the mean loss of each individual, (individuals,)."""
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


def _changing(individuals: Sequence[Individual], pools: Pools, fixed: int, stacks: Sequence[Stack]) -> Step:
    """A function that puts an opponent drawn from each individual's pool where the part stands that does not learn."""
    expected = structure_of(genomes(individuals[0])[fixed].module)
    if any(structure_of(genome.module) != expected for pool in pools for genome in pool):
        raise ValueError("an opponent's network has another structure than the part it stands in for")
    tables = [
        [dict(genome.module.named_parameters()) | dict(genome.module.named_buffers()) for genome in pool]
        for pool in pools
    ]
    streams = [random.Random(Stream.OPPONENTS.of_pair(individual.seed)) for individual in individuals]

    @torch.no_grad()
    def change() -> None:
        for i, (source, pool) in enumerate(zip(streams, tables, strict=True)):
            opponent = source.choice(pool)
            for name, room in stacks[fixed].state.items():
                room[i].copy_(opponent[name])

    return change


def chunks(members: list[int], individual: Individual) -> Iterator[list[int]]:
    """Even parts of the members, as many together as suits their size."""
    size = sum(parameter.numel() for genome in genomes(individual) for parameter in genome.module.parameters())
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


@contextmanager
def _blaming(data: Epoch | Given) -> Iterator[None]:
    """What torch raises on inputs that are no floating point numbers says so; an embedding may well take them."""
    try:
        yield
    except RuntimeError as error:
        tables = [data.data] if isinstance(data, Epoch) else [inputs for inputs, _ in data.batches]
        kinds = {str(table.dtype) for table in tables if isinstance(table, Tensor) and not table.is_floating_point()}
        if not kinds:
            raise
        raise TypeError(
            f"the network refuses data of type {', '.join(kinds)}, try data.float(): {shown(str(error))}"
        ) from error
