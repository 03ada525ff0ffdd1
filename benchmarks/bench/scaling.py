"""``evoprune bench scaling``: several workers against one program, for cells within a generation and for whole runs.

The file is also a program for :func:`evoprune.engines.launcher.launch`: ``scaling.py LAUNCHED WORK...`` prints what it
measures on the SCOOP pool that it runs in.
"""

import contextlib
import dataclasses
import io
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evoprune.benchmarks.bench.levels import Work, against_serial, costs, shipping
from evoprune.benchmarks.bench.machine import kernels
from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.table import table
from evoprune.benchmarks.bench.timing import target
from evoprune.engines import ENGINES, Engine, make_engine
from evoprune.engines.launcher import launch
from evoprune.engines.tasks import one_thread

TARGETS: dict[str, dict[str, float]] = {
    "threads": {"cells": 1.7},  # whole runs seed global states, so they cannot be threads of one program
    "processes": {"cells": 1.5, "runs": 1.8},
    "scoop": {"cells": 1.5, "runs": 1.8},
}
"""Engine -> level -> times serial, with two workers."""
LEVEL = {
    "engine": "{engine}",
    "serial s": "{serial[median]:,.2f}",
    "engine s": "{seconds[median]:,.2f}",
    "low to high": "{seconds[low]:,.2f} to {seconds[high]:,.2f}",
    "x serial": "{speedup[median]:,.2f}",
    "with start-up": "{speedup_with_start:,.2f}",
    "same result": "{verdict}",
}


def measure(scope: Scope) -> dict[str, Any]:
    """All engines that there are, each against the serial one.

    :raises RuntimeError: where the SCOOP pool fails.
    """
    work = scope.work
    a_cell, _ = costs(work)
    measured = {name: _measured(name, work) for name in TARGETS if name in ENGINES}
    return {
        **{name: getattr(work, name) for name in ("workers", "rounds", "cells", "generations", "runs")},
        "costs": a_cell,
        "engines": measured,
        "targets": _targets(measured),
    }


def _measured(name: str, work: Work) -> dict[str, Any]:
    if name == "scoop":
        return _under_scoop(work)
    begin = time.time()
    with make_engine(name, work.workers) as engine:
        return on(engine, work, begin)


def on(engine: Engine, work: Work, begin: float) -> dict[str, Any]:
    """What is measured on an engine; ``begin`` is the time at which its start began."""
    engine.map(_import_all, [0.3] * engine.workers)  # so that no measurement pays for a worker's imports
    started = time.time() - begin
    levels = against_serial(work, engine, started, TARGETS[engine.name])
    return {"start": started, "levels": levels, "shipping": shipping(engine, work)}


def _targets(measured: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Threads gain nothing from torch programs, so their speed-up is asked of the native kernel only."""
    targets = []
    for name, row in measured.items():
        for level, figures in row["levels"].items():
            speedup, same = figures["speedup"]["median"], float(figures["same"])
            if name != "threads" or "native" in kernels()[0]:
                targets.append(target(f"{name}, {level}: times serial", speedup, TARGETS[name][level], least=True))
            targets.append(target(f"{name}, {level}: same result", same, 1, least=True))
    return targets


def _import_all(seconds: float) -> None:
    import evoprune.benchmarks.pruning.run  # noqa: F401

    time.sleep(seconds)  # so that no worker does another's part


def _under_scoop(work: Work) -> dict[str, Any]:
    order = (time.time(), *dataclasses.astuple(work))
    with contextlib.redirect_stdout(io.StringIO()) as answer:  # what the program prints comes over the launcher's line
        code = launch(Path(__file__).resolve(), [str(number) for number in order], work.workers)
    if code:
        raise RuntimeError(f"the measurement under SCOOP ended with exit code {code}")
    return dict(json.loads(answer.getvalue()))


def text(report: Mapping[str, Any]) -> str:
    """A row an engine and level, and what it costs to send cells about."""
    rows = [
        (level, row | {"engine": engine, "verdict": "yes" if row["same"] else "NO"})
        for engine, measured in report["engines"].items()
        for level, row in measured["levels"].items()
    ]
    costs = report["costs"]
    lines = [
        f"A cell and generation: {1e3 * costs['cell_seconds']:.1f} ms of work in a worker, "
        f"{1e3 * costs['log_seconds']:.2f} ms of bookkeeping at the origin; between processes "
        f"{costs['bytes_out'] / 1e6:.2f} MB go out and {costs['bytes_back'] / 1e6:.2f} MB come back"
    ]
    for engine, measured in report["engines"].items():
        ship = measured["shipping"]
        lines.append(
            f"{engine}: start {measured['start']:.1f} s, empty task {1e3 * ship['round_trip']:.2f} ms, shipping a cell "
            f"{1e3 * ship['cell_seconds']:.2f} ms: cells pay up to about {ship['workers']:.0f} workers"
        )
    head = f"{report['workers']} workers, {report['rounds']} rounds, seconds of the clock on the wall"
    return "\n\n".join([head, table("level", LEVEL, rows), "\n".join(lines)])


def main(launched: str, *work: str) -> None:
    """Measure and print, in the origin of a SCOOP pool that was launched at that time."""
    one_thread()
    with make_engine("scoop") as engine:
        print(json.dumps(on(engine, Work(*map(int, work)), float(launched))))


if __name__ == "__main__":
    main(*sys.argv[1:])
