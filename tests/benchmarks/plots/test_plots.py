import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import EngFormatter
from torch import nn

from evoprune.benchmarks.plots import (
    plot_learning_rate,
    plot_loss,
    plot_masks,
    plot_reconstructions,
    plot_size,
    rates_vary,
    save_plots,
    style,
)
from evoprune.benchmarks.plots.curves import left_out, over_cells
from evoprune.benchmarks.plots.masks import binned
from evoprune.benchmarks.plots.reconstructions import near_square, picture, samples
from evoprune.benchmarks.plots.save import add_caption
from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.problem import Problem, Splits
from evoprune.benchmarks.weights.plots import save_plots as weights_plots
from evoprune.fitness import WORST
from evoprune.genome import Autoencoder, Decoder, Encoder
from evoprune.tied import TiedAutoencoder, TiedNetwork

NAN = float("nan")
BAND = "10th to 90th percentile\nof the cells"


@dataclass(frozen=True)
class Bits(Problem):
    """Two samples of four bits."""

    labels: tuple[int, ...] | None = None
    pixels: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        return "bits"

    @property
    def binary(self) -> bool:
        return True

    @property
    def shape(self) -> tuple[int, int] | None:
        return self.pixels

    def load(self) -> Splits:
        data = torch.tensor([[0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]])
        classes = None if self.labels is None else torch.tensor(self.labels)
        return Splits(data, data, data, test_labels=classes)


def table(generations=3, cells=2, **columns) -> pd.DataFrame:
    """A row a cell and generation: value = generation + cell, where nothing else is given."""
    rows = [(gen, cell) for gen in range(generations) for cell in range(cells)]
    made = pd.DataFrame(rows, columns=["gen", "cell"])
    for name in ("loss", "train_loss", "validation_l1"):
        made[name] = (made["gen"] + made["cell"]).astype(float)
    made.loc[made["gen"] == 0, "train_loss"] = NAN
    for name in ("preserved", "preserved_encoder", "preserved_decoder"):
        made[name] = 1 - 0.1 * made["gen"] - 0.05 * made["cell"]
    made["learning_rate"] = 1e-5
    return made.assign(**columns)


def pair_of(mask=None, encoder=None, decoder=None) -> Autoencoder:
    """A pair of one layer each that copies four inputs, with the encoder's mask as given."""
    layers = [nn.Linear(4, 4), nn.Linear(4, 4)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.copy_(torch.eye(4))
            layer.bias.zero_()
    pair = Autoencoder([Encoder(encoder or layers[0]), Decoder(decoder or layers[1])])
    if mask is not None:
        pair.encoder.prune("weight", torch.tensor(mask, dtype=torch.bool))
    return pair


def line(axes, label):
    (found,) = [line for line in axes.lines if label in str(line.get_label())]
    return found


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def images(axes) -> list[np.ndarray]:
    return [np.ma.filled(image.get_array().astype(float), np.nan) for image in axes.images]


def edges(axes) -> set[tuple[float, float]]:
    """The corners of the band."""
    (band,) = axes.collections
    return {(float(x), round(float(y), 9)) for x, y in band.get_paths()[0].vertices}


def fits(figure) -> bool:
    """Whether nothing drawn reaches over the edge of the page, within a hundredth of an inch."""
    figure.draw_without_rendering()
    drawn, page = figure.get_tightbbox(), figure.get_size_inches()
    return bool((drawn.min > -0.01).all() and (drawn.max < page + 0.01).all())


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
    assert [axes.get_title("left").split(":")[0] for axes in figure.axes] == ["Pair", "Encoder", "Decoder"]
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


MASK = [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0]]  # units a row; inputs are kept by 4, 2, 1, 0 units


def panel(figure, name):
    """The map of a layer: its values, and what is said of it."""
    (axes,) = [axes for axes in figure.axes if axes.get_label() == name]
    return images(axes)[0].tolist(), axes.get_title().splitlines()


