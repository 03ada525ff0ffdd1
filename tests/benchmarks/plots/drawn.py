"""What the tests of plots draw, and what they read off a figure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from evoprune.benchmarks.problems.problem import Problem, Splits
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder

NAN = float("nan")


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


def images(axes) -> list[np.ndarray]:
    return [np.ma.filled(image.get_array().astype(float), np.nan) for image in axes.images]


def fits(figure) -> bool:
    """Whether nothing drawn reaches over the edge of the page, within a hundredth of an inch."""
    figure.draw_without_rendering()
    drawn, page = figure.get_tightbbox(), figure.get_size_inches()
    return bool((drawn.min > -0.01).all() and (drawn.max < page + 0.01).all())


MASK = [[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0]]  # units a row; inputs are kept by 4, 2, 1, 0 units
