"""Tests against one method: Wilcoxon and Holm by hand, families of a size, ablations."""

import math

import pandas as pd
import pytest

from evoprune.benchmarks.frontier.against import ablated, compared, power, readable
from evoprune.benchmarks.frontier.points import Point
from tests.benchmarks.frontier.made import runs_by_hand

BASE = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
PAIRS = [("lower", "agp"), ("mostly", "agp"), ("same", "agp"), ("absent", "agp")]
RUNS = runs_by_hand(
    {
        ("agp", 0.1): BASE,
        ("lower", 0.1): [value - 1 - i for i, value in enumerate(BASE)],
        ("mostly", 0.1): [BASE[0] + 1, *(value - 1 - i for i, value in enumerate(BASE[1:], 1))],
        ("same", 0.1): BASE,
        ("agp", 0.05): BASE,
        ("lower", 0.05): [value / 2 for value in BASE],
        ("lower", 0.5): BASE,
    }
)


def test_holm_over_the_tests_of_a_size():
    table = compared(RUNS, PAIRS)
    assert list(zip(table["size"], table["a"], strict=True)) == [
        *((0.1, name) for name in ("lower", "mostly", "same")),
        (0.05, "lower"),
    ]
    # All six lower: 2 of 64 signs. All but the smallest difference: 4 of 64. No difference: 1.
    assert table["p"].to_list() == pytest.approx([2 / 64, 4 / 64, 1, 2 / 64])
    # The least times three, the next times two, and at the other size there is one test only.
    assert table["p_holm"].to_list() == pytest.approx([6 / 64, 8 / 64, 1, 2 / 64])
    assert set(table["test"]) == {"Wilcoxon"}
    assert table["a12"].iloc[-1] == 0


def test_a_table_to_read():
    table = readable(compared(RUNS, PAIRS))
    assert table["size"].to_list() == ["10 %", "10 %", "10 %", "5 %"]
    assert table["result"].to_list() == [*["not distinguishable"] * 3, "lower is lower"]
    assert table["n"].to_list() == [6] * 4
    assert "p (Holm)" in table


def test_other_seeds_are_no_pairs():
    other = runs_by_hand({("lower", 0.1): [1.0, 2.0, 3.0]}, seed=900)
    runs = RUNS[RUNS["method"] == "agp"]
    (row,) = compared(pd.concat([runs, other], ignore_index=True), PAIRS).to_dict("records")
    assert (row["test"], row["n_a"], row["n_b"]) == ("Mann-Whitney", 3, 6)
    assert row["p"] == pytest.approx(2 / math.comb(9, 3))


def test_values_that_are_missing_do_not_count():
    runs = runs_by_hand({("agp", 0.1): [1.0, 2.0, math.nan], ("lower", 0.1): [0.5, math.nan, 1.0]})
    (row,) = compared(runs, PAIRS).to_dict("records")
    assert row["n_a"] == 1
    assert compared(runs_by_hand({("agp", 0.1): [math.nan], ("lower", 0.1): [1.0]}), PAIRS).empty


def test_it_says_how_many_seeds_it_takes():
    five = RUNS[RUNS["trial"] < 5]
    text = power(compared(five[five["size"] == 0.1], PAIRS))
    # 2 / 2**5 is 0.0625, and three tests make 0.1875 of it; 3 * 2 / 2**7 is 0.047.
    assert "the smallest p is 0.0625" in text
    assert "correction for 3 tests makes 0.188" in text
    assert "at least 7 seeds (`--trials 7`)" in text
    assert power(compared(RUNS, PAIRS)) == ""  # of the smaller size the one test can
    assert "at least 6 seeds" in power(compared(five, PAIRS))  # for one test


def test_an_ablation_is_its_method_but_for_one_setting():
    plain = {"operator": "x", "l1": 0.1, "ablation": "none", "seed": 1}
    settings = {
        Point("d", "agp", 0.1): plain | {"operator": "magnitude"},
        Point("d", "recipe", 0.1): plain,
        Point("d", "shuffled", 0.1): plain | {"ablation": "shuffled"},
        Point("d", "lonely", 0.1): plain | {"ablation": "shuffled", "l1": 0.2},
        Point("d", "larger", 0.2): plain | {"ablation": "shuffled"},
        Point("e", "elsewhere", 0.1): plain | {"ablation": "shuffled"},
    }
    assert ablated(settings) == {"shuffled": "recipe"}
    old = {point: {k: v for k, v in values.items() if k != "ablation"} for point, values in settings.items()}
    assert ablated(old) == {}
