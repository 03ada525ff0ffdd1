"""The networks that a run begins with."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from evoprune.benchmarks.pruning.providers import initial_of
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, Network
from evoprune.seeds import Stream, seeded


def first_individual(settings: Settings, cell: int = 0) -> Network:
    """The network that a cell begins with, from its own stream, so that cell i starts alike in a grid of any size."""
    problem = settings.problem
    with seeded(Stream.GRID.seed(settings.seed, cell)):
        modules = settings.architecture.build(problem.inputs, problem.outputs)
    individual = network_of(modules)
    individual.cell = cell
    individual.fitness = settings.loop.fitness()
    if not settings.loop.stock or settings.rate_decay == "walk":
        individual.learning_rate = settings.learning_rate
    return individual


def network_of(modules: Sequence[nn.Module]) -> Network:
    """The individual of a recipe's modules: an autoencoder, or a network in one part."""
    if len(modules) == 2:
        return Autoencoder([Encoder(modules[0]), Decoder(modules[1])])
    return Network(map(Genome, modules))


def initial_grid(settings: Settings) -> list[Any]:
    """The first individuals, pruned already where the settings ask for that."""
    grid = [first_individual(settings, cell) for cell in range(settings.cells)]
    prune = initial_of(settings)
    for cell, individual in enumerate(grid if prune is not None else ()):
        with seeded(Stream.INITIAL.seed(settings.seed, cell)):
            prune(individual)
    return grid
