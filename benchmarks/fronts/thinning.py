"""Fewer networks of a front, as evenly spread over the sizes as may be."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def thinned(front: Sequence[T], sizes: Sequence[float], most: int) -> list[T]:
    """At most so many of a front, both ends among them, smallest first.

    The one goes whose neighbours are nearest to each other in size, again and again: the crowding distance of NSGA-II
    (Deb et al. 2002, section III-B) in one objective, taken anew after each.

    :param front: from the smallest to the largest.
    :param sizes: as many.
    :param most: at least 2.
    """
    left = list(zip(sizes, front, strict=True))
    while len(left) > most:
        gaps = [after[0] - before[0] for before, after in zip(left, left[2:], strict=False)]
        del left[1 + gaps.index(min(gaps))]
    return [one for _, one in left]
