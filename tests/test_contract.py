"""The names and signatures that other people's scripts call."""

import inspect

import pytest
import torch

from evoprune import Autoencoder, Decoder, Encoder, Genome, MinimizeLoss
from evoprune.activations import ActivationProbe
from evoprune.algorithms import eaAllVsAll, eaSpatialCoevolution, ring, torus
from evoprune.benchmarks import BinaryClustering, Digits
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import (
    Decrease,
    Exponential,
    FinalN,
    Fixed,
    Increase,
    Population,
    PruneAfter,
    ScheduledProbability,
    gated,
    mutPruneConjunctive,
    mutPruneMagnitude,
    mutPruneRandom,
    mutPruneVariance,
    mutTrain,
    sequence,
)
from evoprune.training import train


@pytest.fixture
def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([1000, 30, 10])), Decoder(mlp_decoder([10, 30, 1000], output="sigmoid"))])


@pytest.mark.parametrize(
    ("function", "start"),
    [
        (Genome, ["module", "exclude"]),
        (mutPruneRandom, ["individual", "amount", "persistent", "rng"]),
        (mutPruneVariance, ["individual", "amount", "activations"]),
        (mutPruneConjunctive, ["individual", "activations", "threshold"]),
        (mutPruneMagnitude, ["individual", "amount"]),
        (gated, ["operator", "probability"]),
        (ScheduledProbability, ["schedule", "generations"]),
        (eaSpatialCoevolution, ["grid", "toolbox", "ngen", "neighbourhoods", "stats", "halloffame", "verbose"]),
        (eaAllVsAll, ["population", "toolbox", "ngen", "stats", "halloffame", "verbose"]),
        (train, ["pairs", "batches"]),
        (ring, ["cells", "radius"]),
        (torus, ["rows", "columns", "radius"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_signatures_begin_as_promised(function, start: list[str]):
    assert list(inspect.signature(function).parameters)[: len(start)] == start


def test_a_genome_offers_what_the_contract_names(pair: Autoencoder):
    genome = pair.encoder
    assert isinstance(genome, Genome)
    assert isinstance(genome.fitness, MinimizeLoss)
    assert {name: mask.dtype for name, mask in genome.masks.items()} == dict.fromkeys(
        ("0.weight", "0.bias", "2.weight", "2.bias"), torch.bool
    )
    assert (genome.age, genome.preserved) == (0, 1.0)
    genome.prune("2.bias", torch.arange(10) < 5)
    genome.enforce()
    assert genome.preserved == 1 - 5 / 30340
    assert pair.preserved == 1 - 5 / 61670


def test_a_probe_gives_samples_by_units(pair: Autoencoder):
    found = ActivationProbe(torch.rand(7, 1000))(pair)
    assert [tuple(layer.shape) for layer in found["encoder"].values()] == [(7, 30), (7, 10)]
    assert [tuple(layer.shape) for layer in found["decoder"].values()] == [(7, 30), (7, 1000)]


def test_the_first_argument_of_a_schedule_is_its_probability():
    kinds = (Fixed, Increase, Decrease, Population, Exponential, FinalN, PruneAfter)
    assert [kind(0.25).C for kind in kinds] == [0.25] * 7


def test_operators_are_in_place_and_return_a_tuple(pair: Autoencoder):
    mutate = sequence(mutTrainOnce, gated(mutPruneHalf, 1.0))
    assert mutate(pair) == (pair,)
    assert mutate(pair)[0] is pair
    assert not pair.fitness.valid


def mutTrainOnce(pair: Autoencoder):
    return mutTrain(pair, torch.rand(10, 1000))


def mutPruneHalf(pair: Autoencoder):
    return mutPruneRandom(pair, 0.5)


@pytest.mark.parametrize("problem", [BinaryClustering(seed=1), Digits()])
def test_problems_give_float_tensors(problem):
    for split in (problem.train, problem.validation, problem.test):
        assert split.dtype == torch.float32
        assert split.dim() == 2
