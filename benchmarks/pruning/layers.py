"""Layers of settings, later ones over earlier ones."""

from collections.abc import Mapping
from typing import Any

from evoprune.benchmarks.pruning.parts import REGISTRIES


def laid_over(settings: type, given: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """A layer over those before it. Options add up, but belong to one operator, schedule or problem.

    :param settings: the dataclass, whose defaults are below all layers.
    """
    made = {**given, **layer}
    for kind in REGISTRIES:
        name, options = kind, f"{kind}_options"
        same = name not in layer or layer[name] == given.get(name, getattr(settings, name))
        if same and options in given and options in layer:
            made[options] = {**given[options], **layer[options]}
        elif not same and options not in layer:
            made.pop(options, None)
    return made
