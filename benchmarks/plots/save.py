"""The plots of a run as files."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from evoprune.benchmarks.plots.curves import plot_learning_rate, plot_loss, plot_size, rates_vary
from evoprune.benchmarks.plots.masks import plot_masks
from evoprune.benchmarks.plots.reconstructions import plot_reconstructions
from evoprune.benchmarks.problems.problem import Problem
from evoprune.genome import Autoencoder

DPI = 150


def save_plots(
    directory: Path,
    log: pd.DataFrame,
    cells: pd.DataFrame,
    pair: Autoencoder,
    problem: Problem,
    baselines: dict[str, float],
    loss: str = "",
) -> list[Path]:
    """Write the plots of a run as PNG files of 150 dpi, and return their paths.

    `loss.png`, `size.png`, `masks.png`, `reconstructions.png`, and `learning_rate.png` where learning rates differ.
    A file is there whole or not at all, whatever happens in between.

    :param directory: made if it is not there.
    :param log: a row a generation, with `gen` and perhaps `mutpb`.
    :param cells: a row a cell and generation; see :func:`plot_loss`, :func:`plot_size`, :func:`plot_learning_rate`.
    :param pair: whose masks and reconstructions are shown: the one that the run hands out.
    :param baselines: mean absolute errors to compare with, name -> value.
    :param loss: the name of the loss that the run trains with, for the label.
    """
    plots: dict[str, Callable[[], Figure]] = {
        "loss": partial(plot_loss, cells, baselines, loss),
        "size": partial(plot_size, cells, log),
        "masks": partial(plot_masks, pair, problem.shape),
        "reconstructions": partial(plot_reconstructions, pair, problem),
    }
    if rates_vary(cells):
        plots["learning_rate"] = partial(plot_learning_rate, cells)
    directory.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        return [write(plot(), directory / f"{name}.png") for name, plot in plots.items()]


def write(figure: Figure, path: Path) -> Path:
    """Write a figure beside `path` and rename it, so that nobody ever reads half a file."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.savefig(part, format="png", dpi=DPI)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path
