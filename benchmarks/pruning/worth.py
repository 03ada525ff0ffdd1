"""What it is worth that weights are gone: the arithmetic and the bytes of a network, and of it without dead units.

Nothing here is timed, so that the same run has the same summary on every machine; ``evoprune shrink`` measures latency.
"""

from typing import Any

from torch import Tensor

from evoprune.individuals import Network
from evoprune.measure import sizes
from evoprune.shrinking.compacting import compacted, without_noise
from evoprune.shrinking.counts import arithmetic
from evoprune.shrinking.stacks import joined


def worth(network: Network, example: Tensor) -> dict[str, dict[str, int]]:
    """``dense``, the network as it is, and ``compacted``: parameters, MACs of a sample, bytes.

    :param example: inputs (samples, ...), of which the first is looked at.
    """
    small, _ = compacted(network)
    return {name: _figures(one, example) for name, one in (("dense", network), ("compacted", small))}


def _figures(network: Any, example: Tensor) -> dict[str, int]:
    individual = without_noise(network)
    macs, effective = arithmetic(individual, example)
    return {**sizes(joined(individual)), "macs": macs, "effective_macs": effective}
