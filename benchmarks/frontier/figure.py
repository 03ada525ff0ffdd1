"""The curves of a frontier: what networks are worth against what they cost, a line a method, a faint point a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.frontier.looks import LEVEL, Look, looks
from evoprune.benchmarks.frontier.runs import Measure, rows_of
from evoprune.benchmarks.plots import style

HEIGHT = 5.4
LINE = 0.16
"""Inches: of the figure, and from one name beside the axes to the next."""
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


def plot(
    runs: pd.DataFrame, costs: Costs, measure: Measure, title: str, name: str, shown: str
) -> tuple[Figure, dict[str, str]]:
    """A line a method through the means of its sizes, with a band from the lowest to the highest run.

    A method that keeps all weights is a dashed line across. Costs fall from left to right.

    :param runs: with method, size, trial, value, directory and the column of the costs; rows without are left out.
    :param name: of the figure, for the ids of its artists.
    :param shown: how a value is written, a format with one field.
    :returns: the figure, and words on its points, by their ids.
    """
    known = runs.dropna(subset=["value", costs.column])
    figure, axes = style.new_panel(HEIGHT, title, costs.label, measure.label)
    titles: dict[str, str] = {}
    ends: dict[str, tuple[float, float]] = {}
    look_of = looks(runs["method"].unique())
    for method, group in known.groupby("method", sort=False):
        points = group.groupby("size").agg(
            x=(costs.column, "mean"),
            y=("value", "mean"),
            low=("value", "min"),
            high=("value", "max"),
            n=("value", "size"),
        )
        points = points.sort_index(ascending=False).assign(x=lambda table: 100 * table["x"])
        if points.index.to_list() == [1.0]:
            look_of[str(method)] = LEVEL
        look = look_of[str(method)]
        _line(axes, points, look)
        for number, row in enumerate(rows_of(group)):
            said = f"{method} at {100 * row['size']:g} %, trial {row['trial']}: {shown.format(row['value'])}"
            said += f" with {100 * row[costs.column]:.3g} % {costs.words}; {row['directory']}"
            _point(axes, 100 * row[costs.column], row["value"], look, titles, f"{name}-{method}-{number}", said)
        for row in rows_of(points.reset_index()):
            said = f"{method} at {100 * row['size']:g} %: mean {shown.format(row['y'])}, {shown.format(row['low'])} to "
            said += f"{shown.format(row['high'])} in {row['n']} runs, with {row['x']:.3g} % {costs.words}"
            _mean(axes, row["x"], row["y"], look, titles, f"{name}-{method}-at-{row['size']:g}", said)
        ends[str(method)] = (np.nan if look is LEVEL else points["x"].iloc[-1], points["y"].iloc[-1])
    if measure.floor is not None:
        axes.axhline(measure.floor, color=style.GREY, linestyle=":", linewidth=1.2, zorder=1)
        ends["noise floor"] = (np.nan, measure.floor)
    _scale(axes, "x", 100 * known[costs.column])
    _scale(axes, "y", known["value"])
    axes.invert_xaxis()
    _names(axes, ends, look_of)
    return figure, titles


def _line(axes: Axes, points: pd.DataFrame, look: Look) -> None:
    common: dict[str, Any] = {"color": look.colour, "zorder": look.height}
    if look is LEVEL:
        axes.axhline(points["y"].iloc[0], linestyle="--", linewidth=1.2, **common)
        return
    axes.plot(points["x"], points["y"], linewidth=look.width, alpha=look.alpha, **common)
    if len(points) > 1 and points["x"].is_monotonic_decreasing:
        axes.fill_between(points["x"], points["low"], points["high"], alpha=look.band, linewidth=0, **common)
    else:  # a band would fold over itself
        axes.vlines(points["x"], points["low"], points["high"], alpha=0.4, linewidth=1, **common)


def _point(axes: Axes, x: float, y: float, look: Look, titles: dict[str, str], name: str, said: str) -> None:
    axes.plot(x, y, look.marker, color=look.colour, markersize=3, alpha=0.3, markeredgewidth=0, gid=name, zorder=2)
    titles[name] = said


def _mean(axes: Axes, x: float, y: float, look: Look, titles: dict[str, str], name: str, said: str) -> None:
    how: dict[str, Any] = {"markersize": look.size, "markeredgecolor": "white", "markeredgewidth": 0.5}
    axes.plot(x, y, look.marker, color=look.colour, gid=name, zorder=look.height + 1, **how)
    titles[name] = said


def _scale(axes: Axes, which: str, values: pd.Series) -> None:
    if len(values) and values.min() > 0 and values.max() > WIDE * values.min():
        style.logarithmic(axes, which)


def _names(axes: Axes, ends: Mapping[str, tuple[float, float]], look_of: Mapping[str, Look]) -> None:
    """The name of each line to the right of the axes, joined to its end, moved apart where ends lie close."""
    axes.set_ylim(axes.get_ylim())
    axes.set_xlim(axes.get_xlim())
    place = axes.transData + axes.transAxes.inverted()
    heights = {name: float(place.transform((1, y))[1]) for name, (_, y) in ends.items()}
    order = sorted(heights, key=heights.__getitem__)
    at = apart([heights[name] for name in order], LINE / (HEIGHT - 1))
    for name, height in zip(order, at, strict=True):
        look, (x, y) = look_of.get(name, LEVEL), ends[name]
        end: dict[str, Any] = {"xy": (x, y), "xycoords": "data"}
        if np.isnan(x):  # a level ends at the edge
            end = {"xy": (1, heights[name]), "xycoords": "axes fraction"}
        leader = {"arrowstyle": "-", "color": look.colour, "linewidth": 0.5, "alpha": 0.6}
        leader |= {"relpos": (0, 0.5), "shrinkA": 9, "shrinkB": 3 if look is not LEVEL else 0}
        words: dict[str, Any] = {"color": look.colour, "weight": "bold" if look.width > 2 else "normal"}
        words |= {"va": "center", "fontsize": style.SMALL, "annotation_clip": False, "arrowprops": leader}
        axes.annotate(name, **end, xytext=(1.055, height), textcoords="axes fraction", **words)
        if look is not LEVEL:
            beside: dict[str, Any] = {"markersize": look.size, "transform": axes.transAxes, "clip_on": False}
            axes.plot(1.038, height, look.marker, color=look.colour, **beside)


def apart(places: list[float], gap: float) -> list[float]:
    """Places from 0 to 1, from low to high, moved as little as it takes for at least a gap between neighbours.

    Those that would touch share what is around the mean of their places; all stay within 0 and 1 as far as they can.
    """
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _low(groups[-1], gap) < _low(groups[-2], gap) + gap * len(groups[-2]):
            last = groups.pop()
            groups[-1] += last
    return [_low(group, gap) + gap * i for group in groups for i in range(len(group))]


def _low(group: list[float], gap: float) -> float:
    """Where the lowest of a group goes that stands together."""
    height = gap * (len(group) - 1)
    return max(0.0, min(sum(group) / len(group) - height / 2, 1 - height))
