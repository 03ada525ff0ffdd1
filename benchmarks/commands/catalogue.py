"""Everything that has a name, with a line about it: what ``evoprune list`` prints."""

import inspect
from typing import Any

from evoprune.algorithms.cells import CONCEPTS
from evoprune.benchmarks.experiments.registry import EXPERIMENTS
from evoprune.benchmarks.paper.comparisons import COMPARISONS, SCALES
from evoprune.benchmarks.problems import BENCHMARKS
from evoprune.benchmarks.pruning.choices import ALGORITHMS, SEMANTICS, TOPOLOGIES
from evoprune.benchmarks.pruning.presets import PRESETS
from evoprune.losses import LOSSES
from evoprune.networks import ACTIVATIONS, NETWORKS, OUTPUTS
from evoprune.operators import OPERATORS, SCHEDULES
from evoprune.training.optimizers import OPTIMIZERS


def catalogue() -> dict[str, dict[str, str]]:
    """Section -> name -> a line."""
    return {
        "presets": {name: line for name, (line, _) in PRESETS.items()},
        "experiments": {name: item.line for name, item in EXPERIMENTS.items()},
        "comparisons": {name: item.line for name, item in COMPARISONS.items()},
        "scales": {name: item.line for name, item in SCALES.items()},
        "algorithms": ALGORITHMS,
        "operators": {"none": "no pruning"} | {name: _first_line(item) for name, item in OPERATORS.items()},
        "schedules": {name: _first_line(item) for name, item in SCHEDULES.items()},
        "semantics": SEMANTICS,
        "problems": {name: _first_line(item) for name, item in BENCHMARKS.items()},
        "networks": {name: _network(item) for name, item in NETWORKS.items()},
        "losses": {name: _first_line(item) for name, item in LOSSES.items()},
        "optimizers": {name: repr(item) for name, item in OPTIMIZERS.items()},
        "topologies": TOPOLOGIES,
        "concepts": {name: f"an encoder's loss is the {name} over its neighbours' decoders" for name in CONCEPTS},
        "activations": {name: item.__name__ for name, item in ACTIVATIONS.items()},
        "outputs": {name: item.__name__ for name, item in OUTPUTS.items()},
    }


def _first_line(item: Any) -> str:
    return (inspect.getdoc(item) or "").split("\n")[0]


def _network(network: Any) -> str:
    widths = "-".join(str(width) for width in (*network.hidden, network.latent))
    return f"inputs-{widths} and back" + (", variational" if network.variational else "")
