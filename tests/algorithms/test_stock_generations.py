"""Any of DEAP's own algorithms a generation at a time: the same as its own call, seeded anew for each generation."""

import copy
import pickle
import random
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from deap import algorithms, base, creator, tools

from evoprune import Network
from evoprune.algorithms import stock_generations
from evoprune.evaluation import evaluate
from evoprune.fitness import MinimizeLoss
from evoprune.individuals import genomes
from evoprune.operators import cxUniformWeights, gated, mutPruneRandom, mutTrain, sequence
from evoprune.seeds import derive, seeded
from tests.parts import CLASSES, INPUTS, factor, one, three, times

DATA = (INPUTS, CLASSES)


class LossAndSize(MinimizeLoss):
    weights = (-1.0, -1.0)


def loss_and_size(individual: Any) -> tuple[float, float]:
    return (*evaluate(individual, DATA, "cross-entropy"), individual.preserved)


def toolbox_of(**slots: Any) -> base.Toolbox:
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate, data=DATA, loss="cross-entropy")
    toolbox.register("select", tools.selBest)
    toolbox.register("mate", tools.cxOnePoint)
    train = partial(mutTrain, data=DATA, learning_rate=1e-2, loss="cross-entropy")
    toolbox.register("mutate", sequence(train, gated(partial(mutPruneRandom, amount=0.2), 0.5)))
    for slot, function in slots.items():
        toolbox.register(slot, function)
    return toolbox


def population_of(make: Any, size: int = 4, fitness: Callable[[], Any] = MinimizeLoss) -> list[Any]:
    found = []
    for place in range(size):
        with seeded(place):
            found.append(make())
        found[-1].fitness = fitness()
    return found


def full(population: list[Any]) -> list[Any]:
    return [
        (
            one_,
            one_.fitness.values,
            one_.train_loss,
            [(g.age, g.steps, g.preserved, sorted(vars(g))) for g in genomes(one_)],
        )
        for one_ in population
    ]


SETTINGS: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, Any], Callable[[], Any]]] = {
    "plus": (algorithms.eaMuPlusLambda, {"mu": 4, "lambda_": 6, "cxpb": 0.4, "mutpb": 0.6}, {}, MinimizeLoss),
    "comma": (algorithms.eaMuCommaLambda, {"mu": 3, "lambda_": 5, "cxpb": 0.4, "mutpb": 0.6}, {}, MinimizeLoss),
    "simple": (algorithms.eaSimple, {"cxpb": 0.5, "mutpb": 0.5}, {}, MinimizeLoss),
    "nsga2": (
        algorithms.eaMuPlusLambda,
        {"mu": 4, "lambda_": 6, "cxpb": 0.0, "mutpb": 1.0},
        {"evaluate": loss_and_size, "select": tools.selNSGA2},
        LossAndSize,
    ),
}


@pytest.mark.parametrize("make", [one, three])
@pytest.mark.parametrize("name", SETTINGS)
def test_it_is_deaps_own_call_seeded_for_each_generation_and_resumes(name: str, make: Any) -> None:
    algorithm, options, slots, fitness = SETTINGS[name]
    slots = slots | ({"mate": cxUniformWeights} if make is one else {})
    population, state = population_of(make, fitness=fitness), (random.getstate(), torch.get_rng_state())
    halves: list[Any] = []
    found = []
    for generation in stock_generations(algorithm, population, toolbox_of(**slots), 4, seed=7, **options):
        found.append(generation)
        if generation.number == 2:
            halves = pickle.loads(pickle.dumps(population))
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])
    assert [generation.number for generation in found] == [0, 1, 2, 3, 4]
    assert (found[0].evaluations, found[0].offspring, found[0].epochs) == (4, [], None)

    by_hand, evaluations = population_of(make, fitness=fitness), []
    for individual in by_hand:
        individual.fitness.values = toolbox_of(**slots).evaluate(individual)
    for number in (1, 2, 3, 4):
        with seeded(derive(7, number, 11)):
            by_hand, books = algorithm(by_hand, toolbox_of(**slots), ngen=1, verbose=False, **options)
        evaluations.append(books[-1]["nevals"])
    assert full(population) == full(by_hand)
    assert [generation.evaluations for generation in found[1:]] == evaluations

    rest = list(stock_generations(algorithm, halves, toolbox_of(**slots), 4, seed=7, start=2, **options))
    assert [generation.number for generation in rest] == [3, 4]
    assert full(halves) == full(population)


