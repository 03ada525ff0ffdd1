"""``evoprune bench scaling``: two workers against one program, for cells within a generation and for whole runs."""

import dataclasses
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from evoprune.benchmarks.bench import scoop_program
from evoprune.benchmarks.bench.levels import FULL, Work, against_serial
from evoprune.benchmarks.bench.shipping import Generation, costs, shipping
from evoprune.benchmarks.bench.timing import machine, target
from evoprune.engines import Engine, ProcessEngine
from evoprune.engines.launcher import launch

TARGETS = {"cells": 1.5, "runs": 1.8}
ENGINES = ("processes", "scoop")


def measure_scaling(work: Work = FULL, engines: tuple[str, ...] = ENGINES) -> dict[str, Any]:
    """All measurements as plain values, and which targets they meet.

    :raises RuntimeError: where the SCOOP pool fails.
    """
    a_cell, generation = costs(work)
    measured: dict[str, Any] = {}
    if "processes" in engines:
        begin = time.perf_counter()
        with ProcessEngine(work.workers) as engine:
            warm(engine)
            measured["processes"] = on(engine, work, time.perf_counter() - begin, a_cell, generation)
    if "scoop" in engines:
        measured["scoop"] = _under_scoop(work)
    return {
        "machine": machine(),
        **{name: getattr(work, name) for name in ("workers", "rounds", "cells", "generations", "runs")},
        "costs": a_cell,
        "engines": measured,
        "targets": [
            check
            for name, row in measured.items()
            for level, figures in row["levels"].items()
            for check in (
                target(f"{name}, {level}: times serial", figures["speedup"]["median"], TARGETS[level], least=True),
                target(f"{name}, {level}: same result", float(figures["same"]), 1, least=True),
            )
        ],
    }


def on(engine: Engine, work: Work, started: float, a_cell: dict[str, float], generation: Generation) -> dict[str, Any]:
    """What is measured on an engine that has started."""
    return {
        "start": started,
        "levels": against_serial(work, engine, started),
        "shipping": shipping(engine, work, a_cell, generation),
    }


def warm(engine: Engine) -> None:
    """See every worker import what it needs, so that no measurement pays for it."""
    engine.map(_import_all, [0.3] * engine.workers)


def _import_all(seconds: float) -> None:
    import evoprune.benchmarks.pruning.run  # noqa: F401

    time.sleep(seconds)  # so that no worker does another's part


def _under_scoop(work: Work) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="evoprune-") as folder:
        order = Path(folder) / "order.json"
        order.write_text(json.dumps({"work": dataclasses.asdict(work), "launched": time.time()}))
        answer = Path(folder) / "answer.json"
        code = launch(Path(scoop_program.__file__).resolve(), [str(order), str(answer)], work.workers)
        if code or not answer.exists():
            raise RuntimeError(f"the measurement under SCOOP ended with exit code {code}")
        return dict(json.loads(answer.read_text()))
