"""Reconstruction losses by the kernel that trains: those of a neighbourhood in one call."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from evoprune.checks import lookup
from evoprune.evaluation import check_sides, pairwise_losses, reconstruction_loss, tensor_of
from evoprune.fitness import finite
from evoprune.genome import Genome
from evoprune.losses import LOSSES, check_probabilities
from evoprune.training import native
from evoprune.training.kernel import Kernel, kernel_for


def kernel_loss(
    encoder: Genome, decoder: Genome, data: Any, loss: str = "l1", kernel: str | Kernel = "auto"
) -> tuple[float]:
    """:func:`evoprune.evaluation.reconstruction_loss`, with the same errors, by the compiled kernel where it can.

    It offers ``pairwise(encoders, decoders, data, ...)`` as that does. The last bits depend on the kernel; they do not
    depend on how many are asked for at once.

    :param kernel: as in :func:`evoprune.training.train`.
    """
    losses = _by_kernel([encoder], [decoder], data, loss, kernel)
    return reconstruction_loss(encoder, decoder, data, loss) if losses is None else losses[0][0]


def kernel_losses(
    encoders: Sequence[Genome], decoders: Sequence[Genome], data: Any, loss: str = "l1", kernel: str | Kernel = "auto"
) -> list[list[tuple[float]]]:
    """:func:`kernel_loss` of every encoder with every decoder, ``[encoder][decoder]``."""
    losses = _by_kernel(encoders, decoders, data, loss, kernel)
    return pairwise_losses(encoders, decoders, data, loss) if losses is None else losses


vars(kernel_loss)["pairwise"] = kernel_losses


def _by_kernel(
    encoders: Sequence[Genome], decoders: Sequence[Genome], data: Any, loss: str, kernel: str | Kernel
) -> list[list[tuple[float]]] | None:
    """The losses by the compiled kernel; None where torch has to take them, or to say what is wrong with them."""
    chosen = kernel_for(kernel)
    check_sides(encoders, decoders)
    lookup("loss", loss, LOSSES)
    if chosen.name != "native":
        return None
    tensor = tensor_of(data, "validation")
    plain = isinstance(tensor, Tensor) and tensor.dim() == 2 and tensor.device.type == "cpu" and tensor.numel()
    if not plain or not tensor.is_floating_point():
        return None
    check_probabilities(loss, "data", tensor)
    losses = native.losses(encoders, decoders, tensor.to(torch.float32).contiguous(), loss, chosen.variant)
    if losses is None or not all(map(math.isfinite, losses)):
        return None
    width = len(decoders)
    return [[(finite(value),) for value in losses[i : i + width]] for i in range(0, len(losses), width)]
