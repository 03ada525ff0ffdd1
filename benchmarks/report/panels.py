"""Figures of several panels with the same axes, and what stands around them: names that fit, labels, one legend."""

import re
from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style

SIDE = 3  # panels in a row
CHARACTERS = 84  # of panels' titles, over the width of the page

BREAKS = re.compile(r"(?<=[,= ])|(?<=\w-)(?<!\de-)")  # not within -0.1 or 1e-05


def grid(
    titles: list[str], height: float = 1.75, more: float = 0.6, width: float = style.WIDTH, share: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel a title, at most three in a row.

    :param height: of a row, in inches, as ``more`` is of all that is no row, and ``width`` that of the figure.
    :param share: whether all have the same axes.
    """
    columns = min(SIDE, len(titles))
    rows = -(-len(titles) // columns)
    figure = style.new_figure(height * rows + more, width)
    panels = list(figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False).flat)
    for axes, title in zip(panels, titles, strict=False):
        style.dress(axes)
        axes.set_title(wrapped(title, CHARACTERS // columns), fontsize=style.SMALL, loc="left")
    for i in range(len(titles), len(panels)):
        panels[i].set_visible(False)
        panels[i - columns].tick_params(labelbottom=True)
    return figure, panels[: len(titles)]


def wrapped(name: str, width: int) -> str:
    """A long name on several lines, broken behind commas, equals signs, hyphens and spaces.

    Only a part that is longer than a line is broken elsewhere.
    """
    parts = [part[i : i + width] for part in BREAKS.split(name) for i in range(0, len(part), width)]
    lines = [""]
    for part in parts:
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def name_axes(figure: Any, x: str, y: str) -> None:
    """One label for all x axes of a figure and one for all y axes."""
    figure.supxlabel(x, fontsize=style.SMALL)
    figure.supylabel(y, fontsize=style.SMALL)


def legend(figure: Any, panels: Iterable[Axes], place: str = "lower center", **options: Any) -> None:
    """One legend for all panels, outside of them; a line may be missing in some."""
    entries: dict[str, Any] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(name, handle)
    if entries:
        columns = max(1, min(len(entries), 100 // (max(map(len, entries)) + 8)))  # as many as fit side by side
        look = {"loc": f"outside {place}", "ncols": columns, "frameon": False, "fontsize": style.SMALL}
        figure.legend(list(entries.values()), list(entries), **look, **options)
