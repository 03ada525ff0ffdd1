"""Times against noise: repeated, taken in turn, and reported with their spread."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

Costs = dict[str, list[float]]
"""Name -> seconds a unit of work, one number a round."""


def in_turn(
    tasks: Mapping[str, Callable[[], float]], rounds: int, clock: Callable[[], float] = time.process_time
) -> Costs:
    """Time the tasks one after the other, ``rounds`` times over, so that a slow minute hits all of them.

    :param tasks: each does its work once and returns how many units that was. All are called once beforehand.
    :param clock: the processor's seconds of this process by default: on an idle core they are those of the clock on the
        wall, and on a busy one they leave out the time that other programs took.
    """
    costs: Costs = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(rounds):
        for name, task in tasks.items():
            begin = clock()
            units = task()
            costs[name].append((clock() - begin) / units)
    return costs


def spread(values: Sequence[float], scale: float = 1.0) -> dict[str, Any]:
    """Median, smallest and largest of the rounds, and how many rounds there were."""
    return {
        "median": statistics.median(values) * scale,
        "low": min(values) * scale,
        "high": max(values) * scale,
        "repeats": len(values),
    }


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    """The spread of the ratios taken round by round, in which a slow round cancels."""
    return spread([a / b for a, b in zip(above, below, strict=True)])


def target(name: str, value: float, limit: float, least: bool = False) -> dict[str, Any]:
    """A target, and whether it is met: at most ``limit``, or with ``least`` at least."""
    met = value >= limit if least else value <= limit
    return {"name": name, "value": value, "limit": limit, "least": least, "met": met}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
