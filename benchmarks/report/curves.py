"""What changes over the generations, as the median and the interquartile range over the trials of each variant."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.curves import MANY_DECADES, numbers
from evoprune.benchmarks.report.panels import grid, legend, name_axes, wrapped

TOGETHER = 4  # curves that one pair of axes holds; more get a panel each
LINES = [(style.BLUE, "-"), (style.VERMILION, "--"), (style.GREEN, "-."), (style.BLACK, ":")]
QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}
BESIDE = 24  # characters of a name beside its curve
POINTS, FEW_POINTS = 120, 40  # a curve shows at most so many generations, evenly spread: more cannot be seen

Curves = dict[str, pd.DataFrame]


def over_trials(log: pd.DataFrame, column: str) -> pd.DataFrame:
    """By generation `q1`, `median` and `q3` over the trials that have a number.

    :param log: a row a trial and generation, with `gen` and the column.
    """
    groups = numbers(log, column).groupby(log["gen"])
    return pd.DataFrame({name: groups.quantile(share) for name, share in QUARTILES.items()}).dropna()


def plot_curves(curves: Mapping[str, pd.DataFrame], label: str, scale: float = 1.0) -> Figure:
    """A curve a variant: up to four together with their names beside them, more in a panel each.

    :param curves: variant -> a row a generation (the index), as :func:`over_trials` makes them.
    :param label: of the y axis, with the unit.
    """
    curves = {variant: curve * scale for variant, curve in curves.items()}
    if len(curves) > TOGETHER:
        figure, panels = grid(list(curves))
        for axes, (variant, curve) in zip(panels, curves.items(), strict=True):
            for context in (thinned(other, FEW_POINTS) for name, other in curves.items() if name != variant):
                axes.plot(context.index, context["median"], color="#C4C4C4", linewidth=0.6)
            draw_line(axes, curve, style.BLUE, "-", variant)
        name_axes(figure, "generation", label)
        style.whole_numbers(panels[0], bins=5)
    else:
        figure = style.new_figure(3.6)
        panels = [figure.subplots()]
        style.dress(panels[0], x="generation", y=label)
        for (variant, curve), look in zip(curves.items(), LINES, strict=False):
            draw_line(panels[0], curve, *look, variant)
        style.whole_numbers(panels[0])
    low, high = min(curve["q1"].min() for curve in curves.values()), max(c["q3"].max() for c in curves.values())
    if low > 0 and high > MANY_DECADES * low:
        panels[0].set_yscale("log")
    if len(curves) <= TOGETHER:
        _names_beside(panels[0], curves)
    return figure


def plot_sizes(encoder: Curves, decoder: Curves) -> Figure:
    """The share of weights kept in encoder and decoder over the generations, in per cent, a panel a variant."""
    figure, panels = grid(list(encoder))
    for curves, name, look in zip((encoder, decoder), ("encoder", "decoder"), LINES, strict=False):
        for axes, variant in zip(panels, encoder, strict=True):
            draw_line(axes, curves[variant] * 100, *look, name)
    lowest = min(curve["q1"].min() * 100 for curve in (*encoder.values(), *decoder.values()))
    bottom = 0 if lowest < 60 else 10 * math.floor((lowest - 1) / 10)
    panels[0].set_ylim(bottom, 100 + 0.03 * (100 - bottom))
    name_axes(figure, "generation", "weights kept (%)")
    style.whole_numbers(panels[0], bins=5)
    legend(figure, panels, "upper right")
    return figure


def thinned(curve: pd.DataFrame, points: int = POINTS) -> pd.DataFrame:
    """The first and the last row, and rows evenly between them."""
    if len(curve) <= points:
        return curve
    return curve.iloc[np.linspace(0, len(curve) - 1, points).round().astype(int)]


def draw_line(axes: Axes, curve: pd.DataFrame, colour: str, dashes: Any, name: str) -> None:
    """A median with its interquartile range: `q1`, `median` and `q3` by generation, the index."""
    curve = thinned(curve)
    marker = "o" if len(curve) == 1 else ""  # neither a line nor a band of one point would be seen
    if marker:
        axes.vlines(curve.index, curve["q1"], curve["q3"], color=colour, alpha=0.4, linewidth=4)
    else:
        axes.fill_between(curve.index, curve["q1"], curve["q3"], color=colour, alpha=0.2, linewidth=0)
    axes.plot(curve.index, curve["median"], color=colour, linestyle=dashes, linewidth=1.6, marker=marker, label=name)


def _names_beside(axes: Axes, curves: Mapping[str, pd.DataFrame]) -> None:
    """The name of each curve to the right of its end, moved apart where ends lie close."""
    axes.set_ylim(axes.get_ylim())
    place = axes.transData + axes.transAxes.inverted()
    ends = {name: float(place.transform((0, curve["median"].iloc[-1]))[1]) for name, curve in curves.items()}
    gap, previous = 0.11 if any(len(name) > BESIDE for name in curves) else 0.075, -math.inf
    at: dict[str, float] = {}
    for name in sorted(ends, key=ends.__getitem__):
        at[name] = previous = max(ends[name], previous + gap)
    shift = sum(ends[name] - at[name] for name in at) / len(at)  # as much down as up
    shift = min(max(shift, -min(at.values())), 1 - max(at.values()))
    places: dict[str, Any] = {"xycoords": "axes fraction", "va": "center", "fontsize": style.SMALL}
    for name, (colour, _) in zip(curves, LINES, strict=False):
        axes.annotate(wrapped(name, BESIDE), (1.01, at[name] + shift), color=colour, **places)
