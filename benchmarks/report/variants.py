"""Names of variants: what a group of runs is called, and by what its settings differ from those of others."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from evoprune.benchmarks.pruning.unused import idle

SAME_RESULT = ("seed", "checkpoint_every", "compare", "snapshots")
"""Settings that make no other variant: the trial, and what does not touch the evolution."""

DATA = (
    *("benchmark", "n_clusters", "n_samples", "n_dim", "noise", "p_one", "data_seed", "data", "image_size"),
    *("resize", "samples"),  # of architectures and of weights
)
"""Settings that say on which data set a variant runs."""


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
    return {key: value for key, value in effective(settings).items() if key in DATA}


def _part(key: str, value: Any) -> str:
    return value if isinstance(value, str) else f"{key}={'none' if value is None else value}"
