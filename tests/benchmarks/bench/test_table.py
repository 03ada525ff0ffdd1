"""Measurements as text."""

from evoprune.benchmarks.bench import table, timing


def test_a_grid_leaves_blank_what_was_not_measured():
    rows = {"one": {"1": {"x": 1.0}, "10": {"x": 2.0}}, "other": {"10": {"x": 3.0}}}
    assert table.grid("cells", rows, "{x:.1f}").splitlines() == [
        "cells    1   10",
        "one    1.0  2.0",
        "other       3.0",
    ]


def test_targets_say_what_was_wanted_and_whether_it_was_met():
    targets = [timing.target("speed", 5.0, 6, least=True), timing.target("cost", 1.0, 1.25)]
    assert [line.split() for line in table.targets_table(targets).splitlines()] == [
        ["target", "measured", "wanted"],
        ["speed", "5.00", ">=", "6", "MISSED"],
        ["cost", "1.00", "<=", "1.25", "ok"],
    ]
