"""The steps of one cell in one generation."""

import random

import numpy as np
import pytest
import torch
from deap import tools

from evoprune import Decoder, Encoder
from evoprune.algorithms.cells import Cell, CellUpdate
from evoprune.seeds import Stream, derive, seeded
from tests.algorithms.toy import BY_DECODER, BY_ENCODER, Recorder, cell, grid, tag, toy


@pytest.mark.parametrize("concept", BY_ENCODER)
def test_an_encoders_loss_over_all_decoders(concept):
    recorder = Recorder()
    recorder.update(concept=concept)([cell()])
    assert recorder.events[:9] == [("evaluate", i, j) for i in range(3) for j in range(3)]
    name, fitnesses, tags = recorder.events[9]
    assert (name, tags) == ("select", [0, 1, 2])
    assert [value for (value,) in fitnesses] == pytest.approx(BY_ENCODER[concept])


@pytest.mark.parametrize(("concept", "expected"), [("minimum", 0), ("mean", 1), ("maximum", 1)])
def test_deaps_selection_sees_these_losses(concept, expected):
    (offspring,) = Recorder(select=tools.selBest).update(concept=concept)([cell()])
    assert offspring.chosen == (expected, expected)


def test_both_genomes_come_from_the_index_that_was_picked():
    pairs = grid()
    (offspring,) = Recorder().update()([cell(pairs)])
    assert offspring.chosen == (2, 2)
    assert [tag(genome) for genome in offspring.individual] == [2, 2]
    assert offspring.individual is not pairs[2]
    assert offspring.individual.encoder is not pairs[2].encoder
    assert (offspring.train_loss, offspring.evaluations) == (7.0, 10)
    assert offspring.individual.fitness.values == (3.0,)
    assert [pair.fitness.values for pair in pairs] == [(99.0,)] * 3  # what was read is left as it was


def test_the_order_of_the_steps_and_who_gets_which_rate():
    recorder = Recorder()
    (offspring,) = recorder.update(mutate=recorder.mutate, rate_sigma=0.0)([cell(rate=0.5)])
    assert recorder.names() == ["evaluate"] * 9 + ["select", "clone", "train", "evaluate", "mutate"]
    # The rate is the cell's, not that of the winner, 0.25; the pair trains by a seed of its own and unevaluated.
    assert recorder.events[-3] == ("train", [(0.5, derive(1, 3, 4, 1), False)])
    assert offspring.individual.learning_rate == 0.5
    assert offspring.individual.seed is None


def test_pruning_before_the_evaluation():
    recorder = Recorder()
    recorder.update(mutate=recorder.mutate, prune="before")([cell()])
    assert recorder.names()[-3:] == ["train", "mutate", "evaluate"]


@pytest.mark.parametrize("prune", ["after", "before"])
def test_a_mutation_after_the_evaluation_sees_its_value_and_one_before_it_none(prune):
    seen = []

    def mutate(pair):
        seen.append((pair.fitness.valid, pair.fitness.values, pair.cell))
        pair.fitness.values = (77.0,)  # whatever it does, the loss is the offspring's fitness
        return (pair,)

    (offspring,) = Recorder().update(mutate=mutate, prune=prune)([cell()])
    assert seen == [(True, (3.0,), 3) if prune == "after" else (False, (), 3)]
    assert offspring.individual.fitness.values == (3.0,)


def test_the_offspring_knows_its_cell_not_that_of_the_winner():
    pairs = grid()
    known: list[int] = []
    for i, pair in enumerate(pairs):
        pair.cell = 10 + i
    recorder = Recorder(train=lambda made: known.extend(pair.cell for pair in made))
    (offspring,) = recorder.update()([cell(pairs)])
    assert known == [3]
    assert offspring.individual.cell == 3
    assert [pair.cell for pair in pairs] == [10, 11, 12]


@pytest.mark.parametrize(("prune", "loss"), [("after", 3.0), ("before", 4.0)])
def test_what_the_mutation_returns_is_the_offspring(prune, loss):
    other = toy(1)
    recorder = Recorder()
    (offspring,) = recorder.update(mutate=lambda pair: (other,), prune=prune, rate_sigma=0.0)([cell(rate=0.5)])
    assert offspring.individual is other
    assert other.fitness.values == (loss,)
    assert other.learning_rate == 0.5


