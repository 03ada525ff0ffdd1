"""Variants that differ only in the schedule, and the operators among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evoprune.benchmarks.report.variants import SAME_RESULT, as_key, names_of

COURSE = ("operator", "schedule", "probability", "threshold", *SAME_RESULT)
"""What may differ within a sweep; the paper's C is lower for one of its schedules."""


@dataclass
class Sweep:
    """Operator -> schedule -> variant, all else alike; ``without`` is the same without pruning."""

    name: str
    settings: dict[str, Any]
    operators: dict[str, dict[str, str]] = field(default_factory=dict)
    without: str | None = None


def schedule_sweeps(variants: Mapping[str, Mapping[str, Any]]) -> list[Sweep]:
    """The sweeps in which some operator has at least two schedules; named by what they do not share."""
    groups: dict[str, Sweep] = {}
    for variant, settings in variants.items():
        if "operator" not in settings or "schedule" not in settings:
            continue
        rest = {key: value for key, value in settings.items() if key not in COURSE}
        sweep = groups.setdefault(as_key(rest), Sweep("", rest))
        if settings["operator"] == "none":
            sweep.without = sweep.without or variant
        else:
            sweep.operators.setdefault(settings["operator"], {}).setdefault(settings["schedule"], variant)
    found = [sweep for sweep in groups.values() if any(len(group) > 1 for group in sweep.operators.values())]
    for sweep, name in zip(found, names_of([sweep.settings for sweep in found], ""), strict=True):
        sweep.operators = {operator: group for operator, group in sweep.operators.items() if len(group) > 1}
        sweep.name = name
    return found
