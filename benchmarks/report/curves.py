"""What changes over the generations, as the median and the interquartile range over the trials of each variant."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.curves import MANY_DECADES, numbers

TOGETHER = 4  # curves that one pair of axes holds; more get a panel each
LINES = [(style.BLUE, "-"), (style.VERMILION, "--"), (style.GREEN, "-."), (style.BLACK, ":")]
BAND = "interquartile range of the trials"
BESIDE = 24  # characters of a name beside its curve
CHARACTERS = 84  # of a panel's title, over the width of the page
POINTS, FEW_POINTS = 120, 40  # a curve shows at most so many generations, evenly spread: more cannot be seen

BREAKS = re.compile(r"(?<=[,= ])|(?<=\w-)(?<!\de-)")  # not within -0.1 or 1e-05

Curves = dict[str, pd.DataFrame]


def over_trials(log: pd.DataFrame, column: str) -> pd.DataFrame:
    """By generation `median`, `q1` and `q3` over the trials that have a number.

    :param log: a row a trial and generation, with `gen` and the column.
    """
    groups = numbers(log, column).groupby(log["gen"])
    table = {name: groups.quantile(share) for name, share in (("q1", 0.25), ("median", 0.5), ("q3", 0.75))}
    return pd.DataFrame(table).dropna()


def plot_curves(curves: Mapping[str, pd.DataFrame], label: str, scale: float = 1.0) -> Figure:
    """A curve a variant: up to four together with their names beside them, more in a panel each.

    :param curves: variant -> a row a generation (the index), as :func:`over_trials` makes them.
    :param label: of the y axis, with the unit.
    """
    curves = {variant: curve * scale for variant, curve in curves.items()}
    if len(curves) > TOGETHER:
        return _panels(curves, label)
    figure = style.new_figure(3.6)
    axes = figure.subplots()
    style.dress(axes, x="generation", y=label)
    for (variant, curve), (colour, dashes) in zip(curves.items(), LINES, strict=False):
        _line(axes, curve, colour, dashes, variant)
    _scale(axes, curves)
    style.whole_numbers(axes)
    _names_beside(axes, curves)
    return figure


def plot_sizes(encoder: Curves, decoder: Curves) -> Figure:
    """The share of weights kept in encoder and decoder over the generations, in per cent, a panel a variant."""
    figure, panels = grid(list(encoder))
    for axes, variant in zip(panels, encoder, strict=False):
        for curves, colour, dashes, name in (
            (encoder, style.BLUE, "-", "encoder"),
            (decoder, style.VERMILION, "--", "decoder"),
        ):
            _line(axes, curves[variant] * 100, colour, dashes, name)
    lowest = min(curve["q1"].min() * 100 for curve in (*encoder.values(), *decoder.values()))
    bottom = 0 if lowest < 60 else 10 * math.floor((lowest - 1) / 10)
    panels[0].set_ylim(bottom, 100 + 0.03 * (100 - bottom))
    label(figure, panels, "generation", "weights kept (%)")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=2, frameon=False, fontsize=style.SMALL)
    return figure


def grid(titles: list[str], height: float = 1.75, sharex: bool = True) -> tuple[Figure, list[Axes]]:
    """A figure with a panel a title, at most three in a row, all with the same axes."""
    columns = min(3, len(titles))
    rows = -(-len(titles) // columns)
    figure = style.new_figure(height * rows + 0.6)
    panels = list(figure.subplots(rows, columns, sharex=sharex, sharey=True, squeeze=False).flat)
    for axes, title in zip(panels, titles, strict=False):
        style.dress(axes)
        axes.set_title(wrapped(title, CHARACTERS // columns), fontsize=style.SMALL, loc="left")
    for axes in panels[len(titles) :]:
        axes.set_visible(False)
        panels[panels.index(axes) - columns].tick_params(labelbottom=True)
    return figure, panels[: len(titles)]


def wrapped(name: str, width: int) -> str:
    """A long name on several lines, broken behind commas, equals signs, hyphens and spaces.

    Only a part that is longer than a line is broken elsewhere.
    """
    parts = [part[i : i + width] for part in BREAKS.split(name) for i in range(0, len(part), width)]
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def label(figure: Any, panels: list[Axes], x: str, y: str) -> None:
    """One label for all x axes of a figure and one for all y axes; whole numbers along the shared x of `panels`."""
    figure.supxlabel(x, fontsize=style.SMALL)
    figure.supylabel(y, fontsize=style.SMALL)
    for axes in panels[:1]:
        style.whole_numbers(axes, bins=5)


def thinned(curve: pd.DataFrame, points: int = POINTS) -> pd.DataFrame:
    """The first and the last row, and rows evenly between them."""
    if len(curve) <= points:
        return curve
    return curve.iloc[np.linspace(0, len(curve) - 1, points).round().astype(int)]


def _panels(curves: Mapping[str, pd.DataFrame], text: str) -> Figure:
    figure, panels = grid(list(curves))
    for axes, (variant, curve) in zip(panels, curves.items(), strict=True):
        for other, context in curves.items():
            if other != variant:
                context = thinned(context, FEW_POINTS)
                axes.plot(context.index, context["median"], color="#C4C4C4", linewidth=0.6)
        _line(axes, curve, style.BLUE, "-", variant)
    _scale(panels[0], curves)
    label(figure, panels, "generation", text)
    return figure


def _line(axes: Axes, curve: pd.DataFrame, colour: str, dashes: str, name: str) -> None:
    curve = thinned(curve)
    marker = "o" if len(curve) == 1 else ""  # a line of one point would not be seen
    axes.fill_between(curve.index, curve["q1"], curve["q3"], color=colour, alpha=0.2, linewidth=0)
    axes.plot(curve.index, curve["median"], color=colour, linestyle=dashes, linewidth=1.6, marker=marker, label=name)


def _scale(axes: Axes, curves: Mapping[str, pd.DataFrame]) -> None:
    low = min(curve["q1"].min() for curve in curves.values())
    high = max(curve["q3"].max() for curve in curves.values())
    if low > 0 and high > MANY_DECADES * low:
        axes.set_yscale("log")


def _names_beside(axes: Axes, curves: Mapping[str, pd.DataFrame]) -> None:
    """The name of each curve to the right of its end, moved apart where ends lie close."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    place = axes.transData + axes.transAxes.inverted()
    ends = {name: float(place.transform((0, curve["median"].iloc[-1]))[1]) for name, curve in curves.items()}
    gap, previous = 0.11 if any(len(name) > BESIDE for name in curves) else 0.075, -math.inf
    order = sorted(ends, key=ends.__getitem__)
    at: dict[str, float] = {}
    for name in order:
        at[name] = previous = max(ends[name], previous + gap)
    shift = sum(ends[name] - at[name] for name in at) / len(at)  # as much down as up
    shift = min(max(shift, -min(at.values())), 1 - max(at.values()))
    for name, (colour, _) in zip(curves, LINES, strict=False):
        axes.annotate(
            wrapped(name, BESIDE),
            xy=(1.01, at[name] + shift),
            xycoords="axes fraction",
            va="center",
            fontsize=style.SMALL,
            color=colour,
        )
