"""The canonical baseline: DEAP's own eaSimple with training as its mutation, a generation at a time."""

import math
import random
from collections.abc import Iterator
from typing import Any

from deap import algorithms

from evoprune.algorithms.cells import Offspring, check_slots
from evoprune.algorithms.generations import Generation, check_run
from evoprune.genome import Autoencoder
from evoprune.seeds import Stream, seeded


def canonical_generations(
    population: list[Autoencoder], toolbox: Any, ngen: int, *, seed: int | None = None, start: int = 0
) -> Iterator[Generation]:
    """DEAP's eaSimple without crossover, in place, so that records and checkpoints find their place in between.

    Each generation ``select`` takes as many pairs as there are, and all of them are cloned, mutated and evaluated.

    :param population: in the paper a single pair.
    :param toolbox: has ``evaluate(pair)``, ``select`` and ``mutate(pair)``, which trains and prunes:
        :func:`~evoprune.operators.sequence` of :func:`~evoprune.operators.mutTrain` and a pruning operator.
    :param seed: of all streams, one a generation; drawn from Python's ``random`` by default.
    :param start: generations that a resumed population has behind it; 0 evaluates it and yields it first.
    :raises TypeError: for a population whose items cannot be assigned, such as a tuple.
    :raises ValueError: for numbers below 0 and a pair or genome that stands in two places, before any work.
    """
    check_run("population", population, ngen, start, seed)
    check_slots(toolbox, ("evaluate", "select", "mutate", "clone", "map"))
    run = random.getrandbits(63) if seed is None else seed
    return _generations(population, toolbox, ngen, run, start)


def _generations(population: list[Autoencoder], toolbox: Any, ngen: int, run: int, start: int) -> Iterator[Generation]:
    if start == 0:
        invalid = [pair for pair in population if not pair.fitness.valid]
        with seeded(Stream.CANONICAL.seed(run, 0)):
            for pair in invalid:
                pair.fitness.values = toolbox.evaluate(pair)
        yield Generation(0, [], len(invalid))
    for generation in range(start + 1, ngen + 1):
        with seeded(Stream.CANONICAL.seed(run, generation)):
            population[:], logbook = algorithms.eaSimple(population, toolbox, cxpb=0, mutpb=1, ngen=1, verbose=False)
        losses = [math.nan if pair.train_loss is None else pair.train_loss for pair in population]
        offspring = [Offspring(pair, (0, 0), loss, 1) for pair, loss in zip(population, losses, strict=True)]
        yield Generation(generation, offspring, int(logbook[-1]["nevals"]))
