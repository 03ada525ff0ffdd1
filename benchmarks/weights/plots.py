"""The plots of a run of ``evoprune weights``."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.masks import plot_masks
from evoprune.benchmarks.plots.reconstructions import plot_reconstructions
from evoprune.benchmarks.plots.save import save
from evoprune.benchmarks.problems.problem import Problem
from evoprune.folders import Folder
from evoprune.tied import TiedAutoencoder

CAPTION = ("method", "layers", "activation", "benchmark", "seed")
COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)
MARKS = {"genetic": "o", "sgd-layerwise": "s", "sgd": "^"}


def save_plots(
    directory: Folder | Path, log: pd.DataFrame, pair: TiedAutoencoder, problem: Problem, summary: Mapping[str, Any]
) -> list[Path]:
    """Write ``training.png``, ``reconstructions.png`` and, where weights are pruned, ``masks.png``; their paths."""
    plots: dict[str, Callable[[], Figure]] = {
        "training": partial(plot_training, log, summary),
        "reconstructions": partial(plot_reconstructions, pair, problem),
    }
    if pair.preserved < 1:
        plots["masks"] = partial(plot_masks, pair, problem.shape)
    return save(directory, plots, {name: summary[name] for name in CAPTION})


def plot_training(log: pd.DataFrame, summary: Mapping[str, Any]) -> Figure:
    """RMSE on the training data over the gradient steps, a segment a layer, and what it is compared with at its end."""
    title, x = "Reconstruction of the training data", "gradient steps of all individuals"
    figure, axes = style.new_panel(3.2, title, x, "RMSE")
    drawn = summary["method"] == "genetic"
    for k, (layer, rows) in enumerate(log.groupby("layer")):
        colour = COLOURS[k % len(COLOURS)]
        label = "all layers" if layer == 0 else f"layer {layer}"
        axes.plot(rows["updates"], rows["rmse"], color=colour, linewidth=1.8, label=f"{label}: best")
        if drawn:
            axes.plot(rows["updates"], rows["rmse_survivors"], color=colour, linewidth=1, linestyle=":")
    for method, figures in (summary["compared"] or {}).items():
        end: Any = (log["updates"].iloc[-1], figures["rmse_train"], MARKS[method])
        axes.plot(*end, color=style.BLACK, markerfacecolor="none", clip_on=False, label=f"{method}, its end")
    axes.axhline(summary["trivial_rmse"], color=style.GREY, linestyle="--", linewidth=1, label="mean sample")
    style.logarithmic(axes, "y")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    style.legend_beside(axes, "dotted: mean of the survivors" if drawn else "")
    return figure
