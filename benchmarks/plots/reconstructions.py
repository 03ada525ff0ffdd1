"""Held-out samples beside what a pair makes of them."""

import math

import numpy as np
import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.problems.problem import Problem
from evoprune.evaluation import reconstruct
from evoprune.genome import Autoencoder

ROWS = ("original", "reconstruction", "difference")
WRONG = ListedColormap([style.VERMILION])
BAR, GAP = 0.75, 0.08  # inches: what the colour bars take, and what is between pictures
ELONGATED = 3  # times as high as wide; beyond that a picture is padded rather than drawn as a strip


def plot_reconstructions(pair: Autoencoder, problem: Problem, count: int = 8) -> Figure:
    """Originals, reconstructions and absolute differences of held-out samples, one a column.

    Samples without an image's shape are drawn row by row as a near square. Of binary data the bits that are wrong after
    rounding at 0.5 are marked. Light blue is where there is no number: NaN, or no more inputs in the last row.

    :param count: samples to show, of different classes where the problem has labels.
    """
    chosen = samples(problem, count)
    originals = problem.test[chosen]
    made = reconstruct(pair, originals).reshape(originals.shape)
    errors = (made - originals).abs()
    wrong = (made >= 0.5) != (originals >= 0.5)
    low, high = originals.min().item(), originals.max().item()
    largest = 1.0 if problem.binary else errors[errors.isfinite()].max().item() if errors.isfinite().any() else 1.0

    shape = problem.shape or near_square(problem.inputs)
    side = min((style.WIDTH - BAR) / len(chosen) - GAP, 1.4)  # the width of a picture, in inches
    height = 3 * (side * shape[0] / shape[1] + 0.25) + 0.7
    figure = style.new_figure(height, max(len(chosen) * (side + GAP) + BAR, 4.5))
    grid = figure.subplots(3, len(chosen), squeeze=False)
    for column, axes in enumerate(grid.T):
        values = axes[0].imshow(picture(originals[column], shape), cmap="gray", vmin=low, vmax=high)
        axes[1].imshow(picture(made[column], shape), cmap="gray", vmin=low, vmax=high)
        difference = picture(errors[column], shape)
        differences = axes[2].imshow(difference, cmap="Greys" if problem.binary else "Blues", vmin=0, vmax=largest)
        if problem.binary:
            marks = picture(wrong[column].float(), shape)
            axes[2].imshow(np.ma.masked_where(marks != 1, marks), cmap=WRONG, vmin=0, vmax=1)
        for ax in axes:
            style.dress_image(ax, " ")  # keeps the room for the names of the rows
        mean = wrong[column].float().mean().item() if problem.binary else errors[column].mean().item()
        axes[2].set_xlabel(f"{mean:.1%}" if problem.binary else f"{mean:.3f}", fontsize=style.SMALL)
    for ax, name in zip(grid[:, 0], ROWS, strict=True):
        # Out of the layout: it may reach over the next column.
        ax.annotate(name, (0, 1), (0, 3), "axes fraction", "offset points", fontsize=style.SMALL, in_layout=False)
    error = "share of wrong bits (orange)" if problem.binary else "mean absolute error"
    figure.suptitle(f"Held-out samples; below: {error}", fontsize=style.LARGE)
    style.colour_bar(figure, values, list(grid[:2].flat), "value", pad=0.01, aspect=20, ticks=MaxNLocator(4))
    style.colour_bar(figure, differences, list(grid[2]), "difference", pad=0.01, aspect=10, ticks=MaxNLocator(4))
    return figure


def samples(problem: Problem, count: int) -> list[int]:
    """Rows of the test split: the first of every class by label, then the first of the rest."""
    labels = [] if problem.test_labels is None else problem.test_labels.tolist()
    first = [labels.index(label) for label in sorted(set(labels))]
    return list(dict.fromkeys([*first, *range(len(problem.test))]))[:count]


def near_square(inputs: int) -> tuple[int, int]:
    """Height and width of a picture of so many values, upright as columns are narrow: 1000 is 40 x 25.

    Where nothing near divides evenly, the last row is not full: 13 is 5 x 3.
    """
    side = math.isqrt(inputs)
    for width in range(side, 0, -1):
        if inputs % width == 0 and inputs <= ELONGATED * width**2:
            return inputs // width, width
    return -(-inputs // side), side


def picture(values: Tensor, shape: tuple[int, int]) -> np.ndarray:
    """One sample as an array of that shape, with NaN where the sample is too short."""
    padded = torch.full((shape[0] * shape[1],), math.nan)
    padded[: values.numel()] = values.flatten().cpu()
    return padded.view(shape).numpy()
