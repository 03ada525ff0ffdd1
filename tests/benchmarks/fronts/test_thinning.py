"""Which networks stay where a front has more than are wanted."""

import pytest

from evoprune.benchmarks.fronts.thinning import thinned


@pytest.mark.parametrize(
    ("most", "left"),
    [
        (9, [0, 1, 2, 10, 11, 20]),
        (6, [0, 1, 2, 10, 11, 20]),
        (5, [0, 2, 10, 11, 20]),  # 1 stands between 0 and 2, no other one as close
        (4, [0, 2, 11, 20]),  # between 2 and 11 there are 9, between 10 and 20, and 0 and 10, 10
        (3, [0, 11, 20]),
        (2, [0, 20]),
    ],
)
def test_what_stands_closest_goes_and_both_ends_stay(most: int, left: list[int]):
    sizes = [0, 1, 2, 10, 11, 20]
    assert thinned([str(size) for size in sizes], sizes, most) == [str(size) for size in left]


@pytest.mark.parametrize("front", [[], ["a"], ["a", "b"]])
def test_few_stay(front: list[str]):
    assert thinned(front, list(range(len(front))), 2) == front
