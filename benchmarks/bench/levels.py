"""What is scaled: a run whose cells are shared out, and whole runs that are; the serial engine against another."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from evoprune.benchmarks.bench.subjects import paper
from evoprune.benchmarks.bench.timing import in_turn, spread
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.engines import Engine

Made = tuple[dict[str, Any], str]  # the summary, times aside, and the hash of the final pairs


@dataclass(frozen=True)
class Work:
    """How much is measured; at full size some seconds a round and engine."""

    workers: int = 2
    rounds: int = 3
    cells: int = 20
    generations: int = 12
    runs: int = 4
    run_generations: int = 4
    n_samples: int = 1000
    n_dim: int = 1000

    def settings(self, **options: Any) -> Settings:
        """The paper's settings at this size."""
        return paper(n_samples=self.n_samples, n_dim=self.n_dim, **options)


FULL = Work()
QUICK = Work(rounds=1, cells=10, generations=1, run_generations=1, runs=2, n_samples=25, n_dim=50)


def whole_run(settings: Settings, engine: Engine | None = None) -> Made:
    """A run in memory; what it gave, and a hash of all final weights and masks."""
    result = start(settings, engine=engine)
    digest = hashlib.sha256()
    for genome in (genome for pair in result.grid for genome in pair):
        for name, tensor in [*sorted(genome.module.state_dict().items()), *sorted(genome.masks.items())]:
            digest.update(name.encode() + tensor.numpy().tobytes())
    return {name: value for name, value in result.summary.items() if name != "seconds"}, digest.hexdigest()


def cells_level(work: Work, engine: Engine) -> list[Made]:
    """One run whose cells the engine shares out."""
    return [whole_run(work.settings(cells=work.cells, generations=work.generations), engine)]


def runs_level(work: Work, engine: Engine) -> list[Made]:
    """Several runs, each in one piece somewhere."""
    return engine.map(whole_run, [work.settings(generations=work.run_generations, seed=s) for s in range(work.runs)])


Level = Callable[[Work, Engine], list[Made]]
LEVELS: dict[str, Level] = {"cells": cells_level, "runs": runs_level}


def against_serial(work: Work, engine: Engine, started: float) -> dict[str, Any]:
    """Seconds of both levels on the serial engine and on this one, in turn, and whether they give the same.

    :param started: seconds that the engine took to start, for the speed-up of a program that starts it for this alone.
    """
    rows = {}
    for name, level in LEVELS.items():
        results: set[str] = set()
        tasks = {one.name: partial(_once, level, work, one, results) for one in (Engine(), engine)}
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
