"""A made-up study of a frontier: a few numbers a run, as a sweep would leave them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.frontier.plan import plan_for
from tests.benchmarks.tiny import TINY

SMALL = {name: value for name, value in TINY.items() if name not in ("generations", "cells", "compare")}
"""Settings of 40 samples in batches of 5: an epoch has 8 gradient steps."""
VALUES = {
    "dense": [0.05, 0.05, 0.05],
    "agp": [0.10, 0.12, 0.14],
    "random-pruning": [0.3, 0.2, 0.4],
    "frontier": [0.06, 0.07, 0.08],
    "frontier-shuffled": [0.2, 0.2, 0.2],
}
"""The wrong bits of three trials; at a second size half as many."""


def write_frontier(
    place: Path,
    values: Mapping[str, Sequence[float]] | None = None,
    data: Sequence[str] = ("binary-clustering",),
    sizes: Sequence[float] = (0.1, 0.2),
    cost: bool = True,
    **summary: Any,
) -> Path:
    """A study with a trial a value; at the second size values are half as large.

    Its networks keep as much as they should, and do a tenth less of the arithmetic.

    :param summary: instead of what is in the summary of every run.
    """
    values = VALUES if values is None else values
    trials = max(map(len, values.values()))
    given = SMALL if list(data) == ["binary-clustering"] else {}
    plan = plan_for(list(values), data, sizes, 10_000, trials, given=given)
    place.mkdir(parents=True)
    plan.save(place / "study.json")
    for run in plan.runs:
        _, method, size = run.variant.split(",")
        if run.trial >= len(values[method]):
            continue
        value, kept = values[method][run.trial] * (0.5 if float(size) == sizes[1] else 1), float(size)
        figures: dict[str, Any] = {
            "best_test_error": value,
            "best_test_loss": value,
            "best_preserved": kept,
            "preserved": kept,
        }
        figures |= {"updates": 9992, "noise_floor": 0.05, "version": "1"} | summary
        costs = {"dense": {"macs": 1000}, "compacted": {"effective_macs": 900 * kept}}
        folder = place / run.place
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(run.settings))
        (folder / "summary.json").write_text(json.dumps(figures | ({"cost": costs} if cost else {})))
    return place


def runs_by_hand(values: Mapping[tuple[str, float], Sequence[float]], seed: int = 100) -> pd.DataFrame:
    """Runs with these values, a trial each; trials of the same number share their seed."""
    rows = [
        {"method": method, "size": size, "trial": trial, "seed": seed + trial, "value": value}
        for (method, size), each in values.items()
        for trial, value in enumerate(each)
    ]
    table = pd.DataFrame(rows).assign(updates=96.0, directory="runs/made/00")
    return table.assign(kept=table["size"], macs=0.9 * table["size"])
