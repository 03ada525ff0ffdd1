"""Courses: what share of the weights is wanted on the way to a target, generation by generation.

A course is a function of the target k and the progress u = t/T, from 0 in the first generation to 1 in the last one in
which there is pruning; it falls from 1, everything, to k.
"""

import math
from collections.abc import Callable
from typing import Any

from evoprune.checks import lookup
from evoprune.operators.probability import ScheduledProbability

Course = Callable[[float, float], float]


def linear(k: float, u: float) -> float:
    """The same share of all weights every generation."""
    return k + (1 - k) * (1 - u)


def cubic(k: float, u: float) -> float:
    """k + (1 - k)(1 - u)^3: most of it early, while there is much to spare (Zhu and Gupta 2017, arXiv 1710.01878)."""
    return k + (1 - k) * (1 - u) ** 3


def geometric(k: float, u: float) -> float:
    """k^u: the same share of the survivors every generation."""
    return float(k**u)


def cosine(k: float, u: float) -> float:
    """k + (1 - k)(1 + cos(pi u))/2: gently at both ends."""
    return k + (1 - k) * (1 + math.cos(math.pi * u)) / 2


COURSES: dict[str, Course] = {"cosine": cosine, "cubic": cubic, "geometric": geometric, "linear": linear}
"""The courses by name."""


def check_course(course: Any) -> None:
    """Raise `ValueError` for a course that is neither None nor a known name."""
    if course is not None:
        lookup("course", course, COURSES)


def wanted(course: str, target: float, probability: ScheduledProbability) -> tuple[float, float]:
    """The share that a course wants in the generation of a probability, and the progress; the target after its end."""
    u = min(1.0, probability.t / probability.last) if probability.last else 1.0
    return (COURSES[course](target, u) if u < 1 else target), u
