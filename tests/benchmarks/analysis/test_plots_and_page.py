"""Figures show the values of the tables; the section says what it looked at."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from evoprune.benchmarks.analysis import MEASURES, collect, matrix, plot_matrices, plot_over_time, quartiles, section
from evoprune.benchmarks.plots import style
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.report.section import Picture, Table
from tests.benchmarks.analysis.small import linear, pair
from tests.benchmarks.tiny import TINY

TABLE = pd.DataFrame(
    [(g, part, v, g + i + (v == "b"), 0.5) for g in (0, 2) for part in ("x", "y") for v in "ab" for i in range(5)],
    columns=["generation", "part", "variant", "value", "chance"],
)


def fits(figure) -> bool:
    """Whether nothing drawn reaches over the edge of the page, within a hundredth of an inch."""
    figure.draw_without_rendering()
    drawn, page = figure.get_tightbbox(), figure.get_size_inches()
    return bool((drawn.min > -0.01).all() and (drawn.max < page + 0.01).all())


def test_quartiles():
    found = quartiles(TABLE, "value", ["variant", "generation"])
    assert found.columns.tolist() == ["variant", "generation", "n", "q25", "median", "q75"]
    assert found.iloc[0].tolist() == ["a", 0, 10, 1, 2, 3]


def test_lines_are_medians_and_bands_quartiles():
    figure = plot_over_time(TABLE, "value", "value (unit)", "part", "variant", "chance")
    left, right = figure.axes
    assert (left.get_title("left"), right.get_title("left")) == ("x", "y")
    lines = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in left.lines}
    assert lines["a"] == [[0, 2], [2, 4]]
    assert lines["b"] == [[0, 3], [2, 5]]
    corners = {tuple(corner) for corner in np.asarray(left.collections[0].get_paths()[0].vertices).tolist()}
    assert corners == {(0, 1), (0, 3), (2, 3), (2, 5)}
    dotted = [np.asarray(line.get_ydata()).tolist() for line in left.lines if line.get_linestyle() == ":"]
    assert dotted == [[0.5, 0.5], [0.5, 0.5], []]  # the last is the legend's
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {"a", "b", "expected by chance"}
    assert fits(figure)


def test_long_names_find_room():
    names = [f"magnitude-exponential-persistent-{i}" for i in range(4)]
    table = pd.concat([TABLE.assign(variant=name) for name in names])
    figure = plot_over_time(table, "value", "value", "variant", "part")
    assert figure.axes[0].get_title("left") == "magnitude-exponential-\npersistent-0"
    assert fits(figure)
    squares = plot_matrices({name: pd.DataFrame(np.eye(3)) for name in names}, "loss")
    assert "\n" in squares.axes[0].get_title("left")


def test_one_generation_and_nothing_at_all():
    figure = plot_over_time(TABLE[TABLE["generation"] == 0], "value", "value", "variant")
    assert figure.axes[0].lines[0].get_marker() == "o"
    assert fits(figure)
    assert "nothing to show" in plot_over_time(TABLE.assign(value=np.nan), "value", "value").texts[0].get_text()
    assert "nothing to show" in plot_matrices({}, "loss").texts[0].get_text()


def test_matrix():
    table = pd.DataFrame({"generation": [1, 2, 2, 2], "cell": [0, 0, 0, 1], "other": [1, 1, 2, 2], "v": [9, 1, 2, 3]})
    np.testing.assert_array_equal(matrix(table, "v"), [[np.nan, 1, 2], [1, np.nan, 3], [2, 3, np.nan]])
    np.testing.assert_array_equal(matrix(table, "v", 1), [[np.nan, 9], [9, np.nan]])
    with pytest.raises(ValueError, match=r"no generation 5 in the table; it has \[1, 2\]"):
        matrix(table, "v", 5)
    with pytest.raises(ValueError, match="choose one part"):
        matrix(pd.concat([table, table]), "v")


def test_heat_maps_have_numbers_where_they_fit_and_frames_around_own_pairs():
    square = pd.DataFrame([[0.1, 0.9], [0.5, np.nan]])
    figure = plot_matrices({"one": square}, "loss", "encoder", "decoder")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.1", "0.9", "0.5"]
    assert [to_hex(text.get_color()) for text in axes.texts] == ["#000000", "#ffffff", "#000000"]
    assert [frame.get_xy() for frame in axes.patches if isinstance(frame, Rectangle)] == [(-0.5, -0.5)]
    assert to_hex(axes.patches[0].get_edgecolor()) == style.VERMILION.lower()
    assert fits(figure)
    many = plot_matrices({str(i): pd.DataFrame(np.eye(10)) for i in range(4)}, "loss")
    assert not many.axes[0].texts
    assert fits(many)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    made = []
    changes: dict[str, dict[str, Any]] = {"kept": {"operator": "none"}, "pruned": {"snapshots": 3}, "one": {"cells": 1}}
    for variant, options in changes.items():
        for trial in range(2):
            options["algorithm"] = "canonical" if variant == "one" else "spatial"
            start(make_settings(TINY, options, {"seed": trial}), place / variant / str(trial), plots=False)
            made.append((variant, trial, place / variant / str(trial)))
    return made


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_takes_directories_grids_and_pairs(name, runs):
    measure = MEASURES[name]
    data = {} if name in ("weight-distance", "mask-overlap") else {"data": torch.rand(8, 2)}
    pairs = [pair(linear([[1.0, 0.5], [0.0, 1.0]])) for _ in range(2)]
    memory = measure({0: pairs, 3: pairs}, **data)
    assert set(memory["generation"]) <= {0, 3}
    assert list(measure(pairs, **data).columns) == list(memory.columns)
    assert list(measure(str(runs[2][2])).columns) == list(memory.columns)
    assert len(measure(runs[2][2]))
    with pytest.raises(ValueError, match=r"no such directory|no run directory"):
        measure(runs[0][2].parent / "nowhere")
    with pytest.raises(ValueError, match="no networks"):
        measure([], **data)
    with pytest.raises(TypeError, match="must be networks"):
        measure([1], **data)


def test_the_section(runs):
    made = section([*runs, ("gone", 0, runs[0][2] / "nowhere")])
    assert made is not None
    texts = [part for part in made.parts if isinstance(part, str)]
    assert texts[0].startswith("From the snapshots of 6 runs")
    assert "gone, trial 0" in texts[1]
    assert any(text.endswith("nothing is pruned for good: kept.") for text in texts)
    pictures = {part.name: part.figure for part in made.parts if isinstance(part, Picture)}
    assert {"networks-weight-distance", "networks-unit-coverage", "networks-pairing", "networks-codes"} <= set(pictures)
    assert fits(pictures["networks-unit-coverage"])  # the one with most panels
    tables = {part.name: part.frame for part in made.parts if isinstance(part, Table)}
    overlap = tables["networks-mask-overlap"]
    assert overlap["variant"].unique().tolist() == ["pruned"]
    assert overlap["n"].tolist() == [12, 12]  # six pairs of four cells, in two trials
    coverage = tables["networks-unit-coverage"]
    assert coverage.groupby("variant", sort=False)["n"].first().to_dict() == {"kept": 8, "pruned": 8, "one": 2}


def test_what_is_left_out_is_counted(runs):
    found = collect([("a", trial, runs[0][2]) for trial in range(3)] + [("b", 0, runs[1][2])], trials=1, samples=5)
    assert found.left_out == 2
    empty = [name for name, table in found.tables.items() if table.empty]
    assert empty == ["similarity-over-time"]  # each run has one generation
    assert found.losses == {"a": "bce", "b": "bce"}


def test_nothing_to_look_at(tmp_path):
    assert section([]) is None
    made = section([("a", 0, tmp_path / "nowhere")])
    assert made is not None
    assert len(made.parts) == 1
    assert str(made.parts[0]).startswith("**Not looked at:** a, trial 0: ")


@pytest.mark.parametrize("name", MEASURES)
def test_other_experiments_have_no_cells(tmp_path, name):
    (tmp_path / "settings.json").write_text('{"experiment": "weights", "method": "sgd"}')
    with pytest.raises(ValueError, match="runs of experiment weights have no cells to compare"):
        MEASURES[name](tmp_path)
    assert "no cells to compare" in collect([("a", 0, tmp_path)]).skipped[0][2]
