"""Gradients of a population over batches: their mean, their mean magnitude and their mean square."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from evoprune.checks import listed, shown
from evoprune.examples import check_takes
from evoprune.individuals import Individual
from evoprune.losses import LossFunction, check_loss_name
from evoprune.training.fit import check_learns
from evoprune.training.programs import Together
from evoprune.training.refused import check_individuals
from evoprune.training.stacked import chunks
from evoprune.training.structure import alike


class GradientMoments(NamedTuple):
    """Means over batches of a parameter's gradient g, of its shape each: of g, of ``|g|`` and of g squared."""

    mean: Tensor
    magnitude: Tensor
    square: Tensor


def batch_gradients(
    individuals: Sequence[Individual], batches: Iterable[tuple[Tensor, Tensor]], loss: str | LossFunction
) -> list[list[dict[str, GradientMoments]]]:
    """For each individual and each of its genomes, parameter name -> what its gradient is over the batches.

    Individuals of one structure are computed together. A variational encoder gives its mean code. Pruned weights have
    gradients as well, parameters that do not learn have none; the individuals stay as they are.

    :param batches: pairs of tensors, inputs (samples, ...) and what they should become, or their classes, (samples,);
        the same for all. Each counts alike, whatever its size.
    :param loss: a name of :data:`evoprune.losses.LOSSES`, or a function of output and target.
    :raises TypeError: for individuals outside a list, or batches that are no pairs of tensors.
    :raises ValueError: for no batches, an unknown loss, an individual in which nothing learns, and inputs of another
        width than an individual reads.
    """
    check_individuals(individuals)
    check_loss_name(loss)
    pairs = [_pair(batch) for batch in listed("batches", batches, "pairs of tensors (inputs, targets)")]
    if not pairs:
        raise ValueError("batches must be at least one; a generator can be used up only once")
    found: list[list[dict[str, GradientMoments]]] = [[] for _ in individuals]
    for group in alike(individuals):
        first = individuals[group[0]]
        check_learns(first, None)
        check_takes(first, pairs[0][0], "the inputs of batches")
        for members in chunks(group, first):
            for i, tables in zip(members, _moments([individuals[i] for i in members], pairs, loss), strict=True):
                found[i] = tables
    return found


def _moments(
    individuals: Sequence[Individual], batches: Sequence[tuple[Tensor, Tensor]], loss: str | LossFunction
) -> list[list[dict[str, GradientMoments]]]:
    """The same for individuals of one structure: sums in place, then their shares."""
    together = Together(individuals, loss)
    tables = [stacked.grads for stacked in together.stacks]
    sums = [
        {
            name: GradientMoments(*(torch.zeros_like(grad) for _ in GradientMoments._fields))
            for name, grad in grads.items()
        }
        for grads in tables
    ]
    for batch in batches:
        together.gradients(*batch)
        for grads, part in zip(tables, sums, strict=True):
            for name, grad in grads.items():
                mean, magnitude, square = part[name]
                mean.add_(grad)
                square.addcmul_(grad, grad)
                magnitude.add_(grad.abs_())  # the next batch writes over it
    for moments in (moments for part in sums for moments in part.values()):
        for total in moments:
            total.div_(len(batches))
    return [
        [{name: GradientMoments(*(total[i] for total in moments)) for name, moments in part.items()} for part in sums]
        for i in range(len(individuals))
    ]


def _pair(batch: Any) -> tuple[Tensor, Tensor]:
    two = isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(part, Tensor) for part in batch)
    if not two:
        raise TypeError(f"batches must be pairs of tensors (inputs, targets), got {shown(batch)}")
    inputs, targets = batch
    if not inputs.dim() or not inputs.numel() or inputs.shape[:1] != targets.shape[:1]:
        shapes = f"inputs {tuple(inputs.shape)} and targets {tuple(targets.shape)}"
        raise ValueError(f"batches must have samples, and a target for each of them, got {shapes}")
    return inputs, targets
