import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from torch import nn

from evoprune.benchmarks.plots import (
    plot_learning_rate,
    plot_loss,
    plot_masks,
    plot_reconstructions,
    plot_size,
    rates_vary,
    save_plots,
)
from evoprune.benchmarks.plots.curves import left_out, over_cells
from evoprune.benchmarks.plots.masks import binned
from evoprune.benchmarks.plots.reconstructions import near_square, picture, samples
from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.problem import Problem, Splits
from evoprune.fitness import WORST
from evoprune.genome import Autoencoder, Decoder, Encoder

NAN = float("nan")
BAND = "10th to 90th percentile\nof the cells"


@dataclass(frozen=True)
class Bits(Problem):
    """Two samples of four bits."""

    labels: tuple[int, ...] | None = None
    image: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        return "bits"

    @property
    def binary(self) -> bool:
        return True

    @property
    def shape(self) -> tuple[int, int] | None:
        return self.image

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


def bars(axes) -> list[Any]:
    return list(axes.patches)


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


def test_masks_of_images():
    figure = plot_masks(pair_of(MASK), (2, 2))
    *units, total = figure.axes
    assert [axes.get_title() for axes in units] == ["0: 50%", "1: 25%", "2: 75%", "3: 25%"]
    assert [images(axes)[0].astype(int).ravel().tolist() for axes in units] == MASK
    assert images(total)[0].tolist() == [[4, 2], [1, 0]]
    assert fits(figure)


def test_masks_without_a_shape_are_sorted_and_counted():
    mask = [row[::-1] for row in MASK]
    figure = plot_masks(pair_of(mask))
    upper, lower = figure.axes
    assert images(upper)[0].tolist() == [[100 * value for value in row] for row in MASK]
    assert [bar.get_height() for bar in bars(lower)] == [1, 1, 1, 0, 1]
    assert lower.get_title("left") == "1 of 4 inputs are kept by no unit"
    assert fits(figure)
    assert len(plot_masks(pair_of(mask), (1, 4)).axes) == 2  # a strip is no picture
    assert len(plot_masks(pair_of(mask), (3, 3)).axes) == 2  # and this does not fit


def test_masks_of_many_units_and_many_inputs():
    encoder = nn.Linear(400, 31)
    wide = Autoencoder([Encoder(encoder), Decoder(nn.Linear(31, 400))])
    assert len(plot_masks(wide, (20, 20)).axes) == 30 + 1
    assert images(plot_masks(wide).axes[0])[0].shape == (31, 100)
    assert binned(np.array([[0.0, 1.0, 1.0, 1.0, 5.0]]), 2).tolist() == [[2 / 3, 3.0]]


def test_masks_of_a_convolution_are_shares_of_kernels():
    encoder = Encoder(nn.Sequential(nn.Conv2d(2, 3, (1, 4)), nn.Flatten(), nn.Linear(3, 4)))
    keep = torch.ones(3, 2, 1, 4, dtype=torch.bool)
    keep[1, 0, 0, :3] = False
    keep[2, 1] = False
    encoder.prune("0.weight", keep)
    figure = plot_masks(Autoencoder([encoder, Decoder(nn.Linear(4, 4))]), (2, 2))
    assert images(figure.axes[0])[0].tolist() == [[100, 25, 100], [100, 100, 0]]  # input channels are rows
    assert fits(figure)
    transposed = Encoder(nn.Sequential(nn.ConvTranspose1d(2, 3, 4), nn.Flatten(), nn.Linear(12, 4)))
    transposed.prune("0.weight", torch.stack([torch.ones(3, 4), torch.zeros(3, 4)]).bool())
    shares = images(plot_masks(Autoencoder([transposed, Decoder(nn.Linear(4, 4))])).axes[0])[0]
    assert shares.tolist() == [[100] * 3, [0] * 3]


