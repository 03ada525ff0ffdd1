"""``evoprune bench scaling``: two workers against one program, for cells within a generation and for whole runs.

The file is also a program for :func:`evoprune.engines.launcher.launch`: ``scaling.py LAUNCHED WORK...`` prints what it
measures on the SCOOP pool that it runs in.
"""

import contextlib
import dataclasses
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

from evoprune.benchmarks.bench.levels import FULL, Work, against_serial, costs, shipping
from evoprune.benchmarks.bench.timing import machine, target
from evoprune.engines import Engine, ProcessEngine, make_engine
from evoprune.engines.launcher import launch
from evoprune.engines.tasks import one_thread

TARGETS = {"cells": 1.5, "runs": 1.8}
ENGINES = ("processes", "scoop")


def measure_scaling(work: Work = FULL, engines: tuple[str, ...] = ENGINES) -> dict[str, Any]:
    """All measurements as plain values, and which targets they meet.

    :raises RuntimeError: where the SCOOP pool fails.
    """
    measured: dict[str, Any] = {}
    a_cell, _ = costs(work)
    if "processes" in engines:
        begin = time.time()
        with ProcessEngine(work.workers) as engine:
            measured["processes"] = on(engine, work, begin)
    if "scoop" in engines:
        measured["scoop"] = _under_scoop(work)
    targets = []
    for name, row in measured.items():
        for level, figures in row["levels"].items():
            speedup, same = figures["speedup"]["median"], float(figures["same"])
            targets.append(target(f"{name}, {level}: times serial", speedup, TARGETS[level], least=True))
            targets.append(target(f"{name}, {level}: same result", same, 1, least=True))
    return {
        "machine": machine(),
        **{name: getattr(work, name) for name in ("workers", "rounds", "cells", "generations", "runs")},
        "costs": a_cell,
        "engines": measured,
        "targets": targets,
    }


def on(engine: Engine, work: Work, begin: float) -> dict[str, Any]:
    """What is measured on an engine; ``begin`` is the time at which its start began."""
    engine.map(_import_all, [0.3] * engine.workers)  # so that no measurement pays for a worker's imports
    started = time.time() - begin
    return {"start": started, "levels": against_serial(work, engine, started), "shipping": shipping(engine, work)}


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


def main(launched: str, *work: str) -> None:
    """Measure and print, in the origin of a SCOOP pool that was launched at that time."""
    one_thread()
    with make_engine("scoop") as engine:
        print(json.dumps(on(engine, Work(*map(int, work)), float(launched))))


if __name__ == "__main__":
    main(*sys.argv[1:])
