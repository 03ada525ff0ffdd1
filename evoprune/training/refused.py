"""What training refuses before any work."""

from collections.abc import Sequence
from typing import Any

import torch

from evoprune.checks import at_least, listed, lookup, of_type, shown
from evoprune.devices import check_device
from evoprune.genome import Autoencoder, Genome, genomes
from evoprune.losses import LOSSES

PARTS = ("encoder", "decoder")


def check_training(
    pairs: Sequence[Autoencoder],
    loss: str,
    learning_rate: float,
    parts: Sequence[str],
    opponents: Sequence[Sequence[Genome]] | None,
    device: str | torch.device,
) -> None:
    """Refuse what :func:`evoprune.training.train` says that it raises, apart from batches and structures."""
    lookup("loss", loss, LOSSES)
    check_pairs(pairs)
    at_least("learning_rate", learning_rate, 0, finite=True)
    for i, pair in enumerate(pairs):
        if pair.learning_rate is not None:
            at_least(f"the learning_rate of pair {i}", pair.learning_rate, 0, finite=True)
    check_device(device)
    if not isinstance(parts, Sequence) or not parts or not all(part in PARTS for part in parts):
        raise ValueError(f"parts must be some of {PARTS}, got {shown(parts)}")
    if opponents is not None:
        _check_opponents(opponents, len(pairs), parts)
    learners = [genome for pair in pairs for part, genome in zip(PARTS, pair, strict=True) if part in parts]
    parameters = [id(parameter) for genome in learners for parameter in genome.module.parameters()]
    if len(set(map(id, learners))) < len(learners) or len(set(parameters)) < len(parameters):
        raise ValueError("a genome, or a parameter, stands twice in the pairs to train: clone it first")


def check_pairs(pairs: object) -> None:
    """Refuse anything but a list of pairs."""
    if isinstance(pairs, Autoencoder | str | bytes) or not isinstance(pairs, Sequence):
        raise TypeError(f"pairs must be a list of autoencoders, for a single one [pair]; got {shown(pairs)}")
    for pair in pairs:
        if not isinstance(pair, Autoencoder):
            raise TypeError(f"pairs must be a list of autoencoders, but it holds {shown(pair)}")
        genomes(pair)


def _check_opponents(opponents: Any, count: int, parts: Sequence[str]) -> None:
    pools = [
        listed("opponents of a pair", pool, "genomes") for pool in listed("opponents", opponents, "lists of genomes")
    ]
    if len(parts) != 1 or len(pools) != count or not all(pools):
        raise ValueError(
            f"opponents need one part that learns, and at least one opponent for each pair, got {shown(opponents)}"
        )
    for genome in (genome for pool in pools for genome in pool):
        of_type("opponents", genome, Genome, "genomes")
