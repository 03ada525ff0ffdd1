"""What changes over the generations: losses, sizes, learning rates, each as a mean and a band over the cells."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from evoprune.benchmarks.plots import style
from evoprune.fitness import WORST
from evoprune.metrics import L1, Metric

BAND = (0.1, 0.9)  # quantiles: unlike a standard deviation they stay within the values that there are
MAIN: dict[str, Any] = {"color": style.BLUE, "linewidth": 1.8}
BAND_LABEL = "10th to 90th percentile\nof the cells"
PARTS = {"preserved": "Network", "preserved_encoder": "Encoder", "preserved_decoder": "Decoder", "macs_kept": "MACs"}
REFERENCES = [(style.GREEN, "--"), (style.BLACK, ":"), (style.PURPLE, "-."), (style.ORANGE, (0, (6, 2, 1, 2, 1, 2)))]
MANY_DECADES = 30  # highest over lowest value from which a loss is drawn on a logarithmic axis
MANY_CELLS = 30  # more than these are not drawn one by one


def numbers(cells: pd.DataFrame, column: str) -> pd.Series:
    """A column as floats, with NaN for what is missing, infinite or stands for one of those (`WORST`)."""
    if column not in cells:
        return pd.Series(np.nan, index=cells.index, dtype=float)
    values = pd.to_numeric(cells[column], errors="coerce").astype(float)
    return values.where(values.abs() < WORST / 2)


def over_cells(cells: pd.DataFrame, column: str, rises: bool = False) -> pd.DataFrame:
    """By generation `mean`, `low`, `high` (the band) and `best` over the cells that have a number.

    :param rises: whether more is better; the best is the minimum otherwise.
    """
    groups = numbers(cells, column).groupby(cells["gen"])
    low, high = (groups.quantile(share) for share in BAND)
    best = groups.max() if rises else groups.min()
    return pd.DataFrame({"mean": groups.mean(), "low": low, "high": high, "best": best}).dropna()


def left_out(cells: pd.DataFrame, column: str) -> int:
    """How many values of a column are no finite number.

    A generation in which no cell has a value was not measured, and does not count, unless losses went wrong in it.
    """
    if column not in cells:
        return 0
    went_wrong = numbers(cells, "loss").isna() & (cells["gen"] > cells["gen"].min()) & ("loss" in cells)
    measured = cells[column].notna().groupby(cells["gen"]).transform("any") | went_wrong
    return int((numbers(cells, column).isna() & measured).sum())


def shown_as(metric: Metric) -> tuple[str, int]:
    """What a metric is called at an axis, and what its values are multiplied with there."""
    if metric is L1:
        return "mean absolute error", 1
    return (f"{metric.title} (%)", 100) if metric.share else (metric.title, 1)


def rates_vary(cells: pd.DataFrame) -> bool:
    """Whether in any generation two cells have different learning rates."""
    return bool((numbers(cells, "learning_rate").groupby(cells["gen"]).nunique() > 1).any())


def plot_loss(
    cells: pd.DataFrame, baselines: Mapping[str, float] | None = None, loss: str = "", metric: Metric = L1
) -> Figure:
    """Training loss, and below it a metric on the validation split, over the generations.

    :param cells: a row a cell and generation, with `gen`, `cell` and any of `loss` (of one batch, what selection sees),
        `train_loss` (mean over the epoch) and `validation_l1`, or what the metric is. Values that are NaN, infinite or
        `WORST` are left out, and a note says how many.
    :param baselines: values of the metric to compare with, name -> value, drawn as horizontal lines.
    :param loss: the name of the loss that the run trains with, for the label.
    """
    figure = style.new_figure(5.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    style.dress(upper, "Training", y=f"training loss ({loss})" if loss else "training loss")
    named, scale = shown_as(metric)
    style.dress(lower, "Validation", x="generation", y=named)

    epoch, batch = over_cells(cells, "train_loss"), over_cells(cells, "loss")
    _draw(upper, batch, f"one batch, {_whose(cells)}", color=style.GREY, linestyle=":", linewidth=1)
    _draw(upper, epoch, f"epoch, {_whose(cells)}")
    _band(upper, epoch, cells)
    _finish(upper, pd.concat([epoch, batch]), left_out(cells, "train_loss") + left_out(cells, "loss"))

    column = f"validation_{metric.key}"
    validation = over_cells(cells, column, metric.rises) * scale
    _draw(lower, validation, _whose(cells))
    _band(lower, validation, cells)
    if _count(cells) > 1:
        _draw(lower, validation, "best cell", "best", color=style.VERMILION, linestyle="-.", linewidth=1.2)
    known = {name: value * scale for name, value in (baselines or {}).items() if math.isfinite(value)}
    for i, (name, value) in enumerate(known.items()):
        colour, dashes = REFERENCES[i % len(REFERENCES)]
        lower.axhline(value, color=colour, linestyle=dashes, linewidth=1.2, label=f"{name}: {value:.3g}")
    _finish(lower, validation, left_out(cells, column))
    return figure


def plot_size(cells: pd.DataFrame, log: pd.DataFrame | None = None, macs_kept: float | None = None) -> Figure:
    """The weights kept, in per cent, of a network and its parts, and the probability of pruning where it is logged.

    Where they are logged also the multiply-accumulates that are left without dead units.

    :param cells: a row a cell and generation, with `gen`, `cell` and any of `preserved`, `preserved_encoder`,
        `preserved_decoder` and `macs_kept` in [0, 1].
    :param log: a row a generation, with `gen` and, if known, `mutpb`.
    :param macs_kept: of the cells at the end, in [0, 1]; it stands in the title.
    """
    chances = pd.Series(dtype=float) if log is None else numbers(log, "mutpb").dropna()
    shown = [column for column in PARTS if column in cells] or ["preserved"]
    count = len(shown) + bool(len(chances))
    columns = min(count, 2 if len(chances) else 3)
    rows = -(-count // columns)
    figure = style.new_figure(2.9 if rows == 1 else 2.5 * rows)
    panels = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)

    shares = {column: over_cells(cells, column) * 100 for column in shown}
    lowest = min((summary["low"].min() for summary in shares.values() if len(summary)), default=100.0)
    bottom = 0 if lowest < 60 else 10 * math.floor((lowest - 1) / 10)
    for i, (axes, (column, summary)) in enumerate(zip(panels, shares.items(), strict=False)):
        end = f": {summary['mean'].iloc[-1]:.1f}% at the end" if len(summary) else ""
        if column == "preserved" and macs_kept is not None and "macs_kept" not in shown:
            end += f", MACs {100 * macs_kept:.1f}%"
        what = "MACs kept (%)" if column == "macs_kept" else "weights kept (%)"
        style.dress(axes, f"{PARTS[column]}{end}", y="" if i % columns and what.startswith("weights") else what)
        axes.set_ylim(bottom, 100 + 0.03 * (100 - bottom))
        _band(axes, summary, cells)
        _draw(axes, summary, _whose(cells))
        if summary.empty:
            style.say_nothing(axes)
    if log is not None and len(chances):
        panel = panels[len(shown)]
        style.dress(panel, "Pruning", y="probability")
        steps = log.loc[chances.index, "gen"]
        panel.plot(steps, chances, color=style.GREEN, linewidth=1.8, marker="o" if len(steps) == 1 else "")
        top = 1.1 * chances.max() or 1.0
        panel.set_ylim(-0.03 * top, top)
    for place, empty in enumerate(panels[count:], start=count):
        empty.set_axis_off()
        panels[place - columns].tick_params(labelbottom=True)
    style.whole_numbers(panels[0], bins=6)  # the others share its axis
    band = f"; line: {_whose(cells)}, band: {BAND_LABEL}".replace("\n", " ") if _count(cells) > 1 else ""
    figure.supxlabel(f"generation{band}", fontsize=style.SMALL)
    return figure


def plot_learning_rate(cells: pd.DataFrame) -> Figure:
    """The learning rates, which move at random from cell to cell: each one, while they are few, the mean and the band.

    :param cells: a row a cell and generation, with `gen`, `cell` and `learning_rate`.
    """
    rates = numbers(cells, "learning_rate")
    largest = rates.max()
    exponent = math.floor(math.log10(largest)) if largest > 0 else 0
    figure, axes = style.new_panel(3.4, "Learning rate", "generation", f"learning rate ($10^{{{exponent}}}$)")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 10.0**exponent:g}"))
    if 1 < _count(cells) <= MANY_CELLS:
        for i, (_, own) in enumerate(rates.groupby(cells["cell"])):
            label = "" if i else "each cell"
            axes.plot(cells.loc[own.index, "gen"], own, color=style.GREY, linewidth=0.6, alpha=0.7, label=label)
    summary = over_cells(cells, "learning_rate")
    _band(axes, summary, cells)
    _draw(axes, summary, _whose(cells))
    _finish(axes, summary, left_out(cells, "learning_rate"), logarithmic=False)
    return figure


def _count(cells: pd.DataFrame) -> int:
    return int(cells["cell"].nunique())


def _whose(cells: pd.DataFrame) -> str:
    count = _count(cells)
    return f"mean of {count} cells" if count > 1 else "the one cell"


def _draw(axes: Axes, summary: pd.DataFrame, label: str, column: str = "mean", **look: Any) -> None:
    if len(summary):
        marker = "o" if len(summary) == 1 else ""  # a line of one point would not be seen
        axes.plot(summary.index, summary[column], label=label, **MAIN | {"marker": marker} | look)


def _band(axes: Axes, summary: pd.DataFrame, cells: pd.DataFrame) -> None:
    if _count(cells) < 2 or summary.empty:
        return
    look: dict[str, Any] = {"color": style.BLUE, "label": BAND_LABEL}
    if len(summary) == 1:
        axes.vlines(summary.index, summary["low"], summary["high"], alpha=0.5, linewidth=4, **look)
    else:
        axes.fill_between(summary.index, summary["low"], summary["high"], alpha=0.2, linewidth=0, **look)


def _finish(axes: Axes, shown: pd.DataFrame, missing: int = 0, logarithmic: bool = True) -> None:
    """Axis, legend and note, once everything is drawn."""
    if shown.empty:
        style.say_nothing(axes)
    elif logarithmic and shown["low"].min() > 0 and shown["high"].max() > MANY_DECADES * shown["low"].min():
        style.logarithmic(axes, "y")
    note = f"{missing} {'value' if missing == 1 else 'values'} left out:\nNaN or infinite" if missing else ""
    style.legend_beside(axes, note)
    style.whole_numbers(axes)
