from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from deap import base
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, MinimizeLoss
from evoprune.operators.credit import NOTHING
from evoprune.operators.trials import begin, collect, weights_of
from evoprune.records import load_checkpoint, save_checkpoint


class Bits(list[int]):
    """A list individual."""

    def __init__(self, *values: float) -> None:
        super().__init__([0])
        self.fitness: Any = MinimizeLoss()
        if values:
            self.fitness.values = values


def tried(individual: Any, *trials: tuple[int, float, int]) -> Any:
    for trial in trials or [(0, 0.25, 10)]:
        begin(individual, individual, "who", trial)
    return individual


def found(individual: Any) -> list[tuple[int, float, float]]:
    return collect(individual, "who")


def test_the_improvement_is_for_each_weight_removed_and_in_the_direction_of_the_weights() -> None:
    one = tried(Bits(2.0), (1, 0.25, 4))
    one.fitness.values = (3.0,)
    assert found(one) == [(1, 0.25, -0.25)]
    other = Bits()
    other.fitness = type("Maximize", (base.Fitness,), {"weights": (2.0,)})((2.0,))
    tried(other, (0, 0.5, 4)).fitness.values = (3.0,)
    assert found(other) == [(0, 0.5, 0.5)]


def test_an_individual_evaluated_after_the_mutation_is_settled_when_it_is_seen_and_carries_nothing_then() -> None:
    one = Bits(2.0)
    before = copy.deepcopy(vars(one))
    tried(one)
    del one.fitness.values
    assert found(one) == []  # not evaluated yet
    one.fitness.values = (1.0,)
    assert found(one) == [(0, 0.25, 0.1)]
    assert vars(one).keys() == before.keys()
    assert found(one) == []


def test_an_individual_mutated_after_the_evaluation_waits_for_its_child() -> None:
    one = tried(Bits(2.0))
    one.fitness.values = (2.0,)  # as it was
    assert found(one) == []
    child = copy.deepcopy(one)
    child.fitness.values = (4.0,)
    begin(child, child, "who", (1, 0.75, 2))
    assert found(child) == [(0, 0.25, -0.2)]
    child.fitness.values = (5.0,)
    assert found(child) == [(1, 0.75, -0.5)]


@pytest.mark.parametrize("mutated_again", [True, False])
def test_what_changes_nothing_counts_a_generation_later(mutated_again: bool) -> None:
    one = tried(Bits(2.0))
    del one.fitness.values
    one.fitness.values = (2.0,)
    assert found(one) == []
    if mutated_again:
        begin(one, one, "who", (1, 0.75, 2))
    assert found(one) == [(0, 0.25, 0.0)]


def test_operators_tried_one_after_the_other_share_what_comes() -> None:
    one = tried(Bits(2.0), (0, 0.25, 3), (1, 0.5, 0), (2, 0.75, 1))
    one.fitness.values = (6.0,)
    assert found(one) == [(1, 0.5, NOTHING), (0, 0.25, -1.0), (2, 0.75, -1.0)]


@pytest.mark.parametrize("removed", [0, -2])
def test_who_removes_nothing_gains_nothing_whatever_the_fitness(removed: int) -> None:
    for one in (Bits(2.0), Bits()):
        tried(one, (0, 0.25, removed)).fitness.values = (1.0,)
        assert found(one) == [(0, 0.25, NOTHING)]


@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("kind", [MinimizeLoss, type("Plain", (base.Fitness,), {"weights": (-1.0,)})])
def test_a_broken_network_gains_nothing_and_teaches_nothing(broken: float, kind: Any) -> None:
    one = Bits()
    one.fitness = kind((2.0,))
    tried(one).fitness.values = (broken,)
    assert found(one) == [(0, 0.25, NOTHING)]
    tried(one).fitness.values = (1.0,)
    assert found(one) == []


def test_without_a_fitness_nothing_is_noted_and_what_was_open_is_given_up() -> None:
    assert "trials" not in vars(tried(Bits()))
    assert begin([1], [1], "who", (0, 0.25, 0)) is None
    one = tried(Bits(2.0))
    del one.fitness.values  # a crossover
    tried(one, (1, 0.5, 1)).fitness.values = (3.0,)
    assert found(one) == []


def test_the_first_objective_counts_and_another_one_is_an_evaluation() -> None:
    one = Bits()
    one.fitness = type("Two", (MinimizeLoss,), {"weights": (-1.0, -1.0)})((2.0, 0.5))
    tried(one).fitness.values = (2.0, 0.25)
    assert found(one) == [(0, 0.25, 0.0)]


def test_two_who_try_do_not_meet() -> None:
    one = tried(Bits(2.0))
    begin(one, one, "another", (0, 0.5, 5))
    one.fitness.values = (3.0,)
    assert collect(one, "another") == [(0, 0.5, -0.2)]
    assert found(one) == [(0, 0.25, -0.1)]


def test_it_travels_as_the_individual_does(tmp_path: Any) -> None:
    genome = Genome(nn.Linear(2, 2))
    genome.fitness.values = (np.float32(2.0),)
    tried(genome)
    save_checkpoint(tmp_path / "x.pt", {"genome": genome.state()})
    stored = Genome(nn.Linear(2, 2))
    stored.load_state(load_checkpoint(tmp_path / "x.pt")["genome"])
    for one in (genome, copy.deepcopy(genome), pickle.loads(pickle.dumps(genome)), stored):
        assert found(one) == []
        one.fitness.values = (3.0,)
        assert found(one) == [(0, 0.25, -0.1)]


def test_a_clones_trials_are_its_own() -> None:
    one = tried(Bits(2.0))
    clone = tried(copy.deepcopy(one), (1, 0.5, 10))
    one.fitness.values = clone.fitness.values = (4.0,)
    assert len(found(clone)) == 2
    assert found(one) == [(0, 0.25, -0.2)]


def test_weights_are_those_that_masks_keep() -> None:
    pair = Autoencoder([Encoder(nn.Linear(3, 2)), Decoder(nn.Linear(2, 3))])
    assert weights_of(pair) == 8 + 9
    pair.encoder.prune("weight", torch.tensor([[True, False, False]] * 2))
    assert (weights_of(pair), weights_of(pair.encoder), weights_of([0, 1])) == (13, 4, None)
