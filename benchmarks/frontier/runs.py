"""The runs of a frontier as one table, and what they are measured by on the held-out data."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.frontier.points import Point, point_of
from evoprune.benchmarks.plots.curves import numbers
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.report.results import Results
from evoprune.files import read_json

CHOSEN = "best_"
"""What the columns of a summary begin with that are about the network that did best on the validation split."""


@dataclass(frozen=True)
class Measure:
    """What a network is worth on the held-out data, the lower the better: a column of the summary, and its label with
    the unit once it has been multiplied by ``scale``. ``floor`` is what none is expected to beat, where that is known.
    """

    column: str
    label: str
    scale: float = 1.0
    floor: float | None = None

    @property
    def caption(self) -> str:
        """The label at the beginning of a sentence."""
        return self.label[:1].upper() + self.label[1:]

    @property
    def form(self) -> str:
        """How a value is written: a format with one field."""
        return "{:.4g} %" if self.scale == 100 else "{:.4g}"


def points_of(results: Results) -> dict[str, Point]:
    """The variants that have runs, and what each stands for.

    :raises ValueError: for a variant that is none of a frontier.
    """
    found = {variant: point_of(variant) for variant in results.variants}
    for variant, point in found.items():
        if point is None:
            raise ValueError(f"{variant} is no variant of a frontier, which are called data,method,size")
    return {variant: point for variant, point in found.items() if point is not None}


def measure_of(results: Results, data: str) -> Measure:
    """The error, where outputs are right or wrong, else the loss that was trained to."""
    variants = [variant for variant, point in points_of(results).items() if point.data == data]
    runs, settings = results.runs[results.runs["variant"].isin(variants)], results.settings[variants[0]]
    error = f"{CHOSEN}test_error"
    if error not in runs or not numbers(runs, error).notna().any():
        return Measure(f"{CHOSEN}test_loss", f"loss ({settings['loss']}), held-out data")
    if TASKS[settings["task"]].targets:
        return Measure(error, "misclassified, held-out data (%)", 100)
    floors = numbers(runs, "noise_floor").dropna() if "noise_floor" in runs else pd.Series(dtype=float)
    return Measure(error, "wrong bits, held-out data (%)", 100, 100 * floors.iloc[0] if len(floors) else None)


def runs_of(results: Results, data: str) -> pd.DataFrame:
    """A row a run on some data: method, size, trial, seed, ``value`` (of :func:`measure_of`), ``kept`` and ``macs``
    (shares of the weights, and of the multiply-accumulates that are left once dead units and zeros are out), updates
    and directory, below that of the study; of the network that was chosen on the validation split. NaN where something
    is not known.
    """
    points, measure = points_of(results), measure_of(results, data)
    runs = results.runs[[points[variant].data == data for variant in results.runs["variant"]]]
    return pd.DataFrame(
        {
            "method": [points[variant].method for variant in runs["variant"]],
            "size": [points[variant].size for variant in runs["variant"]],
            "trial": runs["trial"].to_list(),
            "seed": pd.Series(runs["seed"].to_list(), dtype=object),
            "value": (measure.scale * numbers(runs, measure.column)).to_list(),
            "kept": numbers(runs, f"{CHOSEN}preserved").to_list(),
            "macs": [_effective_macs(directory) for directory in runs["directory"]],
            "updates": numbers(runs, "updates").to_list(),
            "directory": ["/".join(Path(directory).parts[-3:]) for directory in runs["directory"]],
        }
    )


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, name -> value."""
    rows: Any = table.to_dict("records")
    return list(rows)


def _effective_macs(directory: str) -> float:
    """The share of the multiply-accumulates that are left in the model of a run."""
    if not directory:  # a row of the study's table is all that is there
        return nan
    cost = read_json(Path(directory) / "summary.json").get("cost")
    try:
        return float(_figure(cost, "compacted", "effective_macs") / _figure(cost, "dense", "macs"))
    except (KeyError, TypeError, ZeroDivisionError):
        return nan


def _figure(cost: Any, network: str, name: str) -> float:
    figures: Mapping[str, float] = cost[network]
    return figures[name]
