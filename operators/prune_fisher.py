"""FISHER: weights go first whose loss would move least without them, to second order."""

from typing import Any

from evoprune.operators.choice import check, prune_lowest
from evoprune.operators.evidence import scored, tables_of
from evoprune.training.gradients import GradientMoments


def mutPruneFisher(
    individual: Any, amount: float, batch_gradients: Any, persistent: bool = True, scope: str = "tensor"
) -> tuple[Any]:
    """Prune the weights of the smallest ``w^2 * E[g^2]``, in place, g the gradients of batches. Nothing is drawn.

    The mean of squared gradients, the diagonal of the empirical Fisher information, stands for the second derivative.

    Behind saturated nonlinearities there is no gradient, and weights that matter look worthless: on scikit-learn's
    digits (sigmoid output, mean squared error) this score and Taylor's end at 5 times the unpruned error with 20 % of
    the weights, where :func:`~evoprune.operators.mutPruneActivation` has 1.2. So it is no default.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual with
        ``scope="global"``. The last survivor of a tensor stays.
    :param batch_gradients: for each genome, parameter name -> :class:`~evoprune.training.gradients.GradientMoments`,
        as :func:`~evoprune.training.gradients.batch_gradients` gives them, or a function of the individual that returns
        that. Parameters that do not learn have none and are left alone.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for gradients that are no such tables.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, and gradients that are missing or do not fit
        their parameter, before any change.

    Source: LeCun, Denker and Solla 1990, "Optimal Brain Damage"; with gradients in the place of second derivatives
    Theis et al. 2018, "Faster gaze prediction with dense networks and Fisher pruning" (arXiv 1801.05787).
    """
    check(amount, scope, persistent)
    tables = tables_of("batch_gradients", individual, batch_gradients, GradientMoments)
    scores = scored(individual, tables, lambda weight, found: weight.square() * found.square)
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)