@pytest.mark.parametrize("encoder", [Encoder(nn.Identity()), Encoder(nn.Linear(4, 4), exclude=["weight"])])
def test_masks_of_an_encoder_whose_first_layer_is_not_prunable(encoder):
    figure = plot_masks(Autoencoder([encoder, Decoder(nn.Linear(4, 4))]), (2, 2))
    assert not figure.axes
    assert "cannot be pruned" in figure.texts[0].get_text()


def test_reconstructions_mark_wrong_bits():
    decoder = nn.Linear(4, 4)
    with torch.no_grad():
        decoder.weight.copy_(torch.eye(4))
        decoder.bias.copy_(torch.tensor([0.6, 0.2, 0.0, 0.0]))
    figure = plot_reconstructions(pair_of(decoder=decoder), Bits())
    grid = np.array(figure.axes[:6]).reshape(3, 2)
    original, made, (errors, marks) = (images(axes) for axes in grid[:, 0])
    assert original[0].tolist() == [[0, 0], [1, 1]]
    assert made[0].ravel().tolist() == pytest.approx([0.6, 0.2, 1, 1])
    assert errors.ravel().tolist() == pytest.approx([0.6, 0.2, 0, 0])
    np.testing.assert_array_equal(marks, [[1, NAN], [NAN, NAN]])
    assert to_hex(grid[2, 0].images[1].get_cmap()(1.0)) == "#d55e00"
    assert [axes.get_xlabel() for axes in grid[2]] == ["25.0%", "0.0%"]  # the bit that is 1 anyway became 1.6
    assert [axes.texts[0].get_text() for axes in grid[:, 0]] == ["original", "reconstruction", "difference"]


def test_reconstructions_of_images_and_of_broken_networks():
    diverged = nn.Linear(4, 4)
    with torch.no_grad():
        diverged.bias.fill_(NAN)
    broken = pair_of(decoder=diverged)
    for problem in (Bits(), Bits(image=(1, 4))):
        figure = plot_reconstructions(broken, problem)
        assert images(figure.axes[0])[0].shape == (problem.shape or (2, 2))
        assert fits(figure)
    digits = Digits()
    pair = Autoencoder([Encoder(nn.Linear(64, 3)), Decoder(nn.Linear(3, 64))])
    figure = plot_reconstructions(pair, digits)
    shown = np.stack([images(axes)[0] for axes in figure.axes[:8]])
    assert digits.test_labels is not None
    rows = [digits.test_labels.tolist().index(digit) for digit in range(8)]
    np.testing.assert_array_equal(shown.reshape(8, 64), digits.test[rows])
    error = (pair(digits.test[rows[0]]) - digits.test[rows[0]]).abs().mean().item()
    assert figure.axes[16].get_xlabel() == f"{error:.3f}"


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


def test_save_plots_writes_files_of_150_dpi(tmp_path):
    directory = tmp_path / "run" / "plots"
    varying = table(learning_rate=[1e-5, 1e-5, 2e-5, 4e-5, 3e-5, 5e-5])
    paths = save_plots(directory, LOG, varying, pair_of(), Bits(), {"constant": 0.5}, loss="l1")
    assert [path.name for path in paths] == [
        f"{name}.png" for name in ("loss", "size", "masks", "reconstructions", "learning_rate")
    ]
    assert sorted(paths) == sorted(directory.iterdir())
    header = paths[0].read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert int.from_bytes(header[16:20]) == 7.5 * 150
    again = save_plots(directory, LOG, table(), pair_of(), Bits(image=(2, 2)), {})
    assert [path.stem for path in again] == ["loss", "size", "masks", "reconstructions"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    before = [path.read_bytes() for path in save_plots(tmp_path, LOG, table(), pair_of(), Bits(), {})]

    def half(figure, path, **_):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        save_plots(tmp_path, LOG, table(), pair_of(), Bits(), {})
    names = ("loss", "size", "masks", "reconstructions")
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(names)
    assert [(tmp_path / f"{name}.png").read_bytes() for name in names] == before


def test_nothing_imports_pyplot():
    code = "import sys, evoprune.benchmarks.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
