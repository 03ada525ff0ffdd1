"""The curves of a frontier: lines, bands, levels, names beside, and words on every point."""

import math
import re
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from evoprune.benchmarks.frontier.figure import LATENCY, WEIGHTS, means, plot
from evoprune.benchmarks.frontier.looks import LEVEL, STANDING_OUT, looks
from evoprune.benchmarks.frontier.names import apart
from evoprune.benchmarks.frontier.runs import Measure
from evoprune.benchmarks.pruning.methods import METHODS
from evoprune.benchmarks.report.hover import titled
from evoprune.benchmarks.report.save import draw
from tests.benchmarks.frontier.made import runs_by_hand

RUNS = runs_by_hand(
    {
        ("dense", 1.0): [5.0, 5.2],
        ("agp", 0.1): [9.0, 11.0],
        ("agp", 0.5): [5.0, 6.0],
        ("frontier", 0.1): [6.0, math.nan],
        ("frontier", 0.5): [5.0, 5.5],
    }
)
BITS = Measure("best_test_error", "wrong bits (%)", 100, 4.0)


def test_every_point_says_what_it_is():
    figure, titles = plot(RUNS, WEIGHTS, BITS, "title", "here")
    assert len(titles) == 9 + 5  # runs with a value, and means
    assert titles["here-agp-1"] == "agp at 10 %, trial 1: 11 % with 10 % of the weights; runs/made/00"
    assert titles["here-agp-at-0.1"] == "agp at 10 %: mean 10 %, 9 % to 11 % in 2 runs, with 10 % of the weights"
    svg = titled(draw(figure, "svg"), titles).decode()
    found = dict(re.findall(r'<g id="([^"]+)" class="titled"><title>([^<]+)</title>', svg))
    assert found == titles


def test_a_line_a_method_and_its_name_beside():
    figure, _ = plot(RUNS, WEIGHTS, BITS, "title", "here")
    (axes,) = figure.axes
    lines: list[Any] = [line for line in axes.lines if np.size(line.get_xdata()) == 2]
    curves = [line for line in lines if list(line.get_xdata()) == [50, 10]]
    levels = [line for line in lines if list(line.get_xdata()) == [0, 1]]  # across the axes
    assert [list(line.get_ydata()) for line in curves] == [[5.5, 10], [5.25, 6]]
    assert [line.get_ydata()[0] for line in levels] == [5.1, 4]
    assert len(axes.collections) == 2  # a band each
    beside = [text for text in axes.texts if text.get_text()]
    assert [text.get_text() for text in beside] == ["noise floor", "dense", "frontier", "agp"]  # from below
    assert axes.xaxis_inverted()
    assert axes.get_title(loc="left") == "title"


def test_a_band_that_would_fold_is_bars():
    runs = RUNS.assign(latency=[1, 1, 0.6, 0.6, 0.5, 0.5, 0.6, 0.6, 0.5, 0.5])
    folded = plot(runs[runs["method"] == "agp"], LATENCY, BITS, "", "x")[0].axes[0]
    straight = plot(runs[runs["method"] == "frontier"].assign(latency=[0.4] * 2 + [0.6] * 2), LATENCY, BITS, "", "x")
    kinds = [type(axes.collections[0]).__name__ for axes in (folded, straight[0].axes[0])]
    assert kinds[0] == "LineCollection"
    assert kinds[0] != kinds[1]


def test_means_by_hand():
    known = RUNS.dropna(subset="value")
    table = means(known[known["method"] == "frontier"], WEIGHTS)
    rows = table[["size", "x", "mean", "low", "high", "n"]].to_numpy()
    assert rows == pytest.approx(np.array([[0.5, 50, 5.25, 5, 5.5, 2], [0.1, 10, 6, 6, 6, 1]]))


def test_no_two_names_overlap_and_none_leaves_the_figure():
    methods = {(method, size): [5 + i / 50] for i, method in enumerate(METHODS) for size in (0.1, 0.5)}
    figure, _ = plot(runs_by_hand(methods), WEIGHTS, BITS, "", "x")
    draw(figure, "svg")  # which lays it out
    beside = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [Text.get_window_extent(text) for text in beside]
    assert len(boxes) == len(METHODS) + 1
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_methods_look_different_and_two_stand_out():
    found = looks(METHODS)
    assert len({(look.colour, look.marker) for look in found.values()}) == len(METHODS)
    assert min(look.width for look in STANDING_OUT.values()) > max(
        look.width for name, look in found.items() if name not in STANDING_OUT
    )
    assert set(STANDING_OUT) <= set(METHODS)
    assert LEVEL not in found.values()


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], []),
        ([0.5], [0.5]),
        ([0.2, 0.8], [0.2, 0.8]),
        ([0.5, 0.5], [0.45, 0.55]),  # as much down as up
        ([0.4, 0.45, 0.9], [0.375, 0.475, 0.9]),
        ([0.0, 0.0, 0.05], [0.0, 0.1, 0.2]),  # not below the axes
        ([0.98, 1.0], [0.9, 1.0]),
        ([0.3, 0.42, 0.42], [0.28, 0.38, 0.48]),  # the two push the third
    ],
)
def test_places_apart(places: list[float], expected: list[float]):
    assert apart(places, 0.1) == pytest.approx(expected)
