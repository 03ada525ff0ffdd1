"""The plots of a run as files, each with a line below it that says what ran."""

import io
import textwrap
from collections.abc import Callable, Mapping
from functools import partial
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from torch import Tensor

from evoprune import folders
from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.curves import plot_learning_rate, plot_loss, plot_size, rates_vary
from evoprune.benchmarks.plots.front import plot_front
from evoprune.benchmarks.plots.masks import plot_masks
from evoprune.benchmarks.plots.operators import plot_operators
from evoprune.benchmarks.plots.predictions import plot_predictions
from evoprune.benchmarks.plots.reconstructions import plot_reconstructions
from evoprune.benchmarks.problems.problem import Problem
from evoprune.files import write
from evoprune.folders import Folder
from evoprune.individuals import Autoencoder, Network
from evoprune.plugins import label

DPI = 150
LINE, LETTER = 0.14, 0.055  # inches: a line of the caption, and what a letter of it takes in width
CAPTION = ("algorithm", "operator", "schedule", "benchmark", "seed")

PLOTS: dict[str, Callable[[Any], Figure | None]] = {
    "loss": lambda run: plot_loss(run.cells, run.baselines, run.summary["loss"], run.problem.metric),
    "size": lambda run: plot_size(run.cells, run.log, run.summary.get("macs_kept")),
    "masks": lambda run: plot_masks(run.model, run.problem.shape),
    "reconstructions": lambda run: plot_reconstructions(run.model, run.problem) if gives_back(run) else None,
    "predictions": lambda run: plot_predictions(run.model, run.problem),
    "front": lambda run: plot_front(run.cells, run.problem.metric) if len(run.model.fitness.weights) > 1 else None,
    "operators": lambda run: plot_operators(run.log),
    "learning_rate": lambda run: plot_learning_rate(run.cells) if rates_vary(run.cells) else None,
}
"""The plots of a run by the names of their files; ``run`` has what :func:`save_plots` takes, by these names."""


def gives_back(run: Any) -> bool:
    """Whether the network of a run reconstructs held-out samples that can be shown as they are."""
    return isinstance(run.model, Autoencoder) and isinstance(run.problem.rows("test"), Tensor)


def save_plots(
    directory: Folder | str | Path,
    log: pd.DataFrame,
    cells: pd.DataFrame,
    model: Network,
    problem: Problem,
    summary: Mapping[str, Any],
    baselines: Mapping[str, float],
) -> list[Path]:
    """Write the plots of a run as PNG files of 150 dpi, and return their paths.

    `loss.png`, `size.png`, `masks.png`; `reconstructions.png` of an autoencoder, `predictions.png` of other networks;
    `front.png` where the fitness has two objectives, and `learning_rate.png` where cells differ in that;
    `operators.png` where a run chooses between several.

    :param directory: made if it is not there; or the open folder of a run, where they stand below `plots`.
    :param log: a row a generation, with `gen` and perhaps `mutpb`.
    :param cells: a row a cell and generation; see :func:`plot_loss`, :func:`plot_size`, :func:`plot_learning_rate`.
    :param model: whose masks and outputs are shown: the one that the run hands out.
    :param summary: of the run, for the captions and the name of the loss.
    :param baselines: values of the problem's metric on validation data to compare with, name -> value.
    """
    run = SimpleNamespace(log=log, cells=cells, model=model, problem=problem, summary=summary, baselines=baselines)
    plots = {name: partial(plot, run) for name, plot in PLOTS.items()}
    return save(directory, plots, {name: summary[name] for name in CAPTION})


def save(
    directory: Folder | str | Path, plots: Mapping[str, Callable[[], Figure | None]], about: Mapping[str, Any]
) -> list[Path]:
    """Draw figures into a directory as PNG files, and return their paths.

    A file is there whole or not at all, whatever happens in between; one that is not evoprune's is not replaced.

    :param plots: file name without its ending -> what draws the figure, or gives None where there is nothing to draw.
    :param about: what ran, name -> value; it stands in small letters below every figure.
    """
    paths = []
    with (
        folders.opened(directory, folders.PLOTS, "plots/") as place,
        matplotlib.style.context("default"),
    ):  # not what a user's own matplotlibrc asks for
        for file, plot in plots.items():
            if (figure := plot()) is not None:
                page = add_caption(figure, ", ".join(f"{name} {label(value)}" for name, value in about.items()))
                lay_out(figure)
                picture = io.BytesIO()  # or a full disk is an error of the library that draws
                figure.savefig(picture, format="png", dpi=DPI, bbox_inches=page)
                paths.append(place(f"{file}.png"))
                write(paths[-1], methodcaller("write", picture.getvalue()))
    return paths


def lay_out(figure: Figure) -> None:
    """Make room for all labels, once and for all: matplotlib would draw the figure a second time to do so."""
    figure.set_dpi(DPI)
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


def add_caption(figure: Figure, text: str) -> Bbox:
    """Write small lines below the page of a figure, where nothing else is, and return the page with room for them."""
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(text, int(width / LETTER))
    room = LINE * (len(lines) + 0.5)
    figure.text(0.08 / width, 0, "\n".join(lines), va="top", fontsize=style.TINY, color=style.GREY, in_layout=False)
    return Bbox.from_extents(0, -room, width, height)
