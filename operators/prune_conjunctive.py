"""CONJUNCTIVE: units that stay near their layer's minimum on every sample go, with all that leads into them."""

from typing import Any

from torch import Tensor

from evoprune.checks import in_unit_interval, true_or_false
from evoprune.operators.choice import apply
from evoprune.operators.structured import any_of, joints_of, prune_units
from evoprune.operators.units import minmax, spread, unit_activations


def mutPruneConjunctive(
    individual: Any, activations: Any, threshold: float = 0.1, persistent: bool = True, structured: bool = False
) -> tuple[Any]:
    """Prune the units that are inactive on all samples, in place.

    On each sample the activations of a layer are scaled to [0, 1]; a unit below ``threshold`` on every sample goes: all
    weights that lead into it, and its bias. A layer that is constant on a sample, or NaN somewhere, loses nothing. The
    unit at the maximum is never marked, so no layer loses all its units; the last survivor of a tensor stays. Nothing
    is drawn at random.

    :param individual: a Genome, an Autoencoder or another Network.
    :param activations: an :class:`~evoprune.activations.ActivationProbe`, or what it returned for this individual.
    :param threshold: in [0, 1); at 0 nothing is marked, at 1 everything below the layer's maximum would be.
    :param persistent: False follows the paper's code: the units are set to zero once, and the conjunction over the
        samples stops as soon as one or no unit is left marked, so that later samples cannot save that unit.
    :param structured: of units between layers also the weights that read them go, which otherwise stay and learn what a
        bias could do as well; units that no layer reads, such as outputs, stay.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for a threshold outside [0, 1), and activations that do not fit the individual.

    Source: CONJUNCTIVE in Jorgensen et al. 2025 (arXiv 2505.05138). Their code probes test samples; probe validation
    samples instead.
    """
    true_or_false("persistent", persistent)
    true_or_false("structured", structured)
    in_unit_interval("threshold", threshold)
    if threshold == 1:
        raise ValueError("threshold must be below 1, where all units but the strongest would be marked, got 1")
    marked = [
        (genome, {name: ~inactive(values, threshold, early_stop=not persistent) for name, values in layers.items()})
        for genome, layers in unit_activations(individual, activations)
    ]
    if structured:
        joints = joints_of(individual)
        prune_units(individual, joints, [any_of(joint, marked) for joint in joints], persistent)
    else:
        choices = [(genome, name, keep) for genome, alive in marked for name, keep in spread(genome, alive)]
        apply(choices, persistent)
    return (individual,)


def inactive(activations: Tensor, threshold: float, early_stop: bool = False) -> Tensor:
    """Which units are below ``threshold`` on all samples: (samples, units) -> bool (units,).

    :param early_stop: stop the conjunction at the first sample that leaves one or no unit marked.
    """
    scaled, constant = minmax(activations)
    below = (scaled < threshold) & ~constant
    if early_stop:
        marked = below.cumprod(0).bool()  # row k: marked after samples 0 to k
        few = (marked.sum(1) <= 1).nonzero()
        return marked[int(few[0]) if len(few) else -1]
    return below.all(0)
