"""What a report is made from: a row a run, a row a run and generation, what is missing, and the metrics it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evoprune.benchmarks.plots.curves import numbers
from evoprune.checks import lookup

FIXED = ("variant", "trial", "seed", "directory")


@dataclass(frozen=True)
class Results:
    """Runs of one experiment, read and merged.

    ``runs``: a row a run that ended: variant, trial, seed (Python's int, they are large), directory (empty where only
    the study's table is there), and the summary's columns that are no tables. ``logs``: variant, trial and the columns
    of ``log.csv``. ``problems``: a row for whatever is not there: variant, trial, status, message, place.
    ``settings``: those of each variant, in the order of the report. ``planned``: trials of each variant that a study
    wanted; a plain run directory plans nothing.
    """

    experiment: str
    runs: pd.DataFrame
    logs: pd.DataFrame
    problems: pd.DataFrame
    settings: dict[str, dict[str, Any]]
    planned: dict[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """Variant -> its number of runs, for those that have some, in order."""
        counts = self.runs["variant"].value_counts()
        return {variant: int(counts[variant]) for variant in self.settings if variant in counts}

    @property
    def variants(self) -> list[str]:
        """The variants that have a run, in order."""
        return list(self.counts)

    def values(self, metric: str) -> pd.DataFrame:
        """Variant, trial, seed and the metric as ``value``; NaN where it is missing or stands for infinity."""
        return self.runs[["variant", "trial", "seed"]].assign(value=numbers(self.runs, metric))

    @property
    def numeric(self) -> list[str]:
        """The columns of the summary that have a number in some run."""
        known = {str(name): self.runs[name].dropna() for name in self.runs.columns.drop(list(FIXED), errors="ignore")}
        other = (bool, np.bool_, str)
        return [name for name, column in known.items() if len(column) and not any(isinstance(v, other) for v in column)]

    def by_variant(self, metric: str) -> dict[str, pd.Series]:
        """The values of a metric that are there, by variant, in order; without the variants that have none."""
        known = self.values(metric).dropna(subset=["value"])
        found = {str(variant): values for variant, values in known.groupby("variant")["value"]}
        return {variant: found[variant] for variant in self.variants if variant in found}


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
        Metric("test_error", "Wrong bits or classes at the end", "wrong bits or classes, held-out data (%)", 100),
        Metric("train_accuracy", "Training accuracy at the end", "accuracy, training data (%)", 100),
        Metric("test_accuracy", "Held-out accuracy at the end", "accuracy, held-out data (%)", 100),
        Metric("train_r2", "Training R2 at the end", "R2, training data"),
        Metric("test_r2", "Held-out R2 at the end", "R2, held-out data"),
        Metric("preserved", "Weights kept", "weights kept (%)", 100),
        Metric("preserved_encoder", "Weights kept in the encoder", "weights kept, encoder (%)", 100),
        Metric("preserved_decoder", "Weights kept in the decoder", "weights kept, decoder (%)", 100),
        Metric("macs_kept", "Multiply-accumulates without dead units", "multiply-accumulates kept (%)", 100),
        Metric("seconds", "Time", "time of a run (s)"),
    )
}
QUALITY = ("train_l1", "test_l1", "test_error", "train_accuracy", "test_accuracy", "train_r2", "test_r2")
EFFORT = ("preserved", "macs_kept", "seconds")

# Columns that say what ran or how the data are, not how well.
DESCRIPTIVE = (
    *("generations", "cells", "model_cell", "best_cell", "updates", "n"),
    *("trivial_l1", "trivial_loss", "trivial_rmse", "accuracy_inputs", "noise_floor"),
)


def metric(name: str) -> Metric:
    """A metric by its column; one that is not known is called as its column."""
    return KNOWN.get(name, Metric(name, name.replace("_", " "), name.replace("_", " "), 100 if "@" in name else 1))


def choose(results: Results, names: Sequence[str] | None = None) -> list[Metric]:
    """The metrics asked for, else the usual ones of the experiment that have a value in some run.

    :raises ValueError: for a name that is no numeric column of the summaries; offers the nearest.
    """
    present = results.numeric
    if names:
        return [metric(lookup("metric", name, dict.fromkeys(present, name))) for name in dict.fromkeys(names)]
    quality, effort = ([name for name in names if name in present] for names in (QUALITY, EFFORT))
    if results.experiment == "run":  # a problem may have metrics of its own
        own = [name for name in present if name.startswith("test_") and name not in (*KNOWN, "test_loss")]
        return [metric(name) for name in (*quality, *own, *effort)]
    chosen = {key for settings in results.settings.values() for key in settings}  # settings are no outcomes
    others = [name for name in present if name not in DESCRIPTIVE and name not in chosen]
    return [metric(name) for name in dict.fromkeys([*others, *quality, *effort])]
