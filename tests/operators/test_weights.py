"""Crossover and mutation really change the weights, by the amounts that they promise, and masks go along."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import Fixed, ScheduledProbability, cxUniformWeights, mutTrain, mutZeroWeights


def filled(value: float, size: int = 50) -> Genome:
    genome = Genome(nn.Linear(size, size))
    with torch.no_grad():
        for parameter in genome.module.parameters():
            parameter.fill_(value)
    return genome


def mlp() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([8, 5, 3])), Decoder(mlp_decoder([3, 5, 8]))])


def values(individual) -> list[torch.Tensor]:
    genomes = [individual] if isinstance(individual, Genome) else list(individual)
    return [genome.module.get_parameter(name).detach().clone() for genome in genomes for name in genome.masks]


def test_each_weight_comes_from_one_parent_and_the_other_child_has_the_other():
    a, b = filled(1.0), filled(2.0)
    fitness = a.fitness
    assert cxUniformWeights(a, b, rng=random.Random(1)) == (a, b)
    for one, other in zip(values(a), values(b), strict=True):
        assert set(one.unique().tolist()) == {1.0, 2.0}
        assert torch.equal(one + other, torch.full_like(one, 3.0))
    share = float((values(a)[0] == 2).float().mean())
    assert abs(share - 0.5) < 0.05  # 2,500 draws: five standard deviations
    assert a.fitness is fitness


@pytest.mark.parametrize(("ratio", "changed"), [(0.0, 0.0), (0.1, 0.1), (1.0, 1.0)])
def test_the_ratio_is_the_share_that_is_exchanged(ratio, changed):
    a, b = filled(1.0), filled(2.0)
    cxUniformWeights(a, b, ratio)
    assert float((values(a)[0] == 2).float().mean()) == pytest.approx(changed, abs=0.03)


def test_crossover_of_pairs_changes_every_tensor():
    a, b = mlp(), mlp()
    before = copy.deepcopy([a, b])
    cxUniformWeights(a, b)
    for k, individual in enumerate((a, b)):
        for new, old in zip(values(individual), values(before[k]), strict=True):
            assert not torch.equal(new, old)
    for new, old, one, other in zip(values(a), values(b), values(before[0]), values(before[1]), strict=True):
        assert torch.equal(torch.minimum(new, old), torch.minimum(one, other))
        assert torch.equal(torch.maximum(new, old), torch.maximum(one, other))


def test_a_mask_bit_goes_with_its_weight():
    a, b = filled(1.0), filled(2.0)
    keep = torch.rand(50, 50) < 0.5
    a.prune("weight", keep)
    kept = int(keep.sum()) + 2500
    cxUniformWeights(a, b)
    for genome in (a, b):
        pruned = ~genome.masks["weight"]
        assert pruned.any()
        assert not (pruned & keep).any()  # only what was pruned in the parent
        assert torch.equal(genome.module.get_parameter("weight") == 0, pruned)
    assert int(a.masks["weight"].sum()) + int(b.masks["weight"].sum()) == kept


def test_no_child_is_left_without_weights():
    for seed in range(20):
        a, b = filled(1.0, 2), filled(2.0, 2)
        a.prune("weight", torch.tensor([[True, False], [False, False]]))
        b.prune("weight", torch.tensor([[False, False], [False, True]]))
        cxUniformWeights(a, b, rng=random.Random(seed))
        assert a.masks["weight"].any()
        assert b.masks["weight"].any()


def test_what_the_optimizer_remembers_goes_along():
    a, b = mlp(), mlp()
    for individual in (a, b):
        mutTrain(individual, torch.rand(10, 8), loss="mse")
    before = [individual.encoder.moments["0.weight"] for individual in copy.deepcopy([a, b])]
    weights = values(a)[0]
    cxUniformWeights(a, b)
    moved = values(a)[0] != weights
    for k in range(2):
        expected = torch.where(moved, before[1][k], before[0][k])
        assert torch.equal(a.encoder.moments["0.weight"][k], expected)


def test_parents_of_another_structure_are_refused_before_any_change():
    a, b = mlp(), Autoencoder([Encoder(mlp_encoder([8, 4, 3])), Decoder(mlp_decoder([3, 5, 8]))])
    before = copy.deepcopy(a)
    with pytest.raises(ValueError, match="of one structure"):
        cxUniformWeights(a, b)
    assert a == before
    with pytest.raises(ValueError, match="same one twice"):
        cxUniformWeights(a, a)
    with pytest.raises(ValueError, match=r"ratio must be a number in \[0, 1\], got 1.5"):
        cxUniformWeights(a, mlp(), 1.5)


@pytest.mark.parametrize("persistent", [False, True])
def test_zeroing_hits_the_share_that_it_promises(persistent):
    genome = filled(1.0)
    genome.fitness.values = (0.5,)
    assert mutZeroWeights(genome, 0.1, persistent) == (genome,)
    weight = values(genome)[0]
    assert abs(float((weight == 0).float().mean()) - 0.1) < 0.03  # 2,500 draws: five standard deviations
    assert set(weight.unique().tolist()) == {0.0, 1.0}
    assert genome.fitness.values == (0.5,)
    if persistent:
        assert torch.equal(genome.masks["weight"], weight != 0)
    else:
        assert genome.preserved == 1


def test_zeroed_weights_grow_again_unless_they_are_pruned():
    for persistent in (False, True):
        individual = mlp()
        mutZeroWeights(individual, 0.5, persistent)
        zero = values(individual)[0] == 0
        assert zero.any()
        mutTrain(individual, torch.rand(20, 8), loss="mse", learning_rate=0.01)
        assert bool((values(individual)[0][zero] == 0).all()) is persistent


def test_at_one_everything_goes_but_the_last_survivor_of_a_mask():
    once, pruned = mlp(), mlp()
    mutZeroWeights(once, 1.0)
    mutZeroWeights(pruned, 1.0, persistent=True)
    assert all(value.eq(0).all() for value in values(once))
    assert [int(mask.sum()) for genome in pruned for mask in genome.masks.values()] == [1] * 8


def test_a_scheduled_probability_and_wrong_ones():
    genome = filled(1.0)
    mutZeroWeights(genome, ScheduledProbability(Fixed(1.0), 3))
    assert values(genome)[0].eq(0).all()
    with pytest.raises(ValueError, match=r"indpb must be a number in \[0, 1\], got -0.1"):
        mutZeroWeights(genome, -0.1)
    for wrong in (True, "0.5", None):
        with pytest.raises(ValueError, match=r"indpb must be a number in \[0, 1\], got"):
            mutZeroWeights(genome, wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="persistent must be True or False, got 'no'"):
        mutZeroWeights(genome, 0.5, persistent="no")  # type: ignore[arg-type]


@pytest.mark.parametrize("source", [random.Random, np.random.default_rng, lambda s: torch.Generator().manual_seed(s)])
def test_the_same_source_gives_the_same_child(source):
    first, second = mlp(), mlp()
    results = []
    for seed in (1, 1, 2):
        a, b = copy.deepcopy(first), copy.deepcopy(second)
        rng = source(seed)
        cxUniformWeights(a, b, rng=rng)
        mutZeroWeights(a, 0.2, rng=rng)
        results.append(a)
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_frozen_parameters_and_parameters_without_a_mask():
    a, b = filled(1.0), filled(2.0)
    for genome in (a, b):
        genome.module.get_parameter("weight").requires_grad_(False)
    cxUniformWeights(a, b, 1.0)
    mutZeroWeights(b, 1.0)
    assert a.module.get_parameter("weight").eq(1).all()
    assert b.module.get_parameter("weight").eq(2).all()
    assert a.module.get_parameter("bias").eq(2).all()
    assert b.module.get_parameter("bias").eq(0).all()
    c, d = Genome(filled(1.0).module, exclude="bias"), Genome(filled(2.0).module, exclude="bias")
    cxUniformWeights(c, d, 1.0)
    mutZeroWeights(d, 1.0)
    assert c.module.get_parameter("bias").eq(2).all()  # what is not prunable is inherited all the same
    assert d.module.get_parameter("bias").eq(1).all()
