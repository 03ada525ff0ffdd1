"""How well a pair reconstructs: what fitness, logs and reports are made of."""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import at_least
from evoprune.fitness import WORST, finite
from evoprune.genome import Autoencoder, Genome
from evoprune.losses import mean_loss


def draw_batch(data: Any, size: int = 5) -> Tensor:
    """``size`` different samples at random, (size, ...), drawn from Python's global ``random`` as DEAP's operators do.

    :param data: a problem (its ``train`` tensor is used) or a tensor (samples, ...).
    :raises ValueError: for a size below 1 or above the number of samples.
    """
    tensor = data if isinstance(data, Tensor) else data.train
    at_least("batch size", size, 1, whole=True)
    if size > len(tensor):
        raise ValueError(f"batch size {size} is larger than the {len(tensor)} samples")
    return tensor[random.sample(range(len(tensor)), size)]


def evaluate(pair: Autoencoder, data: Any, loss: str = "l1") -> tuple[float]:
    """The mean reconstruction loss of a pair, as a DEAP fitness: what stock algorithms take as ``toolbox.evaluate``.

    Parameters and result as in :func:`reconstruction_loss`.
    """
    return reconstruction_loss(pair.encoder, pair.decoder, data, loss)


def reconstruction_loss(encoder: Genome, decoder: Genome, data: Any, loss: str = "l1") -> tuple[float]:
    """The mean loss of a combination of encoder and decoder, as a DEAP fitness: ``(loss,)``.

    :param data: a tensor (samples, ...), or a problem, whose ``validation`` tensor is then used.
    :returns: a finite number: NaN and infinity become :data:`evoprune.fitness.WORST`.
    :raises ValueError: for an unknown loss, or reconstructions of another shape than the data.
    """
    tensor = data if isinstance(data, Tensor) else data.validation
    output = _reconstruct(encoder, decoder, tensor)
    if not all(math.isfinite(value) for value in output.aminmax()):  # cross-entropy would refuse it
        return (WORST,)
    return (finite(mean_loss(loss, output, tensor.to(output), dims=output.dim()).item()),)


def reconstruct(pair: Autoencoder, data: Tensor) -> Tensor:
    """Reconstructions of ``data`` (samples, ...), in evaluation mode and without gradients."""
    return _reconstruct(pair.encoder, pair.decoder, data)


def wrong_bits(pair: Autoencoder, data: Tensor) -> float:
    """The share of wrong bits after rounding at 0.5; ``data`` binary (samples, inputs). NaN is wrong."""
    output = reconstruct(pair, data)
    return (((output >= 0.5) != (data.to(output) >= 0.5)) | output.isnan()).float().mean().item()


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Within the block the modules are in evaluation mode and no gradients are kept; afterwards modes are as before."""
    parts = list(modules)
    for part in parts:  # grows on the way; nn.Module.modules() takes long as well
        parts.extend(child for child in part._modules.values() if child is not None)
    training = [part for part in parts if part.training]
    for part in training:
        vars(part)["training"] = False  # nn.Module's own setattr takes long
    try:
        with torch.no_grad():
            yield
    finally:
        for part in training:
            vars(part)["training"] = True


def like_parameters(module: nn.Module, data: Tensor) -> Tensor:
    """``data`` on the device of the module's parameters and, if it is floating, of their type."""
    parameter = next(module.parameters(), None)
    if parameter is None:
        return data
    return data.to(parameter.device, parameter.dtype if data.is_floating_point() else None)


def _reconstruct(encoder: Genome, decoder: Genome, data: Tensor) -> Tensor:
    with evaluating(encoder.module, decoder.module):
        return decoder.module(encoder.module(like_parameters(encoder.module, data)))
