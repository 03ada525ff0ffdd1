from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder
from evoprune.operators import mutPruneMagnitude

NAN, INF = float("nan"), float("inf")


def pair() -> Autoencoder:
    encoder, decoder = nn.Linear(4, 1), nn.Linear(1, 2)
    encoder.weight.data = torch.tensor([[0.1, -0.4, 0.2, -0.3]])
    encoder.bias.data = torch.tensor([0.05])
    decoder.weight.data = torch.tensor([[5.0], [-6.0]])
    decoder.bias.data = torch.tensor([0.25, -0.15])
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def weights(individual: Any) -> list[Any]:
    genomes = [individual] if isinstance(individual, Genome) else individual
    return [[round(v, 6) for v in p.flatten().tolist()] for genome in genomes for p in genome.module.parameters()]


def single(*values: float) -> Genome:
    layer = nn.Linear(len(values), 1, bias=False)
    layer.weight.data = torch.tensor([values], dtype=torch.float32)
    return Genome(layer)


def test_half_of_every_tensor_by_hand() -> None:
    individual = pair()
    assert mutPruneMagnitude(individual, 0.5)[0] is individual
    assert weights(individual) == [[0, -0.4, 0, -0.3], [0.05], [0, -6], [0.25, 0]]
    mutPruneMagnitude(individual, 0.5)  # round(0.5) is 0, so tensors of one stay
    assert weights(individual) == [[0, -0.4, 0, 0], [0.05], [0, -6], [0.25, 0]]


def test_half_of_the_whole_individual_by_hand() -> None:
    individual = pair()
    # round(4.5) is 4: 0.05 is the smallest, but the only survivor of its tensor; then 0.1, 0.15, 0.2 and 0.25. Of 0.15
    # and 0.25 one stays, so 0.3 goes in its place.
    mutPruneMagnitude(individual, 0.5, scope="global")
    assert weights(individual) == [[0, -0.4, 0, 0], [0.05], [5, -6], [0.25, 0]]


@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_the_largest_of_every_tensor_stays_at_an_amount_of_1(scope: str) -> None:
    individual = pair()
    for _ in range(2):
        mutPruneMagnitude(individual, 1.0, scope=scope)
        assert weights(individual) == [[0, -0.4, 0, 0], [0.05], [0, -6], [0.25, 0]]


def test_survivors_that_happen_to_be_zero_go_before_others_but_the_pruned_do_not_count() -> None:
    genome = single(3, 0, 2, 1)
    genome.prune("weight", torch.tensor([[False, True, True, True]]))
    mutPruneMagnitude(genome, 0.34)
    assert genome.masks["weight"].tolist() == [[False, False, True, True]]


def test_not_persistent_counts_zeros_among_the_smallest() -> None:
    genome = single(3, 0, 2, 1)
    mutPruneMagnitude(genome, 0.5, persistent=False)
    assert weights(genome) == [[3, 0, 2, 0]]
    mutPruneMagnitude(genome, 0.5, persistent=False)  # the same two again
    assert weights(genome) == [[3, 0, 2, 0]]
    assert genome.nonzero == 0.5
    assert genome.preserved == 1.0


@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_nan_goes_first_and_infinity_last(scope: str) -> None:
    genome = single(3, NAN, 0.5, -INF, 1)
    mutPruneMagnitude(genome, 0.2, scope=scope)
    assert weights(genome) == [[3, 0, 0.5, -INF, 1]]
    mutPruneMagnitude(genome, 0.75, scope=scope)
    assert weights(genome) == [[0, 0, 0, -INF, 0]]
    genome = single(NAN, NAN)
    mutPruneMagnitude(genome, 1.0, scope=scope)
    assert genome.preserved == 0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types_of_number(dtype: torch.dtype) -> None:
    genome = Genome(single(1, 4, 3, 2).module.to(dtype))
    mutPruneMagnitude(genome, 0.5, scope="global")
    assert weights(genome) == [[0, 4, 3, 0]]


def test_it_compares_doubles_as_doubles() -> None:
    layer = nn.Linear(2, 1, bias=False, dtype=torch.float64)
    layer.weight.data = torch.tensor([[1, 1 + 1e-12]], dtype=torch.float64)
    genome = Genome(layer)
    mutPruneMagnitude(genome, 0.5)
    assert genome.masks["weight"].tolist() == [[False, True]]


def test_nothing_is_drawn_and_errors_come_first() -> None:
    individual, state = pair(), random.getstate()
    mutPruneMagnitude(individual, 0.0)
    with pytest.raises(ValueError, match=r"amount must be a number in \[0, 1\], got 2"):
        mutPruneMagnitude(individual, 2)
    with pytest.raises(ValueError, match="unknown scope"):
        mutPruneMagnitude(individual, 0.5, scope="pair")
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes"):
        mutPruneMagnitude(nn.Linear(1, 1), 0.5)
    assert individual == pair()
    assert random.getstate() == state
