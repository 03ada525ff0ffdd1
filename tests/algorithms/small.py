"""A small grid, a toolbox and a run, for the tests of the algorithms."""

import pickle
from functools import partial

import torch
from deap import base, tools

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.algorithms import eaSpatialCoevolution, ring
from evoprune.evaluation import draw_batch, reconstruction_loss
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import gated, mutPruneRandom
from evoprune.seeds import seeded
from evoprune.training import train_epoch

DATA = (torch.rand(20, 12, generator=torch.Generator().manual_seed(1)) < 0.7).float()


def make_grid(cells=4, rate=1e-3, kind=Autoencoder):
    grid = []
    for i in range(cells):
        with seeded(i):
            # Not ReLU: so small a network would often be dead, and then nothing trains.
            encoder, decoder = mlp_encoder([12, 6, 3], "tanh"), mlp_decoder([3, 6, 12], activation="tanh")
        grid.append(kind([Encoder(encoder), Decoder(decoder)]))
        grid[-1].learning_rate = rate
    return grid


def make_toolbox(**slots):
    toolbox = base.Toolbox()
    toolbox.register("batch", draw_batch, DATA, size=5)
    toolbox.register("evaluate", reconstruction_loss)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", train_epoch, data=DATA, batch_size=5, corruption=0.1)
    toolbox.register("mutate", gated(partial(mutPruneRandom, amount=0.2), 0.5))
    for slot, function in slots.items():
        toolbox.register(slot, function)
    return toolbox


def run(grid=None, ngen=3, toolbox=None, neighbourhoods=None, **options):
    grid = make_grid() if grid is None else grid
    options = {"seed": 7, "verbose": False, **options}
    return eaSpatialCoevolution(grid, toolbox or make_toolbox(), ngen, neighbourhoods or ring(len(grid)), **options)


def full(grid):
    """Everything that a run leaves in a grid."""
    return [
        (pair, pair.fitness.values, pair.learning_rate, pair.seed, [(g.age, g.steps, g.preserved) for g in pair])
        for pair in grid
    ]


def pickling_map(function, tasks):
    """As separate processes see it: nothing is shared, and only what pickles arrives."""
    function = pickle.dumps(function)
    return [pickle.loads(pickle.dumps(pickle.loads(function)(pickle.loads(pickle.dumps(task))))) for task in tasks]
