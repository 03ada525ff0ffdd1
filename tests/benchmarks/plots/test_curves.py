"""Losses, sizes and learning rates over the generations."""

import numpy as np
import pandas as pd
import pytest

from evoprune.benchmarks.plots import plot_learning_rate, plot_loss, plot_size, rates_vary
from evoprune.benchmarks.plots.curves import left_out, over_cells
from evoprune.fitness import WORST
from tests.benchmarks.plots.drawn import NAN, fits, table

BAND = "10th to 90th percentile\nof the cells"


def line(axes, label):
    (found,) = [line for line in axes.lines if label in str(line.get_label())]
    return found


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def edges(axes) -> set[tuple[float, float]]:
    """The corners of the band."""
    (band,) = axes.collections
    return {(float(x), round(float(y), 9)) for x, y in band.get_paths()[0].vertices}


def test_loss_shows_means_bands_and_references():
    upper, lower = plot_loss(table(), {"floor": 0.5, "unknown": NAN}, loss="bce").axes
    assert line(upper, "one batch").get_xydata().tolist() == [[0, 0.5], [1, 1.5], [2, 2.5]]
    assert line(upper, "epoch").get_xydata().tolist() == [[1, 1.5], [2, 2.5]]  # nothing trains in generation 0
    assert edges(upper) == {(1, 1.1), (1, 1.9), (2, 2.1), (2, 2.9)}  # 10% of the way from one cell to the other
    assert "bce" in upper.get_ylabel()
    assert line(lower, "mean of 2").get_ydata().tolist() == [0.5, 1.5, 2.5]
    assert line(lower, "best cell").get_ydata().tolist() == [0, 1, 2]
    assert edges(lower) == {(0, 0.1), (0, 0.9), (1, 1.1), (1, 1.9), (2, 2.1), (2, 2.9)}
    assert line(lower, "floor: 0.5").get_ydata() == [0.5, 0.5]
    assert legend(lower) == ["mean of 2 cells", BAND, "best cell", "floor: 0.5"]
    assert lower.get_ylabel() == "mean absolute error"
    assert lower.get_xlabel() == "generation"


def test_values_that_are_no_number_are_left_out_and_counted():
    cells = table(generations=2, cells=3)
    cells.loc[cells["gen"] == 1, "loss"] = [1.0, WORST, 3.0]
    cells.loc[cells["gen"] == 1, "train_loss"] = [2.0, NAN, np.inf]
    cells.loc[cells["gen"] == 0, "validation_l1"] = [4.0, NAN, 5.0]
    upper, lower = plot_loss(cells).axes
    assert line(upper, "one batch").get_ydata().tolist() == [1, 2]
    assert line(upper, "epoch").get_ydata().tolist() == [2]
    assert legend(upper)[-1] == "3 values left out:\nNaN or infinite"
    assert line(lower, "mean of 3").get_ydata().tolist() == [4.5, 2]
    assert legend(lower)[-1] == "1 value left out:\nNaN or infinite"


def test_what_was_not_measured_was_not_left_out():
    cells = table(generations=3, validation_l1=[1.0, 1.0, NAN, NAN, 3.0, 3.0])
    assert left_out(cells, "validation_l1") == 0
    assert over_cells(cells, "validation_l1").index.tolist() == [0, 2]
    cells.loc[cells["gen"] == 1, "loss"] = WORST
    assert left_out(cells, "validation_l1") == 2
    assert left_out(cells, "loss") == 2
    assert left_out(cells, "another") == 0


@pytest.mark.parametrize("column", ["train_loss", "validation_l1"])
def test_a_column_without_any_number_says_so(column):
    for cells in (table(**{column: NAN}), table(**{column: None}), table().drop(columns=column)):
        figure = plot_loss(cells.drop(columns="loss"))
        assert "nothing recorded" in [text.get_text() for axes in figure.axes for text in axes.texts]
        assert fits(figure)


