"""Times against noise: repeated, taken in turn, and reported with their spread."""

import os
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

Costs = dict[str, np.ndarray]
"""Name -> seconds a unit of work, a number a round."""


def in_turn(
    tasks: Mapping[str, Callable[[], float]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
    warm_up: bool = True,
) -> Costs:
    """Time the tasks one after the other, ``rounds`` times over, so that a slow minute hits all of them.

    :param tasks: each does its work once and returns how many units that was.
    :param clock: the processor's seconds of this process by default: on an idle core they are those of the clock on the
        wall, and on a busy one they leave out the time that other programs took.
    :param warm_up: call all of them once beforehand.
    """
    costs: dict[str, list[float]] = {name: [] for name in tasks}
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


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    described = Path("/proc/cpuinfo")  # of Linux; platform.processor() is empty there
    found = re.search(r"model name\s*: (.*)", described.read_text()) if described.exists() else None
    return {
        "processor": found[1].strip() if found else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }
