"""CREDIT: what an operator deserves for what its trials gained."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TypeAlias

History: TypeAlias = Sequence[tuple[int, float]]
"""Trials, oldest first: the number of an operator, and what was gained."""

NOTHING = -math.inf
"""What a trial gains that removed nothing or broke the network: less than any other."""

CREDITS: dict[str, Callable[[Sequence[float]], float]] = {"extreme": max, "mean": fmean}
"""What the gains in an operator's window amount to: the best of them (Fialho et al. 2008), or their mean."""


def rewards(history: History, operators: int, credit: str) -> list[float | None]:
    """What each operator deserves, from 0 for the lowest credit to 1 for the best; None where nothing is known of it.

    Gains after pruning are mostly negative, and of a size that nobody knows beforehand. So an operator is measured by
    where it stands among the others, as in the normalized rewards of Fialho et al. 2009. A trial that gained nothing
    counts as the lowest gain of all, and an operator without any other gets 0.

    :param history: trials that count, of operators with numbers below ``operators``.
    :param credit: a name of :data:`CREDITS`.
    """
    lowest = min((gain for _, gain in history if gain > NOTHING), default=0.0)
    windows = [[gain for number, gain in history if number == i] for i in range(operators)]
    credits = {
        i: CREDITS[credit]([max(gain, lowest) for gain in gains])
        for i, gains in enumerate(windows)
        if gains and max(gains) > NOTHING
    }
    low, high = min(credits.values(), default=0.0), max(credits.values(), default=0.0)

    def reward(i: int) -> float | None:
        if i not in credits:
            return 0.0 if windows[i] else None
        return (credits[i] - low) / (high - low) if high > low else 1.0

    return [reward(i) for i in range(operators)]
