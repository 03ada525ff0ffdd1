from __future__ import annotations

import copy
import itertools
import math
import operator
import pickle
import random
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from deap import algorithms, base, creator, tools

from evoprune.operators.combine import gated
from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.schedules import SCHEDULES, Decrease, Exponential, FinalN, Fixed, Increase, PruneAfter, Until

N, NGEN = 200, 6


class Bits(list[int]):
    """A list individual that counts how often it was mutated."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fitness = Maximize()


class Maximize(base.Fitness):
    weights = (1.0,)


class Run:
    """A toolbox over lists of bits whose `mutate` counts its calls, generation by generation."""

    def __init__(self, p: ScheduledProbability, indpb: Any = 0.0) -> None:
        self.mutations = [0]
        self.stats = tools.Statistics(key=lambda individual: individual.fitness.values)
        self.stats.register("max", np.max)
        self.stats.register("mutpb", p.observe)
        self.stats.register("next", lambda values: self.mutations.append(0))
        self.toolbox = base.Toolbox()
        self.toolbox.register("mate", tools.cxOnePoint)
        self.toolbox.register("mutate", self.count)
        self.toolbox.register("select", tools.selBest)
        self.toolbox.register("evaluate", lambda individual: (sum(individual),))
        self.indpb = indpb
        self.population = [Bits([0, 0, 0]) for _ in range(N)]

    def count(self, individual: Bits) -> tuple[Bits]:
        self.mutations[-1] += 1
        (individual,) = tools.mutFlipBit(individual, self.indpb)
        return (individual,)


ALGORITHMS: dict[str, Callable[..., Any]] = {
    "eaSimple": partial(algorithms.eaSimple, cxpb=0.0),
    "eaMuPlusLambda": partial(algorithms.eaMuPlusLambda, cxpb=0.0, mu=N, lambda_=N),
    "eaMuCommaLambda": partial(algorithms.eaMuCommaLambda, cxpb=0.0, mu=N, lambda_=N),
}
everywhere = pytest.mark.parametrize("ea", ALGORITHMS.values(), ids=ALGORITHMS)


@everywhere
@pytest.mark.parametrize("schedule", [Exponential(), Increase(1.0), Decrease(0.8), FinalN(), Fixed(0.3)], ids=repr)
def test_the_probability_used_and_logged_follows_the_schedule(
    ea: Callable[..., Any], schedule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Draws go round the middles of N equal parts of [0, 1). A generation makes N consecutive ones for mutation, each
    # once, so the number of mutations is that of the middles below p: exact, not a matter of luck.
    middles = [(k + 0.5) / N for k in range(N)]
    draws = itertools.cycle(middles)
    replaced = SimpleNamespace(random=lambda: next(draws), choice=random.choice, sample=random.sample)
    monkeypatch.setattr(algorithms, "random", replaced)
    p = ScheduledProbability(schedule, NGEN)
    run = Run(p)
    _, logbook = ea(run.population, run.toolbox, mutpb=p, ngen=NGEN, stats=run.stats, verbose=False)
    expected = [schedule(t, NGEN - 1) for t in range(NGEN)]
    assert logbook.select("mutpb") == [0.0, *expected]
    assert run.mutations[:-1] == [0, *(sum(middle < value for middle in middles) for value in expected)]
    assert run.mutations[-1] == 0
    assert logbook[-1]["mutpb"] == schedule(NGEN - 1, NGEN - 1)


@everywhere
def test_a_run_longer_than_the_schedule_stops_with_the_numbers(ea: Callable[..., Any]) -> None:
    p = ScheduledProbability(Exponential(), NGEN)
    run = Run(p)
    with pytest.raises(RuntimeError, match=rf"used up: generation {NGEN + 1} of {NGEN} was asked for"):
        ea(run.population, run.toolbox, mutpb=p, ngen=NGEN + 1, stats=run.stats, verbose=False)
    p.reset()
    run = Run(p)
    ea(run.population, run.toolbox, mutpb=p, ngen=NGEN, stats=run.stats, verbose=False)


@everywhere
def test_beside_crossover(ea: Callable[..., Any]) -> None:
    random.seed(1)
    p = ScheduledProbability(PruneAfter(0.6), NGEN)
    run = Run(p)
    _, logbook = ea(run.population, run.toolbox, mutpb=p, ngen=NGEN, stats=run.stats, verbose=False, **{"cxpb": 0.4})
    assert logbook.select("mutpb") == [0.0] * NGEN + [0.6]
    assert run.mutations[:NGEN] == [0] * NGEN
    assert run.mutations[NGEN] == pytest.approx(0.6 * N, abs=5 * math.sqrt(0.24 * N))


@everywhere
def test_as_indpb(ea: Callable[..., Any]) -> None:
    # With probability 1 in the last generation alone, every bit of every child flips then and none before.
    p = ScheduledProbability(PruneAfter(1.0), NGEN)
    run = Run(p, indpb=p)
    _, logbook = ea(run.population, run.toolbox, mutpb=1.0, ngen=NGEN, stats=run.stats, verbose=False)
    assert logbook.select("mutpb") == [0.0] * NGEN + [1.0]
    assert logbook.select("max") == [0.0] * NGEN + [3.0]


@pytest.mark.parametrize("use", ["gate", "indpb"])
def test_in_the_generator_of_eaGenerateUpdate(use: str) -> None:
    schedule = Increase(1.0)
    p = ScheduledProbability(schedule, NGEN)
    if use == "gate":
        mutate = gated(partial(tools.mutFlipBit, indpb=1.0), p, random.Random(1))
    else:
        mutate = partial(tools.mutFlipBit, indpb=p)
    random.seed(1)
    flipped: list[float] = []

    def generate() -> list[Bits]:
        children = [mutate(Bits([0]))[0] for _ in range(2000)]
        flipped.append(sum(child[0] for child in children) / len(children))
        return children

    toolbox = base.Toolbox()
    toolbox.register("generate", generate)
    toolbox.register("update", lambda population: None)
    toolbox.register("evaluate", lambda individual: (sum(individual),))
    stats = tools.Statistics(key=len)
    stats.register("mutpb", p.observe)
    _, logbook = algorithms.eaGenerateUpdate(toolbox, ngen=NGEN, stats=stats, verbose=False)
    expected = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert logbook.select("mutpb") == pytest.approx(expected)
    assert flipped == pytest.approx(expected, abs=0.056)  # five standard deviations
    assert (flipped[0], flipped[-1]) == (0.0, 1.0)


def test_in_one_member_of_a_multistatistics() -> None:
    p = ScheduledProbability(Increase(1.0), 3)
    multi = tools.MultiStatistics(fitness=tools.Statistics(key=sum), size=tools.Statistics(key=len))
    multi.register("max", max)
    multi["fitness"].register("mutpb", p.observe)
    run = Run(ScheduledProbability(Fixed(), 1))
    _, logbook = algorithms.eaSimple(run.population, run.toolbox, 0.0, p, 3, stats=multi, verbose=False)
    assert logbook.chapters["fitness"].select("mutpb") == [0.0, 0.0, 0.5, 1.0]


def test_the_first_observation_is_generation_0_only_if_nothing_was_read() -> None:
    schedule = Decrease(0.8)
    p = ScheduledProbability(schedule, 2)
    assert [p.observe(()), p.observe(()), p.observe(())] == [0.0, 0.8, 0.0]
    p = ScheduledProbability(schedule, 2)
    assert p.value == 0.8
    assert p.observe() == 0.8
    p = ScheduledProbability(schedule, 2)
    assert "0.8" in repr(p)
    assert f"{p:.3f}" == "0.800"
    assert (p.t, p.observe(), p.t, p.observe(), p.t) == (0, 0.0, 0, 0.8, 1)


def test_past_the_end_only_reading_is_an_error() -> None:
    p = ScheduledProbability(Exponential(), 400)
    p.seek(399)
    assert p.observe() == pytest.approx(0.432332)
    assert "used up" in repr(p)
    reads: list[Callable[[], Any]] = [lambda: p.value, lambda: p > 0.5, lambda: 0.2 + p, lambda: float(p)]
    for read in [*reads, lambda: bool(p), lambda: f"{p:.2f}"]:
        with pytest.raises(RuntimeError, match="used up: generation 401 of 400 was asked for"):
            read()
    assert p.observe() == 0.0
    assert p.t == 401


def test_seek_and_reset() -> None:
    p = ScheduledProbability(Increase(1.0), 5)
    p.seek(2)
    assert p.observe() == 0.5  # seek counts as a start: this ticks
    assert (p.t, p.value) == (3, 0.75)
    p.reset()
    assert (p.t, p.observe(), p.t, p.value) == (0, 0.0, 0, 0.0)
    for t in (-1, 1.5, True):
        with pytest.raises(ValueError, match="t must be a whole number of at least 0"):
            p.seek(t)  # type: ignore[arg-type]


@everywhere
def test_a_run_in_two_parts_is_the_run_in_one(ea: Callable[..., Any]) -> None:
    p = ScheduledProbability(Increase(1.0), NGEN)
    run = Run(p)
    ea(run.population, run.toolbox, mutpb=p, ngen=2, stats=run.stats, verbose=False)
    p = pickle.loads(pickle.dumps(p))
    p.seek(p.t - 1)  # the record of the population it starts with repeats the last one
    run = Run(p)
    _, logbook = ea(run.population, run.toolbox, mutpb=p, ngen=4, stats=run.stats, verbose=False)
    assert logbook.select("mutpb") == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


BINARY = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, operator.add, operator.sub]
BINARY += [operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]


@pytest.mark.parametrize("operation", BINARY, ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("other", [0.25, 0.5, 1, np.float64(0.75), np.array([0.25, 0.5, 0.75])], ids=repr)
def test_it_calculates_like_its_value_on_both_sides(operation: Callable[[Any, Any], Any], other: Any) -> None:
    p: Any = ScheduledProbability(Fixed(0.5), 1)
    for result, expected in [
        (operation(p, other), operation(0.5, other)),
        (operation(other, p), operation(other, 0.5)),
        (operation(p, p), operation(0.5, 0.5)),
    ]:
        np.testing.assert_array_equal(result, expected)
        assert np.asarray(result).dtype == np.asarray(expected).dtype


def test_it_passes_for_a_number() -> None:
    p = ScheduledProbability(Fixed(0.5), 1)
    zero = ScheduledProbability(Fixed(0.0), 1)
    assert not isinstance(p, float)
    assert (float(p), -p, +p, abs(p), round(p, 1), bool(p), bool(zero)) == (0.5, -0.5, 0.5, 0.5, 0.5, True, False)
    assert f"{p:.0%}" == "50%"
    assert str(p) == f"{p}" == "<ScheduledProbability Fixed(C=0.5): 0.5 at t=0 of 0..0>"
    assert p != "0.5"
    assert p is not None
    assert (torch.tensor([0.25, 0.75]) < p).tolist() == [True, False]
    below = np.random.default_rng(1).random(5) < p
    assert below.dtype == bool
    assert below.shape == (5,)
    with pytest.raises(TypeError):
        p + "x"
    with pytest.raises(TypeError, match="unhashable"):
        {p}  # noqa: B018


@pytest.mark.parametrize("cls", SCHEDULES.values())
def test_copies_keep_their_own_time_and_share_the_schedule(cls: Callable[[], Any]) -> None:
    p = ScheduledProbability(cls(), 10)
    p.seek(4)
    for twin in (copy.deepcopy(p), copy.copy(p)):
        assert twin.schedule is p.schedule
        p.seek(4)
        p.observe()
        assert (twin.t, p.t) == (4, 5)
    loaded = pickle.loads(pickle.dumps(p))
    assert (loaded.t, loaded.value, loaded.schedule) == (p.t, p.value, p.schedule)
    kept = copy.deepcopy([p, p])
    assert kept[0] is kept[1]


def test_a_copy_before_the_start_has_not_started_either() -> None:
    p = copy.deepcopy(ScheduledProbability(Increase(1.0), 2))
    assert [p.observe(), p.observe(), p.observe()] == [0.0, 0.0, 1.0]


def test_what_is_no_schedule_is_refused() -> None:
    with pytest.raises(TypeError, match=r"for a constant use Fixed\(C\), got 0.5"):
        ScheduledProbability(0.5, 10)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"must be an instance: write Exponential\(\.\.\.\)"):
        ScheduledProbability(Exponential, 10)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must be a number in \[0, 1\], got 2.0"):
        ScheduledProbability(lambda t, T: 2.0, 10)
    for generations in (0, 2.5, True):
        with pytest.raises(ValueError, match="generations must be a whole number of at least 1"):
            ScheduledProbability(Fixed(), generations)  # type: ignore[arg-type]
    assert ScheduledProbability(lambda t, T: t / 10, 2).value == 0.0


def test_with_individuals_made_by_the_creator() -> None:
    creator.create("ScheduledFitness", base.Fitness, weights=(1.0,))
    creator.create("ScheduledIndividual", list, fitness=creator.ScheduledFitness)
    try:
        p = ScheduledProbability(FinalN(1.0), 5)
        run = Run(p)
        population = [creator.ScheduledIndividual([0]) for _ in range(8)]
        algorithms.eaSimple(population, run.toolbox, 0.0, p, 5, stats=run.stats, verbose=False)
        assert run.mutations == [0, 0, 0, 0, 8, 8, 0]
    finally:
        del creator.ScheduledFitness, creator.ScheduledIndividual


def test_what_is_coming_is_what_the_schedule_says_of_the_generations_left() -> None:
    p = ScheduledProbability(Increase(0.5), 5)
    assert p.coming.tolist() == [0.125, 0.25, 0.375, 0.5]
    p.seek(2)
    assert copy.deepcopy(p).coming.tolist() == [0.375, 0.5]
    p.seek(4)
    assert p.coming.tolist() == []


def test_the_last_generation_in_which_anything_happens() -> None:
    schedules: list[Any] = [Fixed(0.5), Until(Fixed(0.5), 0.5), Decrease(0.8), Increase(0.8), Fixed(0.0)]
    schedules += [lambda t, T: float(t == 1), lambda t, T: float(t == 0)]
    probabilities = [ScheduledProbability(schedule, 5) for schedule in schedules]
    assert [p.last for p in probabilities] == [4, 2, 3, 4, 4, 1, 0]  # of one that is always 0 the last of all
    for p in probabilities:
        assert (p.observe(), p.t) == (0.0, 0)  # it was no read
        last = p.last
        p.seek(9)
        assert p.last == copy.deepcopy(p).last == last
