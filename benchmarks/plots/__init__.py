"""Pictures of a run, each made from plain data by a function that returns a matplotlib figure.

What belongs here: figures of one run. No pyplot anywhere, so nothing needs a display and workers may draw too. What
does not: computing what is shown, unless it is a mean over cells or a count of mask entries.
"""

from evoprune.benchmarks.plots.curves import plot_learning_rate, plot_loss, plot_size, rates_vary
from evoprune.benchmarks.plots.front import plot_front
from evoprune.benchmarks.plots.masks import plot_masks
from evoprune.benchmarks.plots.predictions import plot_predictions
from evoprune.benchmarks.plots.reconstructions import plot_reconstructions
from evoprune.benchmarks.plots.save import save_plots

__all__ = [
    "plot_front",
    "plot_learning_rate",
    "plot_loss",
    "plot_masks",
    "plot_predictions",
    "plot_reconstructions",
    "plot_size",
    "rates_vary",
    "save_plots",
]
