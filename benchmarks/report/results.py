"""What a report is made from: a row a run, a row a run and generation, and what is missing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evoprune.benchmarks.plots.curves import numbers

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
