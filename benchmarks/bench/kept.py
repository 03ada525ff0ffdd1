"""What pruning does to the cost of an update: several shares of weights kept, against all of them."""

from collections.abc import Callable
from typing import Any

from evoprune.benchmarks.bench.machine import kernels
from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.subjects import Contender, data, population
from evoprune.benchmarks.bench.table import grid
from evoprune.benchmarks.bench.timing import MICRO, in_turn, spread, target

HELD = Contender("adam", "l1", "native")
LIMITS = {0.2: 1.1, 0.05: 0.75}
"""Share kept -> what an update of the contender held to it may cost, against 100 %."""
CELL = "{microseconds[median]:,.1f} ({cost[median]:.2f})"


def measure(scope: Scope) -> dict[str, Any]:
    """Microseconds an update for every share, and the cost against 100 % of the same kernel, round by round."""
    contenders = [Contender(name, "l1", kernel) for name in ("adam-anew", "adam", "sgd") for kernel in kernels()[0]]
    samples = data(scope.samples, scope.inputs)
    tasks: dict[tuple[Contender, float], Callable[[], float]] = {
        (one, share): population(one, scope.pairs, samples, kept=share) for one in contenders for share in scope.kept
    }
    costs = in_turn(tasks, scope.rounds)
    rows = {
        str(one): {
            f"{share:.0%}": {
                "microseconds": spread(MICRO * costs[one, share]),
                "cost": spread(costs[one, share] / costs[one, 1.0]),
            }
            for share in scope.kept
        }
        for one in contenders
    }
    held = rows.get(str(HELD), {})
    targets = [
        target(f"{HELD}: {share:.0%} kept, cost against 100 %", held[f"{share:.0%}"]["cost"]["median"], limit)
        for share, limit in LIMITS.items()
        if held
    ]
    return {"rows": rows, "targets": targets}


def text(report: dict[str, Any]) -> str:
    """A row a contender, a column a share: microseconds, and in brackets the cost against 100 %."""
    return grid("us an update (times 100 %), weights kept", report["rows"], CELL)
