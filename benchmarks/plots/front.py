"""Small against good: the networks of the last generation, by the weights they keep and by what they are worth."""

import pandas as pd
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.curves import numbers, shown_as
from evoprune.metrics import L1, Metric

FEWEST = 3  # different sizes from which on there is something to see


def plot_front(cells: pd.DataFrame, metric: Metric = L1) -> Figure | None:
    """The metric on validation data against the weights kept, a point a cell of the last generation.

    Those that no other one beats in both are joined by a line. None where the cells have fewer than three sizes.

    :param cells: a row a cell and generation, with `gen`, `preserved` and `validation_l1`, or what the metric is.
    """
    last = cells[cells["gen"] == cells["gen"].max()]
    named, scale = shown_as(metric)
    points = pd.DataFrame(
        {"kept": numbers(last, "preserved") * 100, "value": numbers(last, f"validation_{metric.key}") * scale}
    ).dropna()
    if points["kept"].nunique() < FEWEST:
        return None
    figure, axes = style.new_panel(3.6, "Networks of the last generation", "weights kept (%)", f"validation {named}")
    best = front(points, metric.rises)
    axes.scatter(points["kept"], points["value"], s=22, color=style.BLUE, alpha=0.8, linewidths=0, label="a cell")
    label = "none is smaller\nand as good"
    axes.step(best["kept"], best["value"], where="post", color=style.VERMILION, linewidth=1.2, label=label)
    style.legend_beside(axes)
    return figure


def front(points: pd.DataFrame, rises: bool) -> pd.DataFrame:
    """The points, smallest first, of which each is better than all that are smaller.

    :param points: with `kept` and `value`.
    :param rises: whether a larger value is better.
    """
    ordered = points.sort_values(["kept", "value"], ascending=[True, not rises])
    best = ordered["value"].cummax() if rises else ordered["value"].cummin()
    return ordered[best.ne(best.shift())]
