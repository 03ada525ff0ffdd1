from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from torch import nn

from evoprune import Genome
from evoprune.operators import mutPruneMagnitude
from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.schedules import SCHEDULES, Exponential, Fixed, Increase, PruneAfter, Schedule, Until
from evoprune.operators.target import amount_for_target, check_target, expected_preserved, towards


@pytest.mark.parametrize(
    ("schedule", "generations", "amount", "share"),
    [
        (Fixed(1.0), 3, 0.5, 0.125),
        (Fixed(0.5), 2, 0.2, 0.81),  # (1 - 0.5 * 0.2)^2
        (Increase(0.5), 3, 0.4, 0.72),  # 1 * (1 - 0.25 * 0.4) * (1 - 0.5 * 0.4)
        (PruneAfter(0.5), 400, 0.3, 0.85),
        (Increase(0.5), 1, 0.2, 0.9),  # a single generation is the last one
        (Fixed(0.5), 400, 0.0, 1.0),
    ],
)
def test_by_hand_in_both_directions(schedule: Schedule, generations: int, amount: float, share: float) -> None:
    assert expected_preserved(schedule, generations, amount) == pytest.approx(share)
    assert amount_for_target(schedule, generations, share) == pytest.approx(amount, abs=1e-9)


def test_the_papers_settings_leave_next_to_nothing_when_masks_persist() -> None:
    schedule = Exponential(0.5)
    assert sum(schedule(t, 399) for t in range(400)) == pytest.approx(113.47, abs=0.01)
    assert expected_preserved(schedule, 400, 0.1) == pytest.approx(9.7e-6, rel=0.01)
    assert amount_for_target(schedule, 400, 0.2) == pytest.approx(0.01415, abs=1e-5)


def test_keeping_all_means_pruning_nothing() -> None:
    assert amount_for_target(Exponential(), 400, 1.0) == 0.0
    assert amount_for_target(Fixed(0.0), 400, 1.0) == 0.0


def test_simulated_lines_of_descent_end_at_the_target() -> None:
    # 20,000 runs; the standard error of their mean is about 0.0004, so 0.002 is five of them.
    schedule, generations, target = Exponential(0.5), 100, 0.3
    amount = amount_for_target(schedule, generations, target)
    p = np.array([schedule(t, generations - 1) for t in range(generations)])
    events = np.random.default_rng(1).random((20_000, generations)) < p
    kept = np.where(events, 1 - amount, 1.0).prod(axis=1)
    assert kept.std() / np.sqrt(len(kept)) < 0.0004 * 1.5
    assert kept.mean() == pytest.approx(target, abs=0.002)


@given(
    cls=st.sampled_from(list(SCHEDULES.values())),
    C=st.floats(0.01, 1),
    generations=st.integers(1, 300),
    target=st.floats(0.001, 1),
)
def test_the_amount_found_is_expected_to_leave_the_target(
    cls: type[Schedule], C: float, generations: int, target: float
) -> None:
    schedule = cls(C)
    assume(expected_preserved(schedule, generations, 1.0) <= target)
    amount = amount_for_target(schedule, generations, target)
    assert 0 <= amount <= 1
    assert expected_preserved(schedule, generations, amount) == pytest.approx(target, abs=1e-8)


def test_an_unreachable_target_says_what_is_reachable() -> None:
    message = (
        "target_preserved=0.2 cannot be reached with PruneAfter(C=0.5) in 400 generations: "
        "even an amount of 1 at each event is expected to leave 0.5"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        amount_for_target(PruneAfter(0.5), 400, 0.2)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_target(PruneAfter(0.5), 400, 0.2)
    assert amount_for_target(PruneAfter(0.5), 400, 0.5) == pytest.approx(1.0)


@pytest.mark.parametrize("target", [0, -0.1, 1.1, float("nan"), True, "0.3"])
def test_the_target_is_a_share_above_zero(target: Any) -> None:
    with pytest.raises(ValueError, match="target_preserved must be"):
        amount_for_target(Fixed(), 10, target)


def test_the_other_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="generations must be a whole number of at least 1, got 0"):
        amount_for_target(Fixed(), 0, 0.5)
    with pytest.raises(ValueError, match=r"amount must be a number in \[0, 1\], got 2"):
        expected_preserved(Fixed(), 10, 2)


@pytest.mark.parametrize("target", [0.9, 0.2, 1e-3, 1e-12, 1e-300])
@pytest.mark.parametrize("generations", [1, 2, 7, 400])
def test_certain_events_have_a_closed_form(target: float, generations: int) -> None:
    amount = amount_for_target(Fixed(1.0), generations, target)
    assert 1 - amount == pytest.approx(target ** (1 / generations), rel=1e-9, abs=1e-15)


def test_two_unequal_events_have_a_closed_form() -> None:
    # (1 - a / 2) * (1 - a) = 0.6: a^2 - 3a + 0.8 = 0
    assert amount_for_target(Increase(1.0), 3, 0.6) == pytest.approx((3 - math.sqrt(5.8)) / 2, rel=1e-14)


class Sized:
    """An individual that is nothing but its size."""

    def __init__(self, preserved: float = 1.0) -> None:
        self.preserved = preserved


