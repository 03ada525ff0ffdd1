"""DEAP's own algorithms with training as their mutation, a generation at a time: among them the canonical baseline."""

import copy
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from deap import algorithms

from evoprune.algorithms.cells import Offspring, check_slots
from evoprune.algorithms.generations import Generation, check_run
from evoprune.checks import has
from evoprune.individuals import Individual, IndividualT, genomes
from evoprune.seeds import Stream, seeded

SLOTS = ("evaluate", "select", "mutate", "clone", "map")
_MARK = "_origin"  # an attribute of genomes while a generation lasts


def stock_generations(
    algorithm: Callable[..., Any],
    population: list[IndividualT],
    toolbox: Any,
    ngen: int,
    *,
    seed: int | None = None,
    start: int = 0,
    **options: Any,
) -> Iterator[Generation]:
    """An algorithm of DEAP's, in place, a generation at a time: records and checkpoints find their place in between.

    :param algorithm: ``algorithms.eaSimple``, ``eaMuPlusLambda``, ``eaMuCommaLambda``, or another function that takes
        ``(population, toolbox, ngen=..., verbose=..., **options)`` and returns ``(population, logbook)``.
    :param population: genomes, autoencoders or other networks.
    :param toolbox: has ``evaluate(individual)``, ``select`` and ``mutate(individual)``, which trains and prunes:
        :func:`~evoprune.operators.sequence` of :func:`~evoprune.operators.mutTrain` and a pruning operator; and
        ``mate`` where the options ask for crossover.
    :param seed: of all streams, one a generation; drawn from Python's ``random`` by default.
    :param start: generations that a resumed population has behind it; 0 evaluates it and yields it first.
    :param options: of the algorithm, such as ``mu``, ``lambda_``, ``cxpb``, ``mutpb`` and ``halloffame``.
    :raises TypeError: for a population whose items cannot be assigned, such as a tuple.
    :raises ValueError: for numbers below 0, an individual or genome that stands in two places, and missing slots,
        before any work.
    """
    check_run("population", population, ngen, start, seed)
    check_slots(toolbox, SLOTS)
    has("algorithm", algorithm, "__call__", "a function such as deap.algorithms.eaMuPlusLambda")
    run = random.getrandbits(63) if seed is None else seed
    return _generations(algorithm, population, toolbox, ngen, run, start, options)


def canonical_generations(
    population: list[IndividualT], toolbox: Any, ngen: int, *, seed: int | None = None, start: int = 0
) -> Iterator[Generation]:
    """DEAP's eaSimple without crossover: the canonical baseline, in the paper on a single pair.

    Each generation ``select`` takes as many as there are, and all of them are cloned, mutated and evaluated. Parameters
    and errors as in :func:`stock_generations`.
    """
    options: dict[str, Any] = {"seed": seed, "start": start, "cxpb": 0, "mutpb": 1}
    return stock_generations(algorithms.eaSimple, population, toolbox, ngen, **options)


def _generations(
    algorithm: Callable[..., Any],
    population: list[Any],
    toolbox: Any,
    ngen: int,
    run: int,
    start: int,
    options: dict[str, Any],
) -> Iterator[Generation]:
    if start == 0:
        invalid = [individual for individual in population if not individual.fitness.valid]
        with seeded(Stream.CANONICAL.seed(run, 0)):
            for individual in invalid:
                individual.fitness.values = toolbox.evaluate(individual)
        yield Generation(0, [], len(invalid))
    counting = _Counting(toolbox.mutate)
    own = copy.copy(toolbox)
    own.mutate = counting
    for generation in range(start + 1, ngen + 1):
        counting.calls = 0
        parents = list(population)
        _mark(parents)
        try:
            with seeded(Stream.CANONICAL.seed(run, generation)):
                population[:], logbook = algorithm(population, own, ngen=1, verbose=False, **options)
                population[:] = _apart(population, toolbox.clone)
            found = [(one, _origins(one)) for one in population]
        finally:
            _wipe([*parents, *population, *(options.get("halloffame") or ())])
        offspring = [Offspring(one, origins, _train_loss(one), 1) for one, origins in found]
        yield Generation(generation, offspring, int(logbook[-1]["nevals"]), counting.calls)


class _Counting:
    """A mutation that counts how often it was called: so many epochs were trained."""

    def __init__(self, mutate: Callable[..., Any]) -> None:
        self.mutate, self.calls = mutate, 0

    def __call__(self, individual: Any) -> Any:
        self.calls += 1
        return self.mutate(individual)


def _mark(population: list[Any]) -> None:
    """Write on every genome where it stands, which its clones keep, through crossovers too."""
    for place, individual in enumerate(population):
        for genome in genomes(individual):
            vars(genome)[_MARK] = place


def _origins(individual: Individual) -> tuple[int, ...]:
    """For each part the place that it came from, -1 where nobody knows."""
    return tuple(vars(genome).get(_MARK, -1) for genome in genomes(individual))


def _wipe(individuals: list[Any]) -> None:
    """Take the marks off again, also of those who did not survive or entered a hall of fame."""
    for individual in individuals:
        for genome in genomes(individual):
            vars(genome).pop(_MARK, None)


def _apart(population: list[Any], clone: Callable[[Any], Any]) -> list[Any]:
    """The population with a clone wherever one stands a second time, as DEAP's selection and reproduction leave it.

    Otherwise what happens to one would happen to the other, and a resumed run would be refused.
    """
    seen: set[int] = set()
    apart = []
    for individual in population:
        apart.append(clone(individual) if id(individual) in seen else individual)
        seen.add(id(individual))
    return apart


def _train_loss(individual: Individual) -> float:
    return math.nan if individual.train_loss is None else individual.train_loss