def headline(figure) -> str:
    return next(part for part in (figure, *figure.subfigs) if part.get_suptitle()).get_suptitle()


def test_masks_of_every_layer_are_sorted_and_counted():
    mask = [row[::-1] for row in MASK] + [[0, 0, 0, 0]]
    pair = pair_of(encoder=nn.Linear(4, 5), decoder=nn.Sequential(nn.Linear(5, 2), nn.ReLU(), nn.Linear(2, 4)))
    pair.encoder.prune("weight", torch.tensor(mask, dtype=torch.bool))
    pair.decoder.prune("0.weight", torch.tensor([[0, 0, 0, 0, 0], [0, 1, 0, 0, 1]], dtype=torch.bool))
    figure = plot_masks(pair)
    values, text = panel(figure, "encoder")
    assert values == [[100, 100, 100, 0], [100, 100, 0, 0], [100, 0, 0, 0], [100, 0, 0, 0], [0, 0, 0, 0]]
    assert text == [
        "encoder: 35.0% kept",
        "1 of 5 units have no inputs left",
        "1 of 4 inputs are read by no unit",
    ]
    values, text = panel(figure, "decoder.0")
    assert values == [[100, 100, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert text == ["decoder.0: 20.0% kept", "1 of 2 units have no inputs left", "3 of 5 inputs are read by no unit"]
    assert panel(figure, "decoder.2")[0] == [[100, 100]] * 4
    # 5 + 2 units are hidden. Of 20 + 5 + 10 + 2 + 8 + 4 weights and biases 13 + 8 are pruned.
    assert headline(figure) == "2 of 7 hidden units have no inputs left; the masks keep 57.1% of all weights"
    assert fits(figure)


def test_masks_of_images():
    figure = plot_masks(pair_of(MASK), (2, 2))
    units = [axes for axes in figure.axes if ": " in axes.get_title() and not axes.get_label()]
    assert [axes.get_title() for axes in units] == ["0: 50%", "1: 25%", "2: 75%", "3: 25%"]
    assert [images(axes)[0].astype(int).ravel().tolist() for axes in units] == MASK
    (total,) = [axes for axes in figure.axes if axes.get_title() == "0 to 4"]
    assert images(total)[0].tolist() == [[4, 2], [1, 0]]
    assert panel(figure, "encoder")[1][1] == "0 of 4 units have no inputs left"
    assert fits(figure)
    assert not plot_masks(pair_of(MASK), (1, 4)).subfigs  # a strip is no picture
    assert not plot_masks(pair_of(MASK), (3, 3)).subfigs  # and this does not fit


def test_masks_of_many_units_and_many_inputs():
    wide = Autoencoder([Encoder(nn.Linear(400, 31)), Decoder(nn.Linear(31, 400))])
    figure = plot_masks(wide, (20, 20))
    assert [axes.get_title() for axes in figure.axes if axes.get_title() == "29: 100%"]
    assert not [axes for axes in figure.axes if axes.get_title() == "30: 100%"]
    for name, shape in (("encoder", (31, 100)), ("decoder", (100, 31))):
        assert np.shape(panel(figure, name)[0]) == shape
    assert fits(figure)
    columns = np.arange(203.0)[None]  # threes, so that no field stands for many more inputs than its neighbour
    assert binned(columns)[0, :3].tolist() == [1, 4, 7]
    assert binned(columns).shape == (1, 68)
    assert binned(columns[:, :100]).tolist() == columns[:, :100].tolist()


def test_masks_of_convolutions_are_shares_of_kernels():
    encoder = Encoder(nn.Sequential(nn.Conv2d(2, 3, (1, 4)), nn.Flatten(), nn.Linear(3, 4)))
    keep = torch.ones(3, 2, 1, 4, dtype=torch.bool)
    keep[1, 0, 0, :3] = False
    keep[2, 1] = False
    encoder.prune("0.weight", keep)
    decoder = Decoder(nn.Sequential(nn.Unflatten(1, (2, 2)), nn.ConvTranspose1d(2, 3, 4)))
    decoder.prune("1.weight", torch.stack([torch.ones(3, 4), torch.zeros(3, 4)]).bool())
    figure = plot_masks(Autoencoder([encoder, decoder]), (2, 2))
    values, text = panel(figure, "encoder.0")  # units are rows: 1, 0 and 2 with 100%, 62.5% and 50%
    assert values == [[100, 100], [25, 100], [100, 0]]
    assert text[0] == "encoder.0: 70.8% kept of kernels of 1 × 4"
    assert text[1:] == ["0 of 3 channels have no inputs left", "0 of 2 input channels are read by no channel"]
    values, text = panel(figure, "decoder.1")
    assert values == [[100, 0]] * 3
    assert text[2] == "1 of 2 input channels are read by no channel"
    assert fits(figure)
    assert not figure.subfigs


def test_masks_of_groups():
    """Channels 0 and 1 make 0 to 2, 2 and 3 make 3 to 5; of channel 2 nothing is left."""
    layer = nn.ConvTranspose1d(4, 6, 2, groups=2)
    keep = torch.ones(4, 3, 2, dtype=torch.bool)
    keep[2] = False
    keep[3, 0] = False
    pair = pair_of(encoder=layer)
    pair.encoder.prune("weight", keep)
    values, text = panel(plot_masks(pair), "encoder")
    assert sorted(map(sorted, values)) == [[0, 0]] + [[0, 100]] * 2 + [[100, 100]] * 3
    assert text[1:] == ["1 of 6 channels have no inputs left", "0 of 2 input channels a group are read by no channel"]


def test_masks_of_a_tied_pair_go_both_ways():
    pair = TiedAutoencoder(TiedNetwork([4, 3, 2]))
    pair.encoder.prune("encoder.0.weight", torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]).bool())
    figure = plot_masks(pair, (2, 2))
    assert panel(figure, "encoder.0")[1][1:] == [
        "1 of 3 units have no inputs left",
        "2 of 4 inputs are read by no unit",
    ]
    values, text = panel(figure, "decoder.2")
    assert values == [[100, 100, 0], [100, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert text[1:] == ["2 of 4 units have no inputs left", "1 of 3 inputs are read by no unit"]
    assert headline(figure).startswith("1 of 8 hidden units")
    assert len(figure.subfigs) == 2
    assert fits(figure)


@pytest.mark.parametrize("depth", [1, 8])
def test_masks_of_networks_of_any_depth_fit(depth):
    layers = [nn.Linear(4, 4) for _ in range(depth)]
    figure = plot_masks(pair_of(encoder=nn.Sequential(*layers)), (2, 2))
    assert headline(figure).startswith(f"0 of {4 * depth} hidden units")
    assert fits(figure)


@pytest.mark.filterwarnings("ignore:trained but never pruned")
@pytest.mark.parametrize("encoder", [nn.Identity(), nn.Sequential(nn.Bilinear(4, 4, 4))])
def test_masks_of_a_part_without_prunable_layers(encoder):
    figure = plot_masks(pair_of(encoder=encoder), (2, 2))
    assert panel(figure, "decoder")[0] == [[100] * 4] * 4
    assert not figure.subfigs  # what the decoder reads is no image
    assert headline(figure) == "the masks keep 100.0% of all weights"
    pair = Autoencoder([Encoder(encoder), Decoder(nn.Linear(4, 4), exclude=["weight"])])
    figure = plot_masks(pair, (2, 2))
    assert not figure.axes
    assert "can be pruned" in figure.texts[0].get_text()


def test_reconstructions_mark_wrong_bits():
    decoder = nn.Linear(4, 4)
    with torch.no_grad():
        decoder.weight.copy_(torch.eye(4))
        decoder.bias.copy_(torch.tensor([0.6, 0.2, 0.0, 0.0]))
    figure = plot_reconstructions(pair_of(decoder=decoder), Bits())
    rows = figure.axes[:3]
    original, made, (errors, marks, *_) = map(images, rows)
    assert [len(original), len(made)] == [2, 2]
    assert original[0].tolist() == [[0, 0], [1, 1]]
    assert made[0].ravel().tolist() == pytest.approx([0.6, 0.2, 1, 1])
    assert errors.ravel().tolist() == pytest.approx([0.6, 0.2, 0, 0])
    np.testing.assert_array_equal(marks, [[1, NAN], [NAN, NAN]])
    assert to_hex(rows[2].images[1].get_cmap()(1.0)) == "#d55e00"
    assert [text.get_text() for text in rows[2].texts] == ["25.0%", "0.0%"]  # the bit that is 1 anyway became 1.6
    assert [axes.get_title("left") for axes in rows] == ["original", "reconstruction", "difference"]


def test_pictures_stand_side_by_side_and_the_caption_of_each_below_it():
    lower = plot_reconstructions(pair_of(), Bits()).axes[2]
    (left, right, *_), (next_left, next_right, *_) = (image.get_extent() for image in lower.images[::2])
    assert left < right < next_left < next_right
    middles = [(left + right) / 2, (next_left + next_right) / 2]
    assert [text.xy[0] for text in lower.texts if isinstance(text, Annotation)] == middles
    assert lower.get_xlim() == (left, next_right)


def test_reconstructions_of_images_and_of_broken_networks():
    diverged = nn.Linear(4, 4)
    with torch.no_grad():
        diverged.bias.fill_(NAN)
    broken = pair_of(decoder=diverged)
    for problem in (Bits(), Bits(pixels=(1, 4))):
        figure = plot_reconstructions(broken, problem)
        assert images(figure.axes[0])[0].shape == (problem.shape or (2, 2))
        assert fits(figure)
    digits = Digits()
    pair = Autoencoder([Encoder(nn.Linear(64, 3)), Decoder(nn.Linear(3, 64))])
    figure = plot_reconstructions(pair, digits)
    shown = np.stack(images(figure.axes[0]))
    assert digits.test_labels is not None
    rows = [digits.test_labels.tolist().index(digit) for digit in range(8)]
    np.testing.assert_array_equal(shown.reshape(8, 64), digits.test[rows])
    error = (pair(digits.test[rows[0]]) - digits.test[rows[0]]).abs().mean().item()
    assert figure.axes[2].texts[0].get_text() == f"{error:.3f}"


def test_samples_are_of_different_classes():
    assert samples(Bits(), 8) == [0, 1]
    assert samples(Bits(), 1) == [0]
    assert samples(Bits(labels=(5, 2)), 8) == [1, 0]
    assert samples(Bits(labels=(2, 2)), 8) == [0, 1]


def test_near_square():
    assert near_square(1000) == (40, 25)
    assert near_square(16) == (4, 4)
    assert near_square(1) == (1, 1)
    assert near_square(13) == (5, 3)
    np.testing.assert_array_equal(picture(torch.tensor([1.0, 2.0, 3.0]), (2, 2)), [[1, 2], [3, NAN]])


LOG = pd.DataFrame({"gen": [0, 1, 2], "mutpb": [0.0, 0.1, 0.2]})
WHAT = {"algorithm": "spatial", "operator": "magnitude", "schedule": "fixed", "benchmark": "bits", "seed": 3}
SUMMARY = {**WHAT, "loss": "l1", "cells": 2}


def test_save_plots_writes_files_of_150_dpi(tmp_path):
    directory = tmp_path / "run" / "plots"
    varying = table(learning_rate=[1e-5, 1e-5, 2e-5, 4e-5, 3e-5, 5e-5])
    paths = save_plots(directory, LOG, varying, pair_of(), Bits(), SUMMARY, {"constant": 0.5})
    assert [path.name for path in paths] == [
        f"{name}.png" for name in ("loss", "size", "masks", "reconstructions", "learning_rate")
    ]
    assert sorted(paths) == sorted(set(directory.iterdir()) - {directory / "manifest.json"})
    header = paths[0].read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert int.from_bytes(header[16:20]) == 7.5 * 150
    again = save_plots(directory, LOG, table(), pair_of(), Bits(pixels=(2, 2)), SUMMARY, {})
    assert [path.stem for path in again] == ["loss", "size", "masks", "reconstructions"]


def test_every_figure_says_what_ran_below_all_else(tmp_path, monkeypatch):
    seen = []

    def look(figure, file, bbox_inches, **_):
        seen.append((figure, bbox_inches))

    monkeypatch.setattr(Figure, "savefig", look)
    cells = table(learning_rate=[1e-5, 1e-5, 2e-5, 4e-5, 3e-5, 5e-5])
    save_plots(tmp_path, LOG, cells, pair_of(MASK), Bits(pixels=(2, 2)), SUMMARY, {})
    assert len(seen) == 5
    for figure, page in seen:
        assert not figure.legends  # they would follow the larger page down
        caption = figure.texts[-1]
        assert caption.get_text() == "algorithm spatial, operator magnitude, schedule fixed, benchmark bits, seed 3"
        assert fits(figure)  # without the caption, which is out of the layout: all else ends at the page
        drawn = caption.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        assert page.x0 < drawn.x0 < drawn.x1 < page.x1
        assert page.y0 < drawn.y0 < drawn.y1 <= 0.01


def test_a_long_caption_is_broken():
    figure = Figure(figsize=(3, 2))
    page = add_caption(figure, ", ".join([*["word"] * 20, "a_long_name_of_a_file/" * 3]))
    figure.draw_without_rendering()
    text = figure.texts[0]
    assert len(text.get_text().splitlines()) == 4
    drawn = text.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    assert drawn.x1 < page.x1
    assert page.y0 < drawn.y0


@pytest.mark.parametrize(
    ("low", "high"), [(1.3e3, 2.8e5), (1.1e3, 1.9e3), (2e3, 9e3), (5e3, 4.5e4), (0.06, 0.17), (1e-7, 3.0)]
)
def test_labels_of_logarithmic_axes_stand_apart(low, high):
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([low, high], [low, high])
    style.logarithmic(axes, "x", EngFormatter(sep=""))
    style.logarithmic(axes, "y")
    figure.draw_without_rendering()
    for axis, side in ((axes.xaxis, "x"), (axes.yaxis, "y")):
        boxes = [text.get_window_extent() for text in axis.get_ticklabels(which="both") if text.get_text()]
        ends = [(getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in boxes]
        assert len(ends) >= 2
        assert all(one[1] < two[0] for one, two in pairwise(sorted(ends)))


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    arguments: Any = (tmp_path, LOG, table(), pair_of(), Bits(), SUMMARY, {})
    before = [path.read_bytes() for path in save_plots(*arguments)]

    def half(figure, file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        save_plots(*arguments)
    names = ("loss", "size", "masks", "reconstructions")
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted([*names, "manifest"])
    assert [(tmp_path / f"{name}.png").read_bytes() for name in names] == before


def test_nothing_imports_pyplot():
    code = "import sys, evoprune.benchmarks.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_pruned_network_of_the_weights_experiment_shows_its_masks(tmp_path):
    log = pd.DataFrame({"layer": [0, 0], "updates": [0, 9], "rmse": [0.4, 0.2], "rmse_survivors": [0.4, 0.3]})
    names = {"method": "genetic", "layers": "4-2", "activation": "relu", "benchmark": "bits", "seed": 0}
    pair = TiedAutoencoder(TiedNetwork([4, 2]))
    for expected in (["training", "reconstructions"], ["training", "reconstructions", "masks"]):
        paths = weights_plots(tmp_path, log, pair, Bits(), {**names, "compared": None, "trivial_rmse": 0.5})
        assert [path.stem for path in paths] == expected
        pair.encoder.prune("encoder.0.weight", torch.eye(2, 4).bool())
