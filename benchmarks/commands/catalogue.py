"""Everything that has a name, with a line about it: what ``evoprune list`` prints."""

import argparse
import inspect
from typing import Any

from evoprune.algorithms.cells import CONCEPTS
from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.paper.comparisons import COMPARISONS, SCALES
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning.algorithms import ALGORITHMS
from evoprune.benchmarks.pruning.choices import SEMANTICS, TOPOLOGIES
from evoprune.benchmarks.pruning.parts import REGISTRIES, own_options
from evoprune.benchmarks.pruning.presets import PRESETS
from evoprune.checks import lookup
from evoprune.convolutional import Convolutional
from evoprune.feedforward import FEED_FORWARD
from evoprune.losses import LOSSES
from evoprune.networks import ACTIVATIONS, MLP, NETWORKS, OUTPUTS
from evoprune.plugins import entries
from evoprune.training.optimizers import OPTIMIZERS


def add_parser(commands: Any) -> None:
    """Add the command ``list``."""
    names = commands.add_parser("list", help="name presets, operators, schedules, ...", allow_abbrev=False)
    names.add_argument("section", nargs="?", help="only this section")
    names.set_defaults(command=list_names, parser=names)


def list_names(options: argparse.Namespace) -> int:
    """``evoprune list``: everything that has a name, with a line each."""
    sections = catalogue()
    if options.section:
        sections = {options.section: lookup("section", options.section, sections)}
    for section, lines in sections.items():
        width = max(map(len, lines))
        print(section, *(f"  {name.ljust(width)}  {line}" for name, line in lines.items()), sep="\n")
    return 0


def catalogue() -> dict[str, dict[str, str]]:
    """Section -> name -> a line."""
    return {
        "presets": {name: line for name, (line, _) in PRESETS.items()},
        "experiments": {name: item.line for name, item in EXPERIMENTS.items()},
        "comparisons": {name: item.line for name, item in COMPARISONS.items()},
        "scales": {name: item.line for name, item in SCALES.items()},
        "algorithms": {name: algorithm.line for name, algorithm in ALGORITHMS.items()},
        "operators": {"none": "no pruning"} | _open("operator"),
        "schedules": _open("schedule"),
        "semantics": SEMANTICS,
        "problems": _open("benchmark"),
        "tasks": {name: task.line for name, task in TASKS.items()},
        "networks": {name: _network(item) for name, item in NETWORKS.items()},
        "networks for classes and values": {
            name: "-".join(map(str, ("inputs", *item.hidden, "outputs"))) for name, item in FEED_FORWARD.items()
        },
        "losses": {name: _first_line(item) for name, item in LOSSES.items()},
        "optimizers": {name: repr(item) for name, item in OPTIMIZERS.items()},
        "topologies": TOPOLOGIES,
        "concepts": {name: f"a part's loss is the {name} over its neighbours' other parts" for name in CONCEPTS},
        "activations": {name: item.__name__ for name, item in ACTIVATIONS.items()},
        "outputs": {name: item.__name__ for name, item in OUTPUTS.items()},
    }


def _open(kind: str) -> dict[str, str]:
    """A registry with the options of what is in it, and what installed packages offer, which is not imported."""
    lines = {}
    for name, item in REGISTRIES[kind].items():
        options = ", ".join(f"{option}={known.default}" for option, known in own_options(kind, item).items())
        lines[name] = _first_line(item) + (f" [{options}]" if options else "")
    return lines | {name: f"from an installed package: {entry.value}" for name, entry in entries(kind).items()}


def _first_line(item: Any) -> str:
    return (inspect.getdoc(item) or "").split("\n")[0]


def _network(network: MLP | Convolutional) -> str:
    if isinstance(network, Convolutional):
        first, second = network.channels
        return f"convolutions of images to {first} and {second} channels and back"
    widths = "-".join(str(width) for width in (*network.hidden, network.latent))
    return f"inputs-{widths} and back" + (", variational" if network.variational else "")
