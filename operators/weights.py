"""Operators on the weights themselves: uniform crossover and zeroing, as a GA on weights takes them.

Both work on what learns: parameters that require a gradient. A frozen layer is no part of the chromosome.
"""

from typing import Any

import torch
from torch import Tensor

from evoprune.checks import in_unit_interval, true_or_false
from evoprune.cutting import expand
from evoprune.genome import Genome
from evoprune.individuals import genomes
from evoprune.operators.choice import apply, source_of
from evoprune.operators.probability import ScheduledProbability
from evoprune.seeds import Rng


def cxUniformWeights(a: Any, b: Any, ratio: float = 0.5, rng: Rng = None) -> tuple[Any, Any]:
    """Exchange weights between two individuals of one structure, in place, each with probability ``ratio``.

    Each weight and bias of a child so comes from one parent or the other. Its mask bit and what the optimizer
    remembers of it go with it: a weight that is pruned in one parent is pruned in the child that gets it. Where that
    would leave a child nothing of a tensor, this tensor is not exchanged. Units that :func:`mutCompact` took out of
    either are put back before, as pruned weights, so that unit meets unit.

    :param a: a Genome, an Autoencoder or another Network; ``b`` another one, not the same object.
    :param ratio: in [0, 1]; with 0.5 both children have half of each parent, with 1 they change places.
    :param rng: source of randomness; by default Python's global ``random``, from which a call draws exactly once.
    :returns: ``(a, b)``; fitness is not touched.
    :raises ValueError: for a ratio outside [0, 1], or individuals that differ in their parameters, before any change.

    Source: David and Greental 2014 (arXiv 1711.07655).
    """
    in_unit_interval("ratio", ratio)
    mine, theirs = genomes(a), genomes(b)
    if any(one is other for one in mine for other in theirs):
        raise ValueError("crossover needs two individuals, got the same one twice: clone it first")
    if any(genome.whole is not None for genome in (*mine, *theirs)):  # the same place may be another unit
        for genome in (*mine, *theirs):
            expand(genome)
    if list(map(_shapes, mine)) != list(map(_shapes, theirs)):
        raise ValueError("crossover needs two individuals of one structure, got other parameters, shapes or masks")
    source = source_of(rng)
    for one, other in zip(mine, theirs, strict=True):
        for name in _learning(one):
            shape = one.module.get_parameter(name).shape
            _exchange(one, other, name, torch.rand(shape, generator=source) < ratio)
    return a, b


def mutZeroWeights(
    individual: Any, indpb: float | ScheduledProbability, persistent: bool = False, rng: Rng = None
) -> tuple[Any]:
    """Set each prunable weight and bias that learns to zero with probability ``indpb``, in place.

    :param individual: a Genome, an Autoencoder or another Network.
    :param indpb: in [0, 1], or a :class:`~evoprune.operators.probability.ScheduledProbability`.
    :param persistent: False sets them to zero once, and training moves them again. True prunes them: the masks narrow,
        and the last survivor of a tensor stays.
    :param rng: source of randomness; by default Python's global ``random``, from which a call draws exactly once.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for a probability outside [0, 1].

    Source: the mutation of David and Greental 2014 (arXiv 1711.07655).
    """
    true_or_false("persistent", persistent)
    probability = indpb.value if isinstance(indpb, ScheduledProbability) else indpb
    in_unit_interval("indpb", probability)
    source = source_of(rng)
    choices = [
        (genome, name, torch.rand(genome.masks[name].shape, generator=source) >= probability)
        for genome in genomes(individual)
        for name in _learning(genome)
        if name in genome.masks
    ]
    apply(choices, persistent)
    return (individual,)


def _learning(genome: Genome) -> list[str]:
    return [name for name, parameter in genome.module.named_parameters() if parameter.requires_grad]


def _shapes(genome: Genome) -> dict[str, tuple[torch.Size, bool, bool]]:
    return {
        name: (parameter.shape, parameter.requires_grad, name in genome.masks)
        for name, parameter in genome.module.named_parameters()
    }


def _exchange(one: Genome, other: Genome, name: str, chosen: Tensor) -> None:
    """Swap the chosen entries of one parameter, its mask and its moments."""
    if name in one.masks:
        mask, its = one.masks[name], other.masks[name]
        there = chosen.to(mask.device)
        new = torch.where(there, its, mask), torch.where(there, mask, its)
        if not new[0].any() or not new[1].any():
            return
        one.masks[name], other.masks[name] = new
    pairs: list[tuple[Tensor, Tensor]] = [(one.module.get_parameter(name), other.module.get_parameter(name))]
    moments = one.moments.get(name, ()), other.moments.get(name, ())
    if len(moments[0]) == len(moments[1]):
        pairs += zip(*moments, strict=True)
    with torch.no_grad():
        for here, there in pairs:
            kept = here.clone()
            here.copy_(torch.where(chosen.to(here.device), there, here))
            there.copy_(torch.where(chosen.to(there.device), kept, there))
