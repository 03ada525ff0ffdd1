"""Maps of what the masks of a pair leave."""

import numpy as np
import pytest
import torch
from torch import nn

from evoprune.benchmarks.plots import plot_masks
from evoprune.benchmarks.plots.masks import binned
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.benchmarks.plots.drawn import MASK, fits, images, pair_of


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
