"""Weights that go back to what they were, in a network that keeps fewer of them."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Genome, Network
from evoprune.individuals import genomes
from evoprune.operators import mutCompact, mutPruneMagnitude, mutPruneRandom, mutTrain, rewind
from tests.parts import CLASSES, INPUTS, numbers, one, one_in_a_list, residual, three, two

EVERYONE = pytest.mark.parametrize("make", [one, one_in_a_list, two, three, residual])
train = partial(mutTrain, data=(INPUTS, CLASSES), loss="cross-entropy", learning_rate=0.01, batch_size=5)


def line(*values: float) -> Genome:
    layer = nn.Linear(len(values), 1, bias=False)
    layer.weight.data = torch.tensor([values])
    return Genome(layer)


def test_by_hand() -> None:
    genome = line(1.0, 2.0, 3.0)
    genome.moments, genome.steps, genome.age = {"weight": (torch.tensor([[4.0, 5.0, 6.0]]),)}, 7, 1
    early = copy.deepcopy(genome)
    weight = genome.module.get_parameter("weight")
    weight.data = torch.tensor([[10.0, 20.0, 30.0]])
    genome.moments, genome.steps, genome.age = {"weight": (torch.tensor([[40.0, 50.0, 60.0]]),)}, 70, 9
    genome.fitness.values = (0.5,)
    genome.prune("weight", torch.tensor([[True, False, True]]))
    assert rewind(genome, early)[0] is genome
    assert genome.module.get_parameter("weight") is weight
    assert weight.tolist() == [[1.0, 0.0, 3.0]]
    assert genome.masks["weight"].tolist() == [[True, False, True]]
    assert genome.moments["weight"][0].tolist() == [[4.0, 0.0, 6.0]]
    assert (genome.steps, genome.age, genome.fitness.values) == (7, 9, (0.5,))
    assert early == line(1.0, 2.0, 3.0)  # which stays as it is
    assert early.moments["weight"][0].tolist() == [[4.0, 5.0, 6.0]]


@EVERYONE
@pytest.mark.parametrize("kind", ["clone", "states", "few", "pickled"])
def test_a_clone_and_what_state_gave_are_the_same(make: Callable[[], Any], kind: str) -> None:
    individual = make()
    train(individual)
    early, states = copy.deepcopy(individual), [genome.state() for genome in genomes(individual)]
    train(individual, epochs=2)
    mutPruneMagnitude(individual, 0.5)
    masks = [dict(genome.masks) for genome in genomes(individual)]
    to: dict[str, Any] = {
        "clone": early,
        "states": states,
        "few": tuple({name: state[name] for name in ("weights", "moments", "steps")} for state in states),
        "pickled": pickle.loads(pickle.dumps(early)),
    }
    rewind(individual, to[kind])
    for genome, before, mask in zip(genomes(individual), genomes(early), masks, strict=True):
        assert genome.masks == mask
        expected = copy.deepcopy(before)
        expected.masks = genome.masks
        expected.enforce()
        assert all(torch.equal(new, old) for new, old in zip(numbers(genome), numbers(expected), strict=True))
        assert (genome.steps, genome.age, before.age) == (before.steps, 3, 1)


def test_training_from_there_is_training_from_there() -> None:
    individual = two()
    train(individual)
    early = copy.deepcopy(individual)
    train(individual)
    mutPruneRandom(individual, 0.4)
    fresh = copy.deepcopy(early)
    for genome, pruned in zip(fresh, individual, strict=True):
        for name, mask in pruned.masks.items():
            genome.prune(name, mask)
    rewind(individual, early)
    for each in (individual, fresh):
        each.seed = 5
        train(each)
    assert individual == fresh
    rewind(individual, early)  # once more: training has changed neither
    assert early != individual
    assert [genome.steps for genome in individual] == [genome.steps for genome in early]


def test_what_training_did_not_make_goes_back_as_well() -> None:
    genome = Genome(nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3), nn.Linear(3, 4)))
    early = copy.deepcopy(genome)
    train(genome)
    assert genome.moments
    rewind(genome, early)
    assert genome == early  # statistics of batches, too
    assert (genome.moments, genome.steps, genome.age) == ({}, 0, 1)


def test_a_weight_that_was_pruned_then_and_is_kept_now_starts_from_0() -> None:
    genome = line(1.0, 2.0)
    genome.prune("weight", torch.tensor([[True, False]]))
    early = copy.deepcopy(genome)
    genome.grow("weight", torch.tensor([[False, True]]))
    genome.module.get_parameter("weight").data.fill_(9.0)
    rewind(genome, early)
    assert genome.module.get_parameter("weight").tolist() == [[1.0, 0.0]]
    assert genome.masks["weight"].tolist() == [[True, True]]


def test_it_draws_nothing() -> None:
    individual = two()
    state = random.getstate(), torch.get_rng_state()
    rewind(individual, copy.deepcopy(individual))
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])


def compacted() -> Genome:
    genome = one()
    genome.prune("0.weight", torch.arange(5).view(5, 1).expand(5, 6) > 1)
    genome.prune("0.bias", torch.arange(5) > 1)
    mutCompact(genome)
    assert genome.whole is not None
    return genome


def changed(**entries: Any) -> list[Any]:
    first, second = (genome.state() for genome in two())
    return [first, {**second, **entries}]


def without(name: str) -> list[Any]:
    first, second = (genome.state() for genome in two())
    del second[name]
    return [first, second]


@pytest.mark.parametrize(
    ("to", "error", "message"),
    [
        (None, TypeError, "to must be an earlier clone, or for each genome what state.. gave, got None"),
        (3, TypeError, "to must be an earlier clone"),
        ([3, 4], TypeError, "to must be an earlier clone, or for each genome what state.. gave, got 3"),
        (nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4)), TypeError, "to must be an earlier clone"),
        (torch.rand(2, 5), TypeError, "to must be an earlier clone"),
        ([], ValueError, "to must be of 2 genomes as the individual is, got 0"),
        (three(), ValueError, "to must be of 2 genomes as the individual is, got 3"),
        ([{"text": 1}, {}], ValueError, r"to lacks weights: .* got \['text'\]"),
        (without("steps"), ValueError, "to lacks steps"),
        (changed(weights=3), TypeError, "the weights of to must be a table by the names of parameters, got 3"),
        (changed(weights={"0.bias": 1}), ValueError, "they differ in 0.bias, 0.weight"),
        (changed(moments=None), TypeError, "the moments of to must be a table by the names of parameters, got None"),
        (changed(moments={"0.bias": [torch.ones(5)]}), ValueError, "the moments of to .*: they differ in 0.bias"),
        (changed(moments={"text": []}), ValueError, "the moments of to .*: they differ in text"),
        (changed(steps=-1), ValueError, "the steps of to must be a whole number of at least 0, got -1"),
        (
            Network([three()[0], Genome(nn.Sequential(nn.Linear(5, 3)))]),
            ValueError,
            "to must have the parameters of the individual, they differ in 0.bias, 0.weight",
        ),
    ],
)
def test_what_it_cannot_go_back_to_is_refused_before_any_change(to: Any, error: type[Exception], message: str) -> None:
    individual = two()
    before = copy.deepcopy(individual)
    individual[0].steps = 4
    with pytest.raises(error, match=message):
        rewind(individual, to)
    assert individual == before
    assert individual[0].steps == 4


def test_units_that_were_taken_out_meanwhile_do_not_come_back() -> None:
    with pytest.raises(ValueError, match=r"they differ in 0\.bias, 0\.weight, 2\.weight$"):
        rewind(compacted(), one())


@pytest.mark.parametrize("wrong", [None, 3, [], "pair", nn.Linear(16, 2)], ids=repr)
def test_what_is_no_individual_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
        rewind(wrong, two())