def shrink(individual: Sized, amount: float) -> tuple[Sized]:
    individual.preserved *= 1 - amount
    return (individual,)


def test_with_certain_events_the_target_is_met_in_equal_steps() -> None:
    p = ScheduledProbability(Fixed(1.0), 4)
    operator, individual = towards(shrink, 0.0625, p), Sized()
    sizes = []
    for t in range(4):
        p.seek(t)
        operator(individual)
        sizes.append(individual.preserved)
    assert sizes == pytest.approx([0.5, 0.25, 0.125, 0.0625])


@pytest.mark.parametrize("share", [0.9, 0.5, 0.31])
def test_the_last_event_takes_what_is_left_to_take(share: float) -> None:
    p = ScheduledProbability(Fixed(0.5), 10)
    p.seek(9)
    (individual,) = towards(shrink, 0.3, p)(Sized(share))
    assert individual.preserved == pytest.approx(0.3)


def test_what_is_small_enough_is_left_alone() -> None:
    p = ScheduledProbability(Fixed(0.5), 10)
    (individual,) = towards(shrink, 0.3, p)(Sized(0.25))
    assert individual.preserved == 0.25


def test_what_missed_its_events_loses_more_than_what_had_them() -> None:
    p = ScheduledProbability(Fixed(0.5), 10)
    p.seek(5)
    lost = [1 - towards(shrink, 0.2, p)(Sized(share))[0].preserved / share for share in (0.9, 0.4)]
    assert lost[0] > lost[1] > 0


COURSE = {
    "cubic": [1.0, 0.5375, 0.3, 0.2125, 0.2],  # 0.2 + 0.8 * (27, 8, 1, 0) / 64
    "linear": [1.0, 0.8, 0.6, 0.4, 0.2],
    "geometric": [0.2 ** (t / 4) for t in range(5)],
    "cosine": [1.0, 0.6 + 0.4 * math.sqrt(0.5), 0.6, 0.6 - 0.4 * math.sqrt(0.5), 0.2],
}


@pytest.mark.parametrize("course", COURSE)
def test_on_a_course_with_certain_events_every_generation_keeps_what_it_wants(course: str) -> None:
    p = ScheduledProbability(Until(Fixed(1.0), 0.5), 9)  # t = 0..4 of 0..8
    operator, individual, sizes = towards(shrink, 0.2, p, course=course), Sized(), []
    for t in range(9):
        p.seek(t)
        operator(individual)
        sizes.append(individual.preserved)
    assert sizes == pytest.approx([*COURSE[course], 0.2, 0.2, 0.2, 0.2])


def test_on_a_course_what_missed_events_catches_up_and_what_is_ahead_waits() -> None:
    p, asked = ScheduledProbability(Fixed(0.5), 5), []

    def listen(individual: Sized, amount: float) -> tuple[Sized]:
        asked.append(amount)
        return shrink(individual, amount)

    operator = towards(listen, 0.2, p, course="linear")
    p.seek(2)
    behind, ahead, there = Sized(0.9), Sized(0.5), Sized(0.2)
    for individual in (behind, ahead, there):
        operator(individual)
    assert [each.preserved for each in (behind, ahead, there)] == pytest.approx([0.6, 0.5, 0.2])
    assert asked == [pytest.approx(1 / 3), 0.0]  # who is at the target is not asked for
    p.seek(4)
    assert operator(ahead)[0].preserved == pytest.approx(0.2)


def test_a_network_keeps_what_its_course_wants_to_the_weight() -> None:
    p = ScheduledProbability(Fixed(1.0), 7)
    genome = Genome(nn.Linear(40, 25, bias=False))
    operator = towards(mutPruneMagnitude, 0.05, p, course="cubic")
    for t in range(7):
        p.seek(t)
        operator(genome)
        assert abs(genome.sizes[0] - 1000 * (0.05 + 0.95 * (1 - t / 6) ** 3)) <= 0.5
    assert genome.sizes[0] == 50


def test_a_course_of_something_else_than_weights_is_gone_to_its_end() -> None:
    # Steps of a fifth: in the last generation what is too little is done again.
    def stepwise(individual: Sized, amount: float) -> tuple[Sized]:
        individual.preserved -= 0.2 * math.floor(amount * individual.preserved / 0.2)
        return (individual,)

    p = ScheduledProbability(Fixed(1.0), 3)
    operator, individual, sizes = towards(stepwise, 0.3, p, lambda one: one.preserved, "linear"), Sized(), []
    for t in range(3):
        p.seek(t)
        operator(individual)
        sizes.append(individual.preserved)
    assert sizes == pytest.approx([1.0, 0.8, 0.2])


def test_a_course_is_one_of_those_that_are_known() -> None:
    p = ScheduledProbability(Fixed(0.5), 10)
    with pytest.raises(ValueError, match="unknown course 'cubik': did you mean 'cubic'"):
        towards(shrink, 0.2, p, course="cubik")


@pytest.mark.parametrize("target", [0.0, -0.1, 1.1, float("nan")])
def test_towards_wants_a_reachable_size(target: float) -> None:
    with pytest.raises(ValueError, match="target_preserved"):
        towards(shrink, target, ScheduledProbability(Fixed(0.5), 10))
