"""Polishing: the best network of the last generation chooses its output weights anew and trains on, in rounds."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch

from evoprune.benchmarks.pruning.measured import lowest, measured
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.data import samples_of, whole
from evoprune.individuals import Network
from evoprune.operators import mutReselect
from evoprune.seeds import Stream

STEADY, FIRST, LAST = 0.6, 0.5, 0.01
"""The share of a round's epochs at the full learning rate, and the factors between which it falls linearly after."""


def polish_best(grid: list[Any], settings: Settings, train: Callable[..., Any]) -> int:
    """Put the best of some rounds in the place of the network that is best on the validation data; its epochs.

    Each round goes on from the one before; what is best on the validation data stays, perhaps the network as it was.

    :param train: an epoch of a list of networks, as :func:`~evoprune.training.train_epoch` with its settings.
    """
    problem, loss = settings.problem, settings.loss
    validation, samples = samples_of(problem, "validation"), samples_of(problem, "train")
    data = whole(samples.inputs), whole(samples.targets)
    (losses,) = measured(grid, validation, [], loss)
    place = lowest(losses)
    best, least, network = grid[place], losses[place], deepcopy(grid[place])
    for number in range(settings.polish):
        mutReselect(network, *data, loss=loss)
        for epoch in range(settings.polish_epochs):
            network.seed = Stream.POLISH.seed(settings.seed, number, epoch)
            network.learning_rate = settings.learning_rate * _factor((epoch + 1) / settings.polish_epochs)
            train([network])
        ((found,),) = measured([network], validation, [], loss)
        if found < least:
            best, least = deepcopy(network), found
    best.seed, best.learning_rate = grid[place].seed, grid[place].learning_rate
    grid[place] = best
    return settings.polish * settings.polish_epochs


def _factor(progress: float) -> float:
    """Of the learning rate, after a share of a round's epochs."""
    if progress <= STEADY:
        return 1.0
    return FIRST + (LAST - FIRST) * (progress - STEADY) / (1 - STEADY)


def check_polish(settings: Any, network: Network) -> None:
    """See that a network is one that can be polished, by choosing anew on a few samples.

    :raises ValueError: as :func:`~evoprune.operators.mutReselect`.
    """
    some = samples_of(settings.problem, "train")
    places = torch.arange(min(4, len(some.inputs)))
    try:
        mutReselect(network, some.inputs[places], some.targets[places], loss=settings.loss, most=1)
    except ValueError as error:
        raise ValueError(f"polish {settings.polish}: {error}") from error
