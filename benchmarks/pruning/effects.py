"""Settings that do nothing beside others, for a word to the one who gave them, and for names in a report."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from evoprune.benchmarks.pruning.algorithms import ALGORITHMS
from evoprune.benchmarks.pruning.parts import PROBLEM_TAKES, known, problem_options
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.plugins import names_in
from evoprune.runs.takes import parameters

Values = Mapping[str, Any]
PRUNING = (
    *("schedule", "schedule_options", "probability", "finetune", "amount", "target_preserved", "target_macs", "scope"),
    *("threshold", "operator_options", "compact_every", "operator_choice"),
    *("course", "regrow", "regrow_share", "rewind"),
)


def idle(settings: Values) -> dict[str, str]:
    """The settings that have no effect beside the others, each with the setting that decides.

    :param settings: of any experiment, perhaps incomplete; where the deciding setting is missing nothing is idle.
    """
    found: dict[str, str] = {}
    if settings.get("operator") == "none":
        found |= dict.fromkeys(PRUNING, "operator")
        if settings.get("initial", "none") != "none":
            del found["target_preserved"]
        if settings.get("finetune_rate", 1.0) != 1:
            del found["finetune"]
    elif (operator := _known("operator", settings)) is not None:
        takes = {"target_preserved": "amount", "amount": "amount", "scope": "scope", "threshold": "threshold"}
        found |= {name: "operator" for name, taken in takes.items() if taken not in parameters(operator)}
        if len(names_in(settings["operator"])) == 1:
            found["operator_choice"] = "operator"
    if settings.get("regrow", "none") == "none":
        found.setdefault("regrow_share", "regrow")
    if settings.get("semantics") == "reference":
        found["compact_every"] = "semantics"
    if (problem := _known("benchmark", settings)) is not None:
        filled = {PROBLEM_TAKES.get(name) for name in parameters(problem)}
        found |= {name: "benchmark" for name in ("data", "data_seed") if name not in filled}
        found |= {name: "benchmark" for name, on in problem_options().items() if settings["benchmark"] not in on}
    if (loop := ALGORITHMS.get(settings.get("algorithm", ""))) is not None:
        some = {name for one in ALGORITHMS.values() for name in one.uses}
        found |= dict.fromkeys(sorted(some.difference(loop.uses)), "algorithm")
        if settings.get("update_order", "synchronous") != "synchronous":
            found["chunk"] = "algorithm"
        if loop.stock and settings.get("rate_decay", "walk") != "walk":
            found["rate_sigma"] = "rate_decay"
    return found


def without_effect(settings: Settings, given: Values) -> Iterator[str]:
    """A line for each of the given settings that has no effect; those that were given their default are passed over."""
    values = settings.as_dict()
    default = {field.name: field.default for field in dataclasses.fields(Settings)}
    for name, by in idle(values).items():
        if name in given and given[name] != default.get(name):
            yield f"{name} has no effect with {by} {values[by]}"


def _known(kind: str, settings: Values) -> Any:
    try:
        return known(kind, settings[kind])
    except (KeyError, ValueError):  # not said, or not of this version
        return None
