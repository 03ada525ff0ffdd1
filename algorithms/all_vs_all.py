"""All-versus-all: coevolution without space, every encoder against every decoder."""

import random
from collections.abc import Iterator
from typing import Any

from deap import tools

from evoprune.algorithms.cells import Cell, Offspring, update_from
from evoprune.algorithms.generations import Generation, check_books, check_codes, check_run, generations, log
from evoprune.genome import Autoencoder
from evoprune.seeds import Stream, seeded, seeding


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
    check_books(stats, halloffame, verbose)
    course = all_vs_all_generations(population, toolbox, ngen, **options)
    return population, log(course, population, stats, halloffame, verbose)


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
    check_run("population", population, ngen, start, seed)
    check_codes("population", population, [range(len(population))])
    update = update_from(toolbox, concept=concept, prune=prune, rate_sigma=rate_sigma)
    run = random.getrandbits(63) if seed is None else seed

    def generation(number: int) -> list[Offspring]:
        parents = list(population)  # 1. Everyone is everyone's neighbour.
        places = [Cell(i, run, number, pair.learning_rate, parents) for i, pair in enumerate(parents)]
        with seeded(Stream.SCORE.seed(run, len(parents), number)):
            losses = update.score(parents)  # 2. Score all combinations of an encoder and a decoder on one batch.
            chosen = update.choose(parents, losses, len(parents))  # 3. Select as many as there are places.
        pairs = [update.offspring(place, i, i) for place, i in zip(places, chosen, strict=True)]
        with seeding() as start:
            start(places[0].key(Stream.TOGETHER))
            train_losses = update.train_together(pairs, places)  # 4. They train for an epoch.
            for i, place in enumerate(places):
                start(place.key(Stream.FINISH))
                pairs[i] = update.evaluate_and_prune(pairs[i])  # 5. Evaluate on one batch. 6. Prune.
                pairs[i].learning_rate = update.move(place.learning_rate)  # 8. The place's learning rate takes a step.
        population[:] = pairs  # 7. They replace the population.
        made = zip(pairs, chosen, train_losses, strict=True)
        return [Offspring(pair, (i, i), loss, len(pairs) + 1) for pair, i, loss in made]

    return generations(population, update, run, generation, ngen, start)
