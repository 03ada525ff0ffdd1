"""Names of variants: what a group of runs is called, and by what its settings differ from those of others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

SAME_RESULT = ("seed", "checkpoint_every", "compare", "snapshots")
"""Settings that make no other variant: the trial, and what does not touch the evolution."""

DATA = ("benchmark", "n_clusters", "n_samples", "n_dim", "noise", "p_one", "data_seed", "data")
"""Settings that say on which data set a variant runs."""


def differing(settings: Sequence[Mapping[str, Any]], ignore: Sequence[str] = SAME_RESULT) -> list[str]:
    """The settings in which the given ones differ, in their order. What one of them does not have is no difference."""
    keys = dict.fromkeys(key for one in settings for key in one if key not in ignore)
    return [key for key in keys if len({as_key(one[key]) for one in settings if key in one}) > 1]


def name_of(settings: Mapping[str, Any], keys: Sequence[str]) -> str:
    """A name from some settings, such as ``random-exponential-amount=0.1``; without keys algorithm-operator-schedule.

    A schedule is not named where nothing is pruned.
    """
    if not keys:
        keys = [key for key in ("algorithm", "operator", "schedule") if key in settings]
        if not keys:
            return str(settings.get("experiment", "run"))
    parts = [_part(key, settings[key]) for key in keys if key in settings and not _idle(key, settings)]
    return "-".join(parts) or name_of(settings, [])


def describe(settings: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """In what two settings differ, such as ``generations 400 and 100``; empty where they do not."""
    return ", ".join(f"{key} {settings[key]!r} and {other[key]!r}" for key in differing([settings, other]))


def as_key(value: Any) -> str:
    """A value that JSON may hold as something to compare and to look up."""
    return json.dumps(value, sort_keys=True)


def _idle(key: str, settings: Mapping[str, Any]) -> bool:
    return key == "schedule" and settings.get("operator") == "none"


def _part(key: str, value: Any) -> str:
    return value if isinstance(value, str) else f"{key}={'none' if value is None else value}"
