"""All-versus-all: coevolution without space, every encoder against every decoder."""

import random
from collections.abc import Iterator
from typing import Any

from deap import tools

from evoprune.algorithms.cells import CONCEPTS, SCORE, Cell, CellUpdate, Offspring, update_from
from evoprune.algorithms.spatial import Generation, evaluate_initial, log
from evoprune.checks import at_least
from evoprune.genome import Autoencoder


def eaAllVsAll(
    population: list[Autoencoder],
    toolbox: Any,
    ngen: int,
    stats: tools.Statistics | None = None,
    halloffame: tools.HallOfFame | None = None,
    verbose: bool = __debug__,
    **options: Any,
) -> tuple[list[Autoencoder], tools.Logbook]:
    """Coevolve a population of pairs without neighbourhoods, in place, for ``ngen`` generations.

    Each generation all encoders meet all decoders on one batch, as many pairs as there are places are selected, trained
    for an epoch, evaluated, pruned, and replace the population. Arguments as in
    :func:`~evoprune.algorithms.eaSpatialCoevolution`; options as in :func:`all_vs_all_generations`.
    """
    return population, log(
        all_vs_all_generations(population, toolbox, ngen, **options), population, stats, halloffame, verbose
    )


def all_vs_all_generations(
    population: list[Autoencoder],
    toolbox: Any,
    ngen: int,
    *,
    concept: str = "minimum",
    prune: str = "after",
    rate_sigma: float = 1e-5,
    seed: int | None = None,
    start: int = 0,
) -> Iterator[Generation]:
    """The same, a generation at a time; options as in :func:`~evoprune.algorithms.spatial_generations`."""
    at_least("size of the population", len(population), 1, whole=True)
    at_least("ngen", ngen, 0, whole=True)
    at_least("start", start, 0, whole=True)
    update = update_from(toolbox, concept=concept, prune=prune, rate_sigma=rate_sigma)
    run = random.getrandbits(63) if seed is None else seed
    return _generations(population, update, ngen, run, start)


def _generations(
    population: list[Autoencoder], update: CellUpdate, ngen: int, run: int, start: int
) -> Iterator[Generation]:
    if start == 0:
        yield Generation(0, [], evaluate_initial(population, update, run))
    for generation in range(start + 1, ngen + 1):
        places = [Cell(i, run, generation, pair.learning_rate, []) for i, pair in enumerate(population)]
        with Cell(len(population), run, generation, None, []).stream(SCORE):
            losses = update.score(population)
            chosen = update.choose(population, CONCEPTS[update.concept](losses, axis=1), len(population))
        offspring = [update.offspring(population[i], place) for i, place in zip(chosen, places, strict=True)]
        train_losses = update.train_pairs(offspring, places)
        population[:] = [update.finish(pair, place) for pair, place in zip(offspring, places, strict=True)]
        yield Generation(
            generation,
            [Offspring(pair, (i, i), loss, 0) for pair, i, loss in zip(population, chosen, train_losses, strict=True)],
            len(population) ** 2 + len(population),
        )
