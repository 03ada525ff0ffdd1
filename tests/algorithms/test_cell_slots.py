"""What the slots of a cell's toolbox may be and may return."""

import copy
import pickle
import random
from dataclasses import replace
from functools import partial, wraps

import numpy as np
import pytest
import torch
from deap import base, creator, tools

from evoprune import Autoencoder
from evoprune.algorithms.cells import Cell, update_from
from evoprune.engines import Engine
from evoprune.evaluation import reconstruction_loss
from evoprune.fitness import WORST
from evoprune.seeds import Stream, seeded
from tests.algorithms.toy import LOSSES, Recorder, cell, grid, tag, toy


def test_a_batch_slot_gives_one_batch_for_all_combinations_and_one_for_the_end():
    batches, seen = [], []

    def batch():
        batches.append(object())
        return batches[-1]

    def evaluate(encoder, decoder, given):
        seen.append(given)
        return (1.0,)

    Recorder(evaluate=evaluate).update(batch=batch)([cell()])
    assert seen == [batches[0]] * 9 + [batches[1]]
    assert len(batches) == 2


@pytest.mark.parametrize("value", [2.0, 2, np.float32(2), torch.tensor(2.0), (2.0,), [2.0]])
def test_evaluate_may_return_a_bare_number(value):
    recorder = Recorder(evaluate=lambda encoder, decoder: value)
    assert recorder.update()([cell()])[0].individual.fitness.values == (2.0,)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_nan_and_infinity_count_as_worst(broken):
    losses = [[1.0, broken, 1.0], [5.0, 5.0, 5.0], [6.0, 6.0, broken]]
    for concept, chosen in (("minimum", 0), ("mean", 1), ("maximum", 1)):
        recorder = Recorder(losses, select=tools.selBest)
        assert recorder.update(concept=concept)([cell()])[0].chosen == (chosen, chosen)
    (offspring,) = Recorder(losses).update()([cell()])
    assert offspring.individual.fitness.values == (WORST,)
    assert offspring.individual.fitness.nonfinite


class Score(base.Fitness):
    weights = (1.0, -1.0)


def test_nan_and_infinity_count_as_worst_where_an_objective_is_maximized():
    """And all objectives do, or a broken network that is small would win."""
    pairs = grid()
    for pair in pairs:
        pair.fitness = Score()
    broken = {0: float("nan")}
    recorder = Recorder(evaluate=lambda encoder, decoder: (broken.get(tag(encoder), 0.5), 1.0), select=tools.selBest)
    (offspring,) = recorder.update()([cell(pairs)])
    assert tag(offspring.individual.encoder) != 0
    recorder = Recorder(evaluate=lambda encoder, decoder: (float("inf"), 1.0))
    assert recorder.update()([cell(pairs)])[0].individual.fitness.values == (-WORST, WORST)


class LossAndSize(base.Fitness):
    weights = (-1.0, -1.0)


def test_several_objectives():
    pairs = grid()
    for pair in pairs:
        pair.fitness = LossAndSize()
    recorder = Recorder(evaluate=lambda encoder, decoder: (LOSSES[tag(encoder)][tag(decoder)], 10.0 * tag(encoder)))
    (offspring,) = recorder.update()([cell(pairs)])
    assert recorder.events[0][1] == [(1, 0), (4, 10), (2, 20)]
    assert offspring.individual.fitness.values == (3.0, 20.0)


def test_a_train_slot_may_return_nothing_but_not_too_little():
    assert np.isnan(Recorder(train=lambda pairs: None).update()([cell()])[0].train_loss)
    with pytest.raises(ValueError, match="train returned 0 losses for 1 individuals"):
        Recorder(train=lambda pairs: []).update()([cell()])


def test_a_selection_that_copies_is_an_error():
    with pytest.raises(ValueError, match="select must return individuals that it was given"):
        Recorder(pick=lambda views: copy.deepcopy(views[0])).update()([cell()])


def test_options_and_slots_are_checked():
    toolbox = base.Toolbox()
    with pytest.raises(ValueError, match="the toolbox lacks evaluate, select, train: register"):
        update_from(toolbox)
    for slot in ("evaluate", "select", "train"):
        toolbox.register(slot, len)
    update = update_from(toolbox, prune="before")
    assert (update.mutate, update.batch, update.clone) == (None, None, toolbox.clone)
    for options, message in (
        ({"concept": "median"}, "unknown concept 'median'"),
        ({"prune": "never"}, "unknown order of pruning 'never'"),
        ({"opponents": "all"}, "unknown kind of opponents 'all'"),
        ({"rate_sigma": -1.0}, "rate_sigma must be a number of at least 0"),
    ):
        with pytest.raises(ValueError, match=message):
            update_from(toolbox, **options)


def test_it_travels():
    toolbox = base.Toolbox()
    toolbox.register("evaluate", partial(max, 1.0))
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", len)
    update = update_from(toolbox)
    assert pickle.loads(pickle.dumps(update)).select.keywords == {"tournsize": 2}


