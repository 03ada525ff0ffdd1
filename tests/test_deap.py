"""Pairs and operators in stock DEAP: what a user of DEAP writes, unchanged."""

import copy
import pickle
import random
import warnings
from functools import partial
from itertools import pairwise
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from deap import algorithms, base, creator, tools

from evoprune import Autoencoder, Decoder, Encoder, MinimizeLoss, similar
from evoprune.evaluation import evaluate
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import Exponential, Fixed, ScheduledProbability, gated, mutPruneRandom, mutTrain, sequence

DATA = (torch.rand(12, 20, generator=torch.Generator().manual_seed(1)) < 0.7).float()


class LossAndSize(MinimizeLoss):
    weights = (-1.0, -1.0)


class SmallPair(Autoencoder):
    def __init__(self, genomes):
        self.fitness = LossAndSize()
        super().__init__(genomes)


def make_encoder():
    return Encoder(mlp_encoder([20, 6, 3]))


def make_decoder():
    return Decoder(mlp_decoder([3, 6, 20]))


def loss_and_size(pair, data):
    return (*evaluate(pair, data), pair.preserved)


def toolbox_for(container=Autoencoder):
    toolbox = base.Toolbox()
    toolbox.register("individual", tools.initCycle, container, (make_encoder, make_decoder))
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", evaluate, data=DATA)
    toolbox.register("mate", tools.cxOnePoint)
    toolbox.register("mutate", sequence(partial(mutTrain, data=DATA), gated(partial(mutPruneRandom, amount=0.2), 0.5)))
    toolbox.register("select", tools.selTournament, tournsize=2)
    return toolbox


def sound(pair):
    """Two genomes, and every masked weight exactly zero."""
    return len(pair) == 2 and all(
        genome.module.get_parameter(name)[~mask].abs().sum() == 0 and mask.any()
        for genome in pair
        for name, mask in genome.masks.items()
    )


@pytest.fixture
def created():
    """Classes of deap.creator, gone again afterwards."""
    creator.create("PairFitness", base.Fitness, weights=(-1.0,))
    creator.create("Pair", Autoencoder, fitness=creator.PairFitness, generation=0, notes=list)
    creator.create("Coder", Encoder, fitness=creator.PairFitness)
    yield creator
    for name in ("PairFitness", "Pair", "Coder"):
        delattr(creator, name)


class TestCreator:
    def test_its_classes_are_individuals(self, created):
        pair = created.Pair([make_encoder(), make_decoder()])
        assert issubclass(created.Pair, Autoencoder)
        assert type(pair.fitness) is created.PairFitness
        assert (pair.generation, pair.notes, pair.learning_rate) == (0, [], None)
        assert type(created.Coder(mlp_encoder([4, 2])).fitness) is created.PairFitness

    def test_clones(self, created):
        pair = created.Pair([make_encoder(), make_decoder()])
        pair.fitness.values, pair.notes = (0.5,), ["x"]
        new = base.Toolbox().clone(pair)
        assert (type(new), new.fitness.values, new.notes) == (created.Pair, (0.5,), ["x"])
        assert new == pair
        new.notes.append("y")
        assert pair.notes == ["x"]

    def test_equality_across_the_classes_that_unpickling_makes(self, created):
        pair = created.Pair([created.Coder(mlp_encoder([20, 6, 3])), make_decoder()])
        pair.encoder.prune("0.weight", torch.rand(6, 20) < 0.5)
        pair.fitness.values, pair.encoder.fitness.values, pair.notes = (0.5,), (0.25,), ["x"]
        new = pickle.loads(pickle.dumps(pair))
        assert type(new) is not type(pair)
        assert type(new.encoder) is not type(pair.encoder)
        assert new == pair
        assert similar(new.encoder, pair.encoder)
        assert (new.fitness.values, new.encoder.fitness.values, new.notes) == ((0.5,), (0.25,), ["x"])
        new.decoder.prune("0.bias", torch.arange(6) < 3)
        assert new != pair

    def test_a_whole_run(self, created):
        toolbox = toolbox_for(created.Pair)
        population, _ = algorithms.eaSimple(toolbox.population(n=3), toolbox, 0.5, 0.5, 2, verbose=False)
        assert all(type(pair) is created.Pair and sound(pair) for pair in population)


@pytest.mark.parametrize("mate", [tools.cxOnePoint, partial(tools.cxUniform, indpb=1.0)])
def test_crossover_swaps_genomes(mate):
    toolbox = toolbox_for()
    one, other = toolbox.population(n=2)
    parts = {id(genome) for genome in (*one, *other)}
    decoder = one.decoder
    mate(one, other)
    assert other.decoder is decoder
    assert {id(genome) for genome in (*one, *other)} == parts
    assert [type(genome) for genome in (*one, *other)] == [Encoder, Decoder] * 2
    assert (type(one), type(other)) == (Autoencoder, Autoencoder)


def test_uniform_crossover_swaps_encoders_as_well():
    one, other = toolbox_for().population(n=2)
    encoder = one.encoder
    tools.cxUniform(one, other, indpb=1.0)
    assert other.encoder is encoder


STATS = ("gen", "nevals", "min", "mutpb")


def run(name, toolbox, population, probability, ngen, fame):
    stats = tools.Statistics(lambda pair: pair.fitness.values)
    stats.register("min", np.min)
    stats.register("mutpb", probability.observe)
    common = {"cxpb": 0.3, "mutpb": probability, "ngen": ngen, "stats": stats, "halloffame": fame, "verbose": False}
    if name == "eaSimple":
        return algorithms.eaSimple(population, toolbox, **common)
    return getattr(algorithms, name)(population, toolbox, mu=4, lambda_=5, **common)


