from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from evoprune.operators.credit import NOTHING
from evoprune.operators.rules import RULES, Matching, Pursuit, Rule, UpperConfidence

FIRST = [(0, -1.0), (1, -3.0)]
THEN = [*FIRST, (1, 1.0)]


def test_probability_matching_by_hand() -> None:
    rule = Matching(2, p_min=0.1)
    # Rewards 1 and 0: Q = 1 + 0.8 (1 - 1) and 1 + 0.8 (0 - 1). P = 0.1 + 0.8 Q / 1.2.
    qualities, probabilities = rule.learn(FIRST, [1.0, 1.0], [0.5, 0.5])
    assert qualities == pytest.approx([1.0, 0.2])
    assert probabilities == pytest.approx([0.1 + 0.8 / 1.2, 0.1 + 0.16 / 1.2])
    # The best of the second is 1 now: rewards 0 and 1.
    qualities, probabilities = rule.learn(THEN, qualities, probabilities)
    assert qualities == pytest.approx([0.2, 0.84])
    assert probabilities == pytest.approx([0.1 + 0.16 / 1.04, 0.1 + 0.672 / 1.04])


def test_adaptive_pursuit_by_hand() -> None:
    rule = Pursuit(2, p_min=0.1, alpha=0.8, beta=0.5)
    assert rule.p_max == pytest.approx(0.9)
    qualities, probabilities = rule.learn(FIRST, [1.0, 1.0], [0.5, 0.5])
    assert qualities == pytest.approx([1.0, 0.2])
    assert probabilities == pytest.approx([0.5 + 0.5 * 0.4, 0.5 - 0.5 * 0.4])
    qualities, probabilities = rule.learn(THEN, qualities, probabilities)
    assert qualities == pytest.approx([0.2, 0.84])
    assert probabilities == pytest.approx([0.7 + 0.5 * (0.1 - 0.7), 0.3 + 0.5 * (0.9 - 0.3)])


def test_the_papers_settings_for_five_operators() -> None:
    rule = Pursuit(5)
    assert [rule.least, rule.p_max] == pytest.approx([0.1, 0.6])
    assert (rule.alpha, rule.beta) == (0.8, 0.8)


def test_pursuit_goes_for_all_that_are_best() -> None:
    # Two of three share what one would get: (0.8 + 0.1) / 2.
    probabilities = Pursuit(3, p_min=0.1, beta=1.0).allot([0.5, 0.5, 0.2], [1 / 3] * 3)
    assert probabilities == pytest.approx([0.45, 0.45, 0.1])


def test_what_was_not_tried_keeps_its_quality() -> None:
    qualities, _ = Matching(3).learn([(1, -5.0), (2, -6.0)], [1.0, 0.5, 0.5], [1 / 3] * 3)
    assert qualities == pytest.approx([1.0, 0.9, 0.1])


def test_matching_without_any_quality_is_impartial() -> None:
    learned = Matching(2, alpha=1.0).learn([(0, NOTHING), (1, NOTHING)], [1.0, 1.0], [0.9, 0.1])
    assert learned == ([0.0, 0.0], [0.5, 0.5])


def test_the_sum_of_ranks_by_hand() -> None:
    # Of three trials, with D = 0.5: 3 of the first is worth 3, 2 of the second 0.5 * 2, 1 of the first 0.25 * 1.
    history = [(0, 1.0), (1, 2.0), (0, 3.0)]
    assert UpperConfidence(2).shares(history) == pytest.approx([3.25 / 4.25, 1 / 4.25])
    # Equal gains share: (3 + 1) / 2 each.
    assert UpperConfidence(2).shares([(0, 2.0), (1, 2.0), (0, 1.0)]) == pytest.approx([2.25 / 4.25, 2 / 4.25])
    assert UpperConfidence(2, D=1.0).shares(history) == pytest.approx([4 / 6, 2 / 6])


def test_to_gain_nothing_is_worth_nothing_in_the_ranks() -> None:
    assert UpperConfidence(2).shares([(0, NOTHING), (1, -7.0)]) == [0.0, 1.0]
    assert UpperConfidence(2).shares([(0, NOTHING), (1, NOTHING)]) == [0.0, 0.0]


