"""What an update costs: kernels and torch programs against plain loops, against the floors, and against peers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from evoprune.benchmarks.bench import floors, peers
from evoprune.benchmarks.bench.machine import kernels
from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.subjects import (
    BATCH,
    JAX,
    Contender,
    data,
    networks,
    plain,
    population,
)
from evoprune.benchmarks.bench.table import table
from evoprune.benchmarks.bench.timing import MICRO, in_turn, spread, target
from evoprune.training.optimizers import optimizer_for

PLAIN = ("adam", "fused adam", "adam-anew")
KINDS = [(optimizer, loss) for optimizer in ("adam-anew", "adam", "sgd") for loss in ("l1", "bce")]
TIMES_PLAIN = {
    Contender("adam-anew", "l1", "native"): 20,
    Contender("adam", "l1", "native"): 14,
    Contender("adam", "bce", "native"): 12,
    Contender("adam-anew", "l1", "torch"): 6,
    Contender("adam", "l1", "torch"): 6,
}
"""Of the plain loop that keeps its Adam."""
TIMES_FLOOR = {Contender("adam-anew", "l1", "torch"): 4, Contender("adam", "l1", "torch"): 4}
TIMES_JAX = {Contender("adam-anew", "l1", "native"): 2, Contender("adam", "l1", "native"): 2}
UPDATE = {
    "us": "{microseconds[median]:,.1f}",
    "low to high": "{microseconds[low]:,.1f} to {microseconds[high]:,.1f}",
    "updates/s": "{updates_per_second:,.0f}",
    "x plain adam": "{speedup[median]:,.2f}",
    "x floor": "{times_floor[median]:,.2f}",
    "arithmetic us": "{arithmetic_microseconds:,.1f}",
    "memory us": "{memory_microseconds:,.1f}",
}
"""The head of each column, and a row's values below it."""
RATE = "{median:,.1f} ({low:,.1f} to {high:,.1f})"


def measure(scope: Scope) -> dict[str, Any]:
    """The plain loops, population training by every kernel, the peers if asked for, and the floors, in turn."""
    samples, layers = data(scope.samples, scope.inputs), floors.widths(scope.inputs)
    ours = [Contender(*kind, kernel) for kind in KINDS for kernel in kernels()[0]]
    theirs = [Contender(*kind, JAX) for kind in KINDS if scope.peers]
    tasks: dict[str, Callable[[], float]] = {
        f"plain {name}": plain(networks(scope.pairs, scope.inputs), samples, name) for name in PLAIN
    }
    moved = {name: float(floors.traffic(layers, 2)) for name in tasks}
    tasks |= {str(one): population(one, scope.pairs, samples) for one in ours}
    tasks |= {str(one): peers.in_jax(one, scope.pairs, samples) for one in theirs}
    moved |= {str(one): _moved(one, layers, -(-scope.samples // BATCH)) for one in ours + theirs}
    tasks["product"] = floors.product(floors.SIDE)
    tasks |= {f"copy {name}": floors.copy(size) for name, size in floors.WORKING_SETS.items()}
    costs = in_turn(tasks, scope.rounds)
    operations = floors.operations(layers)
    rows = {name: _row(costs, name, operations, bytes_) for name, bytes_ in moved.items()}
    return {
        "rows": rows,
        "rates": {
            "gigaflops": spread(1e-9 / costs["product"]),
            **{f"{name} GB/s": spread(1e-9 / costs[f"copy {name}"]) for name in floors.WORKING_SETS},
        },
        "work": {"operations": operations, "parameters": floors.parameters(layers), "cache": floors.own_cache()},
        "targets": _targets(costs, rows),
    }


def _moved(one: Contender, layers: list[int], updates: int) -> float:
    """The least bytes that an update moves: the native kernel trains cell by cell, the others batch by batch."""
    moments = optimizer_for(one.optimizer).moments
    if one.kernel == "native":
        return floors.traffic_by_cell(layers, moments, updates, floors.own_cache())
    return floors.traffic(layers, moments)


def _row(costs: Mapping[str, np.ndarray], name: str, operations: float, moved: float) -> dict[str, Any]:
    """What is said of a contender; ratios are taken round by round."""
    arithmetic, memory = operations * costs["product"], moved * costs["copy memory"]
    microseconds = spread(MICRO * costs[name])
    return {
        "microseconds": microseconds,
        "updates_per_second": MICRO / microseconds["median"],
        "speedup": spread(costs["plain adam"] / costs[name]),
        "arithmetic_microseconds": spread(MICRO * arithmetic)["median"],
        "memory_microseconds": spread(MICRO * memory)["median"],
        "times_floor": spread(costs[name] / np.maximum(arithmetic, memory)),
    }


def _targets(costs: Mapping[str, np.ndarray], rows: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of what was measured; without a native kernel, or without peers, the targets that need them are left out."""
    targets = []
    for one, limit in TIMES_PLAIN.items():
        if str(one) in rows:
            speedup = rows[str(one)]["speedup"]["median"]
            targets.append(target(f"{one}: times the plain loop", speedup, limit, least=True))
    for one, limit in TIMES_FLOOR.items():
        targets.append(target(f"{one}: times the floor", rows[str(one)]["times_floor"]["median"], limit))
    for one, limit in TIMES_JAX.items():
        peer = one._replace(kernel=JAX)
        if {str(one), str(peer)} <= rows.keys():
            ratio = spread(costs[str(peer)] / costs[str(one)])["median"]
            targets.append(target(f"{one}: times JAX", ratio, limit, least=True))
    return targets


def text(report: Mapping[str, Any]) -> str:
    """A row a contender, and the rates that the floors are made of."""
    rates = report["rates"]
    head = "An update: {operations:,} operations, {parameters:,} parameters; a core's own cache: {cache:,} bytes"
    return "\n\n".join(
        [
            head.format(**report["work"]) + f"; medians of {rates['gigaflops']['repeats']} rounds",
            table("one update", UPDATE, report["rows"].items()),
            "Rates: " + ", ".join(f"{name} {RATE.format(**rate)}" for name, rate in rates.items()),
        ]
    )
