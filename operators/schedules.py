"""Schedules: when to prune. A schedule says with what probability the operator is applied in generation t of 0..T.

    schedule = Exponential(C=0.5)
    schedule(0, 399)        # 0.0
    schedule(399, 399)      # 0.4323...

The formulas are those of Jorgensen, Hemberg, Toutouh and O'Reilly, GECCO 2025 (arXiv 2505.05138), C being the paper's
probability. All but one depend on t and T only through the progress u = t/T, so that is what a schedule computes from:
a new one is a frozen dataclass with one method, `at`, and a line in `SCHEDULES`. A run of a single generation (T = 0)
is its own last one: u is 1 there, the end of the schedule.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from evoprune.checks import MOST, at_least, in_unit_interval, is_number, shown


def check_schedule(schedule: object) -> None:
    """Raise `TypeError` unless it can be called as `schedule(t, T)`."""
    if isinstance(schedule, type):
        raise TypeError(
            f"schedule must be an instance: write {schedule.__name__}(...), got the class {shown(schedule)}"
        )
    if not callable(schedule):
        raise TypeError(f"schedule must be a schedule(t, T); for a constant use Fixed(C), got {shown(schedule)}")


def check_generation(t: int, T: int) -> None:
    """Raise `ValueError` unless `t` is one of the generations `0..T`, and `T` no more than anybody runs."""
    if not (is_number(t) and is_number(T) and 0 <= t <= T and T <= MOST):
        raise ValueError(f"generation t must be in 0..T, got t={shown(t)}, T={shown(T)}")


def probability_at(schedule: Callable[[int, int], float], t: int, T: int) -> float:
    """What a schedule gives for generation `t` of `0..T`; a `ValueError` unless that is a number in [0, 1]."""
    value = schedule(t, T)
    in_unit_interval(f"the probability that the schedule {shown(schedule)} gives for t={t}", value)
    return value


@dataclass(frozen=True)
class Schedule(ABC):
    """A frozen value, called as `schedule(t, T)`: the probability, 0 to 1, in generation t when T is the last one.

    `C` scales the schedule and must be in [0, 1].
    """

    C: float = 0.5

    def __post_init__(self) -> None:
        in_unit_interval("C", self.C)

    def __call__(self, t: int, T: int) -> float:
        """The probability in generation `t` of `0..T`; a `ValueError` outside of it."""
        check_generation(t, T)
        return self.at(t / T if T else 1.0)

    @abstractmethod
    def at(self, u: float) -> float:
        """The probability at progress `u` = t/T, from 0 in the first generation to 1 in the last."""


@dataclass(frozen=True)
class Fixed(Schedule):
    """C, in every generation."""

    def at(self, u: float) -> float:
        return self.C


@dataclass(frozen=True)
class Increase(Schedule):
    """C*t/T: from 0 up to C."""

    def at(self, u: float) -> float:
        return self.C * u


@dataclass(frozen=True)
class Decrease(Schedule):
    """C*(1 - t/T): from C down to 0. With `reference`, 1 - C*t/T (from 1 down to 1-C), as the authors' code has it."""

    reference: bool = False

    def at(self, u: float) -> float:
        return 1 - self.C * u if self.reference else self.C * (1 - u)


@dataclass(frozen=True)
class Population(Schedule):
    """C*t/(T*n): increase, shared among the `n` cells of a neighbourhood (3 on a ring of radius 1)."""

    n: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("n, the size of the neighbourhood,", self.n, 1, whole=True)

    def at(self, u: float) -> float:
        return self.C * u / self.n


@dataclass(frozen=True)
class Exponential(Schedule):
    """C*(1 - exp(-2t/T)): fast at first, then levelling off; ends at 0.865*C."""

    def at(self, u: float) -> float:
        return self.C * -math.expm1(-2 * u)


@dataclass(frozen=True)
class FinalN(Schedule):
    """C once t >= fraction*T, before that 0. The paper's fraction is 0.75: the last quarter."""

    fraction: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        in_unit_interval("fraction", self.fraction)

    def at(self, u: float) -> float:
        return self.C if u >= self.fraction else 0.0


@dataclass(frozen=True)
class PruneAfter(Schedule):
    """C in the last generation (t >= T), before that 0."""

    def at(self, u: float) -> float:
        return self.C if u >= 1 else 0.0


@dataclass(frozen=True)
class Rounds(Schedule):
    """C in the last generation of each of `rounds` equal parts of the run but the last part, else 0.

    As lottery tickets are pruned: train, prune, and train again.
    """

    rounds: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("rounds", self.rounds, 2, whole=True)

    def __call__(self, t: int, T: int) -> float:
        """The probability in generation `t` of `0..T`; a `ValueError` outside of it."""
        check_generation(t, T)
        ends = {max(0, part * (T + 1) // self.rounds - 1) for part in range(1, self.rounds)}
        return self.C if t in ends else 0.0

    def at(self, u: float) -> float:
        """Rounds end in whole generations; the progress alone does not say in which."""
        raise TypeError("the schedule of rounds depends on t and T, not on their quotient alone: call it")


@dataclass(frozen=True)
class Until:
    """`schedule` squeezed into the first `share` of the run; after that nothing is pruned and only training goes on."""

    schedule: Callable[[int, int], float]
    share: float

    def __post_init__(self) -> None:
        check_schedule(self.schedule)
        in_unit_interval("share", self.share)

    def __call__(self, t: int, T: int) -> float:
        """As a schedule's: the wrapped one at `t` in `0..round(share*T)`, then 0; always 0 for a share of 0."""
        check_generation(t, T)
        last = round(self.share * T)
        return self.schedule(t, last) if t <= last and self.share else 0.0


SCHEDULES: dict[str, type[Schedule]] = {
    "fixed": Fixed,
    "increase": Increase,
    "decrease": Decrease,
    "population": Population,
    "exponential": Exponential,
    "final-n": FinalN,
    "prune-after": PruneAfter,
    "rounds": Rounds,
}
