"""What training refuses before any work."""

from collections.abc import Sequence
from typing import Any

import torch

from evoprune.checks import at_least, listed, of_type, shown
from evoprune.devices import check_device
from evoprune.genome import Genome
from evoprune.individuals import Individual, Network, genomes, names_of
from evoprune.losses import LossFunction, check_loss_name


def check_training(
    individuals: Sequence[Individual],
    loss: str | LossFunction,
    learning_rate: float,
    parts: Sequence[str] | None,
    opponents: Sequence[Sequence[Genome]] | None,
    device: str | torch.device,
) -> None:
    """Refuse what :func:`evoprune.training.train` says that it raises, apart from batches and structures."""
    check_loss_name(loss)
    check_individuals(individuals)
    at_least("learning_rate", learning_rate, 0, finite=True)
    for i, individual in enumerate(individuals):
        if individual.learning_rate is not None:
            at_least(f"the learning_rate of individual {i}", individual.learning_rate, 0, finite=True)
    check_device(device)
    known = list(dict.fromkeys(name for individual in individuals for name in names_of(individual)))
    if parts is not None:
        listed_ = isinstance(parts, Sequence) and not isinstance(parts, str)
        if not listed_ or not parts or not all(part in known for part in parts):
            raise ValueError(f"parts must be some of {tuple(known)}, got {shown(parts)}")
    if opponents is not None:
        _check_opponents(opponents, individuals, parts)
    learners = [
        genome
        for individual in individuals
        for name, genome in zip(names_of(individual), genomes(individual), strict=True)
        if parts is None or name in parts
    ]
    parameters = [id(parameter) for genome in learners for parameter in genome.module.parameters()]
    if len(set(map(id, learners))) < len(learners) or len(set(parameters)) < len(parameters):
        raise ValueError("a genome, or a parameter, stands twice in the pairs to train: clone it first")


def check_individuals(individuals: object) -> None:
    """Refuse anything but a list of individuals."""
    expected = "a list of genomes, autoencoders or other networks"
    if isinstance(individuals, Network | str | bytes) or not isinstance(individuals, Sequence):
        raise TypeError(f"pairs must be {expected}, for a single one [it]; got {shown(individuals)}")
    for individual in individuals:
        if not isinstance(individual, Genome | Network):
            raise TypeError(f"pairs must be {expected}, but it holds {shown(individual)}")
        genomes(individual)


def _check_opponents(opponents: Any, individuals: Sequence[Individual], parts: Sequence[str] | None) -> None:
    pools = [
        listed("opponents of a pair", pool, "genomes") for pool in listed("opponents", opponents, "lists of genomes")
    ]
    alone = parts is not None and all(len(genomes(one)) == 2 and len(parts) == 1 for one in individuals)
    if not alone or len(pools) != len(individuals) or not all(pools):
        raise ValueError(
            "opponents need networks of two parts, one of which learns, and at least one opponent for each of them, "
            f"got {shown(opponents)}"
        )
    for genome in (genome for pool in pools for genome in pool):
        of_type("opponents", genome, Genome, "genomes")
