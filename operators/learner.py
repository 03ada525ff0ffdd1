"""LEARNER: what is known of operators, and the choice among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from evoprune.checks import is_number, of_type, shown
from evoprune.operators.rules import Rule


class Learner:
    """The history of trials that a rule remembers, with the qualities and probabilities that it has made of them.

    Qualities begin at 1, which is as good as can be, and probabilities equal.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.history: list[tuple[int, float]] = []
        self.qualities = [1.0] * rule.operators
        self.probabilities = [1 / rule.operators] * rule.operators

    def choice(self, draw: float) -> int:
        """The operator whose part of [0, 1), as long as its probability, a number lies in."""
        for number, probability in enumerate(self.probabilities):
            draw -= probability
            if draw < 0:
                return number
        return max(number for number, probability in enumerate(self.probabilities) if probability)  # sums are rounded

    def add(self, trials: Iterable[tuple[int, float]]) -> None:
        """Learn from trials, pairs of an operator's number and a gain; from none, nothing."""
        if found := list(trials):
            self.history = self.rule.recent([*self.history, *found])
            self.qualities, self.probabilities = self.rule.learn(self.history, self.qualities, self.probabilities)

    def state(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return {
            "history": [list(trial) for trial in self.history],
            "qualities": list(self.qualities),
            "probabilities": list(self.probabilities),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave.

        :raises ValueError: for anything else; nothing has changed then.
        """
        of_type("state", state, Mapping, "what state() gave")
        count, history = self.rule.operators, state.get("history")
        for name in ("qualities", "probabilities"):
            found = state.get(name)
            if not (isinstance(found, list) and len(found) == count and all(map(_is_share, found))):
                raise ValueError(f"{name} must be {count} numbers in [0, 1], got {shown(found)}")
        if not math.isclose(sum(state["probabilities"]), 1, abs_tol=1e-6):
            raise ValueError(f"probabilities must add up to 1, got {shown(state['probabilities'])}")
        if not (isinstance(history, list) and all(_is_trial(trial, count) for trial in history)):
            raise ValueError(f"history must be pairs of an operator's number and a gain, got {shown(history)}")
        self.history = self.rule.recent([(number, gain) for number, gain in history])
        self.qualities, self.probabilities = list(state["qualities"]), list(state["probabilities"])


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def _is_trial(value: Any, operators: int) -> bool:
    pair = isinstance(value, list | tuple) and len(value) == 2 and type(value[0]) is int
    return pair and 0 <= value[0] < operators and is_number(value[1]) and value[1] < math.inf
