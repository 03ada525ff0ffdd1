from __future__ import annotations

import copy
import pickle
import random
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from deap import base
from torch import nn

from evoprune import Genome
from evoprune.operators.adaptive import AdaptiveOperator
from evoprune.operators.combine import gated, prepare, sequence
from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.prune_magnitude import mutPruneMagnitude
from evoprune.operators.prune_random import mutPruneRandom
from evoprune.operators.schedules import Fixed
from evoprune.operators.target import towards
from tests.chances import chances

COSTS = torch.tensor([1.0] * 20 + [10.0] * 20)
"""What it costs to lose a weight."""


def make() -> Genome:
    genome = Genome(nn.Linear(40, 1, bias=False))
    evaluate(genome)
    return genome


def evaluate(genome: Genome) -> None:
    genome.fitness.values = (float(COSTS[~genome.masks["weight"][0]].sum()),)


def mutDrop(genome: Genome, first: int, amount: int = 1) -> tuple[Genome]:
    """Remove so many of the twenty weights from the first one on."""
    places = torch.arange(40)
    left = genome.masks["weight"][0] & (places >= first) & (places < first + 20)
    keep = torch.ones(1, 40, dtype=torch.bool)
    keep[0, left.nonzero().flatten()[:amount]] = False
    genome.prune("weight", keep)
    return (genome,)


def mutNothing(genome: Genome, amount: int = 1) -> tuple[Genome]:
    return (genome,)


CHEAP, DEAR = ("cheap", partial(mutDrop, first=0)), ("dear", partial(mutDrop, first=20))


class Draws:
    """Draws these numbers in turn, and counts them."""

    def __init__(self, *numbers: float) -> None:
        self.numbers, self.count = numbers, 0

    def random(self) -> float:
        self.count += 1
        return self.numbers[(self.count - 1) % len(self.numbers)]


def generation(adaptive: Any, count: int = 1, **options: Any) -> list[Genome]:
    """So many genomes, each mutated once and evaluated."""
    made = [make() for _ in range(count)]
    for genome in made:
        adaptive(genome, **options)
        evaluate(genome)
    return made


def test_it_applies_what_the_draw_chooses_and_passes_arguments_on() -> None:
    adaptive = AdaptiveOperator([CHEAP, DEAR], rng=(rng := Draws(0.49, 0.5)))
    one, other = make(), make()
    assert adaptive(one)[0] is one
    adaptive(other, amount=3)
    evaluate(one)
    evaluate(other)
    assert (one.fitness.values, other.fitness.values) == ((1.0,), (30.0,))
    assert rng.count == 2


def test_it_draws_once_from_the_global_random_unless_told_otherwise() -> None:
    for operators in ([CHEAP], [CHEAP, DEAR]):
        random.seed(3)
        AdaptiveOperator(operators)(make())
        after = random.random()
        random.seed(3)
        random.random()
        assert random.random() == after
    state = random.getstate()
    AdaptiveOperator([CHEAP, DEAR], rng=np.random.default_rng(1))(make())
    assert random.getstate() == state


def test_nothing_but_the_trial_is_noted() -> None:
    adaptive, plain, genome = AdaptiveOperator([CHEAP]), make(), make()
    genome.module.load_state_dict(plain.module.state_dict())
    mutDrop(plain, 0)
    adaptive(genome)
    assert genome == plain
    assert genome.fitness.values == plain.fitness.values == (0.0,)
    assert set(vars(genome)) - set(vars(plain)) == {"trials"}


def test_the_log_has_what_was_used_and_the_probabilities_are_the_next_ones() -> None:
    adaptive = AdaptiveOperator([CHEAP, DEAR], p_min=0.1, rng=Draws(0.25, 0.75))
    assert chances(adaptive) == {"cheap": 0.5, "dear": 0.5}
    assert adaptive.observe([make()]) == (0.5, 0.5)  # the record of an initial population
    # Of gains of -1 and -10 the rewards are 1 and 0, and 0.8 of the way to 0.9 and 0.1 is gone.
    assert adaptive.observe(generation(adaptive, 2)) == (0.5, 0.5)
    assert chances(adaptive) == {"cheap": pytest.approx(0.82), "dear": pytest.approx(0.18)}
    assert adaptive.observe([]) == (0.82, 0.18)


