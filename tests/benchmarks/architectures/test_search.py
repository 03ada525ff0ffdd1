"""The loop: nothing is trained twice, survivors are the better ones, it stops when the best no longer improves."""

import dataclasses
import pickle
from collections import Counter
from typing import Any

import pytest

from evoprune.architecture import parse_architecture
from evoprune.benchmarks.architectures import search as module
from evoprune.benchmarks.architectures.search import LossAndSize, Search, generations
from evoprune.benchmarks.architectures.settings import make_settings
from evoprune.fitness import WORST
from tests.benchmarks.architectures.small import SMALL

WIDE: dict[str, Any] = SMALL | {"max_convolutions": 2, "max_linear": 2, "channels": "4-8-16", "generations": 12}
calls: Counter[str] = Counter()


def by_size(text, parent, settings, kernel):
    """A fitness that costs nothing: the distance from 20,000 parameters."""
    calls[text] += 1
    size = parse_architecture(text).parameters
    return {"loss": abs(size - 20_000) / 20_000, "parameters": size, "weights": None}


def no_better(text, parent, settings, kernel):
    return {"loss": 0.5, "parameters": parse_architecture(text).parameters, "weights": None}


def broken(text, parent, settings, kernel):
    return by_size(text, parent, settings, kernel) | ({"loss": WORST} if "relu" in text else {})


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """No training: networks are measured by their size."""
    calls.clear()
    monkeypatch.setattr(module, "measure", by_size)


def searched(monkeypatch=None, measure=None, **given) -> Search:
    if measure is not None:
        monkeypatch.setattr(module, "measure", measure)
    search = Search(make_settings(WIDE | given))
    for _ in generations(search, map):
        pass
    return search


@pytest.mark.parametrize("method", ["genetic", "random"])
def test_nothing_is_trained_twice_and_each_generation_trains_as_many(method):
    search = searched(method=method)
    assert set(calls.values()) == {1}
    assert [row["nevals"] for row in search.log] == [3] + [2] * 12
    assert search.log[-1]["trained"] == len(search.trained) == sum(calls.values()) == 27


def test_what_is_known_elsewhere_is_not_trained_either():
    first = searched(method="random", generations=2)
    calls.clear()
    again = Search(make_settings(WIDE | {"method": "random", "generations": 2}), known=first.trained)
    for _ in generations(again, map):
        pass
    assert calls == Counter()
    assert again.trained == first.trained


def test_survivors_are_the_better_ones():
    search = Search(make_settings(WIDE))
    before: list[float] = []
    for row in generations(search, map):
        losses = sorted(search.trained[individual.text]["loss"] for individual in search.population)
        every = sorted(entry["loss"] for entry in search.trained.values())
        assert losses == every[:3]  # truncation of parents and children keeps the best of all
        assert row["best_loss"] == every[0]
        assert before == [] or losses <= before
        before = losses


def test_same_seed_same_search():
    one, two, other = searched(), searched(), searched(seed=1)
    assert one.log == two.log
    assert one.log != other.log


def test_it_stops_when_the_best_has_not_improved(monkeypatch):
    stopped = searched(monkeypatch, no_better, patience=3)
    assert stopped.generation == 3
    assert stopped.stopped_early
    assert not searched(monkeypatch, no_better, patience=0).stopped_early


def test_it_goes_on_while_the_best_improves(monkeypatch):
    falling = iter(range(1000, 0, -1))
    search = searched(monkeypatch, lambda *a, **settings: by_size(*a, **settings) | {"loss": next(falling)}, patience=1)
    assert search.generation == 12


def test_broken_networks_never_survive_sound_ones(monkeypatch):
    search = searched(monkeypatch, broken)
    assert search.trained[search.best]["loss"] < WORST
    assert all("relu" not in individual.text for individual in search.population)
    assert search.log[-1]["nonfinite"] == 0
    assert search.log[-1]["loss"] < WORST


def test_a_space_that_is_used_up_ends_the_search():
    search = searched(max_convolutions=0, max_linear=0, activations="relu tanh")
    assert len(search.trained) == 2
    assert search.generation == 0
    assert search.stopped_early


@pytest.mark.parametrize(
    "selection", ["truncation", "selTournament", "selNSGA2", "selSPEA2", "selLexicase", "selRandom"]
)
@pytest.mark.parametrize("objectives", ["loss", "loss-size"])
def test_every_selection_works(selection, objectives):
    search = searched(selection=selection, objectives=objectives, generations=3, population=4)
    assert len(search.population) == 4
    assert len(search.trained) == 4 + 3 * 2
    assert len({id(individual) for individual in search.population}) == 4
    count = 2 if objectives == "loss-size" else 1
    assert all(len(individual.fitness.values) == count for individual in search.population)


def test_the_second_objective_is_the_size():
    search = searched(objectives="loss-size", population=8, offspring=8, generations=5)
    assert all(type(individual.fitness) is LossAndSize for individual in search.population)
    smallest = min(entry["parameters"] for entry in search.trained.values())
    assert smallest in [individual.parameters for individual in search.population]  # an end of the front
    lowest = search.trained[search.best]["loss"]
    assert lowest in [individual.fitness.values[0] for individual in search.population]  # the other end


def test_children_inherit_from_a_survivor(monkeypatch):
    asked = []

    def remember(text, parent, settings, kernel):
        asked.append(parent)
        return by_size(text, parent, settings, kernel) | {"weights": {"text": text}}

    search = searched(monkeypatch, remember, inherit=True)
    assert asked[:3] == [None] * 3
    assert all(parent["text"] in search.trained for parent in asked[3:])
    assert set(search.weights) == {individual.text for individual in search.population}


def test_the_best_of_equals_is_the_smallest():
    search = Search(dataclasses.replace(make_settings(WIDE)))
    search.trained = {
        "b": {"loss": 1.0, "parameters": 5},
        "a": {"loss": 1.0, "parameters": 7},
        "c": {"loss": 2.0, "parameters": 1},
    }
    assert search.best == "b"


def test_tasks_travel_by_plain_pickle_as_scoop_needs_it():
    task = module.make_toolbox(make_settings(WIDE)).evaluate
    assert pickle.loads(pickle.dumps(task)).keywords == {"settings": make_settings(WIDE), "kernel": None}
