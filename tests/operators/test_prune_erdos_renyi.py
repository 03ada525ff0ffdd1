from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from hypothesis import given, strategies as st
from torch import nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, genomes
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneErdosRenyi
from evoprune.operators.prune_erdos_renyi import _counts


def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([100, 30, 10])), Decoder(mlp_decoder([10, 30, 100]))])


def left(individual: Any) -> list[int]:
    return [int(mask.sum()) for genome in genomes(individual) for mask in genome.masks.values()]


def test_layers_keep_weights_in_proportion_to_the_sum_of_their_sizes() -> None:
    individual = pair()
    assert mutPruneErdosRenyi(individual, 0.9)[0] is individual
    # 677 of 6770. Matrices of 130, 40, 40 and 130 and biases of 31, 11, 31 and 101, which have 30, 10, 30 and 100:
    # these are whole, and 507 / 340 times its sizes is left to each matrix: 193.85 and 59.65, three of them rounded up.
    assert left(individual) == [194, 30, 60, 10, 59, 30, 194, 100]


def test_layers_that_would_keep_more_than_they_have_stay_whole() -> None:
    individual = pair()
    mutPruneErdosRenyi(individual, 0.2)
    counts = left(individual)
    assert sum(counts) == 6770 - round(0.2 * 6770)
    assert counts[1:6] == [30, 300, 10, 300, 30]
    assert counts[7] == 100
    assert abs(counts[0] - counts[6]) <= 1


def test_few_weights_are_shared_with_the_biases() -> None:
    individual = pair()
    mutPruneErdosRenyi(individual, 0.97)  # 203 of sizes of 514: 0.395 of each
    expected = [51, 12, 16, 4, 16, 12, 51, 40]
    assert sum(left(individual)) == 203
    assert all(abs(count - wanted) <= 1 for count, wanted in zip(left(individual), expected, strict=True))


def test_convolutions_count_their_kernels() -> None:
    genome = Genome(nn.Sequential(nn.Conv2d(4, 8, 3, bias=False), nn.Conv2d(8, 16, 5, bias=False)))
    mutPruneErdosRenyi(genome, 0.9)  # 349 of 3488, in proportion 4 + 8 + 3 + 3 and 8 + 16 + 5 + 5
    assert left(genome) == [121, 228]


def test_the_same_seed_takes_the_same_and_draws_once() -> None:
    found = []
    for seed in (1, 1, 2):
        individual = copy.deepcopy(START)
        source = random.Random(seed)
        mutPruneErdosRenyi(individual, 0.5, rng=source)
        found.append([mask.tolist() for genome in individual for mask in genome.masks.values()])
        other = random.Random(seed)
        other.getrandbits(63)
        assert source.getstate() == other.getstate()
    assert found[0] == found[1] != found[2]
    random.seed(3)
    for amount in (0.0, 0.5, 1.0):
        mutPruneErdosRenyi(pair_of_one(), amount)
    after = random.getstate()
    random.seed(3)
    for _ in range(3):
        random.getrandbits(63)
    assert random.getstate() == after


START = pair()


def pair_of_one() -> Genome:
    return Genome(nn.Linear(1, 1))


def test_masks_narrow_and_the_last_of_every_tensor_stays() -> None:
    individual, before = pair(), None
    for amount in (0.3, 0.5, 0.9, 1.0):
        total = sum(left(individual))
        mutPruneErdosRenyi(individual, amount)
        assert sum(left(individual)) == max(total - round(amount * total), 8)
        masks = [mask.clone() for genome in individual for mask in genome.masks.values()]
        if before is not None:
            assert not any(bool((new & ~old).any()) for old, new in zip(before, masks, strict=True))
        before = masks
    assert left(individual) == [1] * 8


def test_not_persistent_sets_to_zero_once() -> None:
    individual = pair()
    individual.encoder.prune("0.weight", torch.rand(30, 100) < 0.5)
    before = left(individual)
    mutPruneErdosRenyi(individual, 0.9, persistent=False)
    assert left(individual) == before
    zeros = sum(int((p == 0).sum()) for genome in individual for p in genome.module.parameters())
    assert 6770 - 677 <= zeros <= 6770 - 677 + 194  # some of those that would stay were pruned already
    mutPruneErdosRenyi(individual, 1.0, persistent=False)
    assert all(bool((p == 0).all()) for genome in individual for p in genome.module.parameters())


def test_errors_come_before_any_change() -> None:
    individual, state = pair(), random.getstate()
    before = copy.deepcopy(individual)
    with pytest.raises(ValueError, match=r"amount must be a number in \[0, 1\], got 2"):
        mutPruneErdosRenyi(individual, 2)
    with pytest.raises(TypeError, match="rng must be a generator, got 3"):
        mutPruneErdosRenyi(individual, 0.5, rng=3)  # type: ignore[arg-type]
    assert individual == before
    assert random.getstate() == state


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), max_size=6), st.floats(0, 1), st.booleans())
def test_counts_add_up(layers: list[tuple[int, int]], share: float, spared: bool) -> None:
    room, sizes = [most for most, _ in layers], [size for _, size in layers]
    least = sum(map(bool, room)) if spared else 0
    wanted = max(round(share * sum(room)), least)
    counts = _counts(wanted, room, sizes, int(spared))
    assert sum(counts) == wanted
    assert all(min(most, spared) <= count <= most for count, most in zip(counts, room, strict=True))
    ratios = [count / size for count, most, size in zip(counts, room, sizes, strict=True) if 1 < count < most]
    fractions = [1 / size for count, most, size in zip(counts, room, sizes, strict=True) if 1 < count < most]
    assert not ratios or max(ratios) - min(ratios) <= 2 * max(fractions)
