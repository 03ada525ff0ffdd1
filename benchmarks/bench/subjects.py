"""What is timed: pairs of the paper's sizes, the plain loop over them, and an epoch of population training."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from evoprune.benchmarks.problems.binary_clustering import BinaryClustering
from evoprune.benchmarks.pruning.settings import Settings, make_settings
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneRandom
from evoprune.seeds import seeded
from evoprune.training import train_epoch

HIDDEN = (30, 10)
"""Widths after the inputs, mirrored in the decoder; with 1000 inputs the paper's network."""
BATCH = 5
RATE = 1e-5
JAX = "jax"
"""What stands where a contender has its kernel, if it is a peer."""


class Contender(NamedTuple):
    """Population training by an optimizer, on a loss, with a kernel."""

    optimizer: str
    loss: str
    kernel: str

    def __str__(self) -> str:
        return f"{self.optimizer} {self.loss}, {self.kernel}"


def paper(*layers: dict[str, Any], **options: Any) -> Settings:
    """The paper's settings for a run that is timed, with other layers and options over them."""
    return make_settings({"semantics": "reference", "compare": False}, *layers, options)


def data(samples: int, inputs: int) -> Tensor:
    """Binary data as in the paper, (samples, inputs)."""
    return BinaryClustering(seed=1, n_samples=samples, n_dim=inputs).train


def pairs(cells: int, inputs: int, kept: float = 1.0) -> list[Autoencoder]:
    """Pairs with random weights, of which a share ``kept`` is not pruned."""
    made = []
    with seeded(0):
        for seed in range(cells):
            encoder = mlp_encoder([inputs, *HIDDEN])
            decoder = mlp_decoder([*reversed(HIDDEN), inputs], output="sigmoid")
            pair = Autoencoder([Encoder(encoder), Decoder(decoder)])
            pair.seed, pair.learning_rate = seed, RATE
            if kept < 1:
                mutPruneRandom(pair, amount=1 - kept)
            made.append(pair)
    return made


def plain(
    networks: list[nn.Module], samples: Tensor, optimizer: str = "adam", device: str = "cpu"
) -> Callable[[], int]:
    """The loop that one writes without evoprune, an epoch for each network; returns its number of updates.

    :param optimizer: ``"adam"`` and ``"fused adam"`` are kept, ``"adam-anew"`` is built for every batch.
    """
    networks, samples = [network.to(device) for network in networks], samples.to(device)
    adam = partial(torch.optim.Adam, lr=RATE, fused=optimizer == "fused adam" or None)
    kept = [adam(network.parameters()) for network in networks]
    loss = nn.L1Loss()

    def epoch() -> int:
        updates = 0
        for network, keeps in zip(networks, kept, strict=True):
            order = torch.randperm(len(samples), device=device)
            for start in range(0, len(samples), BATCH):
                x = samples[order[start : start + BATCH]]
                step = adam(network.parameters()) if optimizer == "adam-anew" else keeps
                step.zero_grad()
                loss(network(x), x).backward()
                step.step()
                updates += 1
        return updates

    return epoch


def networks(cells: int, inputs: int) -> list[nn.Module]:
    """The same networks as torch modules."""
    return [nn.Sequential(pair.encoder.module, pair.decoder.module) for pair in pairs(cells, inputs)]


def population(
    contender: Contender, cells: int, samples: Tensor, kept: float = 1.0, least: int = 1, device: str = "cpu"
) -> Callable[[], int]:
    """Epochs of population training, as many as ``least`` updates take; returns their number of updates."""
    group = pairs(cells, samples.shape[1], kept)
    updates = cells * -(-len(samples) // BATCH)
    epochs = -(-least // updates)
    epoch = partial(train_epoch, group, samples, BATCH, **contender._asdict(), device=device)

    def run() -> int:
        for _ in range(epochs):
            epoch()
        return epochs * updates

    return run