def test_credit_is_for_each_weight_removed() -> None:
    # In all the first costs more, 20 against 10, but it removes as many as twenty.
    adaptive = AdaptiveOperator([("many", partial(mutDrop, first=0, amount=20)), DEAR], rng=Draws(0.25, 0.75))
    adaptive.observe(generation(adaptive, 2))
    assert chances(adaptive)["many"] > chances(adaptive)["dear"]


@pytest.mark.parametrize("rule", ["pursuit", "matching", "ucb"])
def test_to_prune_nothing_does_not_win(rule: str) -> None:
    adaptive = AdaptiveOperator([mutNothing, DEAR], rule, rng=random.Random(1))
    for _ in range(10):
        adaptive.observe(generation(adaptive, 4))
    assert chances(adaptive)["dear"] >= 0.74  # all but p_min, 0.25


@pytest.mark.parametrize(
    ("rule", "credit", "least"),
    [("pursuit", "extreme", 0.9), ("pursuit", "mean", 0.9), ("matching", "extreme", 0.6), ("matching", "mean", 0.6)],
)
def test_the_best_operator_is_found(rule: str, credit: str, least: float) -> None:
    operators: list[Any] = [DEAR, CHEAP, ("mixed", sequence(DEAR[1], CHEAP[1]))]
    adaptive = AdaptiveOperator(operators, rule, credit, rng=random.Random(2), p_min=0.04)
    for _ in range(20):
        adaptive.observe(generation(adaptive, 4))
    assert chances(adaptive)["cheap"] >= least


def test_the_bandit_mostly_takes_the_best() -> None:
    operators: list[Any] = [DEAR, CHEAP, ("mixed", sequence(DEAR[1], CHEAP[1]))]
    adaptive = AdaptiveOperator(operators, "ucb", rng=random.Random(2))
    chosen = []
    for _ in range(20):
        chosen.append(chances(adaptive)["cheap"])
        adaptive.observe(generation(adaptive, 4))
    assert sum(chosen[1:]) > 12


def test_an_individual_that_stands_twice_or_was_cloned_counts_once() -> None:
    adaptive = AdaptiveOperator([CHEAP], rng=random.Random(1))
    one, other = generation(adaptive, 2)
    adaptive.observe([one, one, copy.deepcopy(one), other])
    assert adaptive.state()["history"] == [[0, -1.0], [0, -1.0]]
    adaptive.observe([one, other])  # survivors
    assert len(adaptive.state()["history"]) == 2


def test_an_individual_that_stands_twice_waits_only_once() -> None:
    adaptive = AdaptiveOperator([CHEAP])
    one = make()
    adaptive(one)  # and not evaluated again
    adaptive.observe([one, one])
    assert adaptive.state()["history"] == []
    child = copy.deepcopy(one)
    evaluate(child)
    adaptive.observe([child])
    assert adaptive.state()["history"] == [[0, -1.0]]


def test_those_who_did_not_survive_count_as_well() -> None:
    adaptive = AdaptiveOperator([CHEAP, DEAR], rng=Draws(0.75, 0.25))
    _, cheap = generation(adaptive, 2)
    adaptive.observe([cheap])
    assert adaptive.state()["history"] == [[0, -1.0], [1, -10.0]]
    adaptive.observe([cheap])
    assert len(adaptive.state()["history"]) == 2


@pytest.mark.parametrize("around", ["gated", "sequence", "towards", "inside"])
def test_other_wrappers_take_it_and_it_takes_them(around: str) -> None:
    p = ScheduledProbability(Fixed(1.0), 1)
    operators: list[Any] = [mutPruneMagnitude, ("random", mutPruneRandom)]
    if around == "inside":
        operators = [gated(partial(mutPruneRandom, amount=0.5), 1.0), towards(mutPruneMagnitude, 0.5, p)]
    adaptive = AdaptiveOperator(operators, rng=Draws(0.25, 0.75))
    operator: Any = {
        "gated": gated(partial(adaptive, amount=0.5), 1.0),
        "sequence": sequence(partial(adaptive, amount=0.5)),
        "towards": towards(adaptive, 0.5, p),
        "inside": adaptive,
    }[around]
    made = generation(operator, 2)
    assert [genome.sizes[0] for genome in made] == [20, 20]
    adaptive.observe(made)
    assert [number for number, _ in adaptive.state()["history"]] == [0, 1]


