from __future__ import annotations

import pytest

from evoprune.operators.credit import CREDITS, NOTHING, rewards


def test_the_best_credit_is_1_and_the_lowest_0() -> None:
    history = [(0, -4.0), (1, -9.0), (2, -1.0), (0, -2.0), (1, -5.0)]
    assert rewards(history, 3, "extreme") == [0.75, 0.0, 1.0]  # the best are -2, -5 and -1
    # The means are -3, -7 and -1.
    assert rewards(history, 3, "mean") == [pytest.approx(4 / 6), 0.0, 1.0]


def test_what_is_not_known_has_no_reward() -> None:
    assert rewards([], 2, "extreme") == [None, None]
    assert rewards([(1, -3.0)], 2, "extreme") == [None, 1.0]


@pytest.mark.parametrize("credit", CREDITS)
def test_to_gain_nothing_is_worth_less_than_any_loss(credit: str) -> None:
    assert rewards([(0, NOTHING), (1, -1e9)], 2, credit) == [0.0, 1.0]
    assert rewards([(0, NOTHING), (1, NOTHING)], 2, credit) == [0.0, 0.0]


def test_among_others_a_trial_that_gained_nothing_counts_as_the_lowest_gain() -> None:
    history = [(0, -1.0), (0, NOTHING), (1, -2.0), (2, -5.0)]
    assert rewards(history, 3, "extreme") == [1.0, 0.75, 0.0]
    assert rewards(history, 3, "mean") == [pytest.approx(2 / 3), 1.0, 0.0]  # (-1 - 5) / 2 of -2 and -5


def test_equal_credits_are_all_the_best() -> None:
    assert rewards([(0, -2.0), (1, -2.0)], 2, "extreme") == [1.0, 1.0]
