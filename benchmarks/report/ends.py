"""What runs end with: a box a variant with a point a trial, and what is left of the loss that they trained to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report.curves import TOGETHER
from evoprune.benchmarks.report.panels import grid, legend, name_axes, wrapped

THICK = 0.55
NAME = 40  # characters of a variant's name on a line
MARKERS = [(style.BLUE, "o"), (style.VERMILION, "s"), (style.GREEN, "^"), (style.BLACK, "x")]


def plot_boxes(
    values: Mapping[str, pd.Series], label: str, marks: Mapping[str, float] | None = None, marked: str = ""
) -> Figure:
    """A box a variant, the first on top: median, quartiles, whiskers to the last value within 1.5 boxes, all points.

    :param values: variant -> a value a trial, without NaN.
    :param label: of the x axis, with the unit.
    :param marks: for some of the variants a value to draw as a diamond; ``marked`` says in the legend what it is.
    """
    figure = style.new_figure(0.9 + 0.3 * len(values))
    axes = figure.subplots()
    draw_boxes(axes, values, x=label)
    rows = {row: marks[variant] for row, variant in enumerate(values) if marks and variant in marks}
    if rows:
        points = axes.scatter(list(rows.values()), list(rows), s=40, marker="D", linewidths=1.8, label=marked, zorder=4)
        points.set(facecolors="none", edgecolors=style.VERMILION)
        legend(figure, [axes])
    return figure


def plot_schedules(sweeps: Mapping[str, Mapping[str, pd.Series]], label: str, without: Mapping[str, float]) -> Figure:
    """A panel an operator, a box a schedule; a line where the runs without pruning have their median.

    :param sweeps: operator -> schedule -> a value a trial.
    :param without: for some operators the median of the same runs without pruning.
    """
    heights = [max(len(sweep), 2) for sweep in sweeps.values()]
    figure = style.new_figure(0.7 + 0.3 * sum(heights) + 0.35 * len(heights))
    panels = figure.subplots(len(sweeps), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    line = {"color": style.GREEN, "linestyle": "--", "linewidth": 1.2, "label": "median without pruning"}
    for axes, (operator, sweep) in zip(panels, sweeps.items(), strict=True):
        draw_boxes(axes, sweep, operator)
        if operator in without:
            axes.axvline(without[operator], **line)
    panels[-1].set_xlabel(label, fontsize=style.SMALL)
    legend(figure, panels)
    return figure


def draw_boxes(axes: Axes, values: Mapping[str, pd.Series], title: str = "", x: str = "") -> None:
    """Horizontal boxes with points. By hand: how matplotlib wants its own turned has changed between versions."""
    axes.use_sticky_edges = False  # room beside a box that touches the end of the axis
    for row, sample in enumerate(values.values()):
        numbers = np.sort(sample.to_numpy(dtype=float))
        if not len(numbers):
            continue
        q1, median, q3 = np.quantile(numbers, [0.25, 0.5, 0.75])
        reach = 1.5 * (q3 - q1)
        inside = numbers[(numbers >= q1 - reach) & (numbers <= q3 + reach)]
        axes.hlines(row, inside[0], inside[-1], color=style.BLACK, linewidth=0.9, zorder=2)
        axes.barh(row, q3 - q1, THICK, left=q1, facecolor="#CFE3F1", edgecolor=style.BLACK, linewidth=0.9, zorder=2)
        axes.vlines(median, row - THICK / 2, row + THICK / 2, color=style.BLACK, linewidth=2, zorder=3)
        spread = np.resize([0.0, 0.5, -0.5, 0.25, -0.25], len(numbers)) * THICK * 0.7
        axes.scatter(numbers, row + spread, s=10, color=style.BLUE, alpha=0.8, linewidths=0, zorder=3)
    axes.set_yticks(range(len(values)), [wrapped(name, NAME) for name in values])
    axes.set_ylim(len(values) - 0.5, -0.5)
    style.dress(axes, title, x)
    axes.grid(axis="y", visible=False)


def plot_during_after(points: Mapping[str, pd.DataFrame], loss: str) -> Figure:
    """A point a run, with the diagonal on which nothing was lost: above it held-out data are worse.

    :param points: variant -> a row a run, `during` and `after`, both in the loss that the run trains with.
    :param loss: its name, for the labels.
    """
    x, y = f"during: training loss of the last generations ({loss})", f"after: held-out loss ({loss})"
    everything = pd.concat(points.values())
    low, high = float(everything.min().min()), float(everything.max().max())
    margin = 0.05 * (high - low) or 0.05
    if len(points) <= TOGETHER:
        figure = style.new_figure(4.2)
        panels = [figure.subplots()]
        style.dress(panels[0], x=x, y=y)
        for (name, table), (colour, marker) in zip(points.items(), MARKERS, strict=False):
            look: dict[str, Any] = {"color": colour, "marker": marker, "label": wrapped(name, 24)}
            panels[0].scatter(table["during"], table["after"], s=28, **look)
        style.legend_beside(panels[0])
    else:
        figure, panels = grid(list(points), height=2.1)
        for panel, (variant, table) in zip(panels, points.items(), strict=True):
            others = pd.concat(other for name, other in points.items() if name != variant)
            panel.scatter(others["during"], others["after"], s=5, color="#C4C4C4", linewidths=0)
            panel.scatter(table["during"], table["after"], s=16, color=style.BLUE)
        name_axes(figure, x, y)
    for panel in panels:
        panel.axline((low, low), slope=1, color=style.GREY, linestyle="--", linewidth=1)
        panel.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
    return figure
