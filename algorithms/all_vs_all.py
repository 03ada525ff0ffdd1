"""All-versus-all: coevolution without space, every part with every other."""

import random
from collections.abc import Iterator
from typing import Any, cast

from deap import tools

from evoprune.algorithms.cells import Cell, Offspring, update_from
from evoprune.algorithms.generations import Generation, check_books, check_codes, check_run, generations, log
from evoprune.individuals import IndividualT
from evoprune.seeds import Stream, seeded, seeding


def eaAllVsAll(
    population: list[IndividualT],
    toolbox: Any,
    ngen: int,
    stats: tools.Statistics | None = None,
    halloffame: tools.HallOfFame | None = None,
    verbose: bool = __debug__,
    **options: Any,
) -> tuple[list[IndividualT], tools.Logbook]:
    """Coevolve a population without neighbourhoods, in place, for ``ngen`` generations.

    Each generation all parts meet on one batch, as many individuals as there are places are selected, trained for an
    epoch, evaluated, pruned, and replace the population. Arguments as in
    :func:`~evoprune.algorithms.eaSpatialCoevolution`; options as in :func:`all_vs_all_generations`.
    """
    check_books(stats, halloffame, verbose)
    course = all_vs_all_generations(population, toolbox, ngen, **options)
    return population, log(course, population, stats, halloffame, verbose)


def all_vs_all_generations(
    population: list[IndividualT],
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
        places = [Cell(i, run, number, one.learning_rate, parents) for i, one in enumerate(parents)]
        with seeded(Stream.SCORE.seed(run, len(parents), number)):
            losses = update.score(parents)  # 2. Score all combinations of parts on one batch.
            parts = losses.ndim - 1
            chosen = update.choose(parents, losses, len(parents))  # 3. Select as many as there are places.
        made = [update.offspring(place, (i,) * parts) for place, i in zip(places, chosen, strict=True)]
        with seeding() as start:
            start(places[0].key(Stream.TOGETHER))
            train_losses = update.train_together(made, places)  # 4. They train for an epoch.
            for i, place in enumerate(places):
                start(place.key(Stream.FINISH))
                made[i] = update.evaluate_and_prune(made[i])  # 5. Evaluate on one batch. 6. Prune.
                made[i].learning_rate = update.move(place.learning_rate)  # 8. The place's learning rate takes a step.
        population[:] = cast(Any, made)  # 7. They replace the population.
        # All combinations were scored once for all places, and each offspring once.
        evaluations = len(made) ** (parts - 1) + 1
        found = zip(made, chosen, train_losses, strict=True)
        return [Offspring(one, (i,) * parts, loss, evaluations) for one, i, loss in found]

    return generations(population, update, run, generation, ngen, start)