@pytest.mark.parametrize("name", ["eaSimple", "eaMuPlusLambda", "eaMuCommaLambda"])
def test_stock_algorithms_end_to_end(name):
    toolbox = toolbox_for()
    population = toolbox.population(n=4)
    ngen, fame = 4, tools.HallOfFame(2, similar=similar)
    population, logbook = run(name, toolbox, population, ScheduledProbability(Exponential(0.7), ngen), ngen, fame)
    assert logbook.select("gen") == list(range(ngen + 1))
    expected = [0.0, *(Exponential(0.7)(t, ngen - 1) for t in range(ngen))]
    assert logbook.select("mutpb") == pytest.approx(expected)
    assert len(population) == 4
    assert all(sound(pair) and pair.fitness.valid for pair in (*population, *fame))
    assert min(logbook.select("min")) >= fame[0].fitness.values[0]
    assert fame[0].fitness.values == evaluate(fame[0], DATA)


def test_the_canonical_baseline_is_stock_easimple_on_one_pair():
    ngen = 6
    probability = ScheduledProbability(Fixed(1.0), ngen)
    toolbox = toolbox_for()
    prune = gated(partial(mutPruneRandom, amount=0.1), probability)
    toolbox.register("mutate", sequence(partial(mutTrain, data=DATA, learning_rate=0.01), prune))
    stats = tools.Statistics(lambda pair: pair.preserved)
    stats.register("preserved", np.mean)
    stats.register("mutpb", probability.observe)
    pairs = toolbox.population(n=1)
    (pair,), logbook = algorithms.eaSimple(pairs, toolbox, cxpb=0, mutpb=1, ngen=ngen, stats=stats, verbose=False)
    preserved = logbook.select("preserved")
    assert all(after < before for before, after in pairwise(preserved))
    assert preserved[-1] == pytest.approx(0.9**ngen, abs=0.03)  # rounding in small tensors
    assert pair.age == ngen
    assert sound(pair)


def test_history_follows_decorated_operators():
    toolbox = toolbox_for()
    history = tools.History()
    toolbox.decorate("mate", history.decorator)
    toolbox.decorate("mutate", history.decorator)
    population = toolbox.population(n=3)
    history.update(population)
    population, _ = algorithms.eaSimple(population, toolbox, cxpb=0.5, mutpb=0.9, ngen=2, verbose=False)
    last = next(pair for pair in population if pair.history_index > 3)
    tree = history.getGenealogy(last)
    assert tree[last.history_index]
    assert all(sound(pair) for pair in history.genealogy_history.values())


def test_migration_between_demes():
    toolbox = toolbox_for()
    demes = [toolbox.population(n=3) for _ in range(2)]
    for deme in demes:
        for pair in deme:
            pair.fitness.values = toolbox.evaluate(pair)
    best = [tools.selBest(deme, 1)[0] for deme in demes]
    tools.migRing(demes, 1, tools.selBest)
    assert [any(pair is best[1 - i] for pair in deme) for i, deme in enumerate(demes)] == [True, True]
    assert [any(pair is best[i] for pair in deme) for i, deme in enumerate(demes)] == [False, False]


def test_nsga2_on_loss_and_size():
    toolbox = toolbox_for(SmallPair)
    toolbox.register("evaluate", loss_and_size, data=DATA)
    toolbox.register("select", tools.selNSGA2)
    front = tools.ParetoFront(similar=similar)
    population = toolbox.population(n=6)
    with torch.no_grad():
        population[0].decoder.module[0].bias[0] = float("nan")
        population[0].decoder.prune("2.weight", torch.zeros(20, 6, dtype=torch.bool))  # small, but broken
    population, _ = algorithms.eaMuPlusLambda(
        population, toolbox, mu=6, lambda_=6, cxpb=0.2, mutpb=0.8, ngen=4, halloffame=front, verbose=False
    )
    assert not any(pair.fitness.nonfinite for pair in (*population, *front))
    values = sorted(pair.fitness.values for pair in front)
    assert [size for _, size in values] == sorted((size for _, size in values), reverse=True)
    assert all(sound(pair) and pair.preserved == pair.fitness.values[1] for pair in front)


def test_the_same_seeds_give_the_same_run():
    results = []
    for _ in range(2):
        random.seed(5)
        torch.manual_seed(5)
        toolbox = toolbox_for()
        population, logbook = algorithms.eaSimple(toolbox.population(n=3), toolbox, 0.5, 0.7, 3, verbose=False)
        results.append((population, logbook))
    assert results[0] == results[1]


def test_operators_leave_the_fitness_to_deap():
    toolbox = toolbox_for()
    pair = toolbox.individual()
    pair.fitness.values = (0.5,)
    before = copy.deepcopy(pair)
    (result,) = toolbox.mutate(pair)
    assert result is pair
    assert pair.fitness.values == (0.5,)
    assert pair != before


def test_evaluation_by_a_pool_of_processes():
    toolbox = toolbox_for()
    population = toolbox.population(n=3)
    population[0].encoder.prune("0.weight", torch.rand(6, 20) < 0.5)
    expected = [toolbox.evaluate(pair) for pair in population]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # forking beside torch's threads
        with get_context("fork").Pool(1) as pool:
            toolbox.register("map", pool.map)
            assert list(toolbox.map(toolbox.evaluate, population)) == expected
            mutated = toolbox.map(toolbox.mutate, population)
    assert all(sound(pair) for (pair,) in mutated)