class Prepared:
    """A mutation that writes down when it prepares, and for which pairs."""

    def __init__(self):
        self.events = []

    def prepare(self, pairs):
        self.events.append(("prepare", [tag(pair.encoder) for pair in pairs], random.random()))

    def __call__(self, pair, by=1):
        self.events.append(("mutate", tag(pair.encoder), by))
        return (pair,)


@pytest.mark.parametrize("prune", ["after", "before"])
@pytest.mark.parametrize("opponents", ["selected", "random"])
def test_a_mutation_that_prepares_does_so_once_for_all_pairs_that_have_trained(prune, opponents):
    def events(wrapped):
        mutate, toolbox = Prepared(), base.Toolbox()
        toolbox.register("mutate", partial(mutate, by=2), by=3)  # a partial of a partial
        recorder = Recorder(train=lambda pairs, **_: mutate.events.append(("train",)))
        update = recorder.update(mutate=toolbox.mutate if wrapped else mutate, prune=prune, opponents=opponents)
        update([cell(), Cell(4, 1, 4, None, [toy(1), toy(2), toy(0)])])
        return mutate.events

    (_, encoders, drawn), *mutations = [event for event in events(wrapped=True) if event[0] != "train"]
    assert encoders == [2, 0]
    assert mutations == [("mutate", 2, 3), ("mutate", 0, 3)]
    trainings = 1 if opponents == "selected" else 2
    assert [event[0] for event in events(wrapped=False)] == ["train"] * trainings + ["prepare", "mutate", "mutate"]
    with seeded(cell().key(Stream.TOGETHER)):  # a stream of the first cell, from where training left it
        assert drawn == random.random()


def test_pairs_of_classes_that_creator_made():
    creator.create("CellFitness", base.Fitness, weights=(-1.0,))
    creator.create("CellPair", Autoencoder, fitness=creator.CellFitness)
    try:
        pairs = [toy(i, creator.CellPair) for i in range(3)]
        (offspring,) = Recorder().update()([cell(pairs)])
        assert type(offspring.individual) is creator.CellPair
        assert type(offspring.individual.fitness) is creator.CellFitness
        assert offspring.individual.fitness.values == (3.0,)
        assert not any(pair.fitness.valid for pair in pairs)
    finally:
        del creator.CellFitness, creator.CellPair


class Offer:
    """An evaluation that is asked for all combinations at once."""

    def __init__(self):
        self.asked = []

    def __call__(self, encoder, decoder, batch=None, scale=1.0):
        self.asked.append("one")
        return scale * LOSSES[tag(encoder)][tag(decoder)]

    def pairwise(self, encoders, decoders, batch=None, scale=1.0):
        self.asked.append((len(encoders), len(decoders), batch))
        return [[scale * LOSSES[tag(one)][tag(other)] for other in decoders] for one in encoders]


def scored(evaluate, *arguments, decorate=None, **options):
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate, *arguments, **options)
    if decorate is not None:
        toolbox.decorate("evaluate", decorate)
    return Recorder(evaluate=toolbox.evaluate).update()


def test_an_evaluation_that_offers_all_combinations_is_asked_once():
    offer = Offer()
    update = scored(offer, batch="all", scale=2.0)
    assert update.score(grid())[:, :, 0].tolist() == (2 * np.array(LOSSES)).tolist()
    assert offer.asked == [(3, 3, "all")]
    assert update.only_reads


def penalty(function):
    @wraps(function)
    def penalized(*arguments, **options):
        return function(*arguments, **options) + 1

    vars(penalized)["pairwise"] = function.pairwise  # as wraps does with a function's own attributes
    return penalized


def test_a_decorated_evaluation_offers_nothing():
    offer = Offer()
    update = scored(offer, decorate=penalty)
    assert update.score(grid())[:, :, 0].tolist() == (np.array(LOSSES) + 1).tolist()
    assert offer.asked == ["one"] * 9
    assert not update.only_reads


def test_an_evaluation_with_a_first_argument_of_its_own_offers_nothing():
    offer = Offer()
    update = scored(partial(lambda first, *others: offer(*others), 0))
    assert update.score(grid())[:, :, 0].tolist() == LOSSES
    assert not scored(offer, 0).only_reads


def test_the_losses_of_reconstructions_are_those_one_by_one():
    pairs = [toy(tag) for tag in (1, 2, 3)]
    data = torch.rand(5, 1)
    update = scored(reconstruction_loss, data=data)
    expected = [[reconstruction_loss(one.encoder, other.decoder, data) for other in pairs] for one in pairs]
    np.testing.assert_allclose(update.score(pairs), expected, rtol=1e-6)


def meddle(encoder, decoder):
    with torch.no_grad():
        encoder.module.weight.add_(1)
    return 1.0


@pytest.mark.parametrize("opponents", ["selected", "random"])
def test_an_engine_keeps_cells_from_functions_that_may_change_them(opponents):
    slots = {"opponents": opponents, "train": lambda pairs, **parts: None}
    meddling, reading = Recorder(evaluate=meddle).update(), scored(Offer())
    for update in (meddling, reading):
        pairs = grid()
        before = copy.deepcopy(pairs)
        Engine().map(replace(update, **slots), [[cell(pairs)]])
        assert pairs == before
    assert replace(reading, **slots).only_reads == (opponents == "selected")
