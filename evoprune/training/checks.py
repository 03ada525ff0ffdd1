"""What can be trained, and how: wrong arguments are refused before any work."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from evoprune.checks import at_least, lookup
from evoprune.genome import Autoencoder, Genome
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
    _check_rate("learning_rate", learning_rate)
    for i, pair in enumerate(pairs):
        if pair.learning_rate is not None:
            _check_rate(f"the learning_rate of pair {i}", pair.learning_rate)
    _check_device(device)
    if not parts or not set(parts) <= set(PARTS):
        raise ValueError(f"parts must be some of {PARTS}, got {parts!r}")
    if opponents is not None and (len(parts) != 1 or len(opponents) != len(pairs) or not all(opponents)):
        raise ValueError("opponents need one part that learns, and at least one opponent for each pair")
    learners = [genome for pair in pairs for part, genome in zip(PARTS, pair, strict=True) if part in parts]
    parameters = [id(parameter) for genome in learners for parameter in genome.module.parameters()]
    if len(set(map(id, learners))) < len(learners) or len(set(parameters)) < len(parameters):
        raise ValueError("a genome, or a parameter, stands twice in the pairs to train: clone it first")


def check_pairs(pairs: object) -> None:
    """Refuse anything but a list of pairs."""
    if isinstance(pairs, Autoencoder) or not isinstance(pairs, Sequence):
        raise TypeError(f"pairs must be a list of autoencoders, for a single one [pair]; got {pairs!r}")
    for pair in pairs:
        if not isinstance(pair, Autoencoder):
            raise TypeError(f"pairs must be a list of autoencoders, but it holds {pair!r}")


def check_finite(data: Sequence[Tensor]) -> None:
    """Refuse data that hold NaN or infinity; looked at only where a loss is not finite."""
    if not all(bool(tensor.isfinite().all()) for tensor in data):
        raise ValueError("the data to train on hold NaN or infinity")


@contextmanager
def blaming(data: Sequence[Tensor]) -> Iterator[None]:
    """What torch raises on data that are no floating point numbers says so; an embedding may well take them."""
    try:
        yield
    except RuntimeError as error:
        kinds = {str(tensor.dtype) for tensor in data if not tensor.is_floating_point()}
        if not kinds:
            raise
        raise TypeError(f"the network refuses data of type {', '.join(kinds)}, try data.float(): {error}") from error


def _check_rate(what: str, rate: float) -> None:
    at_least(what, rate, 0)
    if math.isinf(rate):
        raise ValueError(f"{what} must be finite, got {rate!r}")


def _check_device(device: str | torch.device) -> None:
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        raise ValueError(f"device {str(device)!r} cannot be used here; there is {', '.join(known)}") from error
