"""Held-out samples beside what a pair makes of them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.problems.problem import Problem
from evoprune.evaluation import reconstruct
from evoprune.individuals import Autoencoder

ROWS = ("original", "reconstruction", "difference")
WRONG = ListedColormap([style.VERMILION])
GRAY, GREYS, BLUES = (colormaps[name].with_extremes(bad=style.NOTHING) for name in ("gray", "Greys", "Blues"))
BELOW: Any = {"textcoords": "offset points", "ha": "center", "va": "top", "fontsize": style.SMALL}
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
    rows = list(figure.subplots(3, 1))
    for axes, name in zip(rows, ROWS, strict=True):
        axes.set_title(name, fontsize=style.SMALL, loc="left", pad=3)
    step = shape[1] * (1 + GAP / side)  # from a picture to the next, in its own pixels
    for column in range(len(chosen)):
        place = _framed(rows, column * step, shape)
        values = rows[0].imshow(picture(originals[column], shape), cmap=GRAY, vmin=low, vmax=high, extent=place)
        rows[1].imshow(picture(made[column], shape), cmap=GRAY, vmin=low, vmax=high, extent=place)
        difference, colours = picture(errors[column], shape), GREYS if problem.binary else BLUES
        differences = rows[2].imshow(difference, cmap=colours, vmin=0, vmax=largest, extent=place)
        if problem.binary:
            marks = picture(wrong[column].float(), shape)
            rows[2].imshow(np.ma.masked_where(marks != 1, marks), cmap=WRONG, vmin=0, vmax=1, extent=place)
        mean = wrong[column].float().mean().item() if problem.binary else errors[column].mean().item()
        label, middle = f"{mean:.1%}" if problem.binary else f"{mean:.3f}", (place[0] + place[1]) / 2
        rows[2].annotate(label, (middle, shape[0]), (0, -3), **BELOW)
    for axes in rows:  # each picture has set the limits to its own
        axes.set(xlim=(0, place[1]), ylim=(shape[0], 0))
        axes.set_axis_off()
    error = "share of wrong bits (orange)" if problem.binary else "mean absolute error"
    figure.suptitle(f"Held-out samples; below: {error}", fontsize=style.LARGE)
    style.colour_bar(figure, values, rows[:2], "value", pad=0.01, aspect=20, ticks=MaxNLocator(4))
    style.colour_bar(figure, differences, rows[2:], "difference", pad=0.01, aspect=10, ticks=MaxNLocator(4))
    return figure


def _framed(rows: Sequence[Axes], left: float, shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """Draw the frame of a picture in every row, and return its edges: left, right, bottom, top."""
    for axes in rows:
        frame = Rectangle((left, 0), shape[1], shape[0], fill=False, color=style.GREY, linewidth=0.5, clip_on=False)
        axes.add_patch(frame)
    return left, left + shape[1], shape[0], 0


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
