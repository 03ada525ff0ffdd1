"""A measure over the generations: median and interquartile range over pairs of cells, panels to compare."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report import curves

LINES = [
    (style.BLUE, "-"),
    (style.VERMILION, "--"),
    (style.GREEN, "-."),
    (style.BLACK, (0, (8, 2))),
    (style.PURPLE, (0, (6, 2, 1, 2))),
    (style.ORANGE, (0, (3, 1, 1, 1, 1, 1))),
]
QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
PANELS = 3  # side by side
CHARACTERS = 78  # of panels' titles, over the width of the page


def quartiles(table: pd.DataFrame, value: str, by: Sequence[str]) -> pd.DataFrame:
    """The columns of ``by``, then ``n``, ``q25``, ``median`` and ``q75`` of the numbers in ``value``."""
    numbers = table.dropna(subset=[value])
    groups = numbers.groupby(list(by), sort=False)[value]
    parts = {"n": groups.size(), **{name: groups.quantile(share) for name, share in QUARTILES.items()}}
    return pd.DataFrame(parts).reset_index()


def wrapped(title: str, columns: int) -> str:
    """A title on as many lines as it needs above one of several panels side by side."""
    return curves.wrapped(title, CHARACTERS // columns)


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
    columns = min(PANELS, len(titles))
    rows = -(-len(titles) // columns)
    many = len(names) > 1 or expected is not None
    figure = style.new_figure((2.0 if rows > 1 else 2.6) * rows + 0.45 + 0.3 * many)
    axes_of = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes, title in zip(axes_of, titles, strict=False):
        style.dress(axes)
        axes.set_title(wrapped(str(title), columns), fontsize=style.SMALL, loc="left")
        here = shown[shown[panels] == title]
        for i, name in enumerate(names):
            _line(axes, here[here[lines] == name] if lines else here, value, str(name), i, expected)
    if expected is not None:
        axes_of[0].plot([], [], color=style.GREY, linestyle=":", linewidth=1.2, label="expected by chance")
    for axes in axes_of[len(titles) :]:
        axes.set_visible(False)
        axes_of[axes_of.index(axes) - columns].tick_params(labelbottom=True)
    axes_of[0].set_ylim(low, high)
    style.whole_numbers(axes_of[0], bins=5)
    for axes in axes_of[
        max(0, len(titles) - columns) : len(titles)
    ]:  # a label of the figure would lie under the legend
        axes.set_xlabel("generation", fontsize=style.SMALL)
    figure.supylabel(label, fontsize=style.SMALL)
    if many:
        _legend(figure, axes_of[: len(titles)])
    return figure


def _line(axes: Axes, rows: pd.DataFrame, value: str, name: str, i: int, expected: str | None) -> None:
    curve = quartiles(rows, value, ["generation"]).sort_values("generation")
    if curve.empty:
        return
    colour, dashes = LINES[i % len(LINES)]
    marker = "o" if len(curve) == 1 else ""  # a line of one point would not be seen
    steps = curve["generation"].to_numpy(dtype=float)
    if marker:
        axes.vlines(steps, curve["q25"], curve["q75"], color=colour, alpha=0.4, linewidth=4)
    else:
        axes.fill_between(steps, curve["q25"], curve["q75"], color=colour, alpha=0.18, linewidth=0)
    axes.plot(steps, curve["median"], color=colour, linestyle=dashes, linewidth=1.6, marker=marker, label=name)
    if expected is not None:
        chance = rows.groupby("generation")[expected].median()
        axes.plot(chance.index, chance, color=colour, linestyle=":", linewidth=1.2, marker="_" if marker else "")


def _legend(figure: Figure, panels: list[Axes]) -> None:
    """One legend for all panels; a line may be missing in some."""
    entries: dict[str, Any] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    longest = max(map(len, entries))
    columns = max(1, min(len(entries), 100 // (longest + 8)))
    handles, names = list(entries.values()), list(entries)
    figure.legend(
        handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=style.SMALL, handlelength=3
    )
