"""How much a run prunes: an amount at each event, or a share to aim at of the weights or the multiply-accumulates."""

from collections.abc import Mapping
from typing import Any

from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning.parts import known
from evoprune.operators.target import check_target, expected_preserved

GOALS = ("amount", "target_preserved", "target_macs")
"""The settings that say how much, of which a run has one."""
MEASURES = {"amount": "units", "target_preserved": "weights", "target_macs": "macs"}
"""For an operator that takes whole units, what its amounts are shares of."""


def without_others(given: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """Take goals of earlier layers away where a later one has another."""
    if any(layer.get(name) is not None for name in GOALS):
        for name in GOALS:
            if layer.get(name) is None:
                given.pop(name, None)


def check_goal(settings: Any) -> None:
    """See that the goal of a run is one that it can reach; where none is given it gets that of its task.

    :raises ValueError: naming the setting.
    """
    goals = [name for name in GOALS if getattr(settings, name) is not None]
    if len(goals) > 1:
        raise ValueError(f"give {' or '.join(goals)}, not both")
    if settings.semantics == "reference":
        if goals not in ([], ["amount"]):
            raise ValueError(f"{goals[0]} needs semantics persistent: in reference semantics weights grow again")
        if not goals:
            object.__setattr__(settings, "amount", 0.1)
    elif not goals:
        reachable = expected_preserved(settings.course, settings.generations, 1.0) if settings.takes("amount") else 0.0
        object.__setattr__(settings, "target_preserved", max(reachable, TASKS[settings.task].target_preserved))
    operator = known("operator", settings.operator)
    if settings.target_macs is not None and operator is not None and not settings.takes("measure"):
        expected = "an operator that takes whole units, such as units"
        raise ValueError(f"target_macs needs {expected}; got operator {settings.operator}")
    for name in GOALS[1:]:
        if (goal := getattr(settings, name)) is None:
            continue
        if not 0 < goal <= 1:
            raise ValueError(f"{name} must be a number in (0, 1], got {goal!r}")
        if settings.takes("amount") and known("schedule", settings.schedule) is not None:
            check_target(settings.course, settings.generations, goal, name)
