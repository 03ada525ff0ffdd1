"""Losses by the kernel that trains: those of a neighbourhood in one call."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from evoprune.data import samples_of
from evoprune.evaluation import check_sides, nested, network_loss, pairwise_losses, with_data
from evoprune.fitness import finite
from evoprune.genome import Genome
from evoprune.losses import OF_CLASSES, LossFunction, check_loss_name, check_probabilities
from evoprune.training import native
from evoprune.training.kernel import Kernel, kernel_for


def kernel_loss(
    *parts: Any, data: Any = None, loss: str | LossFunction = "l1", kernel: str | Kernel = "auto"
) -> tuple[float]:
    """:func:`evoprune.evaluation.network_loss`, with the same errors, by the compiled kernel where it can.

    It offers ``pairwise(*sides, data)`` as that does. The last bits depend on the kernel; they do not depend on how
    many are asked for at once.

    :param kernel: as in :func:`evoprune.training.train`.
    """
    genomes, data = with_data(parts, data)
    losses = _by_kernel([[genome] for genome in genomes], data, loss, kernel)
    return network_loss(*genomes, data=data, loss=loss) if losses is None else losses[0]


def kernel_losses(*sides: Any, data: Any = None, loss: str | LossFunction = "l1", kernel: str | Kernel = "auto") -> Any:
    """:func:`kernel_loss` of every combination of a genome of each side, nested: ``[encoder][decoder]``."""
    parts, data = with_data(sides, data)
    losses = _by_kernel(parts, data, loss, kernel)
    return pairwise_losses(*parts, data=data, loss=loss) if losses is None else nested(losses, list(map(len, parts)))


vars(kernel_loss)["pairwise"] = kernel_losses


def _by_kernel(
    sides: Sequence[Sequence[Genome]], data: Any, loss: str | LossFunction, kernel: str | Kernel
) -> list[tuple[float]] | None:
    """The losses by the compiled kernel; None where torch has to take them, or to say what is wrong with them."""
    chosen = kernel_for(kernel)
    check_sides(sides)
    check_loss_name(loss)
    if chosen.name != "native" or not isinstance(loss, str):
        return None
    inputs, targets = samples_of(data, "validation")
    if not _plain(inputs) or (targets is not inputs and not isinstance(targets, Tensor)):
        return None
    assert isinstance(inputs, Tensor)
    assert isinstance(targets, Tensor)
    x = inputs.to(torch.float32).contiguous()
    check_probabilities(loss, "data", inputs if targets is inputs else targets)
    y = x if targets is inputs else _wanted(targets, loss)
    losses = native.losses(sides, x, y, loss, chosen.variant)
    if losses is None or not all(map(math.isfinite, losses)):
        return None
    return [(finite(value),) for value in losses]


def _plain(rows: Any) -> bool:
    plain = isinstance(rows, Tensor) and rows.dim() == 2 and rows.device.type == "cpu" and bool(rows.numel())
    return plain and rows.is_floating_point()


def _wanted(targets: Any, loss: str) -> Tensor:
    """Targets as the kernel takes them: classes (samples,), or values (samples, outputs)."""
    if loss in OF_CLASSES and not targets.is_floating_point():
        return targets.to("cpu", torch.int64).contiguous()
    values = targets.to("cpu", torch.float32).contiguous()
    return values.unsqueeze(-1) if values.dim() == 1 else values
