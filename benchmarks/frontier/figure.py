"""The curves of a frontier: what networks are worth against what they cost, a line a method, a faint point a run."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.frontier.looks import LEVEL, Look, looks
from evoprune.benchmarks.frontier.names import End, names_beside
from evoprune.benchmarks.frontier.runs import Measure, rows_of
from evoprune.benchmarks.plots import style

HEIGHT = 5.4
"""Inches."""
SPREAD = ("mean", "low", "high")
WIDE = 3
"""Highest over lowest value from which an axis is logarithmic."""


@dataclass(frozen=True)
class Costs:
    """What a network costs as a share of the dense one: a column of the runs, its label, and words for one value."""

    column: str
    label: str
    words: str


WEIGHTS = Costs("kept", "weights kept (%)", "of the weights")
MACS = Costs("macs", "effective multiply-accumulates (%)", "of the multiply-accumulates")
LATENCY = Costs("latency", "latency of a batch of 256, of the dense network's (%)", "of the latency")


def plot(runs: pd.DataFrame, costs: Costs, measure: Measure, title: str, name: str) -> tuple[Figure, dict[str, str]]:
    """A line a method through the means of its sizes, with a band from the lowest to the highest run.

    A method that keeps all weights is a dashed line across. Costs fall from left to right.

    :param runs: with method, size, trial, value, directory and the column of the costs; rows without are left out.
    :param name: of the figure, for the ids of its artists.
    :returns: the figure, and words on its points, by their ids.
    """
    known = runs.dropna(subset=["value", costs.column])
    figure, axes = style.new_panel(HEIGHT, title, costs.label, measure.label)
    titles: dict[str, str] = {}
    ends: dict[str, End] = {}
    look_of = looks(runs["method"].unique())
    for method in known["method"].unique():
        here = known[known["method"] == method]
        look = LEVEL if set(here["size"]) == {1.0} else look_of[method]
        points = means(here, costs)
        _line(axes, points, look)
        titles |= _runs(axes, here, costs, measure, look, f"{name}-{method}")
        titles |= _means(axes, points, costs, measure, look, f"{name}-{method}")
        ends[method] = End(points["x"].iloc[-1], points["mean"].iloc[-1], look)
    if measure.floor is not None:
        axes.axhline(measure.floor, color=LEVEL.colour, linestyle=":", linewidth=1.2, zorder=1)
        ends["noise floor"] = End(np.nan, measure.floor, LEVEL)
    _scale(axes, "x", 100 * known[costs.column])
    _scale(axes, "y", known["value"])
    axes.invert_xaxis()
    names_beside(axes, ends, HEIGHT)
    return figure, titles


def means(runs: pd.DataFrame, costs: Costs) -> pd.DataFrame:
    """Of the runs of a method a row a size, from large to small: ``x``, the mean of the costs in per cent, ``mean``,
    ``low`` and ``high`` of the values, ``n`` runs, and the method."""
    how = {"x": (costs.column, "mean"), "n": ("value", "size"), "method": ("method", "first")}
    how |= {"mean": ("value", "mean"), "low": ("value", "min"), "high": ("value", "max")}
    table: pd.DataFrame = runs.groupby("size").agg(**how).sort_index(ascending=False).reset_index()
    return table.assign(x=100 * table["x"])


def _line(axes: Axes, points: pd.DataFrame, look: Look) -> None:
    common: dict[str, Any] = {"color": look.colour, "zorder": look.height}
    if look is LEVEL:
        axes.axhline(points["mean"].iloc[0], linestyle="--", linewidth=1.2, **common)
        return
    axes.plot(points["x"], points["mean"], linewidth=look.width, alpha=look.alpha, **common)
    if len(points) > 1 and points["x"].is_monotonic_decreasing:
        axes.fill_between(points["x"], points["low"], points["high"], alpha=look.band, linewidth=0, **common)
    else:  # a band would fold over itself
        axes.vlines(points["x"], points["low"], points["high"], alpha=0.4, linewidth=1, **common)


def _runs(axes: Axes, runs: pd.DataFrame, costs: Costs, measure: Measure, look: Look, name: str) -> dict[str, str]:
    """A faint point a run, and words on each by its id."""
    titles: dict[str, str] = {}
    how: dict[str, Any] = {"markersize": 3, "alpha": 0.3, "markeredgewidth": 0, "color": look.colour, "zorder": 2}
    for number, row in enumerate(rows_of(runs)):
        x, value = 100 * row[costs.column], measure.form.format(row["value"])
        axes.plot(x, row["value"], look.marker, gid=f"{name}-{number}", **how)
        said = f"{row['method']} at {100 * row['size']:g} %, trial {row['trial']}: {value}"
        titles[f"{name}-{number}"] = f"{said} with {x:.3g} % {costs.words}; {row['directory']}"
    return titles


def _means(axes: Axes, points: pd.DataFrame, costs: Costs, measure: Measure, look: Look, name: str) -> dict[str, str]:
    """A marker a mean, and words on each by its id."""
    titles: dict[str, str] = {}
    how: dict[str, Any] = {"markersize": look.size, "markeredgecolor": "white", "markeredgewidth": 0.5}
    for row in rows_of(points):
        id_, (mean, low, high) = f"{name}-at-{row['size']:g}", map(measure.form.format, (row[k] for k in SPREAD))
        axes.plot(row["x"], row["mean"], look.marker, gid=id_, color=look.colour, zorder=look.height + 1, **how)
        said = f"{row['method']} at {100 * row['size']:g} %: mean {mean}, {low} to {high} in {row['n']} runs"
        titles[id_] = f"{said}, with {row['x']:.3g} % {costs.words}"
    return titles


def _scale(axes: Axes, which: str, values: pd.Series) -> None:
    if len(values) and values.min() > 0 and values.max() > WIDE * values.min():
        style.logarithmic(axes, which)
