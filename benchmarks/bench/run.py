"""What a run costs: the share of it that is not training, and whole runs from command to exit."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import evoprune
from evoprune.benchmarks.bench.machine import kernels
from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.subjects import BATCH, data, networks, plain
from evoprune.benchmarks.bench.table import table
from evoprune.benchmarks.bench.timing import MICRO, in_turn, spread, target
from evoprune.benchmarks.bench.watch import outside
from evoprune.engines import ENGINES

OUTSIDE = {"native": 0.2, "torch": 0.15}
"""The share of a run outside training that will do, by the kernel it trains with."""
PAPER = 1.8
"""What an update of the authors' code costs, times a plain loop that builds Adam anew as it does: besides, every batch
copies all activations and clips gradients at a bound that nothing reaches. Measured at 1.78, and up to 2.1 on a machine
that other programs used too."""
TIMES_PAPER = {"one core": 60, "two workers": 95}
PLAIN = "plain adam-anew"
WHOLE = {
    "us an update": "{microseconds[median]:,.1f}",
    "low to high": "{microseconds[low]:,.1f} to {microseconds[high]:,.1f}",
    "seconds": "{seconds:,.1f}",
    "x plain adam-anew": "{speedup[median]:,.1f}",
    "x the paper's code": "{times_paper:,.1f}",
}


def measure(scope: Scope) -> dict[str, Any]:
    """Shares of a run outside training, and whole runs on one core and with two workers, in the paper's settings."""
    size = {"n_samples": scope.samples, "n_dim": scope.inputs, "cells": scope.pairs}
    parts = [outside(scope.generations, **size) for _ in range(scope.rounds)]
    report = {
        "outside": {name: spread([part[name] for part in parts]) for name in parts[0]},
        "generations": scope.generations,
        "whole_generations": scope.whole_generations,
        "whole": _whole(scope, [f"--{name.replace('_', '-')}={value}" for name, value in size.items()]),
    }
    return {**report, "targets": _targets(report)}


def _whole(scope: Scope, size: list[str]) -> dict[str, Any]:
    """Whole runs against the plain loop; seconds of the clock on the wall, which is what one waits for."""
    engine = "threads" if "threads" in ENGINES and "native" in kernels()[0] else "processes"
    updates = scope.whole_generations * scope.pairs * -(-scope.samples // BATCH)
    command = ["run", "paper", "--no-compare", "--quiet", "--generations", str(scope.whole_generations), *size]
    ways = {"one core": ["--engine", "serial"], "two workers": ["--engine", engine, "--workers", "2"]}
    tasks: dict[str, Callable[[], float]] = {
        PLAIN: plain(networks(scope.pairs, scope.inputs), data(scope.samples, scope.inputs), "adam-anew"),
        **{name: partial(_command, [*command, *way], updates) for name, way in ways.items()},
    }
    costs = in_turn(tasks, scope.whole_rounds, time.perf_counter, warm_up=False)
    return {name: _row(costs[name], costs[PLAIN], updates) | {"engine": way[1]} for name, way in ways.items()}


def _command(arguments: list[str], updates: int) -> int:
    """``evoprune`` with these arguments in a folder of its own, from command to exit; the updates it makes.

    :raises RuntimeError: with its last words, where it fails.
    """
    home = Path(evoprune.__file__).parents[1]
    with tempfile.TemporaryDirectory(prefix="evoprune-") as folder:
        command = [sys.executable, "-m", "evoprune", *arguments, "--output", str(Path(folder, "run"))]
        ended = subprocess.run(command, cwd=home, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"evoprune {' '.join(arguments)} ended with {ended.returncode}: {ended.stderr[-300:]}")
    return updates


def _row(costs: np.ndarray, loop: np.ndarray, updates: int) -> dict[str, Any]:
    speedup = spread(loop / costs)
    return {
        "microseconds": spread(MICRO * costs),
        "seconds": spread(updates * costs)["median"],
        "speedup": speedup,
        "times_paper": PAPER * speedup["median"],
    }


def _targets(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Runs train with the best kernel there is; how fast a whole one is is asked of the native kernel only."""
    kernel = kernels()[0][0]
    share = target("share of a run outside training", report["outside"]["share"]["median"], OUTSIDE[kernel])
    whole = [
        target(f"whole run, {name}: times the paper's code", report["whole"][name]["times_paper"], limit, least=True)
        for name, limit in TIMES_PAPER.items()
        if kernel == "native"
    ]
    return [share, *whole]


def text(report: Mapping[str, Any]) -> str:
    """The shares in a line, and a row a whole run."""
    outside = {name: cost["median"] for name, cost in report["outside"].items()}
    shares = (
        "Outside training, at the paper's settings: {share:.1%} of a run: in the cells {cells:.1%}, between "
        "generations {logging:.1%} ({seconds:.1f} s; medians of {rounds} runs of {generations} generations)"
    )
    line = shares.format(**outside, generations=report["generations"], rounds=report["outside"]["share"]["repeats"])
    rows = {f"{name} ({row['engine']})": row for name, row in report["whole"].items()}
    head = f"whole run, {report['whole_generations']} generations"
    return f"{line}\n\n{table(head, WHOLE, rows.items())}"
