"""What holds for every pruning operator, tried on every individual; a new entry of OPERATORS is tested on arrival."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
from deap import algorithms, base, creator
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from evoprune.fitness import MinimizeLoss
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, Network, genomes
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import OPERATORS
from tests.evidence import taken
from tests.parts import plain
from tests.tied import TiedConvolutions


def mlp() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([16, 5, 3])), Decoder(mlp_decoder([3, 5, 16]))])


def convolutional() -> Autoencoder:
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, 4, 3, stride=2, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    decoder = nn.Sequential(
        nn.Linear(3, 16),
        nn.ReLU(inplace=True),
        nn.Unflatten(1, (4, 2, 2)),
        nn.ConvTranspose2d(4, 2, 2, stride=2, groups=2),
        nn.Conv2d(2, 1, 1, bias=False),
        nn.Sigmoid(),
        nn.Flatten(),
    )
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def pruned() -> Autoencoder:
    individual = mlp()
    OPERATORS["random"](individual, 0.8)
    return individual


def doubles() -> Autoencoder:
    individual = mlp()
    for genome in individual:
        genome.module.double()
    return individual


def nans() -> Autoencoder:
    """Weights and activations that are NaN."""
    individual = mlp()
    for genome in individual:
        for parameter in genome.module.parameters():
            parameter.data.view(-1)[0] = torch.nan
    return individual


INDIVIDUALS: dict[str, Callable[[], Any]] = {
    "mlp": mlp,
    "genome": lambda: mlp().encoder,
    "root layer": lambda: Genome(nn.Linear(16, 4)),
    "convolutional": convolutional,
    "tied": lambda: Genome(TiedConvolutions(4)),
    "tanh": lambda: Autoencoder(
        [Encoder(mlp_encoder([16, 5, 3], "tanh")), Decoder(mlp_decoder([3, 5, 16], activation="tanh"))]
    ),
    "pruned": pruned,
    "doubles": doubles,
    "nan": nans,
    "one part": lambda: Network([mlp().encoder]),
    "three parts": lambda: Network([Genome(nn.Flatten()), Genome(plain(16, 5, 3)), Genome(plain(3, 4))]),
    "excluded": lambda: Genome(mlp_encoder([16, 6, 5, 3]), exclude=["0", "2.bias", "4.weight"]),
}
SAMPLES = torch.rand(7, 16, generator=torch.Generator().manual_seed(0))
WHOLE = {"conjunctive", "units", "erdos-renyi"}
"""Operators that take whole units, or of layers as they see fit: the amount is no share of every tensor's weights."""


def configured(name: str, **settings: Any) -> Callable[..., tuple[Any]]:
    """An operator with its evidence and a large amount, where it takes them."""
    given: dict[str, Any] = {"amount": 0.5, "threshold": 0.5} | settings
    return partial(OPERATORS[name], **taken(OPERATORS[name], SAMPLES, **given))


def masks(individual: Any) -> list[Tensor]:
    return [mask.clone() for genome in genomes(individual) for mask in genome.masks.values()]


def weights(individual: Any) -> list[Tensor]:
    return [genome.module.get_parameter(name) for genome in genomes(individual) for name in genome.masks]


def only_zeroed(individual: Any, before: Any) -> bool:
    """Whether prunable weights are as they were or zero, and all others as they were; NaN stays NaN."""
    found = []
    for genome, old in zip(genomes(individual), genomes(before), strict=True):
        for name, weight in genome.module.named_parameters():
            same = weight.isclose(old.module.get_parameter(name), rtol=0, atol=0, equal_nan=True)
            found.append(bool((same | (weight == 0) if name in genome.masks else same).all()))
    return all(found)


EVERY = pytest.mark.parametrize("name", sorted(OPERATORS))
EVERYONE = pytest.mark.parametrize("kind", INDIVIDUALS)


@EVERY
@EVERYONE
@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_persistent_prunes_the_masks_in_place_for_ever(name: str, kind: str, scope: str) -> None:
    individual = INDIVIDUALS[kind]()
    individual.fitness.values = (0.25,)
    fitness, before, start = individual.fitness, masks(individual), copy.deepcopy(individual)
    result = configured(name, scope=scope)(individual)
    assert isinstance(result, tuple)
    assert len(result) == 1
    assert result[0] is individual
    assert individual.fitness is fitness
    assert fitness.values == (0.25,)
    for old, new, weight in zip(before, masks(individual), weights(individual), strict=True):
        assert new.any()
        assert not bool((new & ~old).any())
        assert not bool(weight[~new].any())
    assert all(genome.nonzero is None for genome in genomes(individual))
    assert only_zeroed(individual, start)
    if name not in WHOLE and scope == "tensor":
        expected = [int(old.sum()) - min(round(int(old.sum()) / 2), int(old.sum()) - 1) for old in before]
        assert [int(new.sum()) for new in masks(individual)] == expected


