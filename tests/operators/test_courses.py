"""What share of the weights is wanted when, on the way to a target."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from evoprune.operators import COURSES, Fixed, PruneAfter, Rounds, ScheduledProbability, Until
from evoprune.operators.courses import check_course, wanted

HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("name", "k", "shares"),
    [
        ("cubic", 0.2, [1.0, 0.5375, 0.3, 0.2125, 0.2]),  # 0.2 + 0.8 * (27, 8, 1, 0) / 64
        ("linear", 0.2, [1.0, 0.8, 0.6, 0.4, 0.2]),
        ("geometric", 0.0625, [1.0, 0.5, 0.25, 0.125, 0.0625]),
        ("cosine", 0.2, [1.0, 0.6 + 0.4 * HALF, 0.6, 0.6 - 0.4 * HALF, 0.2]),
    ],
)
def test_five_generations_by_hand(name: str, k: float, shares: list[float]) -> None:
    assert [COURSES[name](k, t / 4) for t in range(5)] == pytest.approx(shares)


@given(
    name=st.sampled_from(sorted(COURSES)),
    k=st.floats(0.001, 1),
    u=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
)
def test_a_course_falls_from_everything_to_its_target(name: str, k: float, u: list[float]) -> None:
    course = COURSES[name]
    assert course(k, 0.0) == pytest.approx(1.0)
    assert course(k, 1.0) == pytest.approx(k)
    early, late = (course(k, each) for each in u)
    assert 1 + 1e-12 >= early >= late - 1e-12
    assert late >= k - 1e-12


def test_the_registry_is_sorted_and_every_course_says_what_it_is() -> None:
    assert list(COURSES) == ["cosine", "cubic", "geometric", "linear"]
    assert all((course.__doc__ or "").strip() for course in COURSES.values())


def first_alone(t: int, T: int) -> float:
    return 1.0 if t == 0 else 0.0


def never(t: int, T: int) -> float:
    return 0.0


@pytest.mark.parametrize(
    ("schedule", "progress"),
    [
        (Fixed(0.5), [0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8, 1]),
        (Until(Fixed(1.0), 0.5), [0, 1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1, 1]),
        (PruneAfter(1.0), [0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8, 1]),
        (Rounds(1.0, rounds=3), [0, 1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1, 1]),  # the last that prunes is t = 5
        (never, [0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8, 1]),
        (first_alone, [1] * 9),
    ],
)
def test_the_progress_is_1_in_the_last_generation_that_prunes(
    schedule: Callable[[int, int], float], progress: list[float]
) -> None:
    p = ScheduledProbability(schedule, 9)
    found = []
    for t in range(9):
        p.seek(t)
        share, u = wanted("cubic", 0.3, p)
        assert share == pytest.approx(0.3 + 0.7 * (1 - u) ** 3)
        assert u < 1 or share == 0.3  # and not almost
        found.append(u)
    assert found == pytest.approx(progress)


def test_a_single_generation_and_one_past_the_end_want_the_target() -> None:
    assert wanted("linear", 0.25, ScheduledProbability(Fixed(1.0), 1)) == (0.25, 1.0)
    p = ScheduledProbability(Fixed(1.0), 3)
    p.seek(7)
    assert wanted("geometric", 0.25, p) == (0.25, 1.0)


def test_looking_at_a_course_is_no_read() -> None:
    p = ScheduledProbability(Fixed(0.5), 3)
    wanted("cubic", 0.25, p)
    assert (p.observe(), p.t) == (0.0, 0)  # the record of the initial population still


def test_an_unknown_course_is_refused() -> None:
    check_course(None)
    check_course("cubic")
    with pytest.raises(ValueError, match="unknown course 'cubick': did you mean 'cubic'"):
        check_course("cubick")
    things: list[Any] = [3, ["cubic"], 0.5]
    for thing in things:
        with pytest.raises(ValueError, match="known: cosine, cubic, geometric, linear"):
            check_course(thing)
