"""What hardware has to give: the arithmetic and the memory traffic of an update, and the peak memory of an epoch."""

import resource
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import torch

from evoprune.benchmarks.bench.subjects import BATCH, HIDDEN, Contender, data, population
from evoprune.engines import ProcessEngine
from evoprune.memory import FLOAT

BATCHES = 3  # of an epoch whose peak memory is measured, which does not depend on their number
SIDE = 1024  # of the square matrices: large enough for the full rate of one core
VOLUME = 2**30  # bytes that a measurement of a copy rate moves
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
"""Where Linux tells the caches of the first core."""
OWN_CACHE = 2**20
"""Bytes of a core's own cache, its L2, where the system does not tell them."""
WORKING_SETS = {"memory": 256 * 2**20, "L3": 8 * 2**20, "L2": 2**19}
"""Bytes of source and destination together: far more than any cache, and as much as fits a usual L3 or L2."""


def widths(inputs: int) -> list[int]:
    """All layers of a pair, from the inputs to the outputs."""
    return [inputs, *HIDDEN, *reversed(HIDDEN[:-1]), inputs]


def parameters(layers: Sequence[int]) -> int:
    """Weights and biases of a stack of Linear layers."""
    return sum((below + 1) * above for below, above in pairwise(layers))


def operations(layers: Sequence[int], batch: int = BATCH) -> int:
    """Floating-point operations of the matrix products of one update, a multiplication and an addition each.

    Forward, the gradients of the weights, and the gradients of the units; the last not for the inputs.
    """
    weights = [below * above for below, above in pairwise(layers)]
    return 2 * batch * (2 * sum(weights) + sum(weights[1:]))


def traffic(layers: Sequence[int], moments: int, batch: int = BATCH) -> int:
    """The least bytes of one update of a program that goes through all cells batch by batch.

    Weights are read, gradients written and read, weights written, and moments read and written, once each; the batch is
    read once. What lies between the layers stays in the cache and is not counted, and neither are masks.

    :param moments: numbers that the optimizer remembers for each parameter.
    """
    return FLOAT * (parameters(layers) * (4 + 2 * moments) + batch * layers[0])


def traffic_by_cell(layers: Sequence[int], moments: int, updates: int, cache: int, batch: int = BATCH) -> float:
    """The least bytes of one update that must leave a core's cache where a cell is trained for a whole epoch.

    A gradient is used up where it arises. Weights and moments that fit the cache come and go once an epoch, others with
    every update; the batch is read once.

    :param updates: of a cell in an epoch.
    :param cache: its bytes.
    """
    cell = FLOAT * parameters(layers) * (1 + moments)
    return FLOAT * batch * layers[0] + 2 * cell / (updates if cell <= cache else 1)


def own_cache() -> int:
    """Bytes of the L2 cache of a core of this machine."""
    for cache in CACHES.glob("index*"):
        if (cache / "level").read_text().strip() == "2":
            return int((cache / "size").read_text().strip().removesuffix("K")) * 2**10
    return OWN_CACHE


def product(side: int) -> Callable[[], float]:
    """A task that multiplies float32 matrices; its unit is an operation."""
    a, b, out = torch.rand(side, side), torch.rand(side, side), torch.empty(side, side)

    def run() -> float:
        for _ in range(10):
            torch.mm(a, b, out=out)
        return 10 * 2.0 * side**3

    return run


def copy(working_set: int) -> Callable[[], float]:
    """A task that copies memory; its unit is a byte, read or written."""
    source = torch.ones(working_set // 2 // FLOAT)
    destination = torch.zeros_like(source)
    times = max(2, VOLUME // working_set)

    def run() -> float:
        for _ in range(times):
            destination.copy_(source)
        return float(times * working_set)

    return run


def peak(cells: int, inputs: int, optimizer: str) -> dict[str, int]:
    """Peak bytes of a process that makes the pairs and trains them, all of Python and torch included."""
    with ProcessEngine(1) as engine:
        (measured,) = engine.map(train_once, [cells], [inputs], [optimizer])
    weights = cells * parameters(widths(inputs)) * FLOAT
    return {"bytes": measured, "weights": weights, "limit": 4 * weights + 500 * 10**6, "cells": cells}


def train_once(cells: int, inputs: int, optimizer: str) -> int:
    """In the process that is measured: train for a few batches; the largest resident size so far, in bytes."""
    population(Contender(optimizer, "l1", "auto"), cells, data(BATCHES * BATCH, inputs))()
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
