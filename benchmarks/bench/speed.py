"""``evoprune bench``: an update's cost against a plain loop, against the floors, and as cells and inputs grow."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from evoprune.benchmarks.bench import floors
from evoprune.benchmarks.bench.subjects import data, networks, plain, population
from evoprune.benchmarks.bench.timing import Costs, in_turn, machine, spread, target
from evoprune.benchmarks.bench.watch import outside
from evoprune.training.optimizers import OPTIMIZERS

MICRO = 1e6
NOISE = 1.1  # what a ratio whose target is 1 may show without meaning anything
CONTENDERS: dict[str, dict[str, Any]] = {
    f"{optimizer} {loss}{mask}": {"optimizer": optimizer, "loss": loss, "kept": kept}
    for kept, mask in ((1.0, ""), (0.2, ", 20 % kept"))
    for optimizer in ("adam-anew", "adam", "sgd")
    for loss in ("l1", "bce")
}
MAIN = ("adam-anew l1", "adam l1")  # the paper's setting, and the optimizer of the plain loop


@dataclass(frozen=True)
class Scope:
    """How much is measured."""

    rounds: int = 7
    samples: int = 1000
    inputs: int = 1000
    pairs: int = 10
    growing_rounds: int = 3
    growing_samples: int = 500
    least_updates: int = 5000  # of one measurement, where cells are few
    cells: tuple[int, ...] = (10, 30, 100, 300, 1000)
    widths: tuple[int, ...] = (250, 500, 1000, 2000, 4000)
    memory_cells: int = 1000
    generations: int = 40


FULL = Scope()
QUICK = Scope(
    rounds=2,
    samples=50,
    growing_rounds=2,
    growing_samples=25,
    least_updates=1,
    cells=(10, 40),
    widths=(500, 1000),
    memory_cells=40,
    generations=2,
)


def measure_speed(scope: Scope = FULL) -> dict[str, Any]:
    """All measurements as plain values, and which targets they meet."""
    report = {"machine": machine(), **_compared(scope)}
    report["cells"] = _growing(scope, {n: (n, scope.inputs) for n in scope.cells})
    report["inputs"] = _growing(scope, {n: (scope.pairs, n) for n in scope.widths})
    report["memory"] = {name: floors.peak(scope.memory_cells, scope.inputs, name) for name in ("adam-anew", "adam")}
    report["outside"] = outside(scope.generations, n_samples=scope.samples, n_dim=scope.inputs, cells=scope.pairs)
    report["targets"] = _targets(report)
    return report


def _compared(scope: Scope) -> dict[str, Any]:
    """The plain loops, population training and the floors, measured in turn."""
    samples = data(scope.samples, scope.inputs)
    tasks: dict[str, Callable[[], float]] = {
        f"plain {name}": plain(networks(scope.pairs, scope.inputs), samples, name)
        for name in ("adam", "fused adam", "adam-anew")
    }
    tasks |= {name: population(scope.pairs, samples, **options) for name, options in CONTENDERS.items()}
    tasks["product"] = floors.product(floors.SIDE)
    tasks |= {f"copy {name}": floors.copy(size) for name, size in floors.WORKING_SETS.items()}
    costs = in_turn(tasks, scope.rounds)
    layers = floors.widths(scope.inputs)
    return {
        "plain": {name: _row(costs, name, layers) for name in tasks if name.startswith("plain ")},
        "population": {name: _row(costs, name, layers) for name in CONTENDERS},
        "rates": {
            "gigaflops": spread(1e-9 / costs["product"]),
            **{f"{name} GB/s": spread(1e-9 / costs[f"copy {name}"]) for name in floors.WORKING_SETS},
        },
        "work": {"operations": floors.operations(layers), "parameters": floors.parameters(layers)},
    }


def _row(costs: Costs, name: str, layers: list[int]) -> dict[str, Any]:
    optimizer = CONTENDERS[name]["optimizer"] if name in CONTENDERS else "adam"
    arithmetic = floors.operations(layers) * costs["product"]
    memory = floors.traffic(layers, OPTIMIZERS[optimizer].moments) * costs["copy memory"]
    microseconds = spread(MICRO * costs[name])
    return {
        "microseconds": microseconds,
        "updates_per_second": MICRO / microseconds["median"],
        "speedup": spread(costs["plain adam"] / costs[name]),
        "arithmetic_microseconds": spread(MICRO * arithmetic)["median"],
        "memory_microseconds": spread(MICRO * memory)["median"],
        "times_floor": spread(costs[name] / np.maximum(arithmetic, memory)),
    }


def _growing(scope: Scope, sizes: dict[int, tuple[int, int]]) -> dict[str, Any]:
    """Cost per update for (cells, inputs), for both optimizers of interest."""
    tasks: dict[str, Callable[[], float]] = {
        f"{name} {n}": population(
            cells, data(scope.growing_samples, inputs), least=scope.least_updates, **CONTENDERS[name]
        )
        for n, (cells, inputs) in sizes.items()
        for name in MAIN
    }
    costs = in_turn(tasks, scope.growing_rounds)
    return {name: {str(n): spread(MICRO * costs[f"{name} {n}"]) for n in sizes} for name in MAIN}


def _targets(report: dict[str, Any]) -> list[dict[str, Any]]:
    targets = []
    for name in MAIN:
        row = report["population"][name]
        targets.append(target(f"{name}: times the plain loop", row["speedup"]["median"], 6, least=True))
        targets.append(target(f"{name}: times the floor", row["times_floor"]["median"], 4))
        cells = [cost["median"] for cost in report["cells"][name].values()]
        targets.append(target(f"{name}: cost over cells, largest by smallest", max(cells) / min(cells), 1.25))
        a_unit = [cost["median"] / int(n) for n, cost in report["inputs"][name].items()]
        growth = [more / less for less, more in pairwise(a_unit)]
        targets.append(target(f"{name}: growth of the cost an input with the inputs", max(growth), NOISE))
    for name, memory in report["memory"].items():
        targets.append(target(f"{name}: peak memory, share of the limit", memory["bytes"] / memory["limit"], 1.0))
    targets.append(target("share of a run outside training", report["outside"]["share"], 0.15))
    return targets
