"""UNITS: whole units and channels go, with every weight that makes or reads them."""

from typing import Any, Literal

from torch import Tensor

from evoprune.checks import lookup
from evoprune.examples import check_takes
from evoprune.individuals import genomes
from evoprune.operators.choice import check
from evoprune.operators.structured import BOOKS, joints_of, prune_lowest_units
from evoprune.operators.unit_scores import SCORES, Evidence
from evoprune.shrinking.joints import is_stack


def mutPruneUnits(
    individual: Any,
    amount: float,
    score: Literal["l1", "l2", "activation", "variance", "gradient"] | None = None,
    activations: Any = None,
    samples: Tensor | None = None,
    targets: Any = None,
    loss: Any = None,
    persistent: bool = True,
    scope: str = "global",
    measure: str = "units",
) -> tuple[Any]:
    """Prune the units of the lowest scores, in place: of Linear layers their units, of convolutions their channels.

    With a unit go the weights that lead into it, its bias, and the weights that read it, in whatever part of the
    individual they are. Its inputs and outputs stay, and so does one unit of every layer. :func:`evoprune.compact`
    makes a smaller network of what is left.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share that goes, in [0, 1].
    :param score: ``"l1"`` and ``"l2"``, the norm of all weights that go with a unit; ``"activation"`` and
        ``"variance"``, the sizes of the weights that read it times the root mean square, or the standard deviation, of
        its activations; ``"gradient"``, how far the loss moves to first order. By default ``"activation"`` where there
        are activations, else ``"l2"``.
    :param activations: an :class:`~evoprune.activations.ActivationProbe`, or what it returned for this individual; for
        the scores that read activations.
    :param samples: inputs (samples, ...), for the gradient, to count MACs, and to read what is no plain stack.
    :param targets: what they should become, and ``loss`` the name of a loss or a function of output and target; for the
        gradient.
    :param persistent: False sets the weights to zero once, and training moves them again.
    :param scope: ``"tensor"``: the amount of every layer. ``"global"``: of the whole individual, by scores relative to
        the mean of their layer, as sums over layers of different widths cannot be compared.
    :param measure: what the amount is a share of: ``"units"`` that are alive; ``"weights"`` kept; or ``"macs"``, the
        multiply-accumulates of a sample without dead units.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, score or measure, and what a score or measure
        needs and is not given, before any work.

    Source: Li et al. 2017, "Pruning Filters for Efficient ConvNets" (arXiv 1608.08710); Fang et al. 2023, "DepGraph"
    (arXiv 2301.12900), for what goes together; Molchanov et al. 2019 (arXiv 1906.10771) for the gradient.
    """
    check(amount, scope, persistent)
    score = ("l2" if activations is None else "activation") if score is None else score
    lookup("score", score, SCORES)
    lookup("measure", measure, BOOKS)
    genomes(individual)
    if measure == "macs" and samples is None:
        raise ValueError("measure macs needs samples, a tensor (samples, ...), of which they are counted; got None")
    if measure == "macs" or (samples is not None and not is_stack(individual)):
        check_takes(individual, samples, "samples")
    joints = joints_of(individual, samples)
    scores = SCORES[score](joints, Evidence(individual, activations, samples, targets, loss))
    prune_lowest_units(individual, joints, scores, amount, scope, persistent, measure, samples)
    return (individual,)
