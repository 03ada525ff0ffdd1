"""What it costs to send cells to a worker and back, and from how many workers on that is all the origin does."""

import dataclasses
import pickle
import time
from typing import Any

import numpy as np

from evoprune.benchmarks.bench.levels import Work
from evoprune.benchmarks.bench.timing import in_turn
from evoprune.benchmarks.bench.watch import costs
from evoprune.engines import Engine


def shipping(engine: Engine, work: Work) -> dict[str, float]:
    """Seconds to send a cell and receive its offspring, of an empty task, and where cells stop to pay.

    A worker needs ``cell_seconds`` for a cell, the origin ``shipping + log_seconds``, which it does for one after the
    other. So the origin keeps as many workers busy as the one takes longer than the other.
    """
    a_cell, (function, tasks) = costs(work)
    untrained = dataclasses.replace(function, train=_nothing, mutate=None)

    def empty() -> int:
        return sum(engine.map(abs, [-1])[0] for _ in range(20))

    def sent() -> int:
        engine.map(untrained, tasks)
        return work.cells

    def here() -> int:
        for task in pickle.loads(pickle.dumps(tasks)):
            untrained(task)
        return work.cells

    ways = {"empty": empty, "sent": sent, "here": here}
    seconds = in_turn(ways, max(3, work.rounds), time.perf_counter, warm_up=False)
    # What an untrained cell computes is not shipping; the workers share it.
    cell = max(1e-9, float(np.median(seconds["sent"]) - np.median(seconds["here"]) / engine.workers))
    return {
        "round_trip": float(np.median(seconds["empty"])),
        "cell_seconds": cell,
        "workers": a_cell["cell_seconds"] / (cell + a_cell["log_seconds"]),
    }


def _nothing(pairs: Any, **_: Any) -> None:
    """A train slot that leaves the pairs as they are."""
