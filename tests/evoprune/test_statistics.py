"""Statistics against values worked out by hand."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evoprune.statistics import (
    a12,
    compare,
    friedman,
    holm,
    interval,
    least_p,
    magnitude,
    paired,
    summarize,
    unpaired,
    verdict,
)

NAN = float("nan")


def frame(seeds=None, **values) -> pd.DataFrame:
    """A row a run: variant -> its values; seeds count from 0 where none are given."""
    rows = [
        (variant, (seeds or {}).get(variant, range(len(column)))[i], value)
        for variant, column in values.items()
        for i, value in enumerate(column)
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "loss"])


def test_a12_counts_pairs():
    # of nine pairs one has a above b (3 > 2) and two are ties
    assert a12([1, 2, 3], [2, 3, 4]) == pytest.approx(2 / 9)
    assert a12([2, 3, 4], [1, 2, 3]) == pytest.approx(7 / 9)
    assert a12([5, 6], [1, 2, 3]) == 1
    assert a12([1, 1], [1]) == 0.5
    assert math.isnan(a12([], [1]))


@pytest.mark.parametrize(
    ("effect", "word"),
    [(0.5, "negligible"), (0.55, "negligible"), (0.56, "small"), (0.44, "small"), (0.36, "medium"), (0.71, "large")],
)
def test_magnitude_is_symmetric(effect, word):
    assert magnitude(effect) == word
    assert magnitude(1 - effect) == word


def test_holm_steps_down():
    # sorted .005, .01, .03, .04 times 4, 3, 2, 1 are .02, .03, .06, .04, and the last may not fall below .06
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, NAN, 0.7]), [1, NAN, 1])
    assert len(holm([])) == 0
    np.testing.assert_array_equal(holm([NAN]), [NAN])


def test_wilcoxon_is_exact():
    six = paired(pd.Series(range(6), dtype=float), pd.Series([1.0, 3, 5, 7, 9, 11]))
    assert six.p == 2 / 2**6
    assert (six.sign, six.note, six.n_a) == (-1, "", 6)
    # differences 1, 2, 3, -4: the negative ranks sum to 4, and 7 of the 16 sign patterns have a sum of at most 4
    four = paired(pd.Series([1.0, 2, 3, 0]), pd.Series([0.0, 0, 0, 4]))
    assert four.p == pytest.approx(2 * 7 / 16)
    assert four.sign == 1
    assert "too few trials" in four.note


def test_wilcoxon_of_few_pairs_and_of_zeros():
    five = paired(pd.Series([1.0, 2, 3, 4, 5]), pd.Series(np.zeros(5)))
    assert five.p == 2 / 2**5
    assert five.note == "too few trials: 5 differences cannot give a p below 0.062"
    zeros = paired(pd.Series([1.0, 2, 3, 4, 5, 6, 7, 7]), pd.Series([0.0, 0, 0, 0, 0, 0, 7, 7]))
    assert zeros.p == 2 / 2**6
    assert zeros.note == "2 of 8 differences are 0"
    same = paired(pd.Series([1.0, 2]), pd.Series([1.0, 2]))
    assert (same.p, same.sign, same.note) == (1, 0, "all differences are 0")
    assert math.isnan(paired(pd.Series(dtype=float), pd.Series(dtype=float)).p)


def test_mann_whitney_is_exact():
    apart = unpaired(pd.Series([1.0, 2, 3, 4]), pd.Series([5.0, 6, 7, 8]))
    assert apart.p == pytest.approx(2 / 70)  # of the 70 ways to choose 4 of 8, the first and the last
    assert (apart.sign, apart.note) == (-1, "")
    few = unpaired(pd.Series([1.0, 2, 3]), pd.Series([4.0, 5, 6]))
    assert few.p == pytest.approx(0.1)
    assert few.note == "too few trials: 3 and 3 values cannot give a p below 0.1"
    assert unpaired(pd.Series([1.0, 1]), pd.Series([1.0])).p == 1
    assert least_p("Mann-Whitney", 4, 4) == pytest.approx(2 / 70)


def test_shared_seeds_make_a_paired_test():
    a, b = [1.0, 2, 3, 4, 5, 6, 7], [2.0, 4, 6, 8, 10, 12]
    row = compare(frame(a=a, b=b), "loss").iloc[0]
    assert (row["test"], row["n_a"], row["n_b"]) == ("Wilcoxon", 6, 6)
    assert row["p"] == row["p_holm"] == 2 / 2**6
    assert row["median_a"] == 3.5  # of the six that have a partner
    assert row["note"] == "1 without a partner left out"
    assert row["a12"] == pytest.approx(a12(a[:6], b))
    strangers = compare(frame({"b": range(100, 106)}, a=a, b=b), "loss").iloc[0]
    assert strangers["test"] == "Mann-Whitney"
    assert strangers["p"] == pytest.approx(stats.mannwhitneyu(a, b).pvalue)
    assert strangers["n_a"] == 7
    unknown = compare(frame({"a": [None] * 7, "b": [None] * 6}, a=a, b=b), "loss").iloc[0]
    assert unknown["test"] == "Mann-Whitney"


def test_values_that_are_missing_leave_their_partner_out():
    row = compare(frame(a=[1.0, NAN, 3, 4, 5, 6, 7], b=[2.0, 9, 5, 7, 9, 11, 13]), "loss").iloc[0]
    assert row["n_a"] == 6
    nothing: Any = compare(frame(a=[NAN, NAN], b=[1.0, 2]), "loss").iloc[0]
    assert math.isnan(nothing["p"])
    assert "too few trials" in nothing["note"]
    assert verdict(nothing) == "not distinguishable"


def test_all_pairs_or_those_with_a_baseline():
    table = frame(a=np.arange(8.0), b=np.arange(8.0) + 1, c=np.arange(8.0) + 2)
    pairs = compare(table, "loss")
    assert list(zip(pairs["a"], pairs["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    np.testing.assert_allclose(pairs["p"], 2 / 2**8)
    np.testing.assert_allclose(pairs["p_holm"], 3 * 2 / 2**8)
    assert verdict(next(pairs.itertuples())) == "a is lower"
    against = compare(table, "loss", baseline="b")
    assert list(zip(against["a"], against["b"], strict=True)) == [("a", "b"), ("c", "b")]
    assert against["sign"].tolist() == [-1, 1]
    with pytest.raises(ValueError, match="unknown baseline 'd'; the variants are a, b, c"):
        compare(table, "loss", baseline="d")
    assert compare(frame(a=[1.0]), "loss").empty


def test_summaries():
    table: Any = summarize(frame(a=[1.0, 2, 3, 6], b=[5.0, 7], c=[4.0] * 3, d=[NAN, 1, 2, 3]), "loss").set_index(
        "variant"
    )
    a = table.loc["a"]
    assert (a["n"], a["mean"], a["median"], a["q1"], a["q3"]) == (4, 3, 2.5, 1.75, 3.75)
    assert a["sd"] == pytest.approx(math.sqrt(14 / 3))  # squares 4, 1, 0, 9 over n - 1
    assert 1 <= a["mean_low"] < 3 < a["mean_high"] <= 6
    assert table.loc["b", "note"] == "n < 3: no interval"
    assert math.isnan(table.loc["b", "mean_low"])
    assert table.loc["c", ["mean_low", "mean_high", "sd"]].tolist() == [4, 4, 0]
    assert (table.loc["d", "n"], table.loc["d", "note"]) == (3, "1 without a finite value")
    assert interval([1, 2, 3, 6]) == interval([1, 2, 3, 6])


def test_friedman_over_three_data_sets():
    # ranks 1, 2, 3 in each of 3 blocks: 12 * 3 / (3 * 4) * ((1 - 2)^2 + 0 + (3 - 2)^2) = 6; p = exp(-6 / 2)
    statistic, p, ranks = friedman(pd.DataFrame({"a": [1.0, 5, 9], "b": [2.0, 6, 10], "c": [3.0, 7, 11]}))
    assert statistic == pytest.approx(6)
    assert p == pytest.approx(math.exp(-3))
    assert ranks.to_dict() == {"a": 1, "b": 2, "c": 3}
    assert friedman(pd.DataFrame(np.ones((3, 3))))[1] == 1
    with pytest.raises(ValueError, match="needs 3 data sets"):
        friedman(pd.DataFrame({"a": [1.0, 2, 3], "b": [1.0, 2, 3]}))
