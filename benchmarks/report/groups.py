"""Variants in groups: those that may share an axis or a test, designs on data sets, and sweeps of the schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import anchor
from evoprune.benchmarks.report.variants import SAME_RESULT, as_key, data_of, effective, names_of

COURSE = ("operator", "schedule", "probability", "threshold", *SAME_RESULT)
"""What may differ within a sweep; the paper's C is lower for one of its schedules."""


@dataclass(frozen=True)
class Group:
    """Variants on the same data (named where there are several) and, where it was asked for, with the same loss."""

    variants: list[str]
    data: str = ""
    loss: str = ""

    @property
    def slug(self) -> str:
        """For the name of a file."""
        return "-".join(anchor(part) for part in (self.loss, self.data) if part)

    @property
    def on(self) -> str:
        """For a caption."""
        return f" on {self.data}" if self.data else ""


@dataclass
class Sweep:
    """Operator -> schedule -> variant, all else alike; ``without`` is the same without pruning."""

    name: str
    settings: dict[str, Any]
    operators: dict[str, dict[str, str]] = field(default_factory=dict)
    without: str | None = None


def groups(results: Results, by_loss: bool) -> list[Group]:
    """The variants that have runs, in groups that can be compared: on the same data, with a loss of the same kind."""
    found: dict[tuple[str, str], Group] = {}
    for variant, data in data_names(results).items():
        loss = _loss(results, variant) if by_loss else ""
        found.setdefault((loss, data), Group([], data, loss)).variants.append(variant)
    return list(found.values())


def data_names(results: Results) -> dict[str, str]:
    """Variant -> its data set by the settings in which those of this study differ; empty where all have the same."""
    data = [data_of(results.settings[variant]) for variant in results.variants]
    return dict(zip(results.variants, names_of(data, ""), strict=True))


def designs(variants: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A row a data set, a column a design, a cell the variant; NaN where a design did not run on a data set.

    Variants are on the same data set where their data settings are alike, and of the same design where all the rest is.
    """
    data = [data_of(settings) for settings in variants.values()]
    rest = [
        {key: value for key, value in effective(settings).items() if key not in on and key != "seed"}
        for settings, on in zip(variants.values(), data, strict=True)
    ]
    rows, columns = names_of(data, "data", ()), names_of(rest, "design", ())
    places: dict[tuple[str, str], str] = {}
    for place, variant in zip(zip(rows, columns, strict=True), variants, strict=True):
        places.setdefault(place, variant)  # the first of those that differ in nothing
    table = pd.Series(places, dtype=object).unstack()
    return table.reindex(index=list(dict.fromkeys(rows)), columns=list(dict.fromkeys(columns)))


def blocks(table: pd.DataFrame) -> pd.DataFrame:
    """The designs that ran on every data set; where that leaves too few, the data sets on which every design ran."""
    by_design, by_data = table.dropna(axis="columns"), table.dropna(axis="index")
    return by_design if min(by_design.shape) >= 3 else by_data


def schedule_sweeps(variants: Mapping[str, Mapping[str, Any]]) -> list[Sweep]:
    """The sweeps in which some operator has at least two schedules; named by what they do not share."""
    made: dict[str, Sweep] = {}
    for variant, settings in variants.items():
        if "operator" not in settings or "schedule" not in settings:
            continue
        rest = {key: value for key, value in settings.items() if key not in COURSE}
        sweep = made.setdefault(as_key(rest), Sweep("", rest))
        if settings["operator"] == "none":
            sweep.without = sweep.without or variant
        else:
            sweep.operators.setdefault(settings["operator"], {}).setdefault(settings["schedule"], variant)
    for sweep in made.values():
        sweep.operators = {operator: group for operator, group in sweep.operators.items() if len(group) > 1}
    found = [sweep for sweep in made.values() if sweep.operators]
    for sweep, name in zip(found, names_of([sweep.settings for sweep in found], ""), strict=True):
        sweep.name = name
    return found


def _loss(results: Results, variant: str) -> str:
    if "loss" in results.settings[variant]:
        return str(results.settings[variant]["loss"])
    found = results.runs.loc[results.runs["variant"] == variant].get("loss", pd.Series(dtype=str)).dropna()
    return str(found.iloc[0]) if len(found) else "unknown"
