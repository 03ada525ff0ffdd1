"""MAGNITUDE: small weights go first."""

from typing import Any

from evoprune.individuals import genomes
from evoprune.operators.choice import check, prune_lowest


def mutPruneMagnitude(individual: Any, amount: float, persistent: bool = True, scope: str = "tensor") -> tuple[Any]:
    """Prune the weights of the smallest absolute value, in place; NaN counts as the smallest, and nothing is drawn.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual with
        ``scope="global"``, which spares small layers that carry large weights. The last survivor of a tensor stays.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1] or an unknown scope, before any work.

    Source: Han et al. 2015, "Learning both Weights and Connections for Efficient Neural Networks" (arXiv 1506.02626).
    """
    check(amount, scope, persistent)
    scores = [
        (genome, {name: genome.module.get_parameter(name).detach().abs() for name in genome.masks})
        for genome in genomes(individual)
    ]
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)
