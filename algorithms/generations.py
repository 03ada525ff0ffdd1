"""What the loops over generations have in common: what they check, what a generation gives, and the books they keep."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from deap import tools
from torch import Tensor, nn

from evoprune.algorithms.cells import CellUpdate, Offspring
from evoprune.checks import MOST, at_least, has, of_type, shown
from evoprune.genome import Genome
from evoprune.individuals import Individual, Network, genomes
from evoprune.layers import widths
from evoprune.seeds import Stream, seeded


@dataclass(frozen=True)
class Generation:
    """A generation that has ended: its number (0 is the initial grid), and what each cell made (empty at 0).

    ``epochs`` is how many epochs were trained, where that is not one for each of the offspring.
    """

    number: int
    offspring: list[Offspring]
    evaluations: int
    epochs: int | None = None


def check_run(what: str, individuals: Sequence[Individual], ngen: int, start: int, seed: int | None) -> None:
    """Refuse a grid or a population, as ``what`` calls it, that cannot be changed in place or holds something twice.

    :raises TypeError: for a tuple, or an item that is no individual.
    :raises ValueError: for none, the same individual or genome in two places, individuals of different numbers of
        parts, and numbers of generations below 0.
    """
    no_list = Mapping | Network | Genome | Tensor | nn.Module | type
    if not hasattr(individuals, "__setitem__") or isinstance(individuals, no_list):
        found = type(individuals).__name__
        raise TypeError(f"the {what} is changed in place and must be a list of individuals, got {found}")
    at_least(f"size of the {what}", len(individuals), 1, whole=True)
    at_least("ngen", ngen, 0, whole=True, most=MOST)
    at_least("start", start, 0, whole=True, most=MOST)
    if seed is not None:
        at_least("seed", seed, 0, whole=True)
    first: dict[int, int] = {}
    for i, individual in enumerate(individuals):
        of_type(f"place {i} of the {what}", individual, Genome | Network, "a Genome, an Autoencoder or another Network")
        for genome in genomes(individual):
            if first.setdefault(id(genome), i) != i:
                raise ValueError(
                    f"places {first[id(genome)]} and {i} of the {what} hold the same genome: clone it first"
                )
    if len(counts := sorted({len(genomes(individual)) for individual in individuals})) > 1:
        raise ValueError(f"the individuals of the {what} must have the same number of parts, got {counts}")


def check_codes(what: str, individuals: Sequence[Individual], neighbourhoods: Iterable[Sequence[int]]) -> None:
    """Refuse individuals that meet and whose parts do not fit, as far as the layers tell: they are put together anew.

    :raises ValueError: naming two of them.
    """
    ends = [[widths(genome.module) for genome in genomes(individual)] for individual in individuals]
    joints = range(1, len(ends[0]))
    if all(len({size for one in ends for size in (one[k - 1][1], one[k][0])} - {None}) < 2 for k in joints):
        return
    for members in neighbourhoods:
        for i, j, k in product(members, members, joints):
            makes, takes = ends[i][k - 1][1], ends[j][k][0]
            if makes != takes and makes is not None and takes is not None:
                raise ValueError(
                    f"places {i} and {j} of the {what} meet: a part that gives {makes} values, one that takes {takes}"
                )


def check_books(stats: Any, halloffame: Any, verbose: Any) -> None:
    """Refuse what the books cannot be kept with.

    :raises TypeError: naming it.
    """
    if stats is not None:
        has("stats", stats, "compile", "a tools.Statistics or None")
        if not hasattr(stats, "fields"):
            raise TypeError(f"stats must be a tools.Statistics or None, got {shown(stats)}")
    if halloffame is not None:
        has("halloffame", halloffame, "update", "a tools.HallOfFame or None")
        if not hasattr(halloffame, "insert"):
            raise TypeError(f"halloffame must be a tools.HallOfFame or None, got {shown(halloffame)}")
    of_type("verbose", verbose, int | np.bool_, "True or False")


def generations(
    grid: list[Any], update: CellUpdate, run: int, step: Callable[[int], list[Offspring]], ngen: int, start: int
) -> Iterator[Generation]:
    """Evaluate the grid unless it is resumed, then make the steps that are left.

    :param run: the seed.
    :param step: changes the grid in place, given the generation's number.
    """
    if start == 0:
        invalid = [(i, one) for i, one in enumerate(grid) if not one.fitness.valid]
        for i, one in invalid:
            with seeded(Stream.FINISH.seed(run, i, 0)):
                one.fitness.values = update.loss(one, update.draw())
        yield Generation(0, [], len(invalid))
    for number in range(start + 1, ngen + 1):
        offspring = step(number)
        yield Generation(number, offspring, sum(made.evaluations for made in offspring))


def log(
    generations: Iterator[Generation],
    population: list[Any],
    stats: tools.Statistics | None,
    halloffame: tools.HallOfFame | None,
    verbose: bool,
) -> tools.Logbook:
    """Run the generations and keep the books as DEAP's own algorithms do."""
    logbook = tools.Logbook()
    logbook.header = ["gen", "nevals", *(stats.fields if stats else [])]
    for generation in generations:
        if halloffame is not None:
            halloffame.update(population)
        record = stats.compile(population) if stats else {}
        logbook.record(gen=generation.number, nevals=generation.evaluations, **record)
        if verbose:
            print(logbook.stream)
    return logbook
