"""What it is worth that weights are gone: the arithmetic and the bytes of a network, and of it without dead units.

Nothing here is timed, so that the same run has the same summary on every machine; ``evoprune shrink`` measures latency.
"""

from torch import Tensor

from evoprune.individuals import Individual, Network
from evoprune.measure import sizes
from evoprune.shrinking.compacting import compacted, without_noise
from evoprune.shrinking.counts import arithmetic
from evoprune.shrinking.stacks import joined


def worth(network: Network, example: Tensor) -> dict[str, dict[str, int]]:
    """``dense``, the network as it is, and ``compacted``: parameters, MACs of a sample, bytes.

    :param example: inputs (samples, ...), of which the first is looked at.
    """
    small, _ = compacted(network)
    return {"dense": _figures(network, example), "compacted": _figures(without_noise(small), example)}


def _figures(individual: Individual, example: Tensor) -> dict[str, int]:
    macs, effective = arithmetic(individual, example)
    return {**sizes(joined(individual)), "macs": macs, "effective_macs": effective}
