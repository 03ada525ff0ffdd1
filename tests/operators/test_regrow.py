"""Weights that come back: which, how many, and as what."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st
from torch import Tensor, nn

from evoprune import Genome, Network
from evoprune.individuals import genomes
from evoprune.masks import kept
from evoprune.operators import mutPruneRandom, mutRegrow, mutTrain
from evoprune.training.gradients import GradientMoments
from evoprune.training.optimizers import OPTIMIZERS
from tests.parts import CLASSES, INPUTS, one, one_in_a_list, residual, three, two

NAN, INF = float("nan"), float("inf")
EVERYONE = pytest.mark.parametrize("make", [one, one_in_a_list, two, three, residual])


def row(values: list[float], keep: list[bool]) -> Genome:
    """A genome whose only parameter is a row of weights, pruned."""
    layer = nn.Linear(len(values), 1, bias=False)
    layer.weight.data = torch.tensor([values])
    genome = Genome(layer)
    genome.prune("weight", torch.tensor([keep]))
    return genome


def rows(sizes: list[tuple[int, int]]) -> Network:
    """Parts of one row each, of so many weights kept and pruned; no part fits the next, which nobody asks here."""
    found = [row([1.0] * (stay + gone), [True] * stay + [False] * gone) for stay, gone in sizes]
    network = Network([found[0]])
    network[:] = found
    return network


def given_(*values: list[float]) -> list[dict[str, Tensor]]:
    return [{"weight": torch.tensor([each])} for each in values]


def mask(genome: Genome) -> list[bool]:
    return [bool(each) for table in genome.masks.values() for each in table.flatten()]


def counts(individual: Any) -> list[int]:
    return [sum(map(kept, genome.masks.values())) for genome in genomes(individual)]


def tables(individual: Any, fill: Callable[..., Tensor] = torch.rand) -> list[dict[str, Tensor]]:
    return [{name: fill(table.shape) for name, table in genome.masks.items()} for genome in genomes(individual)]


def test_the_steepest_come_back_wherever_they_are() -> None:
    network = rows([(1, 3), (2, 2)])
    gradients = given_([9.0, 0.1, -0.4, 0.2], [8.0, 8.0, 0.3, -0.1])
    result = mutRegrow(network, 0.4, batch_gradients=gradients)  # 2 of 5
    assert result[0] is network
    assert [mask(genome) for genome in network] == [[True, False, True, False], [True, True, True, False]]
    mutRegrow(network, 0.4, batch_gradients=gradients)  # round(1.2) of the three left
    assert [mask(genome) for genome in network] == [[True, False, True, True], [True, True, True, False]]


def test_of_moments_the_mean_squares_decide() -> None:
    genome = row([1.0, 1.0, 1.0, 1.0], [True, False, False, False])
    mean, magnitude, square = (torch.tensor([each]) for each in ([0, 3.0, 0, 0], [0, 0, 3.0, 0], [0, 1.0, 2.0, 3.0]))
    mutRegrow(genome, 1 / 3, batch_gradients=[{"weight": GradientMoments(mean, magnitude, square)}])
    assert mask(genome) == [True, False, False, True]


def test_a_function_of_the_individual_gives_the_gradients() -> None:
    asked = []

    def gradients(individual: Any) -> list[dict[str, Tensor]]:
        asked.append(individual)
        return given_([0.0, 1.0, 2.0])

    genome = row([1.0, 1.0, 1.0], [True, False, False])
    mutRegrow(genome, 0.5, batch_gradients=gradients)
    assert mask(genome) == [True, False, True]
    assert len(asked) == 1
    assert asked[0] is genome


def test_every_tensor_gets_back_in_proportion_to_what_it_keeps() -> None:
    network = rows([(7, 3), (2, 8), (2, 8)])
    mutRegrow(network, 5 / 19, batch_gradients=tables(network), scope="tensor")  # 5 * (7, 2, 2) / 11: 3.18, 0.91, 0.91
    assert counts(network) == [10, 3, 3]
    mutRegrow(network, 3 / 14, batch_gradients=tables(network), scope="tensor")  # the first is full
    assert counts(network) in ([10, 5, 4], [10, 4, 5])


def test_what_a_full_tensor_does_not_take_is_for_the_others() -> None:
    network = rows([(8, 2), (1, 9), (1, 9)])
    mutRegrow(network, 0.5, batch_gradients=tables(network), scope="tensor")  # 8, 1 and 1 of 10, of which 2 fit
    assert counts(network) == [10, 5, 5]


def test_empty_tensors_share_alike() -> None:
    network = rows([(1, 3), (1, 3)])
    for genome in network:
        genome.masks["weight"] = torch.zeros(1, 4, dtype=torch.bool)
    mutRegrow(network, 0.5, batch_gradients=tables(network), scope="tensor")
    assert counts(network) == [2, 2]


def test_what_comes_back_is_zero_and_forgotten() -> None:
    genome = row([1.0, 2.0, 3.0, 4.0], [True, True, False, False])
    genome.fitness.values = (0.5,)
    genome.moments = {"weight": (torch.full((1, 4), 5.0), torch.full((1, 4), 6.0))}  # as of an optimizer of one's own
    genome.module.get_parameter("weight").data[0, 3] = 7.0
    mutRegrow(genome, 0.5, batch_gradients=given_([0, 0, 0, 1.0]))
    assert mask(genome) == [True, True, False, True]
    assert genome.module.get_parameter("weight").tolist() == [[1.0, 2.0, 0.0, 0.0]]
    assert [moment.tolist() for moment in genome.moments["weight"]] == [[[5.0, 5.0, 0.0, 0.0]], [[6.0, 6.0, 0.0, 0.0]]]
    assert genome.fitness.values == (0.5,)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_moves_what_came_back_and_nothing_else_that_was_pruned(optimizer: str) -> None:
    individual = two()
    train = partial(
        mutTrain, data=(INPUTS, CLASSES), learning_rate=0.01, loss="cross-entropy", optimizer=optimizer, batch_size=5
    )
    train(individual)
    mutPruneRandom(individual, 0.6, rng=random.Random(1))
    train(individual)  # moments of what is left
    before = [{name: table.clone() for name, table in genome.masks.items()} for genome in individual]
    mutRegrow(individual, 0.5, "random", rng=random.Random(2))
    grown = [
        (genome, name, table & ~old[name])
        for genome, old in zip(individual, before, strict=True)
        for name, table in genome.masks.items()
    ]
    assert sum(kept(each) for _, _, each in grown) > 10
    for genome, name, each in grown:
        assert not genome.module.get_parameter(name)[each].any()
        assert not any(moment[each].any() for moment in genome.moments.get(name, ()))
    train(individual)
    for genome, name, each in grown:
        weight = genome.module.get_parameter(name)
        assert bool((weight[each] != 0).all())
        assert not weight[~genome.masks[name]].any()


@given(
    make=st.sampled_from([one, two, three]),
    pruned=st.floats(0, 1),
    amount=st.floats(0, 1),
    score=st.sampled_from(["gradient", "random"]),
    scope=st.sampled_from(["global", "tensor"]),
)
def test_as_many_come_back_as_are_asked_for(
    make: Callable[[], Any], pruned: float, amount: float, score: str, scope: str
) -> None:
    individual = make()
    mutPruneRandom(individual, pruned)
    before = copy.deepcopy(individual)
    mutRegrow(individual, amount, score, tables(individual), scope)
    gone = sum(table.numel() - kept(table) for genome in genomes(before) for table in genome.masks.values())
    assert sum(counts(individual)) - sum(counts(before)) == round(amount * gone)
    for genome, old in zip(genomes(individual), genomes(before), strict=True):
        for name, table in genome.masks.items():
            assert not bool((old.masks[name] & ~table).any())
            assert torch.equal(genome.module.get_parameter(name), old.module.get_parameter(name))  # those back are 0
    if scope == "tensor":  # nobody gets a weight more than its part, unless others are full
        found = [
            (kept(table) - kept(old.masks[name]), kept(old.masks[name]), table)
            for genome, old in zip(genomes(individual), genomes(before), strict=True)
            for name, table in genome.masks.items()
        ]
        if not any(bool(table.all()) for _, _, table in found):
            total, stay = sum(got for got, _, _ in found), sum(keeps for _, keeps, _ in found)
            assert all(abs(got - total * keeps / stay) < 1 for got, keeps, _ in found)


@pytest.mark.parametrize("score", ["gradient", "random"])
@pytest.mark.parametrize("scope", ["global", "tensor"])
def test_all_come_back_at_an_amount_of_1_and_none_at_0(score: str, scope: str) -> None:
    individual = three()
    mutPruneRandom(individual, 0.7)
    before = copy.deepcopy(individual)
    mutRegrow(individual, 0.0, score, tables(individual), scope)
    assert individual == before
    mutRegrow(individual, 1.0, score, tables(individual), scope)
    assert individual.preserved == 1.0


@EVERYONE
@pytest.mark.parametrize("score", ["gradient", "random"])
def test_where_nothing_is_pruned_nothing_happens(make: Callable[[], Any], score: str) -> None:
    individual = make()
    before = copy.deepcopy(individual)
    mutRegrow(individual, 0.9, score, tables(individual))
    assert individual == before


def test_where_nothing_is_prunable_nothing_happens() -> None:
    genome = Genome(nn.ReLU())
    assert mutRegrow(genome, 1.0, batch_gradients=[{}])[0] is genome
    assert mutRegrow(genome, 1.0, "random", scope="tensor")[0] is genome


@pytest.mark.parametrize("value", [0.0, 1.0, NAN, INF])
def test_of_equal_scores_as_many_come_back(value: float) -> None:
    genome = row([1.0] * 9, [True] * 2 + [False] * 7)
    mutRegrow(genome, 3 / 7, batch_gradients=given_([value] * 9))
    assert counts(genome) == [5]
    assert mask(genome)[:2] == [True, True]


def test_nan_comes_back_last_and_infinity_first() -> None:
    genome = row([1.0] * 6, [True] + [False] * 5)
    gradients = given_([NAN, NAN, 0.0, -INF, 1.0, NAN])
    for expected in ([3], [3, 4], [2, 3, 4]):
        mutRegrow(genome, 1 / mask(genome).count(False), batch_gradients=gradients)
        assert [i for i, each in enumerate(mask(genome)) if each and i] == expected
    mutRegrow(genome, 1.0, batch_gradients=gradients)
    assert all(mask(genome))


def test_what_does_not_learn_stays_pruned() -> None:
    individual = two()
    mutPruneRandom(individual, 0.5)
    frozen = individual[0].module.get_parameter("0.weight").requires_grad_(False)
    before, start = individual[0].masks["0.weight"].clone(), sum(counts(individual))
    pruned = 59 - start
    for score in ("gradient", "random"):
        found = copy.deepcopy(individual)
        known = tables(found)
        del known[0]["0.weight"]
        mutRegrow(found, 0.4, score, known)
        assert sum(counts(found)) == start + round(0.4 * pruned)  # a share of all that is pruned
        mutRegrow(found, 1.0, score, known)  # and no more than can come back
        assert sum(counts(found)) == 59 - (frozen.numel() - kept(before))
        assert torch.equal(found[0].masks["0.weight"], before)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"amount": 1.1}, ValueError, r"amount must be a number in \[0, 1\], got 1.1"),
        ({"amount": NAN}, ValueError, r"amount must be a number in \[0, 1\], got nan"),
        ({"score": "gradients"}, ValueError, "unknown score 'gradients': did you mean 'gradient'"),
        ({"scope": "layer"}, ValueError, "unknown scope 'layer'; known: tensor, global"),
        ({"score": "random", "rng": 3}, TypeError, "rng must be a generator, got 3"),
        ({"batch_gradients": None}, TypeError, "batch_gradients must be for each genome a table .* got None"),
        (
            {"batch_gradients": given_([1.0])},
            ValueError,
            "batch_gradients must be 2 tables, one for each genome, got 1",
        ),
        ({"batch_gradients": [{}, {}]}, ValueError, "batch_gradients of part 0 lack '0.weight'"),
        ({"batch_gradients": len}, TypeError, "batch_gradients must be for each genome a table .* got 2"),
    ],
)
def test_what_it_cannot_take_is_refused_before_any_change(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    individual = two()
    mutPruneRandom(individual, 0.5)
    before, state = copy.deepcopy(individual), random.getstate()
    with pytest.raises(error, match=message):
        mutRegrow(individual, **{"amount": 0.5, "batch_gradients": tables(individual), **settings})
    assert individual == before
    assert random.getstate() == state


def test_gradients_of_another_shape_are_refused_before_any_change() -> None:
    individual = two()
    mutPruneRandom(individual, 0.5)
    before, known = copy.deepcopy(individual), tables(individual)
    known[1]["0.bias"] = torch.ones(5)
    with pytest.raises(ValueError, match=r"'0.bias', have shape \(5,\), the parameter \(4,\)"):
        mutRegrow(individual, 0.5, batch_gradients=known)
    assert individual == before


@pytest.mark.parametrize("wrong", [None, 3, [], "pair", nn.Linear(16, 2)], ids=repr)
def test_what_is_no_individual_is_refused(wrong: Any) -> None:
    for score in ("gradient", "random"):
        with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
            mutRegrow(wrong, 0.5, score)
