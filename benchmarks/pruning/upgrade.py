"""Settings as version 0.1 wrote them, and as users may write them, in the form that this version has."""

from collections.abc import Mapping
from typing import Any

from evoprune.benchmarks.pruning.algorithms import ORDERS
from evoprune.benchmarks.pruning.parts import problem_options

BENCHMARK = "binary-clustering"
"""The problem where nothing else is said."""

OLD = {"prune": ("pruning_order", {old: new for new, old in ORDERS.items()}), "update": ("update_order", {})}
"""Setting of version 0.1 -> its name now, and what values are called now."""


def upgraded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, complete or not, as this version has them.

    Old names become new ones, and options of a problem that stand by themselves go to ``benchmark_options``, those of
    other problems than the chosen one aside, which have no effect.
    """
    flat = problem_options()
    found: dict[str, Any] = {}
    loose: dict[str, Any] = {}
    for name, value in values.items():
        new, spellings = OLD.get(name, (name, {}))
        if name not in flat:
            found[new] = spellings.get(value, value) if isinstance(value, str) else value
        elif value is not None:
            loose[name] = value
    benchmark = found.get("benchmark", BENCHMARK)
    fitting = {name: value for name, value in loose.items() if str(benchmark) in flat[name]}
    if fitting and isinstance(found.get("benchmark_options", {}), dict):  # else the settings say what is wrong
        found["benchmark_options"] = {**found.get("benchmark_options", {}), **fitting}
    return found
