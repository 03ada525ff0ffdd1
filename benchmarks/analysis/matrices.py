"""Values between cells as heat maps: pairing losses, similarities, overlaps."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.report.panels import SIDE, grid, name_axes

ROOM = 0.34  # inches that a number needs
FRAMED = 20  # cells up to which own pairs get a frame


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
            _frames(axes, cells)
        if width / len(cells) >= ROOM:
            _numbers(axes, cells, limits)
    name_axes(figure, columns, rows)
    style.colour_bar(figure, image, panels, label, pad=0.02, fraction=0.05, aspect=30)
    return figure


def _frames(axes: Axes, values: np.ndarray) -> None:
    for i in np.flatnonzero(np.isfinite(values.diagonal())):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=style.VERMILION, linewidth=1))


def _numbers(axes: Axes, values: np.ndarray, limits: tuple[float, float]) -> None:
    middle = limits[0] + 0.6 * (limits[1] - limits[0])
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > middle else style.BLACK
            axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=7, color=colour)
