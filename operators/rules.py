"""RULES: what operators earned becomes the probabilities with which they are chosen.

    rule = Pursuit(operators=2, p_min=0.1)
    rule.learn([(0, -1.0), (1, -3.0)], qualities=[1.0, 1.0], probabilities=[0.5, 0.5])  # [1.0, 0.2], [0.82, 0.18]

A rule is a frozen value without memory: it reads a history of trials. A new one is a frozen dataclass with one method,
`learn`, and a line in `RULES`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from evoprune.checks import MOST, at_least, in_unit_interval, is_number, lookup, shown
from evoprune.operators.credit import CREDITS, NOTHING, History, rewards

Beliefs: TypeAlias = tuple[list[float], list[float]]
"""The operators' qualities and probabilities."""


@dataclass(frozen=True)
class Rule(ABC):
    """How probabilities follow from gains.

    :param operators: how many there are.
    :param credit: a name of :data:`CREDITS`.
    :param window: how many trials are remembered, of each operator.
    """

    operators: int
    credit: str = "extreme"
    window: int = 50

    def __post_init__(self) -> None:
        lookup("credit", self.credit, CREDITS)
        at_least("window", self.window, 1, whole=True, most=MOST)

    def recent(self, history: History) -> list[tuple[int, float]]:
        """The part of a history that counts."""
        left = [self.window] * self.operators
        found = []
        for number, gain in reversed(history):
            left[number] -= 1
            if left[number] >= 0:
                found.append((number, gain))
        return found[::-1]

    @abstractmethod
    def learn(self, history: History, qualities: Sequence[float], probabilities: Sequence[float]) -> Beliefs:
        """The new qualities and probabilities, after a history to which something was added; at first 1 and 1/K."""


@dataclass(frozen=True)
class Matching(Rule):
    """Probability matching: P_i = p_min + (1 - K p_min) Q_i / sum(Q) (Thierens 2005, equation 2).

    Q_i <- Q_i + alpha (R_i - Q_i) for the operators of which a reward R_i is known; Q_i begins at 1, so that what was
    not tried yet passes for good.

    :param p_min: the least probability, below 1/K; by default 1/(2K), which for the paper's five operators is its 0.1.
    :param alpha: how fast a quality follows, in (0, 1]; the paper's 0.8 by default.
    """

    p_min: float | None = None
    alpha: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p_min is not None and not (is_number(self.p_min) and 0 <= self.p_min * self.operators < 1):
            bound = f"at least 0 and below 1/{self.operators}, the share of one of {self.operators} operators"
            raise ValueError(f"p_min must be {bound}, got {shown(self.p_min)}")
        check_rate("alpha", self.alpha)

    @property
    def least(self) -> float:
        """The least probability of an operator."""
        return 1 / (2 * self.operators) if self.p_min is None else self.p_min

    @property
    def p_max(self) -> float:
        """The largest: what is left where all others have the least, 1 - (K - 1) p_min."""
        return 1 - (self.operators - 1) * self.least

    def learn(self, history: History, qualities: Sequence[float], probabilities: Sequence[float]) -> Beliefs:
        found = zip(qualities, rewards(history, self.operators, self.credit), strict=True)
        updated = [
            quality if reward is None else quality + self.alpha * (reward - quality) for quality, reward in found
        ]
        return updated, self.allot(updated, probabilities)

    def allot(self, qualities: Sequence[float], probabilities: Sequence[float]) -> list[float]:
        """The probabilities that qualities of 0 or more lead to."""
        total = sum(qualities)
        if not total:
            return [1 / self.operators] * self.operators
        return [self.least + (1 - self.operators * self.least) * quality / total for quality in qualities]


@dataclass(frozen=True)
class Pursuit(Matching):
    """Adaptive pursuit (Thierens 2005): the best goes towards p_max, all others towards p_min, whatever their distance.

    P_i <- P_i + beta (p_max - P_i) for the one of the best quality, P_i <- P_i + beta (p_min - P_i) for the others.
    Where several are best they share what one would get.

    :param beta: how fast a probability follows, in (0, 1]; the paper's 0.8 by default.
    """

    beta: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rate("beta", self.beta)

    def allot(self, qualities: Sequence[float], probabilities: Sequence[float]) -> list[float]:
        best = max(qualities)
        ties = qualities.count(best)
        top = (self.p_max + (ties - 1) * self.least) / ties
        goals = [top if quality == best else self.least for quality in qualities]
        return [old + self.beta * (goal - old) for old, goal in zip(probabilities, goals, strict=True)]


@dataclass(frozen=True)
class UpperConfidence(Rule):
    """A bandit on ranks: all goes to the largest Q_i + C sqrt(2 ln(n) / n_i) (Fialho et al. 2010, sum of ranks).

    The n trials in one window of all operators are ranked by what they gained, from r = 0; the trial of rank r is worth
    D^r (n - r), those of equal gain the mean of theirs, and one that gained nothing 0. Q_i is the operator's share of
    the worth of all, n_i the number of its trials. Operators without a trial in the window come first. Those that are
    equal share the probability. The ranks are the credit, so no other can be chosen.

    A whole generation is pruned by one operator, or by those that are equal: the window must be of several generations.

    :param C: weight of what is not certain, at least 0.
    :param D: decay from rank to rank, in [0, 1]: below 1 the top counts more.
    """

    C: float = 0.5
    D: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.credit != "extreme":
            raise ValueError(f"ucb ranks what trials gained, and takes no other credit, got {shown(self.credit)}")
        at_least("C", self.C, 0, finite=True)
        in_unit_interval("D", self.D)

    def recent(self, history: History) -> list[tuple[int, float]]:
        return list(history[-self.window :])

    def learn(self, history: History, qualities: Sequence[float], probabilities: Sequence[float]) -> Beliefs:
        counts = [sum(number == i for number, _ in history) for i in range(self.operators)]
        shares = self.shares(history)
        if not all(counts):
            index = [0.0 if count else 1.0 for count in counts]
        else:
            certainty = 2 * math.log(len(history))
            index = [share + self.C * math.sqrt(certainty / n) for share, n in zip(shares, counts, strict=True)]
        best = max(index)
        return shares, [(value == best) / index.count(best) for value in index]

    def shares(self, history: History) -> list[float]:
        """Each operator's share of the ranks' worth, 0 for all where nobody gained anything."""
        gains = sorted((gain for _, gain in history), reverse=True)
        worths = [self.D**rank * (len(gains) - rank) for rank in range(len(gains))]
        alike: dict[float, list[float]] = {}
        for gain, worth in zip(gains, worths, strict=True):
            alike.setdefault(gain, []).append(worth if gain > NOTHING else 0.0)
        sums = [math.fsum(fmean(alike[gain]) for number, gain in history if number == i) for i in range(self.operators)]
        total = math.fsum(sums)
        return [part / total if total else 0.0 for part in sums]


def check_rate(name: str, value: float) -> None:
    """Raise `ValueError` unless a rate of learning is in (0, 1]."""
    in_unit_interval(name, value)
    if not value:
        raise ValueError(f"{name} must be above 0: nothing would be learned, got {shown(value)}")


RULES: dict[str, type[Rule]] = {"matching": Matching, "pursuit": Pursuit, "ucb": UpperConfidence}
"""The rules by name."""
