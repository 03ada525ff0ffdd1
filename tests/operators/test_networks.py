"""Training, rates, crossover and zeroing of genomes and of networks of one part and of three; pairs have their own."""

import copy
import random
from typing import Any

import pytest
import torch
from deap import algorithms, base, tools
from torch import nn
from torch.nn import functional

from evoprune import Genome, Network
from evoprune.evaluation import evaluate
from evoprune.individuals import genomes
from evoprune.operators import (
    OPERATORS,
    cxUniformWeights,
    mutLearningRate,
    mutPruneRandom,
    mutTrain,
    mutZeroWeights,
    sequence,
)
from tests.evidence import taken
from tests.parts import CLASSES, INPUTS, one, one_in_a_list, plain, residual, three, times, two

EVERYONE = pytest.mark.parametrize("make", [one, one_in_a_list, two, three, residual])
DATA = (INPUTS, CLASSES)


def weights(individual: Any) -> list[float]:
    """All parameters, in a row."""
    found = [parameter.detach() for genome in genomes(individual) for parameter in genome.module.parameters()]
    return torch.cat([values.flatten() for values in found]).tolist()


@EVERYONE
def test_training_in_place_until_the_classes_are_told_apart(make: Any) -> None:
    individual = make()
    individual.fitness.values = (0.5,)
    before = evaluate(individual, DATA, "cross-entropy")[0]
    (same,) = mutTrain(individual, DATA, 0.02, epochs=20, loss="cross-entropy")
    assert same is individual
    assert evaluate(individual, DATA, "cross-entropy")[0] < before
    assert individual.fitness.values == (0.5,)
    assert [genome.age for genome in genomes(individual)] == [20] * len(genomes(individual))
    assert individual.seed is None


@EVERYONE
def test_the_last_epochs_loss_stays_with_the_individual(make: Any) -> None:
    individual = make()
    assert individual.train_loss is None
    mutTrain(individual, (INPUTS[:20], CLASSES[:20]), 0.0, epochs=2, loss="cross-entropy")
    expected = functional.cross_entropy(individual(INPUTS[:20]), CLASSES[:20]).item()
    assert individual.train_loss == pytest.approx(expected, rel=1e-5)  # batches of equal size, and nothing has moved


def test_a_step_is_as_long_as_the_learning_rate_or_the_individuals_own() -> None:
    for own, expected in ((None, 0.125), (0.5, 0.5)):
        for individual in (times(2.0)[0], Network(times(2.0))):
            individual.learning_rate = own
            data = torch.tensor([[1.0]]), torch.tensor([[9.0]])
            mutTrain(individual, data, 0.125, batch_size=1, optimizer="adam-anew")
            assert weights(individual) == pytest.approx([2 + expected])


@EVERYONE
def test_epochs_of_an_individual_with_a_seed_have_batches_of_their_own(make: Any) -> None:
    start, found = make(), []
    start.seed = 7
    for epochs in ([2], [2], [1, 1]):
        individual = copy.deepcopy(start)
        for count in epochs:
            mutTrain(individual, DATA, epochs=count, loss="cross-entropy")
        assert individual.seed == 7
        found.append(individual)
    assert found[0] == found[1]
    assert found[0] != found[2]  # two calls repeat the seed's batches


@EVERYONE
def test_a_learning_rate_moves(make: Any) -> None:
    individual = make()
    with pytest.raises(ValueError, match="needs a learning_rate of its own, got None"):
        mutLearningRate(individual)
    individual.learning_rate = 0.1
    before = weights(individual)
    (same,) = mutLearningRate(individual, sigma=0.01, rng=random.Random(3))
    assert same is individual
    assert individual.learning_rate == 0.1 + random.Random(3).gauss(0.0, 0.01)
    assert weights(individual) == before


