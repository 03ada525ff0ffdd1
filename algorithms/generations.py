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
from evoprune.genome import Autoencoder, genomes
from evoprune.layers import widths
from evoprune.seeds import Stream, seeded


@dataclass(frozen=True)
class Generation:
    """A generation that has ended: its number (0 is the initial grid), and what each cell made (empty at 0)."""

    number: int
    offspring: list[Offspring]
    evaluations: int


def check_run(what: str, pairs: Sequence[Autoencoder], ngen: int, start: int, seed: int | None) -> None:
    """Refuse a grid or a population, as ``what`` calls it, that cannot be changed in place or holds something twice.

    :raises TypeError: for a tuple, or an item that is no pair of genomes.
    :raises ValueError: for no pairs, the same pair or genome in two places, and numbers of generations below 0.
    """
    if not hasattr(pairs, "__setitem__") or isinstance(pairs, Mapping | Autoencoder | Tensor | nn.Module | type):
        raise TypeError(f"the {what} is changed in place and must be a list of pairs, got {type(pairs).__name__}")
    at_least(f"size of the {what}", len(pairs), 1, whole=True)
    at_least("ngen", ngen, 0, whole=True, most=MOST)
    at_least("start", start, 0, whole=True, most=MOST)
    if seed is not None:
        at_least("seed", seed, 0, whole=True)
    first: dict[int, int] = {}
    for i, pair in enumerate(pairs):
        of_type(f"place {i} of the {what}", pair, Autoencoder, "an Autoencoder, a pair of genomes")
        for genome in genomes(pair):
            if first.setdefault(id(genome), i) != i:
                raise ValueError(
                    f"pairs {first[id(genome)]} and {i} of the {what} hold the same genome: clone it first"
                )


def check_codes(what: str, pairs: Sequence[Autoencoder], neighbourhoods: Iterable[Sequence[int]]) -> None:
    """Refuse pairs that meet and whose codes differ, as far as the layers tell: their halves are put together anew.

    :raises ValueError: naming two of them.
    """
    codes = [(widths(pair.encoder.module)[1], widths(pair.decoder.module)[0]) for pair in pairs]
    if len({size for sizes in codes for size in sizes} - {None}) < 2:
        return
    for members in neighbourhoods:
        for i, k in product(members, members):
            (makes, _), (_, takes) = codes[i], codes[k]
            if makes != takes and makes is not None and takes is not None:
                raise ValueError(
                    f"pairs {i} and {k} of the {what} meet: a code of {makes} units, and a decoder that takes {takes}"
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
    grid: list[Autoencoder], update: CellUpdate, run: int, step: Callable[[int], list[Offspring]], ngen: int, start: int
) -> Iterator[Generation]:
    """Evaluate the grid unless it is resumed, then make the steps that are left.

    :param run: the seed.
    :param step: changes the grid in place, given the generation's number.
    """
    if start == 0:
        invalid = [(i, pair) for i, pair in enumerate(grid) if not pair.fitness.valid]
        for i, pair in invalid:
            with seeded(Stream.FINISH.seed(run, i, 0)):
                pair.fitness.values = update.loss(pair, pair, update.draw())
        yield Generation(0, [], len(invalid))
    for number in range(start + 1, ngen + 1):
        offspring = step(number)
        yield Generation(number, offspring, sum(made.evaluations for made in offspring))


def log(
    generations: Iterator[Generation],
    population: list[Autoencoder],
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
