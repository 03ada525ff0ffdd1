"""Variants laid out as designs on data sets."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.variants import DATA, as_key, data_of, differing, effective, name_of


def designs(variants: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A row a data set, a column a design, a cell the variant; NaN where a design did not run on a data set.

    Variants are on the same data set where their data settings are alike, and of the same design where all the rest is.
    """
    places: dict[tuple[str, str], str] = {}
    data: dict[str, dict[str, Any]] = {}
    rest: dict[str, dict[str, Any]] = {}
    for variant, settings in variants.items():
        on = data_of(settings)
        how = {key: value for key, value in effective(settings).items() if key not in (*DATA, "seed")}
        row, column = as_key(on), as_key(how)
        data.setdefault(row, on)
        rest.setdefault(column, how)
        places.setdefault((row, column), variant)
    rows, columns = _names(data, "data"), _names(rest, "design")
    table = pd.DataFrame(index=_once(rows), columns=_once(columns), dtype=object)
    for (row, column), variant in places.items():
        table.loc[rows[row], columns[column]] = variant
    return table


def blocks(table: pd.DataFrame) -> pd.DataFrame:
    """The designs that ran on every data set; where that leaves too few, the data sets on which every design ran."""
    by_design, by_data = table.dropna(axis="columns"), table.dropna(axis="index")
    return by_design if min(by_design.shape) >= 3 else by_data


def _names(settings: dict[str, dict[str, Any]], kind: str) -> dict[str, str]:
    keys = differing(list(settings.values()), ())
    return {key: name_of(one, keys) if keys else kind for key, one in settings.items()}


def _once(names: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(names.values()))
