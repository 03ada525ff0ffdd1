"""The plots of a run of ``evoprune weights``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.reconstructions import plot_reconstructions
from evoprune.benchmarks.plots.save import write
from evoprune.benchmarks.problems.problem import Problem
from evoprune.tied import TiedAutoencoder


def save_plots(
    directory: Path, log: pd.DataFrame, pair: TiedAutoencoder, problem: Problem, summary: Mapping[str, Any]
) -> list[Path]:
    """Write ``training.png`` and ``reconstructions.png``, and return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context("default"):
        return [
            write(plot_training(log, summary), directory / "training.png"),
            write(plot_reconstructions(pair, problem), directory / "reconstructions.png"),
        ]


def plot_training(log: pd.DataFrame, summary: Mapping[str, Any]) -> Figure:
    """RMSE on the training data over the gradient steps, a segment a layer, and what it is compared with at its end."""
    figure = style.new_figure(3.2)
    axes = figure.subplots()
    colours = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)
    drawn = summary["method"] == "genetic"
    for k, (layer, rows) in enumerate(log.groupby("layer")):
        colour = colours[k % len(colours)]
        label = "all layers" if layer == 0 else f"layer {layer}"
        axes.plot(rows["updates"], rows["rmse"], color=colour, linewidth=1.8, label=f"{label}: best")
        if drawn:
            axes.plot(rows["updates"], rows["rmse_survivors"], color=colour, linewidth=1, linestyle=":")
    marks = dict(zip(("genetic", "sgd-layerwise", "sgd"), ("o", "s", "^"), strict=True))
    for method, figures in (summary["compared"] or {}).items():
        axes.plot(
            log["updates"].iloc[-1],
            figures["rmse_train"],
            marks[method],
            color=style.BLACK,
            markerfacecolor="none",
            clip_on=False,
            label=f"{method}, its end",
        )
    axes.axhline(summary["trivial_rmse"], color=style.GREY, linestyle="--", linewidth=1, label="mean sample")
    style.dress(axes, "Reconstruction of the training data", "gradient steps of all individuals", "RMSE")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(which="minor", labelsize=style.SMALL)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    style.legend_beside(axes, "dotted: mean of the survivors" if drawn else "")
    return figure
