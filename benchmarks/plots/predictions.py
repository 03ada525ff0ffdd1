"""What a network says of held-out samples beside what is right: a table of classes, or values against values."""

import math

import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.problems.problem import Problem
from evoprune.evaluation import outputs_of
from evoprune.individuals import Network

NUMBERED = 20  # classes up to which the fields of the table have numbers
NAMED = 30  # classes up to which they have names
MOST = 6  # outputs that are drawn, a panel each
POINTS = 2000  # samples that are drawn
LETTERS = 14  # of the name of a class


def plot_predictions(network: Network, problem: Problem) -> Figure | None:
    """A table of held-out samples by class and by what the network takes them for, or predicted against true values.

    None where the network gives the samples back.
    """
    targets = problem.targets("test")
    if not isinstance(targets, Tensor):
        return None
    outputs = outputs_of(network, problem.test)
    return _values(outputs, targets) if targets.is_floating_point() else _classes(outputs, targets, problem)


def confusion(outputs: Tensor, classes: Tensor, count: int) -> Tensor:
    """Numbers of samples, int64 (class, class that was told); the largest output tells, NaN never does."""
    told = outputs.nan_to_num(-math.inf).argmax(1).cpu()
    return (classes * count + told).bincount(minlength=count * count).view(count, count)


def _classes(outputs: Tensor, classes: Tensor, problem: Problem) -> Figure:
    count = problem.outputs
    table = confusion(outputs, classes, count)
    right = int(table.diagonal().sum())
    shares = table.double() / table.sum(1, keepdim=True).clamp_min(1) * 100
    side = min(max(2.2 + 0.34 * count, 3.6), style.WIDTH)
    figure = style.new_figure(side, side + 0.6)
    figure.set_layout_engine("compressed")  # else a square that gives way cuts its own label
    axes = figure.subplots()
    image = axes.imshow(shares.numpy(), cmap=colormaps["Blues"], vmin=0, vmax=100)
    style.dress(axes, f"Held-out samples: {right} of {len(classes)} right", "told by the network", "class")
    axes.grid(visible=False)
    names = _names(problem, count)
    if names:
        axes.set_xticks(range(count), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(count), names)
    if count <= NUMBERED:
        for row, column in table.nonzero().tolist():
            colour = "white" if shares[row, column] > 60 else "black"
            axes.annotate(
                str(int(table[row, column])), (column, row), color=colour, ha="center", va="center", fontsize=style.TINY
            )
    style.colour_bar(figure, image, axes, "share of the class (%)", fraction=0.045, pad=0.02)
    return figure


def _names(problem: Problem, count: int) -> list[str]:
    if count > NAMED:
        return []
    names = getattr(problem, "class_names", ()) or tuple(map(str, range(count)))
    return [name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…" for name in names]


def _values(outputs: Tensor, targets: Tensor) -> Figure:
    shown, columns = min(targets.shape[1], MOST), min(targets.shape[1], 3)
    rows = -(-shown // columns)
    figure = style.new_figure(0.5 + 3.2 * rows, min(0.8 + 3.2 * columns, style.WIDTH))
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    some = torch.arange(min(len(targets), POINTS))
    for k, axes in enumerate(panels[:shown]):
        told, true = outputs[some, k].cpu().double(), targets[some, k].double()
        finite = told.isfinite()
        style.dress(axes, f"Output {k}" if targets.shape[1] > 1 else "Held-out samples", "true value", "predicted")
        axes.scatter(true[finite].numpy(), told[finite].numpy(), s=8, color=style.BLUE, alpha=0.6, linewidths=0)
        low, high = float(true.min()), float(true.max())
        axes.plot([low, high], [low, high], color=style.GREY, linestyle="--", linewidth=1, label="equal")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.legend(frameon=False, fontsize=style.TINY)
    for axes in panels[shown:]:
        axes.set_axis_off()
    return figure