@pytest.mark.parametrize(("C", "chosen"), [(0.5, [1.0, 0.0]), (2.0, [0.0, 1.0])])
def test_the_upper_confidence_bound_by_hand(C: float, chosen: list[float]) -> None:
    # The indices are 0.765 + C sqrt(2 ln 3 / 2) and 0.235 + C sqrt(2 ln 3 / 1), of which 1.048 and 1.482 are the roots.
    first, second = 3.25 / 4.25 + C * math.sqrt(math.log(3)), 1 / 4.25 + C * math.sqrt(2 * math.log(3))
    assert (first > second) == (chosen[0] == 1)
    qualities, probabilities = UpperConfidence(2, C=C).learn([(0, 1.0), (1, 2.0), (0, 3.0)], [1.0, 1.0], [0.5, 0.5])
    assert qualities == pytest.approx([3.25 / 4.25, 1 / 4.25])
    assert probabilities == chosen


def test_the_bandit_tries_all_first_and_shares_where_none_is_better() -> None:
    rule = UpperConfidence(3)
    assert rule.learn([(1, -2.0)], [1.0] * 3, [1 / 3] * 3)[1] == [0.5, 0.0, 0.5]
    assert rule.learn([(1, 3.0), (0, 3.0), (2, 3.0)], [1.0] * 3, [1 / 3] * 3)[1] == pytest.approx([1 / 3] * 3)


def test_windows_are_of_each_operator_and_the_bandits_of_all() -> None:
    history = [(0, 1.0), (1, 2.0), (0, 3.0), (0, 4.0)]
    assert Pursuit(2, window=2).recent(history) == [(1, 2.0), (0, 3.0), (0, 4.0)]
    assert UpperConfidence(2, window=2).recent(history) == [(0, 3.0), (0, 4.0)]


def played(rule: Rule, gains: Sequence[float], rounds: int) -> tuple[list[float], list[int]]:
    """Probabilities after rounds in each of which a trial is given to the likeliest, or to all that are untried."""
    history: list[tuple[int, float]] = []
    qualities, probabilities = [1.0] * len(gains), [1 / len(gains)] * len(gains)
    counts = [0] * len(gains)
    for _ in range(rounds):
        number = max(range(len(gains)), key=lambda i: (probabilities[i], -counts[i]))
        counts[number] += 1
        history = rule.recent([*history, (number, gains[number])])
        qualities, probabilities = rule.learn(history, qualities, probabilities)
        assert math.isclose(sum(probabilities), 1)
    return probabilities, counts


@pytest.mark.parametrize("best", range(3))
def test_the_pursuit_of_the_best_ends_at_p_max(best: int) -> None:
    gains = [-3.0, -2.0, -3.0]
    gains[best] = -1.0
    rule = Pursuit(3, p_min=0.05)
    probabilities, _ = played(rule, gains, 40)
    assert probabilities[best] == pytest.approx(0.9)
    assert sorted(probabilities) == pytest.approx([0.05, 0.05, 0.9])


@pytest.mark.parametrize("best", range(3))
def test_the_bandit_plays_the_best_most_and_the_others_now_and_then(best: int) -> None:
    gains = [-3.0, -2.0, -3.0]
    gains[best] = -1.0
    _, counts = played(UpperConfidence(3), gains, 100)
    assert counts[best] > 60
    assert min(counts) > 1


@pytest.mark.parametrize(
    ("rule", "wrong", "message"),
    [
        ("pursuit", {"p_min": 0.5}, "p_min must be at least 0 and below 1/2, the share of one of 2 operators, got 0.5"),
        ("matching", {"p_min": -0.1}, "p_min must be at least 0"),
        ("matching", {"p_min": "0.1"}, "p_min must be at least 0"),
        ("matching", {"p_min": math.nan}, "p_min must be at least 0"),
        ("matching", {"alpha": 0}, "alpha must be above 0: nothing would be learned, got 0"),
        ("pursuit", {"beta": 1.5}, r"beta must be a number in \[0, 1\], got 1.5"),
        ("ucb", {"C": -1}, "C must be a number of at least 0, got -1"),
        ("ucb", {"C": math.inf}, "C must be finite"),
        ("ucb", {"D": 2}, r"D must be a number in \[0, 1\], got 2"),
        ("ucb", {"credit": "mean"}, "ucb ranks what trials gained, and takes no other credit, got 'mean'"),
        ("pursuit", {"credit": "best"}, "unknown credit 'best'; known: extreme, mean"),
        ("pursuit", {"window": 0}, "window must be a whole number of at least 1, got 0"),
    ],
)
def test_parameters_are_checked(rule: str, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RULES[rule](2, **wrong)


def test_one_operator_is_always_chosen() -> None:
    for rule in RULES.values():
        assert rule(1).learn([(0, -1.0)], [1.0], [1.0])[1] == [1.0]
