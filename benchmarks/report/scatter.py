"""During against after training: what a run reached on the batches it trained on, and what is left on held-out data."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report.curves import TOGETHER
from evoprune.benchmarks.report.panels import grid, name_axes, wrapped

MARKERS = [(style.BLUE, "o"), (style.VERMILION, "s"), (style.GREEN, "^"), (style.BLACK, "x")]


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
