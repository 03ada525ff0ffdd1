"""Examples of what a network takes, by which it is read and measured."""

from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import of_type
from evoprune.evaluation import evaluating, like_parameters
from evoprune.individuals import Individual, genomes, names_of
from evoprune.refusals import blame


def check_example(example: Any, name: str = "example") -> None:
    """Refuse what is no example of a network's inputs: a tensor (samples, ...) with at least one sample.

    :raises TypeError: for what is no tensor.
    :raises ValueError: for none.
    """
    of_type(name, example, Tensor, "a tensor (samples, ...)")
    if not example.dim() or not example.numel():
        raise ValueError(f"{name} must have at least one sample, (samples, ...), got shape {tuple(example.shape)}")


def check_takes(individual: Individual, example: Any, name: str = "example") -> None:
    """See that an individual takes an example, by calling it.

    :raises TypeError: for what is no tensor, or of a type that the network refuses.
    :raises ValueError: for no samples, or of another width than the network reads.
    """
    check_example(example, name)
    modules = [genome.module for genome in genomes(individual)]
    whole = nn.Sequential(*modules)
    inputs = like_parameters(whole, example[:2])
    try:
        with evaluating(whole), torch.no_grad():
            whole(inputs)
    except Exception as error:
        blame(error, inputs, names_of(individual), modules)
        raise