def toy(tag: int) -> Network:
    """Three parts that multiply by the individual's number, plus a tenth of the part's."""
    return Network(times(*(tag + 0.1 * part for part in range(3))))


def toys(count: int = 4) -> list[Network]:
    found = [toy(tag) for tag in range(count)]
    for place, individual in enumerate(found):
        individual.fitness.values = (float(place),)
    return found


def toy_toolbox(**slots: Any) -> base.Toolbox:
    toolbox = base.Toolbox()
    toolbox.register("evaluate", lambda individual: (sum(map(factor, individual)),))
    toolbox.register("select", tools.selBest)
    toolbox.register("mate", tools.cxOnePoint)
    toolbox.register("mutate", lambda individual: (individual,))
    for slot, function in slots.items():
        toolbox.register(slot, function)
    return toolbox


def origins_of(individual: Network) -> tuple[int, ...]:
    """What the parts of a toy say of where they come from."""
    return tuple(int(factor(part)) for part in individual)


@pytest.mark.parametrize("cxpb", [0.0, 1.0])
def test_origins_follow_each_part_through_crossovers(cxpb: float) -> None:
    options: dict[str, Any] = {"mu": 4, "lambda_": 8, "cxpb": cxpb, "mutpb": 1 - cxpb}
    toolbox = toy_toolbox(select=lambda individuals, k: individuals[-k:])  # offspring
    population: list[Any] = toys()
    _, first = stock_generations(algorithms.eaMuPlusLambda, population, toolbox, 1, seed=3, **options)
    assert [made.chosen for made in first.offspring] == list(map(origins_of, population))
    assert all(made.individual is one_ for made, one_ in zip(first.offspring, population, strict=True))
    assert any(len(set(made.chosen)) > 1 for made in first.offspring) == bool(cxpb)
    assert {made.evaluations for made in first.offspring} == {1}
    assert all(made.train_loss != made.train_loss for made in first.offspring)  # nothing has trained


def test_a_part_that_is_made_anew_comes_from_nowhere() -> None:
    def renew(individual: Network) -> tuple[Network]:
        individual[1] = times(7.0)[0]
        return (individual,)

    population: list[Any] = toys(2)
    toolbox = toy_toolbox(mutate=renew)
    _, first = stock_generations(algorithms.eaSimple, population, toolbox, 1, seed=3, cxpb=0, mutpb=1)
    assert sorted(made.chosen for made in first.offspring) == [(0, -1, 0), (1, -1, 1)]


def test_no_mark_stays_on_anybody() -> None:
    population: list[Any] = toys()
    parents, best = list(population), tools.HallOfFame(3)
    options: dict[str, Any] = {"mu": 2, "lambda_": 4, "cxpb": 0.5, "mutpb": 0.5, "halloffame": best}
    for _ in stock_generations(algorithms.eaMuCommaLambda, population, toy_toolbox(), 2, seed=3, **options):
        for individual in (*population, *parents, *best):
            assert all(not any("origin" in key for key in vars(genome)) for genome in individual)
    assert len(best) == 3

    def broken(individual: Any) -> Any:
        raise RuntimeError("broken")

    population = toys()
    with pytest.raises(RuntimeError, match="broken"):
        list(stock_generations(algorithms.eaSimple, population, toy_toolbox(mutate=broken), 1, cxpb=0, mutpb=1))
    assert all(not any("origin" in key for key in vars(genome)) for one_ in population for genome in one_)


