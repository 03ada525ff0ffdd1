"""Means, spreads and winners by hand."""

import math
from typing import Any

import pytest

from evoprune.benchmarks.frontier.summary import readable, summary_of, winners
from tests.benchmarks.frontier.made import runs_by_hand

RUNS = runs_by_hand(
    {
        ("dense", 1.0): [5.0],
        ("agp", 0.1): [8.0, 10.0, 12.0],
        ("agp", 0.2): [6.0, 6.0, math.nan],
        ("frontier", 0.1): [5.0, 6.0, 7.0],
        ("frontier", 0.2): [7.0, 5.0, 6.0],
        ("shuffled", 0.1): [1.0, 1.0, 1.0],
    }
)


def test_a_row_a_method_and_size():
    table: Any = summary_of(RUNS).set_index(["method", "size"])
    assert list(table.index)[:3] == [("dense", 1.0), ("agp", 0.2), ("agp", 0.1)]
    assert table.loc[("agp", 0.1), ["n", "mean", "sd", "low", "high"]].to_list() == [3, 10, 2, 8, 12]
    assert table.loc[("agp", 0.2), ["n", "mean", "sd"]].to_list() == [2, 6, 0]
    assert table.loc[("agp", 0.1), ["kept", "macs", "updates"]].to_list() == pytest.approx([0.1, 0.09, 96])
    assert math.isnan(table.loc[("dense", 1.0), "sd"])


def test_the_lowest_mean_wins():
    table = summary_of(RUNS)
    assert winners(table) == {0.2: ["agp", "frontier"], 0.1: ["shuffled"]}  # a draw, and none where one runs alone
    assert winners(table, but=["shuffled"]) == {0.2: ["agp", "frontier"], 0.1: ["frontier"]}


def test_a_table_to_read():
    table = summary_of(RUNS)
    text: Any = readable(table, winners(table, ["shuffled"])).set_index("method")
    assert list(text.columns) == ["100 %", "20 %", "10 %"]
    assert list(text.index) == ["dense", "agp", "frontier", "shuffled", "winner"]
    assert text.loc["dense"].to_list() == ["5.00 (1)", "", ""]
    assert text.loc["agp"].to_list() == ["", "6.00 ± 0.00 (2) *", "10.00 ± 2.00 (3)"]
    assert text.loc["frontier"].to_list() == ["", "6.00 ± 1.00 (3) *", "6.00 ± 1.00 (3) *"]
    assert text.loc["winner"].to_list() == ["", "agp and frontier", "frontier"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.012345, "0.0123"), (0.5, "0.500"), (12.345, "12.3"), (1234.5, "1234"), (0.0, "0.00")]
)
def test_three_digits_of_the_lowest(value: float, text: str):
    table = readable(summary_of(runs_by_hand({("agp", 0.1): [value]})), {})
    assert table["10 %"].to_list() == [f"{text} (1)", ""]


def test_nothing_finite_is_nothing():
    assert summary_of(runs_by_hand({("agp", 0.1): [math.nan]})).empty
