"""RANDOM: every weight deserves to stay as much as any other."""

from functools import partial
from typing import Any

import torch

from evoprune.individuals import genomes
from evoprune.operators.choice import check, prune_lowest, source_of
from evoprune.seeds import Rng


def mutPruneRandom(
    individual: Any, amount: float, persistent: bool = True, rng: Rng = None, scope: str = "tensor"
) -> tuple[Any]:
    """Prune weights drawn uniformly, in place.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual with
        ``scope="global"``. The last survivor of a tensor stays.
    :param persistent: False follows the paper's code: ``round(amount * n)`` of all n entries of each tensor are set to
        zero once, and training moves them again.
    :param rng: source of randomness; by default Python's global ``random``, from which a call draws exactly once,
        whatever the amount.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1] or an unknown scope, before any work.

    Source: RANDOM in Jorgensen et al. 2025 (arXiv 2505.05138).
    """
    check(amount, scope, persistent)
    source = source_of(rng)
    draw = partial(torch.rand, generator=source, device=source.device)
    scores = [
        (genome, {name: draw(mask.shape) for name, mask in genome.masks.items()}) for genome in genomes(individual)
    ]
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)
