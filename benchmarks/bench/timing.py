"""Times against noise: repeated, taken in turn, and reported with their spread."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

MICRO = 1e6
Task = TypeVar("Task", bound=Hashable)
"""What names a task."""


def in_turn(
    tasks: Mapping[Task, Callable[[], float]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    warm_up: bool = True,
) -> dict[Task, np.ndarray]:
    """Seconds a unit of work of every task, a number a round.

    The tasks are timed one after the other, ``rounds`` times over, so that a slow minute hits all of them.

    :param tasks: each does its work once and returns how many units that was.
    :param clock: the processor's seconds of this process by default: on an idle core they are those of the clock on the
        wall, and on a busy one they leave out the time that other programs took.
    :param warm_up: call all of them once beforehand.
    """
    costs: dict[Task, list[float]] = {name: [] for name in tasks}
    for task in tasks.values() if warm_up else ():
        task()
    for _ in range(rounds):
        for name, task in tasks.items():
            begin = clock()
            units = task()
            costs[name].append((clock() - begin) / units)
    return {name: np.array(each) for name, each in costs.items()}


def spread(values: np.ndarray | Sequence[float]) -> dict[str, Any]:
    """Median, smallest and largest of the rounds, and how many rounds there were.

    Ratios are to be taken round by round before, so that a slow round cancels.
    """
    figures = {"median": np.median(values), "low": np.min(values), "high": np.max(values)}
    return {name: float(value) for name, value in figures.items()} | {"repeats": len(values)}


def target(name: str, value: float, limit: float, least: bool = False) -> dict[str, Any]:
    """A target, and whether it is met: at most ``limit``, or with ``least`` at least."""
    met = value >= limit if least else value <= limit
    return {"name": name, "value": value, "limit": limit, "least": least, "met": met}
