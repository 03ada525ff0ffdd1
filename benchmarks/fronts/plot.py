"""Loss against size: all networks that a run kept, and the front of them as steps."""

from io import BytesIO
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from evoprune.benchmarks.fronts.candidates import SIZES
from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.save import CAPTION, DPI, add_caption, lay_out
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.plugins import label

AXES = {"weights": "weights kept (%)", "macs": "multiply-accumulates a sample, of weights that are not zero"}
"""What a front goes by -> what the axis of sizes says."""
WIDE = 10
"""Largest over smallest value from which on an axis is logarithmic."""


def plot_candidates(candidates: pd.DataFrame, saved: pd.DataFrame, by: str, loss: str) -> Figure:
    """The validation loss against the size, a point a network.

    :param candidates: with `front`, the columns of sizes and `validation_loss`; rows without a loss are left out.
    :param saved: rows of them, marked.
    :param by: a name of :data:`SIZES`.
    :param loss: its name, for the label.
    """
    points = candidates.dropna(subset="validation_loss")
    column, scale = ("preserved", 100) if by == "weights" else (SIZES[by], 1)
    front = points[points["front"]].sort_values(column)
    title = f"Loss and size of {len(points):,} networks"
    figure, axes = style.new_panel(3.8, title, AXES[by], f"validation loss ({loss})")
    axes.xaxis.set_major_formatter(form := "{x:g}" if by == "weights" else "{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")  # losses that are close would share an offset above the axis
    look: dict[str, Any] = {"s": 14, "color": style.GREY, "alpha": 0.35, "linewidths": 0}
    axes.scatter(points[column] * scale, points["validation_loss"], **look, label="a network")
    line: dict[str, Any] = {
        "color": style.VERMILION,
        "linewidth": 1.4,
        "label": "the front: none is\nas small and as good",
    }
    axes.step(front[column] * scale, front["validation_loss"], where="post", **line)
    marked: dict[str, Any] = {"s": 22, "color": style.VERMILION, "linewidths": 0, "zorder": 3, "label": "saved"}
    axes.scatter(saved[column] * scale, saved["validation_loss"], **marked)
    for which, values, labels in (("x", points[column], form), ("y", points["validation_loss"], "{x:g}")):
        if values.min() > 0 and values.max() > WIDE * values.min():
            style.logarithmic(axes, which, labels)
    style.legend_beside(axes)
    return figure


def picture(candidates: pd.DataFrame, saved: pd.DataFrame, by: str, settings: Settings) -> bytes:
    """The same as a PNG file, with a line below that says what ran."""
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        figure = plot_candidates(candidates, saved, by, settings.loss)
        page = add_caption(figure, ", ".join(f"{name} {label(getattr(settings, name))}" for name in CAPTION))
        lay_out(figure)
        figure.savefig(content := BytesIO(), format="png", dpi=DPI, bbox_inches=page)
    return content.getvalue()
