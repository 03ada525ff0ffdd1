"""What a front compares: networks with their loss on the validation split and their size, and the best of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from deap import tools

from evoprune.benchmarks.fronts.networks import Grid
from evoprune.benchmarks.pruning.measured import example_of, measured
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.data import samples_of
from evoprune.fitness import MinimizeLossAndSize
from evoprune.individuals import Network
from evoprune.masks import nonzeros, share
from evoprune.shrinking.counts import arithmetic

LOSS = "validation_loss"
SIZES = {"weights": "kept", "macs": "effective_macs"}
"""What a front may go by -> the column that counts it."""


@dataclass(frozen=True)
class Candidate:
    """A network with its row of the table and, as DEAP's archives want it, the fitness by which it is compared."""

    row: dict[str, Any]
    network: Network
    fitness: MinimizeLossAndSize

    @property
    def finite(self) -> bool:
        """Whether its loss is a number."""
        return not math.isnan(self.row[LOSS])


def candidates(generation: int, grid: Grid, settings: Settings, by: str) -> Iterator[Candidate]:
    """The networks of a generation. A row says where one is from, its sizes, and figures on the validation split.

    The loss is NaN where it is not finite, and so is the metric then.

    :param by: a name of :data:`SIZES`.
    """
    problem, metric = settings.problem, settings.problem.metric
    samples, example = samples_of(problem, "validation"), example_of(problem)
    values, losses = measured(grid.values(), samples, [metric], settings.loss)
    for (cell, network), value, loss in zip(grid.items(), values, losses, strict=True):
        kept, total = weights_of(network, settings.semantics)
        row = {
            "generation": generation,
            "cell": cell,
            "preserved": share(kept, total),
            "kept": kept,
            "effective_macs": arithmetic(network, example)[1],
            LOSS: loss,
            f"validation_{metric.key}": value,
        }
        yield Candidate(row, network, MinimizeLossAndSize((loss, row[SIZES[by]])))


def archive() -> tools.ParetoFront:
    """DEAP's archive of those that no other one dominates; of two with the same loss and size it has the first."""
    return tools.ParetoFront(similar=_alike)


def twins(rows: Iterable[dict[str, Any]], front: Iterable[Candidate], by: str) -> int:
    """How many networks there are beside those of the front that have the same loss and size as one of them."""
    taken = [(one.row[LOSS], one.row[SIZES[by]]) for one in front]
    return sum((row[LOSS], row[SIZES[by]]) in set(taken) for row in rows) - len(taken)


def weights_of(network: Network, semantics: str) -> tuple[int, int]:
    """How many prunable weights a network keeps, and has: by its masks, in reference semantics those that are not 0."""
    kept, total = map(sum, zip(*(genome.sizes for genome in network), strict=True))
    if semantics == "reference":
        kept = sum(nonzeros(genome.module.get_parameter(name)) for genome in network for name in genome.masks)
    return kept, total


def _alike(one: Candidate, other: Candidate) -> bool:
    return bool(one.fitness == other.fitness)
