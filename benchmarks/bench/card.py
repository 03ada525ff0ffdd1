"""``evoprune bench --device cuda``: population training against the plain loop, both on the card."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.speed import KINDS, PLAIN
from evoprune.benchmarks.bench.subjects import Contender, data, networks, plain, population
from evoprune.benchmarks.bench.table import table
from evoprune.benchmarks.bench.timing import MICRO, in_turn, spread

UPDATE = {
    "us": "{microseconds[median]:,.1f}",
    "low to high": "{microseconds[low]:,.1f} to {microseconds[high]:,.1f}",
    "x plain adam": "{speedup[median]:,.2f}",
}


def measure(scope: Scope) -> dict[str, Any]:
    """Microseconds an update by the clock on the wall, which a card's work is on."""
    samples = data(scope.samples, scope.inputs)
    tasks: dict[str, Callable[[], float]] = {
        f"plain {name}": plain(networks(scope.pairs, scope.inputs), samples, name, scope.device) for name in PLAIN
    }
    for kind in KINDS:
        one = Contender(*kind, "torch")
        tasks[str(one)] = population(one, scope.pairs, samples, device=scope.device)
    tasks = {name: finished(task, scope.device) for name, task in tasks.items()}
    costs = in_turn(tasks, scope.rounds, time.perf_counter)
    rows = {
        name: {"microseconds": spread(MICRO * cost), "speedup": spread(costs["plain adam"] / cost)}
        for name, cost in costs.items()
    }
    return {"device": torch.cuda.get_device_name(scope.device), "rows": rows, "targets": []}


def finished(task: Callable[[], float], device: str) -> Callable[[], float]:
    """The task, which ends when the card has done what it was given."""

    def run() -> float:
        units = task()
        torch.cuda.synchronize(device)
        return units

    return run


def text(report: Mapping[str, Any]) -> str:
    """A row a contender."""
    return f"On {report['device']}, seconds of the clock on the wall\n\n" + table(
        "one update", UPDATE, report["rows"].items()
    )
