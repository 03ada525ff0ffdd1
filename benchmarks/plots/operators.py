"""Which operator prunes: the probabilities that a run learns for several."""

import pandas as pd
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.curves import numbers
from evoprune.runs.stored import CHANCE

COLORS = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.ORANGE, style.SKY, style.BLACK)
DASHES = ("-", "--", ":")


def plot_operators(log: pd.DataFrame) -> Figure | None:
    """The probability of each operator over the generations. None for a run that does not choose.

    :param log: a row a generation, with `gen` and a column `p_<operator>` each.
    """
    names = [str(name) for name in log.columns if str(name).startswith(CHANCE)]
    if not names:
        return None
    figure, axes = style.new_panel(3.6, "Operators that prune", "generation", "probability (%)")
    for number, name in enumerate(names):
        color, dashes = COLORS[number % len(COLORS)], DASHES[number // len(COLORS) % len(DASHES)]
        label = name.removeprefix(CHANCE)
        axes.plot(log["gen"], numbers(log, name) * 100, color=color, linestyle=dashes, linewidth=1.5, label=label)
    axes.set_ylim(0, 100)
    style.legend_beside(axes)
    return figure
