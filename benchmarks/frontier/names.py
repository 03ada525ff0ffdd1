"""The names of lines to the right of the axes, each joined to the end of its line, moved apart where ends lie close."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from evoprune.benchmarks.frontier.looks import LEVEL, Look
from evoprune.benchmarks.plots import style

LINE = 0.16
"""Inches from one name to the next."""
AROUND = 1.0
"""Inches of a figure's height that are not of its axes, about."""


@dataclass(frozen=True)
class End:
    """Where a line ends, and how it looks; a level ends at the edge of the axes, wherever its ``x`` is."""

    x: float
    y: float
    look: Look


def names_beside(axes: Axes, ends: Mapping[str, End], height: float) -> None:
    """Write the names once all is drawn: the limits of the axes stay as they are.

    :param height: of the figure, in inches.
    """
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    place = axes.transData + axes.transAxes.inverted()
    heights = {name: float(place.transform((1, end.y))[1]) for name, end in ends.items()}
    order = sorted(heights, key=heights.__getitem__)
    for name, at in zip(order, apart([heights[name] for name in order], LINE / (height - AROUND)), strict=True):
        end, look = ends[name], ends[name].look
        of_line: dict[str, Any] = {"xy": (end.x, end.y), "xycoords": "data"}
        if look is LEVEL:
            of_line = {"xy": (1, heights[name]), "xycoords": "axes fraction"}
        leader = {"arrowstyle": "-", "color": look.colour, "linewidth": 0.5, "alpha": 0.6}
        leader |= {"relpos": (0, 0.5), "shrinkA": 9, "shrinkB": 0 if look is LEVEL else 3}
        words: dict[str, Any] = {"color": look.colour, "weight": "bold" if look.width > 2 else "normal"}
        words |= {"va": "center", "fontsize": style.SMALL, "annotation_clip": False, "arrowprops": leader}
        axes.annotate(name, **of_line, xytext=(1.055, at), textcoords="axes fraction", **words)
        if look is not LEVEL:
            beside: dict[str, Any] = {"markersize": look.size, "transform": axes.transAxes, "clip_on": False}
            axes.plot(1.038, at, look.marker, color=look.colour, **beside)


def apart(places: list[float], gap: float) -> list[float]:
    """Places from 0 to 1, from low to high, moved as little as it takes for at least a gap between neighbours.

    Those that would touch share what is around the mean of their places; all stay within 0 and 1 as far as they can.
    """
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _lowest(groups[-1], gap) < _lowest(groups[-2], gap) + gap * len(groups[-2]):
            last = groups.pop()
            groups[-1] += last
    return [_lowest(group, gap) + gap * i for group in groups for i in range(len(group))]


def _lowest(group: list[float], gap: float) -> float:
    """Where the lowest of a group goes that stands together."""
    height = gap * (len(group) - 1)
    return max(0.0, min(float(np.mean(group)) - height / 2, 1 - height))
