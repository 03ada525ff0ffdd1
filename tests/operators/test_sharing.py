"""Only so many to give: who gets how many."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, strategies as st

from evoprune.operators.sharing import shared_out


def shares(losses: list[list[float]], count: int) -> list[int]:
    return [int(size) for size in shared_out(torch.tensor(losses, dtype=torch.float64), count)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 0, 1]), (3, [2, 0, 1]), (4, [2, 1, 1]), (6, [2, 2, 2])],
)
def test_each_goes_where_it_lowers_the_loss_most(count: int, expected: list[int]) -> None:
    # Gains: 5 and 3; 2 and 0; 4 and 1.
    assert shares([[10, 5, 2], [3, 1, 1], [9, 5, 4]], count) == expected


def test_two_that_help_only_together_are_given_together() -> None:
    # The first unit gains 6 by two, 3 each; the second 2 by one.
    assert shares([[6, 6, 0], [2, 0, 0]], 2) == [2, 0]
    assert shares([[6, 6, 0], [2, 0, 0]], 3) == [2, 1]


def test_the_last_group_is_torn_where_it_does_not_fit() -> None:
    assert shares([[6, 6, 0], [2, 0, 0]], 1) == [1, 0]
    assert shares([[9, 1, 1, -5], [8, 8, 8, 1]], 3) == [3, 0]  # gains 8, then 3 each, against 7/3
    assert shares([[9, 1, 1, -5], [8, 8, 8, 1]], 2) == [2, 0]


def test_what_does_not_help_is_given_all_the_same_and_last() -> None:
    assert shares([[1, 2, 4], [5, 4, 4]], 3) == [1, 2]
    assert shares([[1, 2, 4], [5, 4, 4]], 4) == [2, 2]


def test_units_alike_are_served_in_order() -> None:
    assert shares([[1, 0], [1, 0], [1, 0]], 2) == [1, 1, 0]


def test_sizes_of_nothing_but_0() -> None:
    assert shares([[1.0], [2.0]], 0) == [0, 0]


tables = st.integers(1, 4).flatmap(
    lambda sizes: st.lists(st.lists(st.integers(0, 20), min_size=sizes, max_size=sizes), min_size=1, max_size=3)
)


@given(tables, st.data())
def test_exactly_so_many_are_given(losses: list[list[int]], data: st.DataObject) -> None:
    most = len(losses[0]) - 1
    count = data.draw(st.integers(0, most * len(losses)))
    found = shares([list(map(float, row)) for row in losses], count)
    assert sum(found) == count
    assert all(0 <= size <= most for size in found)


@given(tables)
def test_where_losses_are_convex_no_other_way_is_better(losses: list[list[int]]) -> None:
    convex = []
    for first, *gains in losses:
        row = [100.0 + first]
        for gain in sorted(gains, reverse=True):
            row.append(row[-1] - gain)
        convex.append(row)
    sizes = range(len(convex[0]))
    for count in range(len(convex) * (len(sizes) - 1) + 1):
        ways = [way for way in product(sizes, repeat=len(convex)) if sum(way) == count]
        best = min(sum(row[size] for row, size in zip(convex, way, strict=True)) for way in ways)
        found = shares(convex, count)
        assert sum(row[size] for row, size in zip(convex, found, strict=True)) == pytest.approx(best)
