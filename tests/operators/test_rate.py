"""The learning rate as a gene."""

import random

import pytest

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutLearningRate
from evoprune.operators.rate import next_rate


def pair(rate: float | None) -> Autoencoder:
    made = Autoencoder([Encoder(mlp_encoder([4, 2])), Decoder(mlp_decoder([2, 4]))])
    made.learning_rate = rate
    return made


def test_the_step_is_normal():
    rng = random.Random(3)
    steps = [next_rate(1.0, 0.1, rng=rng) - 1.0 for _ in range(4000)]
    assert sum(steps) / len(steps) == pytest.approx(0, abs=0.006)
    assert (sum(step**2 for step in steps) / len(steps)) ** 0.5 == pytest.approx(0.1, rel=0.05)


def test_the_rate_stays_within_its_bounds():
    assert next_rate(1e-5, 0.0) == 1e-5
    rates = {next_rate(1e-9, 1.0, rng=random.Random(seed)) for seed in range(20)}
    assert min(rates) == 1e-9
    assert next_rate(9.9, 0.0, bounds=(0.0, 5.0)) == 5.0


def test_the_mutation_changes_the_pair_in_place_and_leaves_its_fitness():
    one = pair(1e-3)
    one.fitness.values = (0.5,)
    random.seed(1)
    (same,) = mutLearningRate(one, sigma=1e-4)
    assert same is one
    assert one.learning_rate != 1e-3
    assert one.learning_rate == pytest.approx(1e-3, abs=1e-3)
    assert one.fitness.values == (0.5,)


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="needs a learning_rate of its own, got None"):
        mutLearningRate(pair(None))
    with pytest.raises(ValueError, match="sigma must be a number of at least 0, got -1"):
        mutLearningRate(pair(1e-3), sigma=-1)
