"""Which figures of a run a report is about, and what they are called on an axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from evoprune.benchmarks.report.results import Results
from evoprune.checks import lookup


@dataclass(frozen=True)
class Metric:
    """A column of the summary: its title, its label with the unit, and what it is multiplied with in figures."""

    name: str
    title: str
    label: str
    scale: float = 1.0

    @property
    def caption(self) -> str:
        """The title with the column."""
        return f"{self.title} (`{self.name}`)"


KNOWN = {
    metric.name: metric
    for metric in (
        Metric("train_l1", "Training error at the end", "mean absolute error, training data"),
        Metric("test_l1", "Held-out error at the end", "mean absolute error, held-out data"),
        Metric("test_error", "Wrong bits at the end", "wrong bits, held-out data (%)", 100),
        Metric("preserved", "Weights kept", "weights kept (%)", 100),
        Metric("preserved_encoder", "Weights kept in the encoder", "weights kept, encoder (%)", 100),
        Metric("preserved_decoder", "Weights kept in the decoder", "weights kept, decoder (%)", 100),
        Metric("seconds", "Time", "time of a run (s)"),
    )
}
USUAL = ("train_l1", "test_l1", "test_error", "preserved", "seconds")

# Columns that say what ran or how the data are, not how well.
DESCRIPTIVE = (
    *("generations", "cells", "model_cell", "best_cell", "updates", "n"),
    *("trivial_l1", "trivial_loss", "trivial_rmse", "accuracy_inputs", "noise_floor"),
)


def metric(name: str) -> Metric:
    """A metric by its column; one that is not known is called as its column."""
    return KNOWN.get(name, Metric(name, name.replace("_", " "), name.replace("_", " ")))


def choose(results: Results, names: Sequence[str] | None = None) -> list[Metric]:
    """The metrics asked for, else the usual ones of the experiment that have a value in some run.

    :raises ValueError: for a name that is no numeric column of the summaries; offers the nearest.
    """
    present = results.numeric
    if names:
        return [metric(lookup("metric", name, dict.fromkeys(present, name))) for name in dict.fromkeys(names)]
    usual = [name for name in USUAL if name in present]
    if results.experiment == "run":
        return [metric(name) for name in usual]
    chosen = {key for settings in results.settings.values() for key in settings}  # settings are no outcomes
    others = [name for name in present if name not in DESCRIPTIVE and name not in chosen]
    return [metric(name) for name in dict.fromkeys([*others, *usual])]