def test_losses_over_many_decades_get_a_logarithmic_axis():
    upper, lower = plot_loss(table(validation_l1=[1.0, 1.0, 0.1, 0.1, 0.01, 0.01])).axes
    assert lower.get_yscale() == "log"
    assert upper.get_yscale() == "linear"  # it touches 0


def test_one_cell_has_no_band():
    upper, lower = plot_loss(table(cells=1)).axes
    assert not upper.collections
    assert not lower.collections
    assert legend(lower) == ["the one cell"]


def test_one_generation_has_markers():
    figure = plot_loss(table(generations=1))
    upper, lower = figure.axes
    for axes, label in ((upper, "one batch"), (lower, "mean")):
        assert line(axes, label).get_marker() == "o"
    (band,) = lower.collections
    assert np.asarray(band.get_paths()[0].vertices).ravel().tolist() == pytest.approx([0, 0.1, 0, 0.9])
    assert fits(figure)
    assert len(plot_size(table(generations=1), pd.DataFrame({"gen": [0], "mutpb": [0.0]})).axes) == 4
    assert fits(plot_learning_rate(table(generations=1)))


def test_size_is_in_per_cent():
    log = pd.DataFrame({"gen": [0, 1, 2], "mutpb": [0.0, NAN, 0.4]})
    figure = plot_size(table(preserved_encoder=[1.0, 1.0, 0.5, 0.7, 0.1, 0.3]), log)
    pair, encoder, decoder, chance = figure.axes
    np.testing.assert_allclose(line(pair, "mean").get_ydata(), [97.5, 87.5, 77.5])
    np.testing.assert_allclose(line(encoder, "mean").get_ydata(), [100, 60, 20])
    assert edges(encoder) == {(0, 100), (1, 52), (1, 68), (2, 12), (2, 28)}
    assert encoder.get_title("left") == "Encoder: 20.0% at the end"
    assert {axes.get_ylim()[0] for axes in (pair, encoder, decoder)} == {0}
    assert pair.get_ylabel() == "weights kept (%)"
    np.testing.assert_array_equal(chance.lines[0].get_xydata(), [[0, 0], [2, 0.4]])
    assert fits(figure)


@pytest.mark.parametrize("log", [None, pd.DataFrame({"gen": [0]}), pd.DataFrame({"gen": [0], "mutpb": [NAN]})])
def test_size_without_probability(log):
    figure = plot_size(table(preserved=NAN), log)
    assert [axes.get_title("left").split(":")[0] for axes in figure.axes] == ["Network", "Encoder", "Decoder"]
    assert figure.axes[0].texts[0].get_text() == "nothing recorded"
    assert fits(figure)


def test_learning_rates():
    cells = table(learning_rate=[1e-5, 1e-5, 2e-5, 4e-5, 3e-5, 5e-5])
    assert rates_vary(cells)
    assert not rates_vary(table())
    assert not rates_vary(table(cells=1, learning_rate=[1.0, 2.0, 3.0]))  # a schedule, not cells that differ
    assert not rates_vary(table(learning_rate=None))
    assert not rates_vary(table().drop(columns="learning_rate"))
    (axes,) = plot_learning_rate(cells).axes
    np.testing.assert_allclose(line(axes, "each cell").get_ydata(), [1e-5, 2e-5, 3e-5])
    np.testing.assert_allclose(line(axes, "mean of 2").get_ydata(), [1e-5, 3e-5, 4e-5])
    assert axes.yaxis.get_major_formatter()(2e-5) == "2"
    assert axes.get_ylabel() == "learning rate ($10^{-5}$)"


def test_many_cells_are_quick_and_not_drawn_one_by_one():
    cells = table(generations=50, cells=300)
    (axes,) = plot_learning_rate(cells).axes
    assert len(axes.lines) == 1
    assert line(plot_loss(cells).axes[1], "mean of 300").get_ydata()[0] == pytest.approx(149.5)
