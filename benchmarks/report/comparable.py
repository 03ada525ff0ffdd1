"""Variants that may share an axis or a test: those on the same data, and training losses of the same kind."""

import itertools
from dataclasses import dataclass

import pandas as pd

from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.shown import anchor
from evoprune.benchmarks.report.variants import data_of, names_of


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


def groups(results: Results, by_loss: bool) -> list[Group]:
    """The variants that have runs, in groups that can be compared."""
    names = data_names(results)
    found: dict[tuple[str, str], Group] = {}
    for variant in results.variants:
        key = (_loss(results, variant) if by_loss else "", names[variant])
        found.setdefault(key, Group([], key[1], key[0])).variants.append(variant)
    return list(found.values())


def data_names(results: Results) -> dict[str, str]:
    """Variant -> its data set by the settings in which those of this study differ; empty where all have the same."""
    data = [data_of(results.settings[variant]) for variant in results.variants]
    return dict(zip(results.variants, names_of(data, ""), strict=True))


def same_data(results: Results) -> list[tuple[str, str]]:
    """All pairs of variants on the same data."""
    names = data_names(results)
    return [(a, b) for a, b in itertools.combinations(names, 2) if names[a] == names[b]]


def _loss(results: Results, variant: str) -> str:
    if "loss" in results.settings[variant]:
        return str(results.settings[variant]["loss"])
    found = results.runs.loc[results.runs["variant"] == variant].get("loss", pd.Series(dtype=str)).dropna()
    return str(found.iloc[0]) if len(found) else "unknown"
