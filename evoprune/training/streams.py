"""The random streams of a pair while it trains, beside that of its batches, which is its ``seed`` itself."""

import torch

from evoprune.genome import Autoencoder
from evoprune.seeds import derive

OPPONENTS, NOISE, LAYERS = 1, 2, 3
"""Who stands in for the part that does not learn; a variational encoder's noise on given batches; dropout."""


def stream(pair: Autoencoder, key: int) -> int:
    """The seed of one of a pair's streams; where the pair has no ``seed``, one from torch's global generator."""
    return int(torch.randint(2**62, ())) if pair.seed is None else derive(pair.seed, key)