def test_a_halloffame_and_statistics_are_those_of_deap() -> None:
    seen, best = list[int](), tools.HallOfFame(1)
    stats = tools.Statistics(lambda individual: individual.fitness.values[0])
    stats.register("size", lambda values: seen.append(len(values)))
    options = {"cxpb": 0, "mutpb": 1, "halloffame": best, "stats": stats}
    list(stock_generations(algorithms.eaSimple, toys(), toy_toolbox(), 2, seed=1, **options))
    assert best[0] == toy(0)
    assert seen == [4] * 4  # DEAP's call looks at what it starts with, and at each generation


def test_epochs_are_how_often_the_mutation_was_called() -> None:
    calls = list[int]()

    def mutate(individual: Any) -> Any:
        calls.append(1)
        return (individual,)

    toolbox = toy_toolbox(mutate=mutate)
    options: dict[str, Any] = {"cxpb": 0.3, "mutpb": 0.4}
    expected = []
    for generation in stock_generations(algorithms.eaSimple, toys(30), toolbox, 3, seed=1, **options):
        expected.append(generation.epochs == (len(calls) if generation.number else None))
        calls.clear()
    assert expected == [True] * 4
    assert toolbox.mutate.func is mutate  # what was given stays as it was


def test_nobody_stands_in_two_places() -> None:
    """DEAP's reproduction takes the parents themselves, and its tournament one of them twice."""
    options: dict[str, Any] = {"mu": 4, "lambda_": 8, "cxpb": 0.0, "mutpb": 0.1}
    toolbox = toy_toolbox(select=partial(tools.selTournament, tournsize=3))
    population: list[Any] = toys()
    for generation in stock_generations(algorithms.eaMuPlusLambda, population, toolbox, 4, seed=1, **options):
        places = [id(genome) for individual in population for genome in individual]
        assert len(set(places)) == 12
        if generation.number:
            assert [made.individual for made in generation.offspring] == population
        if generation.number == 2:
            half = pickle.loads(pickle.dumps(population))
    assert len({origins_of(individual) for individual in population}) < 4  # some are alike
    list(stock_generations(algorithms.eaMuPlusLambda, half, toolbox, 4, seed=1, start=2, **options))
    assert half == population


def test_a_toolbox_is_whatever_has_the_slots() -> None:
    deaps = toy_toolbox()
    plain = SimpleNamespace(**{name: getattr(deaps, name) for name in ("evaluate", "select", "mutate", "clone", "map")})
    populations: list[Any] = [toys(), toys()]
    for population, toolbox in zip(populations, (deaps, plain), strict=True):
        list(stock_generations(algorithms.eaSimple, population, toolbox, 2, seed=1, cxpb=0, mutpb=1))
    assert populations[0] == populations[1]
    assert plain.mutate is deaps.mutate


def test_individuals_of_classes_of_the_creator() -> None:
    creator.create("StockNetwork", Network, fitness=MinimizeLoss)
    try:
        population = [creator.StockNetwork(times(1.0, float(tag))) for tag in range(3)]
        *_, last = stock_generations(algorithms.eaSimple, population, toy_toolbox(), 2, seed=1, cxpb=0.5, mutpb=0.5)
        assert {type(made.individual) for made in last.offspring} == {creator.StockNetwork}
    finally:
        del creator.StockNetwork


def test_what_cannot_be_run_is_refused_before_any_work() -> None:
    toolbox = toy_toolbox(evaluate=lambda individual: pytest.fail("work was done"))
    for population, options, error, message in (
        (tuple(toys()), {}, TypeError, "changed in place and must be a list of individuals, got tuple"),
        ([*toys(2), *times(1)], {}, ValueError, r"must have the same number of parts, got \[1, 3\]"),
        ([*toys(1), copy.copy(toys(1)[0])], {"ngen": -1}, ValueError, "ngen must be"),
        (toys(), {"algorithm": "eaSimple"}, TypeError, "algorithm must be a function such as deap.algorithms.eaMuPlus"),
        (toys(), {"toolbox": base.Toolbox()}, ValueError, "lacks evaluate, select, mutate: register evaluate, select"),
    ):
        given: dict[str, Any] = {"algorithm": algorithms.eaSimple, "toolbox": toolbox, "ngen": 1, **options}
        with pytest.raises(error, match=message):
            stock_generations(population=cast(Any, population), **given)