def test_several_cells_train_in_one_call():
    recorder = Recorder()
    cells = [cell(), Cell(4, 1, 4, None, [toy(1), toy(2), toy(0)])]
    first, second = recorder.update(rate_sigma=0.0)(cells)
    assert recorder.names().count("train") == 1
    ((_, trained),) = [event for event in recorder.events if event[0] == "train"]
    assert [rate for rate, _, _ in trained] == [0.5, None]
    assert tag(first.individual.encoder) == 2
    assert tag(second.individual.encoder) == 0  # the third of its own neighbourhood
    assert second.individual.learning_rate is None


def test_one_pair_alone():
    recorder = Recorder(pick=lambda views: views[0])
    (offspring,) = recorder.update()([cell([toy(1)])])
    assert recorder.names() == ["evaluate", "select", "clone", "train", "evaluate"]
    assert offspring.evaluations == 2


def test_the_step_of_the_learning_rate():
    update, here = Recorder().update(rate_sigma=0.1), cell(rate=0.5)
    with seeded(here.key(Stream.FINISH)):
        expected = 0.5 + random.gauss(0.0, 0.1)
    assert update([here])[0].individual.learning_rate == expected


@pytest.mark.parametrize("rate", [1e-9, 10.0])
def test_the_learning_rate_keeps_within_its_bounds(rate):
    update = Recorder().update(rate_sigma=1e-3)
    rates = [update([cell(rate=rate, generation=g)])[0].individual.learning_rate for g in range(20)]
    assert rate in rates
    assert len(set(rates)) > 3
    assert all(1e-9 <= r <= 10.0 for r in rates)


def test_random_opponents_select_each_side_and_train_both():
    calls = []

    def train(pairs, parts, opponents):
        calls.append((parts, [[tag(genome) for genome in pool] for pool in opponents], [type(p[0]) for p in opponents]))
        return [len(calls)] * len(pairs)

    recorder = Recorder(train=train, select=lambda views, k: [min(views, key=lambda view: view.fitness.values)])
    (offspring,) = recorder.update(opponents="random")([cell()])
    assert offspring.chosen == (0, 1)  # the best row and the best column
    assert [tag(genome) for genome in offspring.individual] == [0, 1]
    assert calls == [(("encoder",), [[0, 1, 2]], [Decoder]), (("decoder",), [[0, 1, 2]], [Encoder])]
    assert offspring.train_loss == 1.0
    assert offspring.individual.fitness.values == (1.0,)


@pytest.mark.parametrize("concept", BY_DECODER)
def test_a_decoders_loss_over_all_encoders(concept):
    recorder = Recorder(train=lambda pairs, parts, opponents: None)
    recorder.update(opponents="random", concept=concept)([cell()])
    fitnesses = [event[1] for event in recorder.events if event[0] == "select"]
    assert [value for (value,) in fitnesses[0]] == pytest.approx(BY_ENCODER[concept])
    assert [value for (value,) in fitnesses[1]] == pytest.approx(BY_DECODER[concept])


def test_streams_are_named_by_run_cell_and_generation_and_leave_the_global_ones_alone():
    drawn = []

    def draw(*_):
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))  # noqa: NPY002

    recorder, here = Recorder(), cell()
    update = CellUpdate(lambda *_: 1.0, recorder.select, draw, recorder.clone, batch=draw)
    state = random.getstate(), torch.get_rng_state()
    update([here])
    first = drawn.copy()
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])
    random.seed(8)
    torch.manual_seed(8)
    update([here])
    assert drawn[3:] == first
    assert len(set(first)) == 3  # scoring, training and finishing each have their own
    for other in (Cell(2, 1, 4, 0.5, grid()), Cell(3, 2, 4, 0.5, grid()), cell(generation=5)):
        drawn.clear()
        update([other])
        assert not set(drawn) & set(first)
    with seeded(derive(1, 3, 4, 0)):
        assert random.random() == first[0][0]
