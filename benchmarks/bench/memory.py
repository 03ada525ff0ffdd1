"""The peak memory of an epoch, measured in a process of its own."""

import resource
import sys
from pathlib import Path

from evoprune.benchmarks.bench.floors import FLOAT, parameters, widths
from evoprune.benchmarks.bench.subjects import BATCH, data, population
from evoprune.engines import ProcessEngine

BATCHES = 3  # the peak does not depend on their number


def peak(cells: int, inputs: int, optimizer: str) -> dict[str, int]:
    """Peak bytes of a process that makes the pairs and trains them, all of Python and torch included."""
    with ProcessEngine(1) as engine:
        (measured,) = engine.map(train_once, [cells], [inputs], [optimizer])
    weights = cells * parameters(widths(inputs)) * FLOAT
    return {"bytes": measured, "weights": weights, "limit": 4 * weights + 500 * 10**6, "cells": cells}


def train_once(cells: int, inputs: int, optimizer: str) -> int:
    """In the process that is measured: train for a few batches; the largest resident size so far, in bytes."""
    population(cells, data(BATCHES * BATCH, inputs), optimizer)()
    return own_peak()


def own_peak() -> int:
    """The largest resident size of this process so far, in bytes."""
    try:
        # Not ru_maxrss, which on Linux begins with the peak of the process that started this one.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
