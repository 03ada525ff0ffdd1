"""How much a run prunes: an amount at each event, or a share to aim at of the weights or the multiply-accumulates.

And on what way it gets there: a course, an exchange of weights, a first pruning before any training.
"""

from collections.abc import Mapping
from typing import Any

from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning.parts import known
from evoprune.operators.courses import COURSES
from evoprune.operators.target import check_target, expected_preserved
from evoprune.plugins import label, names_in
from evoprune.runs.takes import parameters

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
        reachable = expected_preserved(settings.timing, settings.generations, 1.0) if settings.takes("amount") else 0.0
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
            check_target(settings.timing, settings.generations, goal, name)


def check_way(settings: Any) -> None:
    """See that the way to the goal of a run is one that it can go.

    :raises ValueError: naming the setting.
    """
    names = names_in(settings.operator)
    if settings.operator_choice != "cells" and len(set(map(label, names))) < len(names):
        raise ValueError(f"operator {settings.operator}: operator_choice {settings.operator_choice} needs each once")
    if settings.chooses and "pruning_order" in settings.loop.uses and settings.pruning_order == "before-evaluation":
        what = f"operator_choice {settings.operator_choice} compares losses before and after pruning"
        raise ValueError(f"{what}: it needs pruning_order after-evaluation")
    if settings.ablation != "none" and (settings.operator_choice != "cells" or settings.semantics == "reference"):
        raise ValueError(f"ablation {settings.ablation} needs masks, and operator_choice cells")
    regrows, initial = settings.regrow != "none", settings.initial != "none"
    if settings.semantics == "reference" and (regrows or initial or settings.course != "expected" or settings.rewind):
        raise ValueError("course, regrow, initial and rewind need semantics persistent: the others have no masks")
    if settings.amount is not None:
        for name in ("course", "regrow", "initial"):
            if getattr(settings, name) not in ("none", "expected"):
                raise ValueError(f"{name} is a way to a target, such as target_preserved, and not for an amount")
    if settings.polish and (settings.semantics == "reference" or settings.compact_every):
        raise ValueError("polish needs semantics persistent, and networks without compact_every: it moves masks")
    if regrows and settings.course == "expected":
        courses = ", ".join(COURSES)
        raise ValueError(f"regrow needs a course that says how many weights there are when, one of {courses}")
    if (regrows or initial) and settings.target_macs is not None:
        raise ValueError("regrow and initial count weights: give target_preserved instead of target_macs")
    if initial and "amount" not in parameters(known("operator", settings.initial)):
        raise ValueError(f"initial {settings.initial} takes no amount, so it cannot prune to a target")
    if settings.compact_every and (regrows or settings.rewind):
        raise ValueError("compact_every takes out for good what regrow and rewind would bring back: leave one of them")
    if settings.rewind >= settings.generations:
        raise ValueError(f"rewind must be below the {settings.generations} generations, got {settings.rewind}")
