from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.schedules import (
    SCHEDULES,
    Decrease,
    Exponential,
    FinalN,
    Fixed,
    Increase,
    Population,
    PruneAfter,
    Rounds,
    Schedule,
    Until,
    probability_at,
)
from evoprune.operators.target import expected_preserved

# C * (1 - exp(-2u)) for C = 0.5 and u = 0, 1/4, 1/2, 3/4, 1.
EXPONENTIAL = [0.0, 0.196734670, 0.316060279, 0.388434920, 0.432332358]


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Fixed(), [0.5, 0.5, 0.5, 0.5, 0.5]),
        (Increase(), [0.0, 0.125, 0.25, 0.375, 0.5]),
        (Decrease(), [0.5, 0.375, 0.25, 0.125, 0.0]),
        (Decrease(reference=True), [1.0, 0.875, 0.75, 0.625, 0.5]),
        (Population(0.6), [0.0, 0.05, 0.1, 0.15, 0.2]),
        (Population(0.6, n=1), [0.0, 0.15, 0.3, 0.45, 0.6]),
        (Exponential(), EXPONENTIAL),
        (FinalN(), [0.0, 0.0, 0.0, 0.5, 0.5]),
        (FinalN(fraction=0.3), [0.0, 0.0, 0.5, 0.5, 0.5]),
        (FinalN(fraction=0.0), [0.5, 0.5, 0.5, 0.5, 0.5]),
        (PruneAfter(), [0.0, 0.0, 0.0, 0.0, 0.5]),
        (Rounds(), [0.5, 0.5, 0.5, 0.5, 0.0]),
        (Rounds(rounds=2), [0.0, 0.5, 0.0, 0.0, 0.0]),  # parts of two and of three
        (Rounds(0.3, rounds=3), [0.3, 0.0, 0.3, 0.0, 0.0]),
    ],
    ids=repr,
)
def test_five_generations_by_hand(schedule: Schedule, values: list[float]) -> None:
    assert [schedule(t, 4) for t in range(5)] == pytest.approx(values, abs=1e-9)


@pytest.mark.parametrize(
    ("schedule", "value"),
    [
        (Fixed(), 0.5),
        (Increase(), 0.5),
        (Decrease(), 0.0),
        (Population(), 0.5 / 3),
        (Exponential(), EXPONENTIAL[-1]),
        (FinalN(), 0.5),
        (PruneAfter(), 0.5),
        (Rounds(), 0.5),
    ],
    ids=repr,
)
def test_a_single_generation_is_the_end_of_the_schedule(schedule: Schedule, value: float) -> None:
    assert schedule(0, 0) == pytest.approx(value)


def test_final_n_starts_exactly_at_its_fraction() -> None:
    assert sum(FinalN()(t, 399) > 0 for t in range(400)) == 100  # t = 300..399, as 0.75 * 399 = 299.25
    for T in range(1, 200):
        assert [FinalN()(t, T) > 0 for t in range(T + 1)] == [4 * t >= 3 * T for t in range(T + 1)]


@pytest.mark.parametrize(("t", "T"), [(-1, 4), (5, 4), (0, -1), (float("nan"), 4)])
@pytest.mark.parametrize("cls", SCHEDULES.values())
def test_a_generation_out_of_range_is_refused(cls: type[Schedule], t: Any, T: int) -> None:
    with pytest.raises(ValueError, match=rf"generation t must be in 0\.\.T, got t={t}, T={T}$"):
        cls()(t, T)


@pytest.mark.parametrize("cls", SCHEDULES.values())
@pytest.mark.parametrize("C", [-0.1, 1.1, float("nan"), True, "0.5", None])
def test_C_is_a_probability(cls: type[Schedule], C: Any) -> None:
    with pytest.raises(ValueError, match=r"C must be a number in \[0, 1\], got"):
        cls(C)


def test_the_other_fields_are_checked() -> None:
    for n in (0, 2.5, True):
        with pytest.raises(ValueError, match="neighbourhood, must be a whole number of at least 1"):
            Population(n=n)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"fraction must be a number in \[0, 1\], got 75"):
        FinalN(fraction=75)
    for rounds in (1, 0, 2.5, True):
        with pytest.raises(ValueError, match="rounds must be a whole number of at least 2"):
            Rounds(rounds=rounds)  # type: ignore[arg-type]


def test_the_registry_names_every_schedule_once() -> None:
    ours = [cls for cls in Schedule.__subclasses__() if cls.__module__ == Schedule.__module__]
    assert list(SCHEDULES.values()) == ours
    names = ["fixed", "increase", "decrease", "population", "exponential", "final-n", "prune-after", "rounds"]
    assert list(SCHEDULES) == names


