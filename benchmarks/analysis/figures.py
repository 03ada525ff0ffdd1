"""Figures of measures: over the generations, as medians and quartiles in panels to compare, and as heat maps."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report.curves import draw_line
from evoprune.benchmarks.report.panels import SIDE, grid, legend, name_axes

LINES = [
    (style.BLUE, "-"),
    (style.VERMILION, "--"),
    (style.GREEN, "-."),
    (style.BLACK, (0, (8, 2))),
    (style.PURPLE, (0, (6, 2, 1, 2))),
    (style.ORANGE, (0, (3, 1, 1, 1, 1, 1))),
]
QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
ROOM = 0.34  # inches that a number needs
FRAMED = 20  # cells up to which own pairs get a frame


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


def matrix(table: pd.DataFrame, value: str, generation: int | None = None) -> pd.DataFrame:
    """A square table of ``value``, cells in rows and others in columns, of one generation (the last by default).

    What a measure gives once for two cells stands on both sides of the diagonal. A diagonal that it does not give is
    NaN.

    :param table: as a measure gives it; of measures by part or layer, the rows of one.
    :raises ValueError: for a generation that is not there, or several values for the same two cells.
    """
    known = table["generation"].unique().tolist()
    wanted = max(known, default=None) if generation is None else generation
    if wanted not in known:
        raise ValueError(f"no generation {wanted} in the table; it has {known}")
    rows = table[table["generation"] == wanted]
    if rows.duplicated(["cell", "other"]).any():
        raise ValueError("several values for the same two cells: choose one part, layer, variant and trial first")
    square = rows.pivot(index="cell", columns="other", values=value)
    cells = sorted({*square.index, *square.columns})
    square = square.reindex(index=cells, columns=cells)
    once = (rows["cell"] < rows["other"]).all()
    return square.combine_first(square.T) if once else square


def plot_matrices(
    matrices: Mapping[str, pd.DataFrame],
    label: str,
    rows: str = "cell",
    columns: str = "cell",
    low: float | None = None,
    high: float | None = None,
) -> Figure:
    """A heat map for each square table, with one scale of colours; numbers where they find room.

    :param matrices: title -> what :func:`matrix` gives. NaN stays empty.
    :param label: of the values, with their unit; ``rows`` and ``columns`` name the axes.
    :param low: where the colours begin, as ``high`` where they end; by default where the values do.
    """
    values = np.concatenate([table.to_numpy(dtype=float).ravel() for table in matrices.values()] or [np.empty(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return style.message_figure(f"There is nothing to show of {label}: no two cells could be compared.")
    limits = (values.min() if low is None else low, values.max() if high is None else high)
    side = min(SIDE, len(matrices))
    width = 4.6 if side == 1 else 6.3 / side
    whole = style.WIDTH if side > 1 else width + 1.4
    figure, panels = grid(list(matrices), width + 0.25, more=0.4, width=whole, share=False)
    image = None
    for axes, cells in zip(panels, (table.to_numpy(dtype=float) for table in matrices.values()), strict=True):
        image = axes.imshow(cells, cmap="Blues", vmin=limits[0], vmax=limits[1])
        axes.grid(visible=False)
        axes.set_facecolor(style.PALE)
        axes.spines[:].set_visible(False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1, steps=style.STEPS))
        if len(cells) <= FRAMED:
            for i in np.flatnonzero(np.isfinite(cells.diagonal())):
                frame = Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=style.VERMILION, linewidth=1)
                axes.add_patch(frame)
        if width / len(cells) >= ROOM:
            _numbers(axes, cells, limits)
    name_axes(figure, columns, rows)
    style.colour_bar(figure, image, panels, label, pad=0.02, fraction=0.05, aspect=30)
    return figure


def _numbers(axes: Axes, values: np.ndarray, limits: tuple[float, float]) -> None:
    middle = limits[0] + 0.6 * (limits[1] - limits[0])
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > middle else style.BLACK
            axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)
