"""What is scaled: the serial engine against another, for a run whose cells are shared out and for whole runs that are.

And what it costs to send cells to a worker and back: from how many workers on that is all the origin does.
"""

import dataclasses
import hashlib
import json
import pickle
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from evoprune.benchmarks.bench.subjects import paper
from evoprune.benchmarks.bench.timing import in_turn, spread
from evoprune.benchmarks.bench.watch import Generation, Watch
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.engines import Engine

Made = tuple[dict[str, Any], str]  # the summary, times aside, and the hash of the final pairs


@dataclass(frozen=True)
class Work:
    """How much is measured; at full size some seconds a round and engine."""

    workers: int = 2
    rounds: int = 7
    cells: int = 20
    generations: int = 12
    runs: int = 4
    run_generations: int = 4
    n_samples: int = 1000
    n_dim: int = 1000

    def settings(self, **options: Any) -> Settings:
        """The paper's settings at this size."""
        return paper(n_samples=self.n_samples, n_dim=self.n_dim, **options)


def whole_run(settings: Settings, engine: Engine | None = None) -> Made:
    """A run in memory; what it gave, and a hash of all final weights and masks."""
    result = start(settings, engine=engine)
    digest = hashlib.sha256()
    for genome in (genome for pair in result.grid for genome in pair):
        for name, tensor in [*sorted(genome.module.state_dict().items()), *sorted(genome.masks.items())]:
            digest.update(name.encode() + tensor.numpy().tobytes())
    return {name: value for name, value in result.summary.items() if name != "seconds"}, digest.hexdigest()


Level = Callable[[Work, Engine], list[Made]]
LEVELS: dict[str, Level] = {
    # one run whose cells the engine shares out
    "cells": lambda work, engine: [whole_run(work.settings(cells=work.cells, generations=work.generations), engine)],
    # several runs, each in one piece somewhere
    "runs": lambda work, engine: engine.map(
        whole_run, [work.settings(generations=work.run_generations, seed=seed) for seed in range(work.runs)]
    ),
}


def against_serial(work: Work, engine: Engine, started: float, levels: Iterable[str] = LEVELS) -> dict[str, Any]:
    """Seconds of the levels on the serial engine and on this one, in turn, and whether they give the same.

    :param started: seconds that the engine took to start, for the speed-up of a program that starts it for this alone.
    """
    rows = {}
    for name in levels:
        results: set[str] = set()
        tasks = {one.name: partial(_once, LEVELS[name], work, one, results) for one in (Engine(), engine)}
        times = in_turn(tasks, work.rounds, time.perf_counter, warm_up=False)
        serial, seconds = spread(times["serial"]), spread(times[engine.name])
        rows[name] = {
            "serial": serial,
            "seconds": seconds,
            "speedup": spread(times["serial"] / times[engine.name]),
            "speedup_with_start": serial["median"] / (seconds["median"] + started),
            "same": len(results) == 1,
        }
    return rows


def _once(level: Level, work: Work, engine: Engine, results: set[str]) -> int:
    results.add(json.dumps(level(work, engine), sort_keys=True))
    return 1


@cache
def costs(work: Work) -> tuple[dict[str, float], Generation]:
    """Seconds and bytes a cell and generation, and a generation's function and tasks; measured once."""
    watch = Watch()
    generations = max(2, work.generations // 4)
    run = start(work.settings(cells=work.cells, generations=generations), engine=watch)
    count = work.cells * generations
    function, tasks = watch.last
    return {
        "cell_seconds": watch.seconds["working"] / count,
        "log_seconds": max(0.0, run.summary["seconds"] - watch.seconds["mapping"]) / count,
        "bytes_out": sum(len(pickle.dumps((function, task), protocol=5)) for task in tasks) / work.cells,
        "bytes_back": sum(len(pickle.dumps(result, protocol=5)) for result in watch.results) / work.cells,
    }, watch.last


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