@pytest.mark.parametrize("cls", SCHEDULES.values())
def test_schedules_are_values(cls: type[Schedule]) -> None:
    schedule = cls(C=0.25)
    assert schedule == cls(C=0.25) == pickle.loads(pickle.dumps(schedule)) == copy.deepcopy(schedule) != cls(C=0.5)
    assert len({schedule, cls(C=0.25)}) == 1
    assert cls().C == 0.5
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.C = 1.0  # type: ignore[misc]


moving = [kind for kind in SCHEDULES.values() if kind is not Rounds]
schedules = st.sampled_from([*moving, lambda C: Decrease(C, reference=True)])


@given(cls=schedules, C=st.floats(0, 1), T=st.integers(0, 2000), data=st.data())
def test_every_value_is_a_probability_and_moves_one_way(cls: Any, C: float, T: int, data: st.DataObject) -> None:
    schedule = cls(C=C)
    s = data.draw(st.integers(0, T))
    t = data.draw(st.integers(s, T))
    early, late = schedule(s, T), schedule(t, T)
    assert 0 <= early <= 1
    assert 0 <= late <= 1
    assert early >= late if isinstance(schedule, Decrease) else early <= late


def test_rounds_end_where_as_many_generations_are_over() -> None:
    # Five rounds of twenty: the last one only trains.
    assert [t for t in range(100) if Rounds()(t, 99)] == [19, 39, 59, 79]
    assert [t for t in range(40) if Until(Rounds(), 0.5)(t, 39)] == [3, 7, 11, 15]  # of 0..20, the first half


@given(rounds=st.integers(2, 12), C=st.floats(0.01, 1), T=st.integers(0, 200))
def test_there_is_one_event_fewer_than_rounds(rounds: int, C: float, T: int) -> None:
    schedule = Rounds(C, rounds)
    ends = [t for t in range(T + 1) if schedule(t, T)]
    assert {schedule(t, T) for t in ends} == {C}
    assert len(ends) == rounds - 1 or rounds > T + 1  # fewer generations than rounds: some fall together
    if rounds <= T + 1:
        assert max(ends) < T
        lengths = [b - a for a, b in itertools.pairwise([-1, *ends, T])]
        assert max(lengths) - min(lengths) <= 1


def test_rounds_cannot_be_told_from_the_progress_alone() -> None:
    with pytest.raises(TypeError, match="the schedule of rounds depends on t and T"):
        Rounds().at(0.5)


def test_until_squeezes_a_schedule_into_the_first_part() -> None:
    schedule = Until(Increase(0.5), 0.5)
    assert [schedule(t, 8) for t in range(9)] == [0.0, 0.125, 0.25, 0.375, 0.5, 0.0, 0.0, 0.0, 0.0]
    assert Until(Fixed(0.3), 1.0)(8, 8) == 0.3
    assert [Until(Fixed(0.3), 0.1)(t, 8) for t in (0, 1, 2)] == [0.3, 0.3, 0.0]
    assert [Until(Fixed(0.3), 0.0)(t, 8) for t in (0, 1)] == [0.0, 0.0]


@pytest.mark.parametrize("t", [-1, 9])
def test_until_is_as_strict_as_any_schedule(t: int) -> None:
    with pytest.raises(ValueError, match=re.escape(f"t={t}, T=8")):
        Until(Fixed(0.3), 0.5)(t, 8)
    with pytest.raises(ValueError, match="share"):
        Until(Fixed(0.3), 1.5)


def test_until_wants_a_schedule() -> None:
    for wrong in (None, 0.5, "increase"):
        with pytest.raises(TypeError, match=r"schedule must be a schedule\(t, T\); for a constant use Fixed\(C\), got"):
            Until(wrong, 0.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"must be an instance: write Fixed\(\.\.\.\)"):
        Until(Fixed, 0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, "0.5", True, float("nan"), 1.5])
def test_what_a_schedule_gives_is_a_probability(value: Any) -> None:
    def schedule(t: int, T: int) -> float:
        return value if t == 2 else 0.5

    assert probability_at(schedule, 1, 3) == 0.5
    with pytest.raises(ValueError, match=rf"schedule .* gives for t=2 must be a number in \[0, 1\], got {value!r}$"):
        probability_at(schedule, 2, 3)
    with pytest.raises(ValueError, match="gives for t=2 must be"):
        expected_preserved(schedule, 4, 0.1)
    probability = ScheduledProbability(schedule, 4)
    with pytest.raises(ValueError, match="gives for t=2 must be"):
        probability.seek(2)
