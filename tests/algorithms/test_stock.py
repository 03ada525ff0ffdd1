"""The canonical baseline a generation at a time is DEAP's own eaSimple, seeded anew for each."""

import copy
import pickle
import random
from functools import partial

import pytest
import torch
from deap import algorithms, base, tools

from evoprune.algorithms import canonical_generations
from evoprune.evaluation import reconstruction_loss
from evoprune.operators import gated, mutPruneRandom, mutTrain, sequence
from evoprune.seeds import derive, seeded
from tests.algorithms.small import DATA, full, make_grid


def make_toolbox():
    toolbox = base.Toolbox()
    toolbox.register("evaluate", lambda pair: reconstruction_loss(pair.encoder, pair.decoder, DATA))
    toolbox.register("select", tools.selBest)
    prune = gated(partial(mutPruneRandom, amount=0.2), 0.5)
    toolbox.register("mutate", sequence(partial(mutTrain, data=DATA, learning_rate=1e-2), prune))
    return toolbox


@pytest.mark.parametrize("size", [1, 3])
def test_it_is_eaSimple_in_streams_of_its_own(size):
    population, by_hand = make_grid(size), make_grid(size)
    generations = list(canonical_generations(population, make_toolbox(), 3, seed=7))
    for pair in by_hand:
        pair.fitness.values = make_toolbox().evaluate(pair)
    for generation in (1, 2, 3):
        with seeded(derive(7, generation, 11)):
            by_hand, _ = algorithms.eaSimple(by_hand, make_toolbox(), cxpb=0, mutpb=1, ngen=1, verbose=False)
    assert full(population) == full(by_hand)
    assert [generation.number for generation in generations] == [0, 1, 2, 3]
    assert [generation.evaluations for generation in generations] == [size] * 4
    assert generations[0].offspring == []
    assert [made.individual for made in generations[3].offspring] == population
    assert all(made.train_loss == made.individual.train_loss for made in generations[3].offspring)
    assert all(made.train_loss > 0 for made in generations[3].offspring)


def test_it_changes_the_population_in_place_leaves_the_global_stream_and_resumes():
    population = make_grid(1)
    state = random.getstate(), torch.get_rng_state()
    for generation in canonical_generations(population, make_toolbox(), 4, seed=7):
        if generation.number == 2:
            half = pickle.loads(pickle.dumps(population))
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])
    rest = list(canonical_generations(half, make_toolbox(), 4, seed=7, start=2))
    assert [generation.number for generation in rest] == [3, 4]
    assert full(half) == full(population)
    assert population[0].age == 4


def test_a_mutation_that_does_not_train_has_no_training_loss():
    toolbox = make_toolbox()
    toolbox.register("mutate", partial(mutPruneRandom, amount=0.1))
    *_, last = canonical_generations(make_grid(1), toolbox, 1, seed=1)
    assert str(last.offspring[0].train_loss) == "nan"


def test_what_cannot_be_run_is_refused_before_any_work():
    toolbox = make_toolbox()
    toolbox.register("evaluate", lambda *_: pytest.fail("work was done"))
    with pytest.raises(TypeError, match="changed in place and must be a list of individuals, got tuple"):
        canonical_generations(tuple(make_grid(1)), toolbox, 1)  # type: ignore[arg-type]
    pair = make_grid(1)[0]
    for population, options, message in (
        ([], {"ngen": 1}, "size of the population must be"),
        ([pair], {"ngen": -1}, "ngen must be"),
        ([pair], {"ngen": 1, "start": -1}, "start must be"),
        ([pair, copy.copy(pair)], {"ngen": 1}, "places 0 and 1 of the population hold the same genome"),
    ):
        with pytest.raises(ValueError, match=message):
            canonical_generations(population, toolbox, **options)
