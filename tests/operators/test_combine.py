from __future__ import annotations

import copy
import pickle
import random
from functools import partial
from typing import Any

import numpy as np
import pytest
from deap import base, tools

from evoprune.operators.combine import gated, sequence
from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.schedules import Fixed, PruneAfter


def mutAppend(individual: list[Any], mark: Any = 1) -> tuple[list[Any]]:
    individual.append(mark)
    return (individual,)


def mutReplace(individual: list[Any]) -> tuple[list[Any]]:
    return ([*individual, "new"],)


class Counting:
    """Draws 0.5 for ever and counts the draws."""

    draws = 0

    def random(self) -> float:
        self.draws += 1
        return 0.5


class Historic(list[Any]):
    history_index: int = 0


@pytest.mark.parametrize(("probability", "applied"), [(0, 0), (0.25, 0), (0.5, 0), (0.75, 1), (1.0, 1), (1, 1)])
def test_gated_applies_when_the_draw_is_below_the_probability(probability: float, applied: int) -> None:
    rng = Counting()
    individual: list[Any] = []
    (result,) = gated(mutAppend, probability, rng)(individual)
    assert result is individual
    assert len(individual) == applied
    assert rng.draws == 1


def test_gated_draws_from_the_global_random_unless_told_otherwise() -> None:
    for probability in (0.0, 1.0):
        random.seed(3)
        gated(mutAppend, probability)([])
        after = random.random()
        random.seed(3)
        random.random()
        assert random.random() == after
    state = random.getstate()
    gated(mutAppend, 0.5, random.Random(1))([])
    gated(mutAppend, 0.5, np.random.default_rng(1))([])
    assert random.getstate() == state


def test_gated_passes_arguments_on() -> None:
    assert gated(mutAppend, 1)([], mark="a") == (["a"],)
    assert gated(mutAppend, 1)([], "b") == (["b"],)
    assert gated(mutAppend, 0)([], mark="a") == ([],)


def test_gated_happens_at_the_rate_asked_for() -> None:
    individual: list[Any] = []
    operator = gated(mutAppend, 0.3, random.Random(1))
    for _ in range(10_000):
        operator(individual)
    assert len(individual) == pytest.approx(3000, abs=230)  # five standard deviations


def test_gated_follows_a_scheduled_probability() -> None:
    p = ScheduledProbability(PruneAfter(1.0), 3)
    operator = gated(mutAppend, p)
    lengths = []
    for _ in range(3):
        lengths.append(len(operator([])[0]))
        p.observe()
    assert lengths == [0, 0, 1]
    with pytest.raises(RuntimeError, match="used up"):
        operator([])


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan"), True, "0.5", None, lambda: 0.5])
def test_gated_refuses_what_is_no_probability(probability: Any) -> None:
    with pytest.raises(ValueError, match=r"probability must be a number in \[0, 1\], got"):
        gated(mutAppend, probability)


@pytest.mark.parametrize("schedule", [Fixed, Fixed(0.5)])
def test_gated_says_how_a_schedule_becomes_a_probability(schedule: Any) -> None:
    with pytest.raises(ValueError, match=r"got .*Fixed.*; wrap a schedule: ScheduledProbability\(schedule, gen"):
        gated(mutAppend, schedule)


def test_sequence_hands_each_the_result_of_the_one_before() -> None:
    individual = ["old"]
    (result,) = sequence(mutAppend, mutReplace, partial(mutAppend, mark=2))(individual)
    assert result == ["old", 1, "new", 2]
    assert individual == ["old", 1]


def test_what_cannot_be_an_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="sequence needs at least one operator, got none"):
        sequence()
    with pytest.raises(TypeError, match="operator must be callable"):
        sequence(mutAppend, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="operator must be callable"):
        gated(None, 0.5)  # type: ignore[arg-type]


def bare(individual: Any) -> Any:
    return individual


def test_an_operator_that_forgets_the_tuple_is_named() -> None:
    # The list of one would unpack into its element without complaint.
    for operator in (sequence(mutAppend, bare), gated(bare, 1)):
        with pytest.raises(TypeError, match="bare must return a tuple of one individual, got list"):
            operator(["one"])


OPERATORS = [
    gated(mutAppend, 1.0),
    gated(partial(mutAppend, mark=2), ScheduledProbability(Fixed(1.0), 3), random.Random(1)),
    sequence(mutAppend, gated(mutAppend, 1.0)),
]


@pytest.mark.parametrize("operator", OPERATORS, ids=repr)
def test_they_pickle_copy_and_work_in_a_toolbox_under_history(operator: Any) -> None:
    expected = operator([0])
    assert len(expected[0]) > 1
    assert pickle.loads(pickle.dumps(operator))([0]) == expected
    assert copy.deepcopy(operator)([0]) == expected

    toolbox = base.Toolbox()
    toolbox.register("mutate", operator)
    assert toolbox.mutate([0]) == expected
    assert toolbox.mutate.__name__ == "mutate"
    assert pickle.loads(pickle.dumps(toolbox.mutate))([0]) == expected
    assert copy.deepcopy(toolbox).mutate([0]) == expected

    history = tools.History()
    parent = Historic([0])
    history.update([parent])
    toolbox.decorate("mutate", history.decorator)
    assert toolbox.mutate(Historic(parent)) == expected
    assert len(history.genealogy_history) == 2


def test_a_deep_copy_keeps_its_own_time() -> None:
    p = ScheduledProbability(PruneAfter(1.0), 2)
    original = gated(mutAppend, p)
    copied = copy.deepcopy(original)
    p.seek(1)
    assert original([]) == ([1],)
    assert copied([]) == ([],)


def test_they_say_what_they_are() -> None:
    toolbox = base.Toolbox()
    toolbox.register("prune", mutAppend, mark=2)
    assert repr(gated(mutAppend, 0.25)) == "gated(mutAppend, 0.25)"
    assert repr(sequence(partial(mutAppend, mark=2), gated(toolbox.prune, 1))) == "sequence(mutAppend, gated(prune, 1))"
    assert sequence(mutAppend).__name__ == "sequence(mutAppend)"
