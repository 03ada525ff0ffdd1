"""Tests of methods against one: on runs from the same seeds, at each size for itself."""

from collections.abc import Iterable, Mapping

import pandas as pd

from evoprune.benchmarks.frontier.points import Point
from evoprune.benchmarks.frontier.runs import rows_of
from evoprune.benchmarks.report.variants import SAME_RESULT, as_key
from evoprune.statistics import LEVEL, compare, least_p, verdict

ABLATION = "ablation"
"""The setting that makes of a method its ablation."""
MOST_TRIALS = 1000
COLUMNS = {
    **{"size": "size", "a": "method", "b": "against", "test": "test", "n_a": "n"},
    **{"median_a": "median", "median_b": "against's", "a12": "A12", "p": "p", "p_holm": "p (Holm)"},
}


def compared(runs: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """A row a pair of methods and size, sizes from large to small; p corrected by Holm over the pairs of a size.

    :param runs: with method, size, seed and value.
    :param pairs: methods, of which those are compared at a size that both have runs there.
    :returns: size, and the columns of :func:`evoprune.statistics.compare`.
    """
    known, pairs = runs.dropna(subset="value").rename(columns={"method": "variant"}), list(pairs)
    tables = []
    for size in sorted(known["size"].unique(), reverse=True):
        here = known[known["size"] == size]
        there = set(here["variant"])
        if family := [pair for pair in pairs if there.issuperset(pair)]:
            tables.append(compare(here, "value", pairs=family).assign(size=size))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The tests as a report shows them."""
    said = [verdict(row) for row in table.itertuples()]
    shown = table[list(COLUMNS)].rename(columns=COLUMNS).assign(result=said)
    return shown.assign(size=[f"{100 * size:g} %" for size in table["size"]])


def power(table: pd.DataFrame) -> str:
    """A warning where no test of a size can reach the level after the correction, and how many seeds it would take."""
    rows = [(len(family), row) for _, family in table.groupby("size") for row in rows_of(family)]
    if not rows or any(least_p(row["test"], row["n_a"], row["n_b"]) * count <= LEVEL for count, row in rows):
        return ""
    count = min(count for count, _ in rows)
    needed = next(n for n in range(1, MOST_TRIALS) if least_p("Wilcoxon", n) * count <= LEVEL)
    least = min(least_p(row["test"], row["n_a"], row["n_b"]) for _, row in rows)
    return (
        f"**No test can find a difference here**: with so few seeds the smallest p is {least:.3g}, which Holm's "
        f"correction for {count} tests makes {min(1, least * count):.3g}. It takes at least {needed} seeds "
        f"(`--trials {needed}`); until then A12 says how often a run of the method is above one of the other: 0 where "
        "none is."
    )


def ablated(settings: Mapping[Point, Mapping[str, object]]) -> dict[str, str]:
    """Ablation -> the method that it is one of, whose settings are the same but for that.

    :param settings: of every variant.
    """
    ignored = {ABLATION, *SAME_RESULT}
    plain: dict[tuple[str, float, str], str] = {}
    keys = {}
    for point, values in settings.items():
        key = as_key({name: value for name, value in values.items() if name not in ignored})
        keys[point] = (point.data, point.size, key)
        if not _is_ablation(values):
            plain.setdefault(keys[point], point.method)
    return {
        point.method: plain[keys[point]]
        for point, values in settings.items()
        if _is_ablation(values) and keys[point] in plain
    }


def _is_ablation(settings: Mapping[str, object]) -> bool:
    return settings.get(ABLATION, "none") != "none"
