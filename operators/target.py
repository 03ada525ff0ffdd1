"""How much to prune at each event, so that a wanted share of the weights is left at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evoprune.checks import MOST, at_least, in_unit_interval, of_type, shown
from evoprune.operators.combine import Operator, Wrapper, check_callable, name_of
from evoprune.operators.courses import check_course, wanted
from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.schedules import check_schedule, probability_at

Schedule = Callable[[int, int], float]


def expected_preserved(schedule: Schedule, generations: int, amount: float) -> float:
    """The share of weights, 0 to 1, expected to be left at the end when each event removes `amount` of the survivors.

    With persistent masks an event in generation t, which happens with probability p(t), multiplies what is kept by
    1 - amount. The generations draw independently, so the expectation is the product of 1 - p(t)*amount over
    t = 0..generations-1, where p(t) = schedule(t, generations-1). It follows one line of descent without selection, and
    without the rounding to whole weights, which stops very small tensors early.
    """
    check_schedule(schedule)
    at_least("generations", generations, 1, whole=True, most=MOST)
    in_unit_interval("amount", amount)
    return math.prod(1 - probability_at(schedule, t, generations - 1) * amount for t in range(generations))


def amount_for_target(schedule: Schedule, generations: int, target_preserved: float) -> float:
    """The amount per event, 0 to 1, with which `expected_preserved` is `target_preserved`.

    `target_preserved` must be in (0, 1]. `ValueError` if the schedule prunes so seldom that even removing everything at
    each event is expected to leave more than that.

    The paper's settings need such a choice once masks persist: exponential with C = 0.5 over 400 generations means 113
    events on average, and the paper's amount of 0.1 would leave 0.001% of the weights. To keep 20%, take 0.0142.
    """
    check_target(schedule, generations, target_preserved)
    chances = np.array([probability_at(schedule, t, generations - 1) for t in range(generations)])
    return _amount(1.0, target_preserved, chances)


def _preserved(individual: Any) -> float:
    return float(individual.preserved)


def towards(
    operator: Operator,
    target_preserved: float,
    probability: ScheduledProbability,
    left: Callable[[Any], float] = _preserved,
    course: str | None = None,
) -> Operator:
    """An operator that prunes towards a size: `operator` with the amount worked out anew for each individual.

    In generation t an individual that keeps a share k loses the amount a for which k * (1 - a) * prod(1 - p(s)*a), over
    the generations s still to come, is the target. So the expected share at the end is the target whatever happened
    before. A fixed amount (`amount_for_target`) holds without selection only: selection favours those that happened to
    be pruned less, and a population ends with more weights than expected. An individual at or below the target is left
    alone.

        prune = towards(mutPruneMagnitude, 0.2, p)
        toolbox.register("mutate", gated(prune, p))

    `operator` takes `amount` by name, `individual` has `preserved`. Use it where pruning is persistent.
    `target_preserved` must be in (0, 1]. Where the schedule prunes too seldom for it, as over a few generations, an
    event removes nearly everything; `check_target` says so beforehand.

    With a `course`, a name of :data:`~evoprune.operators.courses.COURSES`, an event prunes down to what the course
    wants in its generation: `"cubic"` k + (1 - k)(1 - t/T)^3 (Zhu and Gupta 2017), `"linear"`, `"geometric"`,
    `"cosine"`; T is the last generation in which the probability is above 0. Where the probability is 1 every
    generation keeps exactly that; where it is below, an individual is at the target only if the last generation happens
    to prune it.

    `left` is what the target is a share of: by default the weights kept. With an operator that takes whole units, whose
    steps are larger, it may be the multiply-accumulates,
    `lambda pair: evoprune.shrinking.counts.macs_left(pair, samples)`; the last event goes on until the target is met.
    """
    check_share(target_preserved)
    check_callable(operator)
    check_callable(left)
    check_course(course)
    of_type("probability", probability, ScheduledProbability, "a ScheduledProbability, which knows what is to come")
    return _Towards(operator, target_preserved, probability, left, course)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Towards(Wrapper):
    operator: Operator
    target: float
    probability: ScheduledProbability
    left: Callable[[Any], float]
    course: str | None

    def __call__(self, individual: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        share = self.left(individual)
        if share <= self.target:
            return (individual,)
        coming = self.probability.coming
        if self.course is None:
            amount = _amount(share, self.target, np.append(coming, 1.0))  # and this event, which is certain
        else:
            amount = max(0.0, 1 - wanted(self.course, self.target, self.probability)[0] / share)
        result = self.operator(individual, *args, amount=amount, **kwargs)
        if self.left is not _preserved and not coming.any():
            result = self._to_the_end(result, *args, **kwargs)
        return result

    def _to_the_end(self, result: tuple[Any, ...], *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Go on until the target is met: whole units are rounded, perhaps to none."""
        share, more = self.left(result[0]), 1.0
        while share > self.target and more * (share - self.target) < share:
            result = self.operator(result[0], *args, amount=more * (1 - self.target / share), **kwargs)
            before, share = share, self.left(result[0])
            more = 2 * more if share == before else 1.0
        return result

    def __repr__(self) -> str:
        return f"towards({name_of(self.operator)}, {self.target:g})"


def check_target(schedule: Schedule, generations: int, target_preserved: float, name: str = "target_preserved") -> None:
    """Raise `ValueError` for a target outside of (0, 1], or one that the schedule prunes too seldom for.

    `name` is what the message calls it.
    """
    of_type("name", name, str, "text")
    check_share(target_preserved)
    reachable = expected_preserved(schedule, generations, 1.0)
    if target_preserved < reachable:
        raise ValueError(
            f"{name}={target_preserved:g} cannot be reached with {shown(schedule)} in {generations} "
            "generations: "
            f"even an amount of 1 at each event is expected to leave {reachable:g}"
        )


def check_share(target_preserved: float) -> None:
    """Raise `ValueError` for a target outside of (0, 1]."""
    in_unit_interval("target_preserved", target_preserved)
    if target_preserved == 0:
        raise ValueError("target_preserved must be above 0: a product of shares only approaches it")


def _amount(share: float, target: float, chances: np.ndarray) -> float:
    """The amount a in [0, 1] for which share * prod(1 - chances * a) is the target; 0 or 1 where none is.

    By Newton's method from 0. As a product of falling lines, none of them below 0, what is left is convex: a step never
    goes too far, and the last is the one that goes nowhere.
    """
    amount = 0.0
    while True:
        lines = 1 - chances * amount
        left = share * float(lines.prod())
        further = amount
        if left > target:
            further = min(1.0, amount + (1 - target / left) / float((chances / lines).sum()))
        if further == amount:
            return amount
        amount = further