class Preparing:
    """An operator that notes whom it was told of."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __call__(self, individual: Any) -> tuple[Any]:
        return (individual,)

    def prepare(self, population: Any) -> None:
        self.told.append(population)


def test_all_operators_are_told_who_is_about_to_be_mutated() -> None:
    one, other = Preparing(), Preparing()
    toolbox = base.Toolbox()
    toolbox.register("mutate", gated(AdaptiveOperator([one, partial(other)]), 0.5))
    prepare(toolbox.mutate, ["who"])
    assert one.told == other.told == [["who"]]


def learned() -> AdaptiveOperator:
    adaptive = AdaptiveOperator([CHEAP, DEAR], rng=random.Random(1))
    adaptive.observe(generation(adaptive, 4))
    assert chances(adaptive)["cheap"] > 0.6
    return adaptive


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_keeps_what_was_learned_and_learns_on_its_own(copied: Any) -> None:
    adaptive = learned()
    twin = copied(adaptive)
    assert twin.state() == adaptive.state()
    twin.observe(generation(twin, 4))
    assert len(twin.state()["history"]) == 8
    assert len(adaptive.state()["history"]) == 4


def test_it_works_in_a_toolbox_that_copies_and_pickles() -> None:
    adaptive = learned()
    toolbox = base.Toolbox()
    toolbox.register("mutate", adaptive)
    assert toolbox.mutate.__name__ == "mutate"
    twin = pickle.loads(pickle.dumps(toolbox.mutate)).func
    assert twin.state() == adaptive.state()
    assert adaptive.__name__ == repr(adaptive) == "AdaptiveOperator(cheap, dear)"


def test_state_and_reset() -> None:
    adaptive = learned()
    other = AdaptiveOperator([CHEAP, DEAR])
    new = other.state()
    other.load_state(adaptive.state())
    assert other.probabilities == adaptive.probabilities
    assert other.state() == adaptive.state() != new
    with pytest.raises(ValueError, match=r"the state must be of the operators \['dear'\], got \['cheap', 'dear'\]"):
        AdaptiveOperator([DEAR]).load_state(adaptive.state())
    with pytest.raises(TypeError, match="state must be what state"):
        other.load_state(None)  # type: ignore[arg-type]
    other.reset()
    assert other.state() == new


def test_names_are_those_of_the_functions_and_doubles_are_numbered() -> None:
    operators: list[Any] = [mutPruneRandom, partial(mutPruneRandom, amount=0.1), ("mutPruneRandom-2", mutNothing), DEAR]
    names = ("mutPruneRandom", "mutPruneRandom-2", "mutPruneRandom-2-2", "dear")
    assert AdaptiveOperator(operators).names == names


def bare(individual: Any) -> Any:
    return individual


def test_what_does_not_fit_is_refused() -> None:
    wrong: list[tuple[type[Exception], str, list[Any], dict[str, Any]]] = [
        (ValueError, "AdaptiveOperator needs at least one operator, got none", [], {}),
        (TypeError, "operator must be callable as operator", ["random"], {}),
        (TypeError, "the name of an operator must be text, got 1", [(1, mutNothing)], {}),
        (ValueError, "an operator with its name must be two", [(mutNothing,)], {}),
        (ValueError, "unknown rule 'greedy'; known: matching, pursuit, ucb", [DEAR], {"rule": "greedy"}),
        (ValueError, "unknown credit 'sum'; known: extreme, mean", [DEAR], {"credit": "sum"}),
        (ValueError, "unknown parameter of the rule pursuit 'C'; known: alpha, beta, p_min", [DEAR], {"C": 1.0}),
        (ValueError, "p_min must be at least 0 and below 1/2", [CHEAP, DEAR], {"p_min": 0.5}),
        (TypeError, "rng must be random.Random", [DEAR], {"rng": 3}),
    ]
    for error, message, operators, options in wrong:
        with pytest.raises(error, match=message):
            AdaptiveOperator(operators, **options)
    with pytest.raises(TypeError, match="operators must be a list of operators, got"):
        AdaptiveOperator(mutNothing)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bare must return a tuple of one individual, got Genome"):
        AdaptiveOperator([bare])(make())
