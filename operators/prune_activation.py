"""ACTIVATION: small weights of what is seldom large go first: a weight's size times that of its input."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from evoprune.checks import at_least, true_or_false
from evoprune.cutting import shape_before
from evoprune.inputs import given_samples, mean_squares
from evoprune.operators.choice import Scores, check, prune_lowest
from evoprune.operators.evidence import scored


def mutPruneActivation(
    individual: Any,
    amount: float,
    samples: Tensor | Callable[[], Tensor],
    persistent: bool = True,
    scope: str = "tensor",
    balance: bool = False,
    limit: int | None = None,
) -> tuple[Any]:
    """Prune the weights that pass on least, in place: the score is ``|w|`` times the root mean square of what w reads.

    What a bias reads is 1, what a layer reads that is not used is 0; more in :func:`evoprune.inputs.mean_squares`.
    Nothing is drawn.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual with
        ``scope="global"``, as it prunes furthest. The last survivor of a tensor stays.
    :param samples: (samples, ...) that the individual takes, or a function that returns them.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :param balance: with ``scope="global"`` spare small layers: the scores of weight matrices, not of biases, times
        ``sqrt(N_max / N)``, where N are the entries of the tensor and N_max those of the largest.
    :param limit: read only the first so many samples; None for all.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for samples that are no tensor, or of a type that the individual refuses.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, and samples that are not finite or of another
        width than the individual reads, before any change.

    Source: Sun et al. 2023, "A Simple and Effective Pruning Approach for Large Language Models" (Wanda, arXiv
    2306.11695); they compare the weights of one unit with each other.
    """
    check(amount, scope, persistent)
    true_or_false("balance", balance)
    if limit is not None:
        at_least("limit", limit, 1, whole=True)
    values = given_samples(samples)[:limit]
    scores = scored(individual, mean_squares(individual, values), lambda weight, read: weight.abs() * read.sqrt())
    if balance:
        _balance(scores)
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)


def _balance(scores: Scores) -> None:
    """Raise the scores of small weight matrices, in place; units that were cut away count, as they would if pruned."""
    found = [
        (score, shape_before(one.whole, name, score).numel()) for one, table in scores for name, score in table.items()
    ]
    largest = max((size for _, size in found), default=0)
    for score, size in found:
        if score.dim() > 1:
            score.mul_((largest / max(size, 1)) ** 0.5)
