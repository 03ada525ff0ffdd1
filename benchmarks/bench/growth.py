"""What an update costs as cells and inputs grow, and the memory that many cells take."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from evoprune.benchmarks.bench import floors
from evoprune.benchmarks.bench.machine import kernels
from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.subjects import Contender, data, population
from evoprune.benchmarks.bench.table import grid
from evoprune.benchmarks.bench.timing import MICRO, in_turn, spread, target
from evoprune.memory import FLOAT, check_fits
from evoprune.training.optimizers import optimizer_for

OPTIMIZERS = ("adam-anew", "adam")  # the paper's, and the default
EVEN = 1.25
"""How much more an update may cost with one number of cells than with another."""
FEWEST = {"native": 1, "torch": 10}
"""Cells from which on that is asked of a kernel: the calls of a torch program cost the same however few there are."""
MOST = {"native": 1000, "torch": 100}
"""Cells up to which a kernel is measured: torch goes through more of them in parts of a dozen, one after the other."""
NOISE = 1.1  # what a ratio whose target is 1 may show without meaning anything
Rows = dict[str, dict[str, dict[str, Any]]]
Sizes = dict[int, tuple[int, int]]
"""What stands above a column -> cells and inputs."""


def measure(scope: Scope) -> dict[str, Any]:
    """Microseconds an update for every number of cells and of inputs, and the peak memory of many cells."""
    report: dict[str, Any] = {
        "cells": _growing(scope, _by_cells(scope)),
        "inputs": _growing(scope, _by_inputs(scope)),
        "memory": {name: floors.peak(scope.memory_cells, scope.inputs, name) for name in OPTIMIZERS},
    }
    return {**report, "targets": _targets(report)}


def check_memory(scope: Scope) -> None:
    """See that the pairs of all measurements, which take turns and so are there together, fit into memory.

    :raises ValueError: with the estimate, where they do not.
    """
    numbers = sum(
        cells * floors.parameters(floors.widths(inputs)) * (1 + optimizer_for(one.optimizer).moments)
        for sizes in (_by_cells(scope), _by_inputs(scope))
        for one, _, cells, inputs in _measured(sizes)
    )
    check_fits({"the pairs of growth": FLOAT * numbers}, "other parts, or --quick")


def _growing(scope: Scope, sizes: Sizes) -> Rows:
    """Cost per update, a row a contender and a column a size."""
    tasks: dict[tuple[Contender, int], Callable[[], float]] = {
        (one, n): population(one, cells, data(scope.samples, inputs), least=scope.least_updates)
        for one, n, cells, inputs in _measured(sizes)
    }
    rows: Rows = {str(one): {} for one in _contenders()}
    for (one, n), cost in in_turn(tasks, scope.rounds).items():
        rows[str(one)][str(n)] = spread(MICRO * cost)
    return rows


def _by_cells(scope: Scope) -> Sizes:
    return {n: (n, scope.inputs) for n in scope.cells}


def _by_inputs(scope: Scope) -> Sizes:
    return {n: (scope.pairs, n) for n in scope.widths}


def _measured(sizes: Sizes) -> Iterator[tuple[Contender, int, int, int]]:
    """Contender, size, cells and inputs of every measurement."""
    for n, (cells, inputs) in sizes.items():
        yield from ((one, n, cells, inputs) for one in _contenders() if cells <= MOST[one.kernel])


def _contenders() -> list[Contender]:
    return [Contender(name, "l1", kernel) for name in OPTIMIZERS for kernel in kernels()[0]]


def _targets(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    targets = []
    for one in _contenders():
        least = FEWEST[one.kernel]
        cells = {int(n): cost["median"] for n, cost in report["cells"][str(one)].items() if int(n) >= least}
        ratio = max(cells.values()) / min(cells.values())
        targets.append(target(f"{one}: cost over {least} to {max(cells):,} cells, largest by smallest", ratio, EVEN))
        if one.kernel == "torch":
            an_input = [cost["median"] / int(n) for n, cost in report["inputs"][str(one)].items()]
            growth = max(more / less for less, more in pairwise(an_input))
            targets.append(target(f"{one}: growth of the cost an input with the inputs", growth, NOISE))
    for name, memory in report["memory"].items():
        targets.append(target(f"{name}: peak memory, share of the limit", memory["bytes"] / memory["limit"], 1.0))
    return targets


def text(report: Mapping[str, Any]) -> str:
    """Two tables, a row a contender and a column a size, and the memory."""
    grids = [grid(f"us an update, {what}", report[what], "{median:,.1f}") for what in ("cells", "inputs")]
    memory = [
        f"Peak memory of {m['cells']:,} cells, {name}: {m['bytes'] / 1e6:,.0f} MB, of which weights "
        f"{m['weights'] / 1e6:,.0f} MB; limit {m['limit'] / 1e6:,.0f} MB"
        for name, m in report["memory"].items()
    ]
    return "\n\n".join([*grids, "\n".join(memory)])
