"""A measure over the generations: median and interquartile range over pairs of cells, panels to compare."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report.curves import draw_line
from evoprune.benchmarks.report.panels import SIDE, grid, legend

LINES = [
    (style.BLUE, "-"),
    (style.VERMILION, "--"),
    (style.GREEN, "-."),
    (style.BLACK, (0, (8, 2))),
    (style.PURPLE, (0, (6, 2, 1, 2))),
    (style.ORANGE, (0, (3, 1, 1, 1, 1, 1))),
]
QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}


def quartiles(table: pd.DataFrame, value: str, by: Sequence[str]) -> pd.DataFrame:
    """The columns of ``by``, then ``n``, ``q25``, ``median`` and ``q75`` of the numbers in ``value``."""
    numbers = table.dropna(subset=[value])
    groups = numbers.groupby(list(by), sort=False)[value]
    parts = {"n": groups.size(), **{name: groups.quantile(share) for name, share in QUARTILES.items()}}
    return pd.DataFrame(parts).reset_index()


def plot_over_time(
    table: pd.DataFrame,
    value: str,
    label: str,
    panels: str = "part",
    lines: str | None = None,
    expected: str | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Figure:
    """A panel for each entry of a column, in it a line for each entry of another, all on the same axes.

    Lines are medians over all rows of a generation (pairs of cells, cells, trials), bands interquartile ranges.

    :param table: as the measures give it, with ``generation`` and the columns named.
    :param value: the column to draw, ``label`` its name with its unit.
    :param expected: a column whose median is drawn as a thin dotted line of the same colour.
    :param low: where the y axis ends, as ``high``; by default where the data do.
    """
    shown = table.dropna(subset=[value])
    if shown.empty:
        return style.message_figure(f"There is nothing to show of {label}: no two cells could be compared.")
    titles, names = list(dict.fromkeys(shown[panels])), list(dict.fromkeys(shown[lines])) if lines else [""]
    many = len(names) > 1 or expected is not None
    height = 2.0 if len(titles) > SIDE else 2.6
    figure, axes_of = grid([str(title) for title in titles], height, more=0.45 + 0.3 * many)
    for axes, title in zip(axes_of, titles, strict=True):
        here = shown[shown[panels] == title]
        for i, name in enumerate(names):
            _line(axes, here[here[lines] == name] if lines else here, value, str(name), i, expected)
    if expected is not None:
        axes_of[0].plot([], [], color=style.GREY, linestyle=":", linewidth=1.2, label="expected by chance")
    axes_of[0].set_ylim(low, high)
    style.whole_numbers(axes_of[0], bins=5)
    for axes in axes_of[-min(SIDE, len(titles)) :]:  # a label of the figure would lie under the legend
        axes.set_xlabel("generation", fontsize=style.SMALL)
    figure.supylabel(label, fontsize=style.SMALL)
    if many:
        legend(figure, axes_of, handlelength=3)
    return figure


def _line(axes: Axes, rows: pd.DataFrame, value: str, name: str, i: int, expected: str | None) -> None:
    if rows.empty:
        return
    colour, dashes = LINES[i % len(LINES)]
    curve = quartiles(rows, value, ["generation"]).set_index("generation").sort_index()
    draw_line(axes, curve.rename(columns={"q25": "q1", "q75": "q3"}), colour, dashes, name)
    if expected is not None:
        chance = rows.groupby("generation")[expected].median()
        marker = "_" if len(curve) == 1 else ""
        axes.plot(chance.index, chance, color=colour, linestyle=":", linewidth=1.2, marker=marker)
