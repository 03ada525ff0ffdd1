"""Names of variants: what a group of runs is called, and by what its settings differ from those of others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evoprune.benchmarks.pruning.effects import idle
from evoprune.benchmarks.pruning.parts import REGISTRIES, problem_options
from evoprune.benchmarks.pruning.upgrade import upgraded
from evoprune.plugins import label

SAME_RESULT = ("seed", "checkpoint_every", "compare", "snapshots")
"""Settings that make no other variant: the trial, and what does not touch the evolution."""

DATA = ("benchmark", "task", "data", "data_seed", "image_size", "resize", "samples")
"""Settings that say on which data set a variant runs, beside the options of the problem."""


def flat(settings: Mapping[str, Any], experiment: str = "run") -> dict[str, Any]:
    """Settings of any version as this one has them, with the options of operator, schedule and problem beside the rest.

    An option is called as ``operator.steps``; those of our own problems, which were settings in version 0.1, by their
    name alone.

    :param experiment: what the settings are of where they do not say it; those of others than ``run`` stay as they are.
    """
    if settings.get("experiment", experiment) != "run":
        return dict(settings)
    values, ours = upgraded(settings), problem_options()
    options = {kind: values.pop(f"{kind}_options", None) or {} for kind in REGISTRIES}
    found: dict[str, Any] = {}
    for key in dict.fromkeys([*values, *REGISTRIES]):
        if key in values and values[key] != {}:  # of no code from outside
            found[key] = values[key]
        for name, value in options.get(key, {}).items():
            found[name if name in ours else f"{key}.{name}"] = value
    return found


def differing(settings: Sequence[Mapping[str, Any]], ignore: Sequence[str] = SAME_RESULT) -> list[str]:
    """The settings in which the given ones differ, in their order.

    What one of them does not have is no difference, nor is what has no effect in any of them.
    """
    keys = dict.fromkeys(key for one in settings for key in effective(one) if key not in ignore)
    return [key for key in keys if len({as_key(one[key]) for one in settings if key in one}) > 1]


def name_of(settings: Mapping[str, Any], keys: Sequence[str]) -> str:
    """A name from some settings, such as ``random-exponential-amount=0.1``; without keys algorithm-operator-schedule.

    What has no effect is not named, such as a schedule where nothing is pruned.
    """
    settings = effective(settings)
    if not keys:
        keys = [key for key in ("algorithm", "operator", "schedule") if key in settings]
        if not keys:
            return str(settings.get("experiment", "run"))
    parts = [_part(key, settings[key]) for key in keys if key in settings]
    return "-".join(parts) or name_of(settings, [])


def names_of(
    settings: Sequence[Mapping[str, Any]], alike: str | None = None, ignore: Sequence[str] = SAME_RESULT
) -> list[str]:
    """A name for each of the settings by that in which they differ; ``alike`` for all where they do not."""
    keys = differing(settings, ignore)
    return [name_of(one, keys) if keys or alike is None else alike for one in settings]


def describe(settings: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """In what two settings differ, such as ``generations 400 and 100``; empty where they do not."""
    return ", ".join(f"{key} {settings[key]!r} and {other[key]!r}" for key in differing([settings, other]))


def as_key(value: Any) -> str:
    """A value that JSON may hold as something to compare and to look up."""
    return json.dumps(value, sort_keys=True)


def effective(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those that do nothing beside the others."""
    without = idle(settings)
    return {key: value for key, value in settings.items() if key not in without}


def data_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that say on which data set a variant runs, as far as its benchmark reads them."""
    names = (*DATA, *problem_options())
    return {key: value for key, value in effective(settings).items() if key in names or key.startswith("benchmark.")}


def _part(key: str, value: Any) -> str:
    value = label(value) if key in REGISTRIES else value  # of code from outside its name alone, without slashes
    return value if isinstance(value, str) else f"{key}={'none' if value is None else value}"
