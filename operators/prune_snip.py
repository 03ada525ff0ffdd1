"""SNIP: connections go first to which the loss is least sensitive, as a rule before any training."""

from typing import Any

from torch import Tensor

from evoprune.operators.choice import check, prune_lowest
from evoprune.operators.evidence import scored, tables_of


def mutPruneSNIP(
    individual: Any, amount: float, gradients: Any, persistent: bool = True, scope: str = "tensor"
) -> tuple[Any]:
    """Prune the weights of the smallest ``|w * g|``, in place, g the gradient of the loss. Nothing is drawn.

    Behind saturated nonlinearities there is no gradient, and weights that matter look worthless: on scikit-learn's
    digits (sigmoid output, mean squared error) scores of gradients end at 5 times the unpruned error with 20 % of
    the weights, where :func:`~evoprune.operators.mutPruneActivation` has 1.2.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual with
        ``scope="global"``. The last survivor of a tensor stays.
    :param gradients: for each genome, parameter name -> gradient of the loss, the mean over as much data as there is,
        or a function of the individual that returns that. Parameters that do not learn have none and are left alone.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for gradients that are no such tables.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, and gradients that are missing or do not fit
        their parameter, before any change.

    Source: Lee, Ajanthan and Torr 2019, "SNIP: Single-shot Network Pruning based on Connection Sensitivity" (arXiv
    1810.02340), who prune the whole network once, when it is new.
    """
    check(amount, scope, persistent)
    tables = tables_of("gradients", individual, gradients, Tensor)
    scores = scored(individual, tables, lambda weight, gradient: (weight * gradient).abs())
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)
