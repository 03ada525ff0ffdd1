"""EXCHANGE: a sparse network changes which weights it has: some more are pruned than wanted, and as many come back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evoprune.checks import in_unit_interval, lookup, of_type
from evoprune.individuals import genomes
from evoprune.operators.combine import Operator, Wrapper, applied, check_callable, name_of, prepare
from evoprune.operators.courses import COURSES, wanted
from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.target import check_share


def exchange(
    prune: Operator,
    regrow: Operator,
    target_preserved: float,
    probability: ScheduledProbability,
    share: float = 0.3,
    course: str = "cubic",
) -> Operator:
    """An operator that prunes to less than its course wants and lets as much grow again, elsewhere perhaps.

    In generation t, with the progress u = t/T, an individual that keeps more than its course wants goes down to that; g
    of what it then keeps are exchanged, g = share * (1 + cos(pi u))/2, so that at the end, u = 1, nothing grows any
    more. T is the last generation in which the probability is above 0. An individual that keeps no more than its
    course wants, as one that began with few weights, keeps as many as it has.

        grow = partial(mutRegrow, batch_gradients=evidence)
        p = ScheduledProbability(Until(Fixed(1.0), 0.8), generations=200)
        mutate = exchange(partial(mutPruneActivation, samples=x, scope="global"), grow, 0.08, p)
        toolbox.register("mutate", sequence(mutTrain, gated(mutate, p)))

    :param prune: a pruning operator that takes ``amount``, of the survivors, and is persistent.
    :param regrow: one that takes ``amount``, of what is pruned, such as :func:`~evoprune.operators.mutRegrow`.
    :param target_preserved: the share of weights to keep at the end, in (0, 1].
    :param probability: the clock, which is not drawn from: gate the operator with it.
    :param share: of the weights kept that are exchanged at first, in [0, 1).
    :param course: a name of :data:`~evoprune.operators.courses.COURSES`.
    :raises ValueError: for a number out of range and an unknown course.

    Source: Evci et al. 2020, "Rigging the Lottery" (arXiv 1911.11134), for the exchange and its cosine; Liu et al.
    2021, GraNet (arXiv 2106.10404), for a target that falls meanwhile.
    """
    check_callable(prune)
    check_callable(regrow)
    check_share(target_preserved)
    of_type("probability", probability, ScheduledProbability, "a ScheduledProbability, which knows how far it is")
    in_unit_interval("share", share)
    if share == 1:
        raise ValueError("share must be below 1: an exchange of all weights leaves nothing that was trained, got 1")
    lookup("course", course, COURSES)
    return _Exchange(prune, regrow, target_preserved, probability, share, course)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Exchange(Wrapper):
    operator: Operator
    regrow: Operator
    target: float
    probability: ScheduledProbability
    share: float
    course: str

    def __call__(self, individual: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        goal, u = wanted(self.course, self.target, self.probability)
        before = individual.preserved
        goal = min(goal, before)
        exchanged = self.share * (1 + math.cos(math.pi * u)) / 2
        less = goal * (1 - exchanged)
        if less < before:
            (individual,) = applied(self.operator, individual, *args, amount=1 - less / before, **kwargs)
        if exchanged and (amount := _missing(individual, goal)):
            (individual,) = applied(self.regrow, individual, amount=amount)
        return (individual,)

    def prepare(self, population: Sequence[Any]) -> None:
        for operator in (self.operator, self.regrow):
            prepare(operator, population)

    def __repr__(self) -> str:
        return f"exchange({name_of(self.operator)}, {name_of(self.regrow)}, {self.target:g})"


def _missing(individual: Any, goal: float) -> float:
    """The share of what is pruned, and still there, without which the individual keeps less than ``goal``."""
    parts = genomes(individual)
    left, total = map(sum, zip(*(genome.sizes for genome in parts), strict=True))
    pruned = sum(mask.numel() for genome in parts for mask in genome.masks.values()) - left
    more = min(round(goal * total) - left, pruned)  # units that were taken out do not come back
    return more / pruned if more > 0 else 0.0
