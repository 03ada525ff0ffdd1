"""Spatial coevolution of your own torch modules: a convolutional encoder with a skip connection, on the digits."""

import random
from functools import partial

import numpy as np
import torch
from deap import base, tools
from torch import Tensor, nn
from torch.nn import functional

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.activations import ActivationProbe
from evoprune.algorithms import eaSpatialCoevolution, ring
from evoprune.benchmarks import Digits
from evoprune.evaluation import draw_batch, reconstruction_loss
from evoprune.operators import FinalN, ScheduledProbability, gated, mutPruneVariance
from evoprune.training import train_epoch


class ImageEncoder(nn.Module):
    """(samples, 64) to codes (samples, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.refine = nn.Conv2d(8, 8, 3, padding=1)
        self.code = nn.Linear(8 * 4 * 4, 8)

    def forward(self, x: Tensor) -> Tensor:
        image = functional.relu(self.down(x.unflatten(-1, (1, 8, 8))))
        image = image + functional.relu(self.refine(image))
        return functional.relu(self.code(image.flatten(-3)))


class ImageDecoder(nn.Module):
    """Codes (samples, 8) to (samples, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.open = nn.Linear(8, 8 * 4 * 4)
        self.up = nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1)

    def forward(self, code: Tensor) -> Tensor:
        image = functional.relu(self.open(code)).unflatten(-1, (8, 4, 4))
        return torch.sigmoid(self.up(image)).flatten(-3)


def main(generations: int = 8, cells: int = 4) -> tuple[list[Autoencoder], tools.Logbook]:
    """Coevolve `cells` pairs on a ring and return `(grid, logbook)`."""
    random.seed(1)
    torch.manual_seed(1)
    problem = Digits()
    probability = ScheduledProbability(FinalN(0.5, fraction=0.5), generations)
    probe = ActivationProbe(problem.validation, limit=100)
    prune = partial(mutPruneVariance, amount=0.2, activations=probe)

    toolbox = base.Toolbox()
    toolbox.register("batch", draw_batch, problem, size=32)
    toolbox.register("evaluate", reconstruction_loss)  # (encoder, decoder, batch)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", train_epoch, data=problem, batch_size=32, loss="mse")
    toolbox.register("mutate", gated(prune, probability))

    grid = [Autoencoder([Encoder(ImageEncoder()), Decoder(ImageDecoder())]) for _ in range(cells)]
    for pair in grid:
        pair.learning_rate = 5e-3  # of its cell, which changes it a little every generation

    stats = tools.Statistics(lambda pair: (pair.fitness.values[0], pair.preserved))
    stats.register("mutpb", probability.observe)
    stats.register("loss", lambda rows: np.mean([loss for loss, _ in rows]))
    stats.register("preserved", lambda rows: np.mean([share for _, share in rows]))
    return eaSpatialCoevolution(grid, toolbox, generations, ring(cells), stats=stats, seed=1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
