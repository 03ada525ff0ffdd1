"""How much faster the networks of a frontier are without their dead units: measured in turn with the whole ones."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from evoprune.benchmarks.bench.timing import in_turn, spread
from evoprune.benchmarks.experiments import stored_model
from evoprune.benchmarks.frontier.points import Point
from evoprune.benchmarks.frontier.runs import points_of, rows_of
from evoprune.benchmarks.report.read import read_table
from evoprune.benchmarks.report.results import Results
from evoprune.data import samples_of
from evoprune.individuals import Individual
from evoprune.shrinking.compacting import compacted, without_noise
from evoprune.shrinking.stacks import joined

BATCH = 256
ROUNDS = 21
"""Rounds, in each of which one network is called and then the other, each as many times as it takes..."""
LONG = 5e-3
"""...for the dense one to work so many seconds, about: clocks are coarse."""
MOST = 1000
"""Calls a round at most."""
FILE = "latency.csv"
COLUMNS = (
    *("data", "method", "size", "trial", "latency", "low", "high", "rounds"),
    *("dense_microseconds", "microseconds", "model"),
)


def latencies(models: dict[Point, tuple[int, Path]], known: pd.DataFrame, bar: bool = False) -> pd.DataFrame:
    """The latency of every model against that of the same network with its dead units, and with all its zeros.

    :param models: for each point a trial and the directory of its run; those without a model are left out.
    :param known: what was measured before; of models that are still the same it is taken over.
    :returns: ``latency``, the median over the rounds of the quotient, its ``low`` and ``high``, the two medians in
        microseconds a batch of 256, and ``model``, the beginning of the SHA-256 of the model's file.
    """
    before = {(row["data"], row["method"], float(row["size"]), row["model"]): row for row in rows_of(known)}
    rows = []
    for point, (trial, directory) in tqdm(models.items(), desc="latency", unit="model", disable=not bar):
        if not (directory / "model.pt").is_file():
            continue
        digest = hashlib.sha256((directory / "model.pt").read_bytes()).hexdigest()[:16]
        key = (point.data, point.method, point.size, digest)
        rows.append(
            before[key] if key in before else {**vars(point), "trial": trial, **_of_run(directory), "model": digest}
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def models_of(results: Results) -> dict[Point, tuple[int, Path]]:
    """For each point of a frontier the first of its trials that has ended, and its directory."""
    found: dict[Point, tuple[int, Path]] = {}
    points = points_of(results)
    for row in rows_of(results.runs.sort_values("trial", kind="stable")):
        if row["directory"]:  # else a row of the study's table is all that is there
            found.setdefault(points[row["variant"]], (row["trial"], Path(row["directory"])))
    return {point: found[point] for point in points.values() if point in found}


def known_latencies(report: Path) -> pd.DataFrame:
    """What an earlier report left of latencies; an empty table where it left none, or one that cannot be read."""
    empty = pd.DataFrame(columns=list(COLUMNS))
    try:
        table = read_table(report / FILE)
    except ValueError:  # no such file among others
        return empty
    return table if list(table) == list(COLUMNS) else empty


def _of_run(directory: Path) -> dict[str, Any]:
    found = stored_model(directory)
    inputs = samples_of(found.settings.problem, "test").inputs
    return relative_latency(found.individual, inputs[torch.arange(BATCH) % len(inputs)])


def relative_latency(individual: Individual, batch: Tensor) -> dict[str, Any]:
    """The latency of an individual without its dead units, a share of that of the whole one.

    Both are called in turn, and quotients are taken round by round, so that what slows the machine down slows both.
    """
    networks = {"dense": joined(without_noise(individual)).eval(), "compacted": compacted(individual)[0]}
    once = in_turn({"dense": _calls(networks["dense"], batch, 1)}, 3)["dense"].min()
    count = max(1, round(LONG / max(once, LONG / MOST)))
    costs = in_turn({name: _calls(network, batch, count) for name, network in networks.items()}, ROUNDS)
    found = spread(costs["compacted"] / costs["dense"])
    dense, small = (1e6 * spread(costs[name])["median"] for name in ("dense", "compacted"))
    return {
        **{"latency": found["median"], "low": found["low"], "high": found["high"], "rounds": found["repeats"]},
        **{"dense_microseconds": dense, "microseconds": small},
    }


def _calls(network: nn.Module, batch: Tensor, count: int) -> Callable[[], int]:
    def call() -> int:
        with torch.inference_mode():
            for _ in range(count):
                network(batch)
        return count

    return call
