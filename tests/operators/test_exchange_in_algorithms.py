"""An exchange of weights in a stock algorithm, in a toolbox and on its way to a worker."""

from __future__ import annotations

import copy
import pickle
import random
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from deap import algorithms, base, tools

from evoprune.evaluation import evaluate
from evoprune.operators import (
    COURSES,
    Fixed,
    ScheduledProbability,
    Until,
    exchange,
    gated,
    mutPruneMagnitude,
    mutRegrow,
    mutTrain,
    sequence,
)
from evoprune.operators.combine import prepare
from tests.evidence import BatchGradients
from tests.parts import CLASSES, INPUTS, one_in_a_list, two

lowest = partial(mutPruneMagnitude, scope="global")
anywhere = partial(mutRegrow, score="random")
steepest = partial(mutRegrow, batch_gradients=BatchGradients(INPUTS))


def kept(individual: Any) -> int:
    return sum(genome.sizes[0] for genome in individual)


def test_in_a_stock_algorithm() -> None:
    ngen = 6
    p = ScheduledProbability(Until(Fixed(1.0), 0.8), ngen)  # t = 0..4
    toolbox, stats = base.Toolbox(), tools.Statistics()
    train = partial(mutTrain, data=(INPUTS, CLASSES), loss="cross-entropy", learning_rate=0.01, batch_size=5)
    toolbox.register("mutate", sequence(train, gated(exchange(lowest, steepest, 0.3, p), p)))
    toolbox.register("evaluate", evaluate, data=(INPUTS, CLASSES), loss="cross-entropy")
    toolbox.register("select", tools.selTournament, tournsize=2)
    stats.register("mutpb", p.observe)
    stats.register("kept", lambda population: [kept(each) for each in population])
    population = [two() for _ in range(3)]
    last, log = algorithms.eaSimple(population, toolbox, 0.0, 1.0, ngen, stats, verbose=False)
    assert log.select("mutpb") == [0.0] + [1.0] * 5 + [0.0]
    wanted = [59] + [round(59 * COURSES["cubic"](0.3, t / 4)) for t in (0, 1, 2, 3, 4, 4)]
    assert log.select("kept") == [[each] * 3 for each in wanted]
    for individual in last:
        assert individual.age == ngen
        assert individual.fitness.valid
        for genome in individual:
            for name, mask in genome.masks.items():
                assert not genome.module.get_parameter(name)[~mask].any()
                assert not any(moment[~mask].any() for moment in genome.moments[name])


@dataclass
class Prepared:
    """A pruning or growing operator that writes down who is about to be mutated."""

    operator: Any
    seen: list[Any] = field(default_factory=list)

    def prepare(self, population: Any) -> None:
        self.seen.append(population)

    def __call__(self, individual: Any, amount: float) -> Any:
        return self.operator(individual, amount)


def test_both_prepare() -> None:
    prune, grow = Prepared(lowest), Prepared(anywhere)
    p = ScheduledProbability(Fixed(1.0), 3)
    toolbox = base.Toolbox()
    toolbox.register("mutate", sequence(gated(exchange(prune, partial(grow), 0.3, p), p)))
    population = [two()]
    prepare(toolbox.mutate, population)
    assert [len(each.seen) for each in (prune, grow)] == [1, 1]
    assert prune.seen[0] is population
    assert grow.seen[0] is population
    prepare(exchange(lowest, anywhere, 0.3, p), population)  # neither wants to know


@pytest.mark.parametrize("grow", [anywhere, steepest], ids=["random", "gradient"])
def test_it_pickles_and_exchanges_the_same(grow: Any) -> None:
    p = ScheduledProbability(Fixed(1.0), 5)
    p.seek(2)
    operator, start, found = exchange(lowest, grow, 0.3, p), two(), []
    for each in (operator, pickle.loads(pickle.dumps(operator)), copy.deepcopy(operator)):
        random.seed(2)
        found.append(each(copy.deepcopy(start))[0])
    assert found[0] == found[1] == found[2] != start


def test_it_says_what_it_is() -> None:
    p = ScheduledProbability(Fixed(1.0), 5)
    operator = exchange(lowest, anywhere, 0.08, p)
    assert repr(operator) == operator.__name__ == "exchange(mutPruneMagnitude, mutRegrow, 0.08)"


def bare(individual: Any, amount: float) -> Any:
    return individual


def test_an_operator_that_forgets_the_tuple_is_named() -> None:
    p = ScheduledProbability(Fixed(1.0), 5)
    for operator in (exchange(bare, anywhere, 0.3, p), exchange(lowest, bare, 0.3, p)):
        with pytest.raises(TypeError, match="bare must return a tuple of one individual, got Network"):
            operator(one_in_a_list())  # a list of one would unpack without complaint
