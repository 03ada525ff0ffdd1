"""What is drawn: lines, boxes and points where the numbers are, names that fit the page."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evoprune.benchmarks.report.curves import over_trials, plot_curves, plot_sizes, thinned
from evoprune.benchmarks.report.ends import plot_boxes, plot_during_after, plot_schedules
from evoprune.benchmarks.report.panels import grid, legend, wrapped

LONG = "spatial-conjunctive-final-n-persistent-constant-rate"


def fits(figure) -> bool:
    """Whether nothing drawn reaches over the edge of the page, within a hundredth of an inch."""
    figure.draw_without_rendering()
    drawn, page = figure.get_tightbbox(), figure.get_size_inches()
    return bool((drawn.min > -0.01).all() and (drawn.max < page + 0.01).all())


def curve(level=1.0, generations=5) -> pd.DataFrame:
    index = np.arange(generations)
    return pd.DataFrame({"q1": level - 0.1, "median": level, "q3": level + 0.1}, index=index)


def test_the_median_and_the_quartiles_over_trials():
    log = pd.DataFrame({"gen": [0] * 5 + [1] * 5, "loss": [1.0, 2, 3, 4, 5, 10, 20, 30, np.inf, 1e39]})
    table: Any = over_trials(log, "loss")
    assert table.loc[0].tolist() == [2, 3, 4]
    assert table.loc[1].tolist() == [15, 20, 25]  # of the three that are finite
    assert over_trials(log, "other").empty


def test_few_curves_share_axes_with_their_names_beside():
    figure: Any = plot_curves({"a": curve(1), LONG: curve(1.001), "c": curve(3)}, "loss", scale=100)
    (axes,) = figure.axes
    assert [line.get_ydata()[0] for line in axes.lines] == pytest.approx([100, 100.1, 300])
    assert axes.get_ylabel() == "loss"
    names = axes.texts
    assert [text.get_text().replace("\n", "") for text in names] == ["a", LONG, "c"]
    heights = sorted(text.xy[1] for text in names)
    assert min(np.diff(heights)) > 0.07  # moved apart
    assert fits(figure)


@pytest.mark.parametrize("count", [5, 7])
def test_many_curves_get_a_panel_each(count):
    curves = {f"{LONG}-{i}": curve(i + 1, 500) for i in range(count)}
    figure: Any = plot_curves(curves, "loss")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == count
    own = [axes.lines[-1] for axes in panels]
    assert [line.get_ydata()[0] for line in own] == list(range(1, count + 1))
    assert {len(axes.lines) for axes in panels} == {count}
    assert {axes.get_title("left").replace("\n", "") for axes in panels} == set(curves)
    assert fits(figure)


def test_curves_over_decades_and_of_one_generation():
    assert plot_curves({"a": curve(1), "b": curve(1000)}, "loss").axes[0].get_yscale() == "log"
    single: Any = plot_curves({"a": curve(1, 1)}, "loss")
    assert single.axes[0].lines[0].get_marker() == "o"
    assert np.asarray(single.axes[0].collections[0].get_segments()).tolist() == [[[0, 0.9], [0, 1.1]]]  # the quartiles
    assert fits(single)


def test_panels_stand_three_in_a_row_and_one_legend_names_each_line_once():
    figure: Any
    figure, panels = grid(["a", "b", "c", "d"])
    assert len(figure.axes) == 6
    assert [axes.get_visible() for axes in figure.axes] == [True] * 4 + [False] * 2
    for axes in panels[:3]:
        axes.plot([0, 1], [0, 1], label="line")
    panels[3].plot([0, 1], [1, 0], label="other")
    legend(figure, panels)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["line", "other"]
    assert fits(figure)
    apart: Any
    apart, _ = grid(["a", "b"], width=4.0, share=False)
    assert apart.get_size_inches()[0] == 4
    legend(apart, apart.axes)
    assert not apart.legends


def test_thinning_keeps_the_ends():
    assert thinned(curve(1, 1000), 11).index.tolist() == [0, 100, 200, 300, 400, 500, 599, 699, 799, 899, 999]
    assert len(thinned(curve(1, 11), 11)) == 11


def test_sizes_are_in_per_cent():
    encoder = {name: curve(0.5) for name in ("a", "b")}
    decoder = {name: curve(0.9) for name in ("a", "b")}
    figure: Any = plot_sizes(encoder, decoder)
    assert [line.get_ydata()[0] for line in figure.axes[1].lines] == [50, 90]
    assert figure.axes[0].get_ylim()[0] == 0
    assert fits(figure)


def test_boxes_stand_where_the_quartiles_are():
    values = {LONG: pd.Series([1.0, 2, 3, 4, 100]), "b": pd.Series([7.0])}
    figure: Any = plot_boxes(values, "loss (%)", {"b": 6.5, "other": 1.0})
    (axes,) = figure.axes
    (box, point) = axes.patches
    assert (box.get_x(), box.get_width()) == (2, 2)
    assert (point.get_x(), point.get_width()) == (7, 0)
    (x, _), (end, _) = axes.collections[0].get_segments()[0]
    assert (x, end) == (1, 4)  # 100 lies beyond 1.5 boxes and is only a point
    assert axes.collections[2].get_offsets()[:, 0].tolist() == [1, 2, 3, 4, 100]
    assert axes.collections[-1].get_offsets().tolist() == [[6.5, 1]]
    assert [label.get_text().replace("\n", "") for label in axes.get_yticklabels()] == [LONG, "b"]
    assert axes.yaxis_inverted()
    assert fits(figure)


def test_schedules_have_a_panel_an_operator():
    sample = pd.Series([0.1, 0.2, 0.3])
    figure: Any = plot_schedules(
        {"random": {"fixed": sample, "increase": sample + 1}, "variance": {"fixed": sample, "final-n": sample}},
        "loss",
        {"random": 0.15},
    )
    assert [axes.get_title("left") for axes in figure.axes] == ["random", "variance"]
    assert figure.axes[0].lines[0].get_xdata() == [0.15, 0.15]
    assert not figure.axes[1].lines
    assert fits(figure)


@pytest.mark.parametrize("count", [4, 5])
def test_during_against_after(count):
    points = {f"{LONG}-{i}": pd.DataFrame({"during": [0.1, 0.2], "after": [0.25, 0.5 + i]}) for i in range(count)}
    figure: Any = plot_during_after(points, "l1")
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == (1 if count <= 4 else count)
    assert panels[0].collections[-1 if count > 4 else 0].get_offsets().tolist() == [[0.1, 0.25], [0.2, 0.5]]
    low, high = panels[0].get_xlim()
    assert low < 0.1
    assert high > 0.3
    assert fits(figure)


def test_names_break_at_hyphens():
    assert wrapped("spatial-random-exponential", 16) == "spatial-random-\nexponential"
    assert wrapped("", 5) == ""


def test_names_break_within_no_word_and_no_number():
    assert wrapped("schedule=exponential", 16) == "schedule=\nexponential"
    assert wrapped("amount=-0.1,rate=1e-05", 8) == "amount=\n-0.1,\nrate=\n1e-05"
    assert wrapped("a-b,c=d", 4) == "a-b,\nc=d"
    assert wrapped("exponential", 8) == "exponent\nial"  # else it would leave the page
