"""Summaries and tests of a metric over variants. A frame has a row a run: ``variant``, ``seed`` and the metric."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from evoprune.checks import at_least, in_unit_interval, is_number, listed, lookup, of_type, shown
from evoprune.samples import check_frame, check_series, numbers

LEVEL = 0.05
CONFIDENCE = 0.95
RESAMPLES = 9999
FEWEST = 1000
FEW = 3
"""Below this many trials an interval of the mean says nothing."""

# Vargha and Delaney, "A critique and improvement of the CL common language effect size statistics" (2000), section 4.3.
MAGNITUDES = ((0.71, "large"), (0.64, "medium"), (0.56, "small"))


def a12(a: ArrayLike, b: ArrayLike) -> float:
    """Vargha and Delaney's A12 (2000, equation 14): how often a value of ``a`` is above one of ``b``, ties half.

    :param a: m numbers.
    :param b: n numbers.
    :returns: in [0, 1]; 0.5 where neither is larger, NaN where one of them is empty.
    """
    one, other = numbers("a", a), numbers("b", b)
    if not len(one) or not len(other):
        return math.nan
    ranks = stats.rankdata(np.concatenate([one, other]))[: len(one)]
    return float((ranks.sum() / len(one) - (len(one) + 1) / 2) / len(other))


def magnitude(effect: float) -> str:
    """The word of Vargha and Delaney for an A12 on either side of 0.5."""
    if is_number(effect) and effect != effect:  # isnan takes no number that is too large
        return ""
    in_unit_interval("effect, an A12,", effect)
    distance = round(max(effect, 1 - effect), 12)  # 0.44 is as far from 0.5 as 0.56
    return next((word for least, word in MAGNITUDES if distance >= least), "negligible")


def holm(p: ArrayLike) -> np.ndarray:
    """p-values corrected for their number by Holm's step-down method (1979); NaN stays and does not count."""
    values = numbers("p", p)
    corrected = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(factors * values[order]), 1) if len(order) else []
    return corrected


