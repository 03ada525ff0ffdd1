"""Small pairs that differ in their seeds and widths, and data for them."""

import torch

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder

DATA = (torch.rand(23, 12, generator=torch.Generator().manual_seed(1)) < 0.7).float()


def make_pair(seed=1, hidden=6, module=None):
    encoder = mlp_encoder([12, hidden, 4]) if module is None else module
    pair = Autoencoder([Encoder(encoder), Decoder(mlp_decoder([4, hidden, 12]))])
    pair.seed, pair.learning_rate = seed, 1e-3 * seed
    return pair
