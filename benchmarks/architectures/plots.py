"""The figures of an architecture search: its course, the front of loss and size, reconstructions and samples."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from torch import Tensor

from evoprune.benchmarks.architectures.settings import ArchitectureSettings
from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.reconstructions import samples as chosen_samples
from evoprune.benchmarks.plots.save import save
from evoprune.benchmarks.problems.problem import Problem
from evoprune.evaluation import evaluating, reconstruct
from evoprune.fitness import WORST
from evoprune.folders import Folder
from evoprune.individuals import Autoencoder
from evoprune.seeds import Stream

COLUMNS = 10
CAPTION = ("method", "objectives", "benchmark", "seed")


def save_plots(
    directory: Folder | Path,
    log: pd.DataFrame,
    random: pd.DataFrame | None,
    networks: pd.DataFrame,
    model: Autoencoder,
    settings: ArchitectureSettings,
) -> list[Path]:
    """Write `search.png`, `front.png`, `reconstructions.png` and `samples.png`, and return their paths.

    :param random: the log of the random search, where there was one to compare with.
    :param networks: every architecture that was trained, with `parameters`, `loss` and `front`.
    """
    shape = settings.space.shape
    drawn = sample(model, settings.problem, Stream.SAMPLES.seed(settings.seed))
    plots: dict[str, Callable[[], Figure]] = {
        "search": partial(plot_search, log, random, settings.loss),
        "front": partial(plot_front, networks, settings.loss),
        "reconstructions": partial(plot_reconstructions, model, settings.problem, shape),
        "samples": partial(plot_samples, drawn, shape),
    }
    return save(directory, plots, {name: getattr(settings, name) for name in CAPTION})


def plot_search(log: pd.DataFrame, random: pd.DataFrame | None, loss: str) -> Figure:
    """The best validation loss so far over the networks trained so far, and the mean of the survivors."""
    figure, axes = style.new_panel(3.2, "Search", "networks trained", f"validation loss ({loss})")
    marker = "o" if len(log) == 1 else ""
    axes.plot(log["trained"], log["best_loss"], color=style.BLUE, linewidth=1.8, marker=marker, label="best so far")
    alive = log[log["loss"] < WORST]
    mean = alive["trained"], alive["loss"]
    axes.plot(*mean, color=style.GREY, linestyle=":", marker=marker, label="mean of survivors")
    if random is not None:
        axes.plot(random["trained"], random["best_loss"], color=style.VERMILION, linestyle="--", label="best at random")
    style.whole_numbers(axes)
    style.legend_beside(axes)
    return figure


def plot_front(networks: pd.DataFrame, loss: str) -> Figure:
    """Loss and number of parameters of every architecture that was trained; a line joins those that none beats in both.

    Networks that diverged are left out.
    """
    x, y = "parameters of encoder and decoder", f"validation loss ({loss})"
    figure, axes = style.new_panel(3.6, "Architectures, trained for a few epochs", x, y)
    shown = networks[networks["loss"] < WORST]
    rest, front = shown[~shown["front"]], shown[shown["front"]].sort_values("parameters")
    axes.scatter(rest["parameters"], rest["loss"], s=14, color=style.GREY, label="trained", linewidth=0)
    axes.plot(front["parameters"], front["loss"], color=style.BLUE, marker="o", markersize=4, label="Pareto front")
    if shown.empty:
        style.say_nothing(axes)
    else:
        style.logarithmic(axes, "x", EngFormatter(sep=""))
        style.logarithmic(axes, "y")
    style.legend_beside(axes)
    return figure


def plot_reconstructions(pair: Autoencoder, problem: Problem, shape: tuple[int, int, int]) -> Figure:
    """Held-out images, each above its reconstruction."""
    originals = problem.test[chosen_samples(problem, COLUMNS)]
    made = reconstruct(pair, originals)
    error = (made - originals).abs().mean(1)
    title = "Held-out images and their reconstructions; below each its mean absolute error"
    return _pictures(title, [originals, made], shape, [f"{value:.3f}" for value in error.tolist()])


def plot_samples(images: Tensor, shape: tuple[int, int, int]) -> Figure:
    """What the decoder makes of drawn codes, (images, inputs)."""
    return _pictures("Decoded samples of the code space", list(images.split(COLUMNS)), shape)


def sample(pair: Autoencoder, problem: Problem, seed: int, count: int = 3 * COLUMNS) -> Tensor:
    """New images, (count, inputs): codes drawn from a normal distribution and decoded.

    Its mean and covariance are those of the training codes; each unit is kept within the range that it has there, so
    that a rectified code stays positive.
    """
    with evaluating(pair.encoder.module, pair.decoder.module):
        codes = pair.encoder(problem.train)
        mean = codes.double().mean(0).numpy()
        covariance = np.atleast_2d(np.cov(codes.double().numpy(), rowvar=False))
        drawn = np.random.default_rng(seed).multivariate_normal(mean, covariance, count, check_valid="ignore")
        low, high = codes.aminmax(dim=0)
        return pair.decoder(torch.from_numpy(drawn).to(codes).clamp(low, high))


def _pictures(title: str, rows: list[Tensor], shape: tuple[int, int, int], below: Sequence[str] = ()) -> Figure:
    """Rows of images in colour, or in grey: other numbers of channels than three are shown one below the other."""
    columns = max(len(row) for row in rows)
    side = min(style.WIDTH / columns, 1.4)
    figure = style.new_figure(len(rows) * side * shape[1] / shape[2] + (0.7 if below else 0.4), columns * side)
    figure.suptitle(title, fontsize=style.LARGE)
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(panels, rows, strict=True):
        for axes, values in zip(line, row, strict=False):
            style.dress_image(axes)
            pixels = values.view(shape).clamp(0, 1).numpy()
            pixels = pixels.transpose(1, 2, 0) if shape[0] == 3 else pixels.reshape(-1, shape[2])
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=1)  # colours need no map
        for axes in line[len(row) :]:
            axes.set_axis_off()
    for axes, text in zip(panels[-1], below, strict=False):
        axes.set_xlabel(text, fontsize=style.SMALL)
    return figure
