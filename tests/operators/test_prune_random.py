from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneRandom

SOURCES: list[Callable[[int], Any]] = [random.Random, np.random.default_rng, lambda s: torch.Generator().manual_seed(s)]
KINDS = pytest.mark.parametrize("source", SOURCES, ids=["random", "numpy", "torch"])


def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([8, 5, 3])), Decoder(mlp_decoder([3, 5, 8]))])


def counts(individual: Autoencoder) -> list[int]:
    return [int(mask.sum()) for genome in individual for mask in genome.masks.values()]


def test_round_amount_of_the_survivors_of_every_tensor_goes() -> None:
    individual = pair()
    fitness = individual.fitness
    fitness.values = (0.5,)
    assert counts(individual) == [40, 5, 15, 3, 15, 5, 40, 8]
    assert mutPruneRandom(individual, 0.1)[0] is individual
    # round(1.5) is 2, round(0.5) is 0, round(0.3) is 0, round(0.8) is 1
    assert counts(individual) == [36, 5, 13, 3, 13, 5, 36, 7]
    mutPruneRandom(individual, 0.5)
    # round(6.5) is 6, round(2.5) is 2, round(1.5) is 2, round(3.5) is 4
    assert counts(individual) == [18, 3, 7, 1, 7, 3, 18, 3]
    assert individual.fitness is fitness
    assert fitness.values == (0.5,)


def test_the_scope_global_takes_from_the_whole_individual() -> None:
    individual = pair()
    mutPruneRandom(individual, 0.5, scope="global", rng=random.Random(1))
    assert sum(counts(individual)) == 131 - 66  # round(65.5)
    # Not half of each: the chance that all eight tensors hit round(n / 2) is far below 1 in 1000.
    assert counts(individual) != [20, 3, 7, 1, 7, 3, 20, 4]


@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_the_last_survivor_of_every_tensor_stays(scope: str) -> None:
    individual = pair()
    for _ in range(2):
        mutPruneRandom(individual, 1.0, scope=scope)
        assert counts(individual) == [1] * 8


def test_every_weight_is_as_likely_to_go() -> None:
    source, gone = random.Random(1), torch.zeros(10)
    genome = Genome(nn.Linear(10, 1, bias=False))
    for _ in range(2000):
        genome.masks["weight"] = torch.ones(1, 10, dtype=torch.bool)
        mutPruneRandom(genome, 0.3, rng=source)
        gone += ~genome.masks["weight"][0]
    # Each goes 600 times of 2000, give or take five standard deviations of 20.5.
    assert (gone - 600).abs().max() < 103


def test_weights_and_biases_of_convolutions_go_and_excluded_ones_stay() -> None:
    genome = Genome(nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)), exclude=["2"])
    mutPruneRandom(genome, 0.5)
    assert {name: int(mask.sum()) for name, mask in genome.masks.items()} == {"0.weight": 36, "0.bias": 2}
    weights = dict(genome.module.named_parameters())
    assert int(weights["0.weight"].count_nonzero()) == 36
    assert int(weights["2.weight"].count_nonzero()) == 8
    assert weights["1.weight"].tolist() == [1] * 4


@KINDS
@pytest.mark.parametrize("persistent", [True, False])
def test_the_same_source_prunes_the_same_and_leaves_the_global_stream(source: Any, persistent: bool) -> None:
    start = pair()
    state = random.getstate(), torch.get_rng_state()
    one, twin, other = (start.__deepcopy__({}) for _ in range(3))
    for individual, seed in [(one, 1), (twin, 1), (other, 2)]:
        mutPruneRandom(individual, 0.5, persistent, source(seed))
    assert one == twin
    assert one != other
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])


@KINDS
def test_a_source_moves_on_from_call_to_call(source: Any) -> None:
    rng, start = source(1), pair()
    one, other = start.__deepcopy__({}), start.__deepcopy__({})
    mutPruneRandom(one, 0.5, rng=rng)
    mutPruneRandom(other, 0.5, rng=rng)
    assert one != other


def test_without_a_source_it_follows_random_seed() -> None:
    start = pair()
    one, twin = start.__deepcopy__({}), start.__deepcopy__({})
    for individual in (one, twin):
        random.seed(5)
        mutPruneRandom(individual, 0.5)
    assert one == twin


@pytest.mark.parametrize("amount", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("individual", [pair(), pair().encoder, Genome(nn.ReLU())], ids=["pair", "genome", "empty"])
def test_without_a_source_a_call_draws_exactly_once(individual: Any, persistent: bool, amount: float) -> None:
    random.seed(3)
    mutPruneRandom(individual, amount, persistent)
    after = random.random()
    random.seed(3)
    random.random()
    assert random.random() == after


@pytest.mark.parametrize("amount", [-0.1, 1.01, float("nan"), True, "0.1", None])
def test_a_wrong_amount_is_an_error_before_any_work(amount: Any) -> None:
    individual, state = pair(), random.getstate()
    for settings in ({}, {"persistent": False}, {"scope": "global"}):
        with pytest.raises(ValueError, match=r"amount must be a number in \[0, 1\], got"):
            mutPruneRandom(individual, amount, **settings)
    with pytest.raises(ValueError, match="unknown scope 'layer'; known: tensor, global"):
        mutPruneRandom(individual, 0.1, scope="layer")
    assert individual.preserved == 1.0
    assert individual.encoder.nonzero is None
    assert random.getstate() == state


@pytest.mark.parametrize("wrong", [None, nn.Linear(1, 1), [], [nn.Linear(1, 1)], (pair().encoder,)])
def test_what_is_no_individual_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
        mutPruneRandom(wrong, 0.1)


@pytest.mark.parametrize("seed", [1, np.int64(1), True])
def test_a_seed_is_no_source_as_every_call_would_draw_the_same(seed: Any) -> None:
    with pytest.raises(TypeError, match=r"rng must be a generator, got .*; every call would draw the same"):
        mutPruneRandom(pair(), 0.1, rng=seed)
    for wrong in ("1", np.random.RandomState(0)):
        with pytest.raises(TypeError, match=r"rng must be random\.Random, numpy or torch Generator, or None, got"):
            mutPruneRandom(pair(), 0.1, rng=wrong)  # type: ignore[arg-type]
