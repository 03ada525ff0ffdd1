"""LAMP: magnitudes that can be compared between layers: each relative to those that would be left with it."""

from typing import Any

import torch
from torch import Tensor

from evoprune.individuals import genomes
from evoprune.operators.choice import check, prune_lowest


def mutPruneLAMP(individual: Any, amount: float, persistent: bool = True, scope: str = "global") -> tuple[Any]:
    """Prune the weights of the smallest layer-adaptive magnitude, in place; nothing is drawn.

    The score is ``w^2 / sum of w'^2`` over the weights w' of the same tensor that are not smaller, w among them; of
    equal ones each sees those behind it. So the largest weight of every tensor has 1. NaN counts as zero.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of the whole individual, for which the score is
        meant, or with ``scope="tensor"`` of every tensor, where it is magnitude. The last survivor of a tensor stays.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1] or an unknown scope, before any work.

    Source: Lee et al. 2021, "Layer-adaptive sparsity for the Magnitude-based Pruning" (arXiv 2010.07611).
    """
    check(amount, scope, persistent)
    scores = [
        (genome, {name: _relative(genome.module.get_parameter(name).detach()) for name in genome.masks})
        for genome in genomes(individual)
    ]
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)


def _relative(weight: Tensor) -> Tensor:
    """The score of each weight. Pruned ones are zero: they add nothing to any sum, and have a score of zero."""
    squares = weight.flatten().double().nan_to_num(0.0, 1e150, -1e150).square()  # infinity is large, and has a square
    ascending, order = squares.sort(stable=True)
    left = ascending.flip(0).cumsum(0).flip(0)
    scores = torch.empty_like(squares)
    scores[order] = ascending / left.clamp_min(torch.finfo(torch.double).tiny)
    return scores.view(weight.shape)