@EVERY
@EVERYONE
@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_reference_sets_weights_to_zero_once_and_says_how_many_are_left(name: str, kind: str, scope: str) -> None:
    individual = INDIVIDUALS[kind]()
    individual.fitness.values = (0.25,)
    before = masks(individual)
    for _ in range(3):
        start = copy.deepcopy(individual)
        assert configured(name, scope=scope, persistent=False)(individual)[0] is individual
        assert only_zeroed(individual, start)
        assert all(torch.equal(old, new) for old, new in zip(before, masks(individual), strict=True))
        for genome in filter(lambda genome: genome.masks, genomes(individual)):
            left = sum(int(genome.module.get_parameter(name).count_nonzero()) for name in genome.masks)
            assert genome.nonzero == left / sum(mask.numel() for mask in genome.masks.values())
    assert individual.fitness.values == (0.25,)


# Variance as the paper's code has it ignores the amount.
AMOUNTS = [(name, kept) for name in sorted(OPERATORS) for kept in (True, False) if kept or name != "variance"]


@pytest.mark.parametrize(("name", "persistent"), AMOUNTS)
@pytest.mark.parametrize("kind", ["mlp", "convolutional"])
def test_an_amount_of_0_changes_nothing(name: str, persistent: bool, kind: str) -> None:
    individual = INDIVIDUALS[kind]()
    before = copy.deepcopy(individual)
    configured(name, amount=0.0, threshold=0.0, persistent=persistent)(individual)
    assert individual == before


@EVERY
@pytest.mark.parametrize("persistent", [True, False])
def test_after_the_same_seed_the_same_goes(name: str, persistent: bool) -> None:
    start, results = mlp(), []
    for _ in range(2):
        random.seed(1)
        (result,) = configured(name, persistent=persistent)(copy.deepcopy(start))
        results.append(result)
    assert results[0] == results[1]
    assert results[0] != start or name == "conjunctive"


@EVERY
@pytest.mark.parametrize("wrong", [None, 3, [], "pair", nn.Linear(16, 2)], ids=repr)
def test_what_is_no_individual_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
        configured(name)(wrong)


@EVERY
@pytest.mark.parametrize("wrong", ["no", 1, None])
def test_a_persistent_that_is_no_bool_is_refused_before_any_work(name: str, wrong: Any) -> None:
    individual, state = mlp(), random.getstate()
    before = copy.deepcopy(individual)
    with pytest.raises(ValueError, match=f"persistent must be True or False, got {wrong!r}"):
        configured(name, persistent=wrong)(individual)
    assert individual == before
    assert random.getstate() == state


@EVERY
def test_a_network_pruned_to_the_last_weights_still_computes(name: str) -> None:
    individual = mlp()
    for _ in range(5):
        configured(name, amount=1.0, threshold=0.999)(individual)
    assert all(bool(mask.any()) for mask in masks(individual))
    assert bool(torch.isfinite(individual(SAMPLES)).all())


@EVERY
def test_it_pickles_and_prunes_the_same(name: str) -> None:
    operator, start, results = configured(name), mlp(), []
    for each in (operator, pickle.loads(pickle.dumps(operator))):
        random.seed(2)
        results.append(each(copy.deepcopy(start))[0])
    assert results[0] == results[1]


@EVERY
def test_it_is_a_mutation_in_a_stock_algorithm_with_a_class_of_the_creator(name: str) -> None:
    creator.create("EveryIndividual", Autoencoder, fitness=MinimizeLoss)
    try:
        toolbox = base.Toolbox()
        toolbox.register("mutate", configured(name))
        toolbox.register("evaluate", lambda pair: (float((pair(SAMPLES) - SAMPLES).abs().mean().detach()),))
        toolbox.register("select", lambda individuals, k: individuals)
        population = [creator.EveryIndividual([*mlp()]) for _ in range(3)]
        last, _ = algorithms.eaSimple(population, toolbox, cxpb=0, mutpb=1, ngen=3, verbose=False)
        assert all(type(pair) is creator.EveryIndividual and pair.fitness.valid for pair in last)
        # Of 5, 3 and 5 units one each is left: 16 + 1, 1 + 1, 1 + 1 and 16 + 16 of 219 weights.
        assert all(pair.preserved < (0.3 if name == "units" else 0.2) for pair in last) or name == "conjunctive"
    finally:
        del creator.EveryIndividual


@settings(max_examples=40)
@given(
    steps=st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), st.floats(0, 0.99), st.booleans()), max_size=6),
    kind=st.sampled_from(sorted(INDIVIDUALS)),
    scope=st.sampled_from(["tensor", "global"]),
)
def test_masks_only_shrink_whatever_is_applied_in_a_row(
    steps: list[tuple[str, float, bool]], kind: str, scope: str
) -> None:
    individual = INDIVIDUALS[kind]()
    history = [masks(individual)]
    for name, amount, persistent in steps:
        start = copy.deepcopy(individual)
        configured(name, amount=amount, threshold=amount, scope=scope, persistent=persistent)(individual)
        assert only_zeroed(individual, start)
        history.append(masks(individual))
        for mask, weight in zip(history[-1], weights(individual), strict=True):
            assert mask.any()
            assert not bool(weight[~mask].any())
    for earlier, later in pairwise(history):
        assert not any(bool((new & ~old).any()) for old, new in zip(earlier, later, strict=True))
