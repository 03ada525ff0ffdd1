"""What the runs of a frontier come to: a row a method and size, the winner of each size, and a table for readers."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from evoprune.benchmarks.frontier.runs import rows_of

WINS = "*"
SEVERAL = " and "
"""Between the names of methods with the same mean."""


def summary_of(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a method and size, methods in order of appearance and sizes from large to small.

    :param runs: with method, size, trial, value, kept, macs and updates; runs without a value count for nothing.
    :returns: method, size, ``n`` runs, their ``mean``, standard deviation ``sd`` (of a sample; NaN for one run), the
        smallest and the largest, ``low`` and ``high``, and the means of kept, macs and updates.
    """
    known = runs.dropna(subset="value")
    rows = [
        {
            "method": method,
            "size": size,
            "n": len(group),
            "mean": group["value"].mean(),
            "sd": group["value"].std(),
            "low": group["value"].min(),
            "high": group["value"].max(),
            **{name: group[name].mean() for name in ("kept", "macs", "updates")},
        }
        for method in known["method"].unique()
        for size, group in sorted(known[known["method"] == method].groupby("size"), key=lambda each: -float(each[0]))
    ]
    return pd.DataFrame(rows, columns=["method", "size", "n", "mean", "sd", "low", "high", "kept", "macs", "updates"])


def winners(summary: pd.DataFrame, but: Collection[str] = ()) -> dict[float, list[str]]:
    """Size -> the methods of the lowest mean, for sizes at which there are several; from large to small.

    :param but: methods that do not take part.
    """
    taking_part = summary[~summary["method"].isin(list(but))]
    found = {}
    for size in sorted(taking_part["size"].unique(), reverse=True):
        here = taking_part[taking_part["size"] == size]
        if len(here) > 1:
            found[float(size)] = here.loc[here["mean"] == here["mean"].min(), "method"].to_list()
    return found


def readable(summary: pd.DataFrame, won: dict[float, list[str]]) -> pd.DataFrame:
    """A row a method and a column a size: mean, standard deviation and, in brackets, the number of runs.

    The winner of a size is marked, and the last row names it. All values have as many decimals as it takes to show
    three digits of the lowest mean.
    """
    sizes = sorted(summary["size"].unique(), reverse=True)
    methods = summary["method"].unique()
    digits = max(0, 2 - int(np.floor(np.log10(lowest)))) if (lowest := summary["mean"].min()) > 0 else 2
    cells = {(row["method"], row["size"]): _cell(row, won, digits) for row in rows_of(summary)}
    table = {"method": [*methods, "winner"]}
    for size in sizes:
        column = [cells.get((method, size), "") for method in methods]
        table[f"{100 * size:g} %"] = [*column, SEVERAL.join(won.get(size, []))]
    return pd.DataFrame(table)


def _cell(row: dict[str, Any], won: dict[float, list[str]], digits: int) -> str:
    spread = "" if np.isnan(row["sd"]) else f" ± {row['sd']:.{digits}f}"
    mark = f" {WINS}" if row["method"] in won.get(row["size"], []) else ""
    return f"{row['mean']:.{digits}f}{spread} ({row['n']}){mark}"
