"""The plots of a run as files, each with a line below it that says what ran."""

import textwrap
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.curves import plot_learning_rate, plot_loss, plot_size, rates_vary
from evoprune.benchmarks.plots.masks import plot_masks
from evoprune.benchmarks.plots.reconstructions import plot_reconstructions
from evoprune.benchmarks.problems.problem import Problem
from evoprune.genome import Autoencoder
from evoprune.records import write

DPI = 150
LINE, LETTER = 0.14, 0.055  # inches: a line of the caption, and what a letter of it takes in width
CAPTION = ("algorithm", "operator", "schedule", "benchmark", "seed")

Plots = Mapping[str, Callable[[], Figure]]


def save_plots(
    directory: Path,
    log: pd.DataFrame,
    cells: pd.DataFrame,
    pair: Autoencoder,
    problem: Problem,
    summary: Mapping[str, Any],
    baselines: Mapping[str, float],
) -> list[Path]:
    """Write the plots of a run as PNG files of 150 dpi, and return their paths.

    `loss.png`, `size.png`, `masks.png`, `reconstructions.png`, and `learning_rate.png` where learning rates differ.

    :param directory: made if it is not there.
    :param log: a row a generation, with `gen` and perhaps `mutpb`.
    :param cells: a row a cell and generation; see :func:`plot_loss`, :func:`plot_size`, :func:`plot_learning_rate`.
    :param pair: whose masks and reconstructions are shown: the one that the run hands out.
    :param summary: of the run, for the captions and the name of the loss.
    :param baselines: mean absolute errors on the validation split to compare with, name -> value.
    """
    plots: dict[str, Callable[[], Figure]] = {
        "loss": partial(plot_loss, cells, baselines, summary["loss"]),
        "size": partial(plot_size, cells, log),
        "masks": partial(plot_masks, pair, problem.shape),
        "reconstructions": partial(plot_reconstructions, pair, problem),
    }
    if rates_vary(cells):
        plots["learning_rate"] = partial(plot_learning_rate, cells)
    return save(directory, plots, {name: summary[name] for name in CAPTION})


def save(directory: Path, plots: Plots, about: Mapping[str, Any]) -> list[Path]:
    """Draw figures into a directory as PNG files, and return their paths.

    A file is there whole or not at all, whatever happens in between.

    :param plots: file name without its ending -> what draws the figure.
    :param about: what ran, name -> value; it stands in small letters below every figure.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{name}.png" for name in plots]
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        for path, plot in zip(paths, plots.values(), strict=True):
            figure = plot()
            page = add_caption(figure, ", ".join(f"{name} {value}" for name, value in about.items()))
            write(path, partial(figure.savefig, format="png", dpi=DPI, bbox_inches=page))
    return paths


def add_caption(figure: Figure, text: str) -> Bbox:
    """Write small lines below the page of a figure, where nothing else is, and return the page with room for them."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(text, int(width / LETTER))
    room = LINE * (len(lines) + 0.5)
    figure.text(0.08 / width, 0, "\n".join(lines), va="top", fontsize=style.TINY, color=style.GREY, in_layout=False)
    return Bbox.from_extents(0, -room, width, height)
