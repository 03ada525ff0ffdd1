"""Pairs whose weights are given, so that every value can be worked out by hand."""

from collections.abc import Sequence

import torch
from torch import nn

from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder


def linear(weight: Sequence[Sequence[float]], bias: Sequence[float] | None = None) -> nn.Linear:
    """A Linear layer with these weights (outputs, inputs), and a bias of zero where none is given."""
    values = torch.tensor(weight, dtype=torch.float32)
    layer = nn.Linear(values.shape[1], values.shape[0])
    with torch.no_grad():
        layer.weight.copy_(values)
        layer.bias.copy_(torch.tensor(bias) if bias is not None else torch.zeros(len(values)))
    return layer


def pair(encoder: nn.Module, decoder: nn.Module | None = None) -> Autoencoder:
    """A pair of the encoder and the decoder, which copies two values where none is given."""
    return Autoencoder([Encoder(encoder), Decoder(decoder or linear([[1.0, 0.0], [0.0, 1.0]]))])


def rectified(weight: Sequence[Sequence[float]], bias: Sequence[float] | None = None) -> nn.Sequential:
    return nn.Sequential(linear(weight, bias), nn.ReLU())
