"""Variants laid out as designs on data sets."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.variants import data_of, effective, names_of


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
