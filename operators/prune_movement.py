"""MOVEMENT: weights that moved towards zero go first, however large they are."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from evoprune.genome import Genome
from evoprune.individuals import genomes
from evoprune.operators.choice import check, prune_lowest
from evoprune.operators.evidence import tables_of


def mutPruneMovement(
    individual: Any, amount: float, gradients: Any, persistent: bool = True, scope: str = "tensor"
) -> tuple[Any]:
    """Prune the weights of the smallest movement, in place: the sum of ``-w * g`` over all calls. Nothing is drawn.

    So it wants to be called while the individual trains, also with an amount of 0. The sums are an attribute of each
    genome, ``movement``, parameter name -> tensor on the processor, and travel with it. They begin anew where a weight
    is pruned, and where a parameter has another shape, as after :func:`~evoprune.operators.mutCompact`.

    Behind saturated nonlinearities there is no gradient and no movement, and weights that matter look worthless, as to
    :func:`~evoprune.operators.mutPruneTaylor`.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual with
        ``scope="global"``. The last survivor of a tensor stays.
    :param gradients: for each genome, parameter name -> gradient of the loss as it is now, or a function of the
        individual that returns that. Parameters that do not learn have none and are left alone.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for gradients that are no such tables.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, and gradients that are missing or do not fit
        their parameter, before any change.

    Source: Sanh, Wolf and Rush 2020, "Movement Pruning: Adaptive Sparsity by Fine-Tuning" (arXiv 2005.07683).
    """
    check(amount, scope, persistent)
    tables = tables_of("gradients", individual, gradients, Tensor)
    scores = [(genome, _moved(genome, table)) for genome, table in zip(genomes(individual), tables, strict=True)]
    for genome, table in scores:
        vars(genome)["movement"] = table
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)


def _moved(genome: Genome, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The sums so far, and what this call adds."""
    before: Mapping[str, Tensor] = getattr(genome, "movement", {})
    found = {}
    for name, gradient in gradients.items():
        step = (genome.module.get_parameter(name).detach() * gradient).neg_().cpu()
        if name in before and before[name].shape == step.shape:
            step.add_(before[name])
        found[name] = step.masked_fill_(~genome.masks[name].cpu(), 0.0)
    return found
