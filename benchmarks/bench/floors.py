"""The two physical floors under an update: its arithmetic and its memory traffic, at the rates this machine has."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch

from evoprune.benchmarks.bench.subjects import BATCH, HIDDEN

FLOAT = 4  # bytes
SIDE = 1024  # of the square matrices: large enough for the full rate of one core
VOLUME = 2**30  # bytes that a measurement of a copy rate moves
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
    """The least bytes of one update.

    Weights are read, gradients written and read, weights written, and moments read and written, once each; the batch is
    read once. What lies between the layers stays in the cache and is not counted, and neither are masks.

    :param moments: numbers that the optimizer remembers for each parameter.
    """
    return FLOAT * (parameters(layers) * (4 + 2 * moments) + batch * layers[0])


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