@EVERYONE
def test_each_weight_of_a_child_is_of_one_parent_or_the_other(make: Any) -> None:
    a, b = make(), make()
    for individual in (a, b):
        mutTrain(individual, DATA, loss="cross-entropy")  # so that there are moments
        mutPruneRandom(individual, 0.3)
    before, size = (copy.deepcopy(a), copy.deepcopy(b)), len(weights(a))
    assert cxUniformWeights(a, b, rng=random.Random(1)) == (a, b)
    found = list(zip(*map(weights, (a, b, *before)), strict=True))
    assert all((mine, its) in ((x, y), (y, x)) for mine, its, x, y in found)
    assert 0.2 * size < sum(mine == x for mine, _, x, _ in found) < 0.9 * size
    for one_, other in zip(genomes(a), genomes(b), strict=True):
        for genome in (one_, other):
            for name, mask in genome.masks.items():
                assert not genome.module.get_parameter(name)[~mask].any()
                assert not genome.moments[name][0][~mask].any()
    (c, d), (x, y) = (copy.deepcopy(before) for _ in range(2))
    cxUniformWeights(c, d, ratio=1.0)
    assert (weights(c), weights(d)) == (weights(y), weights(x))


def test_crossover_is_of_individuals_of_one_structure() -> None:
    for a, b in ((one(), two()), (three(), two()), (one(), residual())):
        before = copy.deepcopy([a, b])
        with pytest.raises(ValueError, match="crossover needs two individuals of one structure"):
            cxUniformWeights(a, b)
        assert [a, b] == before
    first = three()
    with pytest.raises(ValueError, match="got the same one twice"):
        cxUniformWeights(first, copy.copy(first))
    genome = one()
    cxUniformWeights(genome, one_in_a_list())  # one part each


@EVERYONE
@pytest.mark.parametrize("persistent", [True, False])
def test_weights_that_go_to_zero(persistent: bool, make: Any) -> None:
    individual = make()
    count = sum(genome.sizes[1] for genome in genomes(individual))
    (same,) = mutZeroWeights(individual, 0.5, persistent, rng=random.Random(1))
    assert same is individual
    zeros = weights(individual).count(0.0)
    assert 0.2 * count < zeros < 0.8 * count
    kept = sum(genome.sizes[0] for genome in genomes(individual))
    assert kept == (count - zeros if persistent else count)
    mutZeroWeights(individual, 0.0)
    assert weights(individual).count(0.0) == zeros


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_where_parts_begin_does_not_matter(name: str) -> None:
    """Scores and amounts are a tensor's own, and are drawn for one tensor after the other."""
    settings = taken(OPERATORS[name], INPUTS, amount=0.4, threshold=0.4)
    layers = [*plain(6, 5, 3, 4)]
    pieces = (layers, layers[:2], layers[2:4], layers[4:])
    whole, *parts = (Genome(nn.Sequential(*copy.deepcopy(piece))) for piece in pieces)
    found = []
    for individual in (whole, Network([copy.deepcopy(whole)]), Network(parts)):
        random.seed(4)
        OPERATORS[name](individual, **settings)
        found.append((weights(individual), genome_masks(individual)))
    assert found[0] == found[1] == found[2]
    assert found[0][0].count(0.0) > 0 or name == "conjunctive"


def genome_masks(individual: Any) -> list[Any]:
    return [mask.tolist() for genome in genomes(individual) for mask in genome.masks.values()]


@EVERYONE
def test_what_is_pruned_stays_zero_while_it_trains(make: Any) -> None:
    individual = make()
    mutPruneRandom(individual, 0.7)
    share = individual.preserved
    mutTrain(individual, DATA, 0.1, epochs=3, loss="cross-entropy")
    assert individual.preserved == share < 0.5
    for genome in genomes(individual):
        for name, mask in genome.masks.items():
            assert not genome.module.get_parameter(name)[~mask].any()


@EVERYONE
def test_a_stock_algorithm_of_deap(make: Any) -> None:
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate, data=DATA, loss="cross-entropy")
    toolbox.register("mate", cxUniformWeights)
    toolbox.register("train", mutTrain, data=DATA, learning_rate=0.02, loss="cross-entropy")
    toolbox.register("mutate", sequence(toolbox.train, lambda individual: mutPruneRandom(individual, 0.1)))
    toolbox.register("select", tools.selTournament, tournsize=2)
    population, best = [make() for _ in range(4)], tools.HallOfFame(1)
    last, _ = algorithms.eaSimple(population, toolbox, 0.5, 1.0, ngen=3, halloffame=best, verbose=False)
    assert all(individual.fitness.valid and individual.preserved < 1 for individual in last)
    assert type(best[0]) is type(population[0])
