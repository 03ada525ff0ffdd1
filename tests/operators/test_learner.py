from __future__ import annotations

import copy
from typing import Any

import pytest

from evoprune.operators.credit import NOTHING
from evoprune.operators.learner import Learner
from evoprune.operators.rules import Pursuit, UpperConfidence


def test_a_number_chooses_the_part_it_lies_in() -> None:
    learner = Learner(Pursuit(4))
    learner.probabilities = [0.0, 0.25, 0.75, 0.0]
    assert [learner.choice(draw) for draw in (0.0, 0.2499, 0.25, 0.9999)] == [1, 1, 2, 2]
    learner.probabilities = [0.1] * 3 + [0.0]  # sums of fractions may fall short of 1
    assert learner.choice(0.9999) == 2


def test_it_remembers_as_much_as_its_rule_does() -> None:
    learner = Learner(UpperConfidence(2, window=2))
    for number, gain in [(0, -1.0), (1, -2.0), (1, NOTHING)]:
        learner.add([(number, gain)])
    assert learner.history == [(1, -2.0), (1, NOTHING)]
    assert learner.probabilities == [1.0, 0.0]  # the first is untried again


def test_from_nothing_it_learns_nothing() -> None:
    learner = Learner(Pursuit(2))
    learner.add([(0, -1.0), (1, -3.0)])
    before = learner.state()
    learner.add([])
    assert learner.state() == before


def test_what_is_stored_and_taken_over_learns_the_same() -> None:
    learner, other = Learner(Pursuit(2)), Learner(Pursuit(2))
    learner.add([(0, -1.0), (1, NOTHING), (1, -3.0)])
    other.load_state(copy.deepcopy(learner.state()))
    for one in (learner, other):
        one.add([(1, 2.0)])
    assert vars(other) == vars(learner)


GOOD: dict[str, Any] = {"history": [[0, -1.0]], "qualities": [1.0, 0.5], "probabilities": [0.75, 0.25]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"qualities": [1.0]}, r"qualities must be 2 numbers in \[0, 1\], got \[1.0\]"),
        ({"qualities": [1.0, float("nan")]}, "qualities must be 2 numbers"),
        ({"probabilities": [0.75, 0.75]}, "probabilities must add up to 1, got"),
        ({"probabilities": None}, "probabilities must be 2 numbers"),
        ({"history": [[2, 0.0]]}, "history must be pairs of an operator's number and a gain, got"),
        ({"history": [[0, float("nan")]]}, "history must be pairs"),
        ({"history": [[True, 1.0]]}, "history must be pairs"),
        ({"history": None}, "history must be pairs"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(wrong: dict[str, Any], message: str) -> None:
    learner = Learner(Pursuit(2))
    learner.load_state(GOOD)
    with pytest.raises(ValueError, match=message):
        learner.load_state({**GOOD, "probabilities": [0.5, 0.5], **wrong})
    assert learner.state() == GOOD
    with pytest.raises(TypeError, match="state must be what state\\(\\) gave"):
        learner.load_state([])  # type: ignore[arg-type]