def summarize(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A row a variant, in order of appearance: n, mean and its bootstrap interval, sd, median, quartiles, a note.

    The interval is BCa, 95 %, from 9,999 resamples with a fixed seed. Below 3 trials there is none.
    """
    check_frame(frame, ("variant", metric))
    rows = []
    for variant, group in frame.groupby("variant", sort=False):
        values = group[metric].dropna().astype(float)
        n, lost, found = len(values), len(group) - len(values), values.describe()
        notes = [f"n < {FEW}: no interval"] if 0 < n < FEW else []
        notes += [f"{lost} without a finite value"] if lost else []
        spread = found[["std", "50%", "25%", "75%"]]
        rows.append((variant, n, found["mean"], *interval(values), *spread, "; ".join(notes)))
    columns = ("variant", "n", "mean", "mean_low", "mean_high", "sd", "median", "q1", "q3", "note")
    return pd.DataFrame(rows, columns=list(columns))


def interval(values: ArrayLike) -> tuple[float, float]:
    """The bootstrap interval of the mean (scipy's BCa); NaN for fewer than 3 values."""
    sample = numbers("values", values)
    if len(sample) < FEW:
        return math.nan, math.nan
    if np.ptp(sample) == 0:  # nothing to resample
        return float(sample[0]), float(sample[0])
    options: dict[str, Any] = {"confidence_level": CONFIDENCE, "n_resamples": RESAMPLES, "vectorized": True}
    rng = np.random.default_rng(0)
    found = stats.bootstrap((sample,), np.mean, method="BCa", random_state=rng, **options).confidence_interval
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class Comparison:
    """The test of a pair of samples: which, on how many values each, and how it came out.

    ``sign`` is -1 where the first sample lies lower by the test's own ranks, 1 where it lies higher, else 0.
    """

    test: str
    n_a: int
    n_b: int
    p: float
    sign: int
    note: str = ""


def paired(a: pd.Series, b: pd.Series) -> Comparison:
    """Wilcoxon's signed-rank test of two series with the same seeds as index, two-sided.

    Differences of 0 are dropped (Wilcoxon's own way, scipy's ``zero_method="wilcox"``); p is 1 where all are. scipy
    computes p exactly for up to 50 differences without ties, and for a few with ties.
    """
    check_series("a", a)
    check_series("b", b)
    difference = (a - b).to_numpy(dtype=float)
    kept = difference[difference != 0]
    n, zeros = len(difference), len(difference) - len(kept)
    note = f"{zeros} of {n} differences are 0" if zeros else ""
    if not n:
        return Comparison("Wilcoxon", 0, 0, math.nan, 0, "too few trials: no pair")
    if not len(kept):
        return Comparison("Wilcoxon", n, n, 1.0, 0, "all differences are 0")
    p = float(stats.wilcoxon(kept).pvalue)
    ranks = stats.rankdata(np.abs(kept))
    sign = int(np.sign(round((np.sign(kept) * ranks).sum(), 9)))
    least = least_p("Wilcoxon", len(kept))
    if least > LEVEL:
        few = f"too few trials: {len(kept)} differences cannot give a p below {least:.2g}"
        note = f"{note}; {few}" if note else few
    return Comparison("Wilcoxon", n, n, p, sign, note)


def unpaired(a: pd.Series, b: pd.Series) -> Comparison:
    """The Mann-Whitney U test, two-sided; exact where scipy does it, which is for small samples without ties."""
    check_series("a", a)
    check_series("b", b)
    m, n = len(a), len(b)
    if not m or not n:
        return Comparison("Mann-Whitney", m, n, math.nan, 0, "too few trials: no value")
    one, other = a.to_numpy(dtype=float), b.to_numpy(dtype=float)
    same = np.ptp(np.concatenate([one, other])) == 0
    p = 1.0 if same else float(stats.mannwhitneyu(one, other, alternative="two-sided").pvalue)
    least = least_p("Mann-Whitney", m, n)
    note = f"too few trials: {m} and {n} values cannot give a p below {least:.2g}" if least > LEVEL else ""
    return Comparison("Mann-Whitney", m, n, p, int(np.sign(round(a12(one, other) - 0.5, 9))), note)


def least_p(test: str, n_a: int, n_b: int = 0) -> float:
    """The smallest two-sided p that an exact test can give with so many values."""
    lookup("test", test, dict.fromkeys(("Wilcoxon", "Mann-Whitney")))
    for what, count in (("n_a", n_a), ("n_b", n_b)):
        at_least(what, count, 0, whole=True)
    if min(n_a, n_b) > FEWEST or (test == "Wilcoxon" and n_a > FEWEST):
        return 0.0  # smaller than any float
    return min(1.0, 2 / (2.0**n_a if test == "Wilcoxon" else math.comb(n_a + n_b, n_a)))


def compare(
    frame: pd.DataFrame, metric: str, baseline: str | None = None, pairs: Iterable[tuple[str, str]] | None = None
) -> pd.DataFrame:
    """Tests between variants: a row a pair, with p corrected by Holm over the rows, and A12 as effect size.

    A pair of variants is tested as paired where at least half of the runs of the larger one have a partner with the
    same seed, on the runs that have one; else as independent samples.

    :param frame: a row a run: ``variant``, ``seed`` and the metric; rows without a value are left out.
    :param baseline: compare every variant with this one instead of all with all.
    :param pairs: compare these instead.
    :returns: metric, a, b, test, n_a, n_b, median_a, median_b, a12 (how often a is above b), effect (its magnitude),
        p, p_holm, sign (-1: a lies lower) and note.
    :raises ValueError: for a baseline that is no variant.
    """
    check_frame(frame, ("variant", "seed", metric))
    known = frame.dropna(subset=[metric])
    groups = {str(variant): known[known["variant"] == variant] for variant in frame["variant"].unique()}
    if baseline is not None and not (isinstance(baseline, str) and baseline in groups):
        raise ValueError(f"unknown baseline {shown(baseline)}; the variants are {', '.join(groups)}")
    if pairs is None:
        others = [variant for variant in groups if variant != baseline]
        pairs = itertools.combinations(groups, 2) if baseline is None else [(other, baseline) for other in others]
    pairs = listed("pairs", pairs, "pairs of variants")
    for names in pairs:
        if not (isinstance(names, tuple) and len(names) == 2 and all(str(name) in groups for name in names)):
            raise ValueError(f"pairs must be of variants, which are {', '.join(groups)}; got {shown(names)}")
    rows = [_row(metric, a, b, groups[a], groups[b]) for a, b in pairs]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["p_holm"] = holm(table["p"])
    return table


COLUMNS = (
    *("metric", "a", "b", "test", "n_a", "n_b", "median_a", "median_b"),
    *("a12", "effect", "p", "p_holm", "sign", "note"),
)


def _row(metric: str, a: str, b: str, one: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    x, y = (
        pd.Series(frame[metric].to_numpy(dtype=float), index=pd.Index(list(frame["seed"]), dtype=object))
        for frame in (one, other)
    )
    shared = [seed for seed in x.index if seed is not None and seed in set(y.index)]
    if shared and x.index.is_unique and y.index.is_unique and 2 * len(shared) >= max(len(x), len(y)):
        lost = len(x) + len(y) - 2 * len(shared)
        x, y = x.loc[shared], y.loc[shared]
        outcome = paired(x, y)
        note = f"{lost} without a partner left out" if lost else ""
    else:
        outcome, note = unpaired(x, y), ""
    effect, notes = a12(x, y), [part for part in (outcome.note, note) if part]
    measured = {"median_a": x.median(), "median_b": y.median(), "a12": effect, "effect": magnitude(effect)}
    return {"metric": metric, "a": a, "b": b} | vars(outcome) | measured | {"note": "; ".join(notes)}


def verdict(row: Any) -> str:
    """What a row of :func:`compare` says at the 5 % level."""
    if not all(hasattr(row, name) for name in ("a", "b", "p_holm", "sign")):
        raise TypeError(f"row must be a row of compare, got {shown(row)}")
    if not row.p_holm < LEVEL or row.sign == 0:
        return "not distinguishable"
    return f"{row.a if row.sign < 0 else row.b} is lower"


def friedman(table: pd.DataFrame) -> tuple[float, float, pd.Series]:
    """Friedman's test over data sets.

    :param table: a row a data set, a column a variant, lower is better; at least 3 of both, no gaps.
    :returns: the statistic, p, and the mean rank of each column (1 is lowest).
    :raises ValueError: for a smaller table, or one with gaps.
    """
    of_type("table", table, pd.DataFrame, "a pandas DataFrame, a row a data set")
    if table.shape[0] < 3 or table.shape[1] < 3 or table.isna().to_numpy().any():
        raise ValueError(f"Friedman's test needs 3 data sets and 3 variants without gaps, got {table.shape}")
    ranks = table.rank(axis=1).mean()
    if (table.nunique(axis=1) == 1).all():
        return 0.0, 1.0, ranks
    columns: Sequence[Any] = [table[column].to_numpy(dtype=float) for column in table]
    result = stats.friedmanchisquare(*columns)
    return float(result.statistic), float(result.pvalue), ranks
