"""Settings that do nothing beside others, for a word to the one who gave them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evoprune.benchmarks.pruning.settings import AMOUNT_OPERATORS, Settings

USES: tuple[tuple[str, str, Callable[[Settings], bool]], ...] = (
    ("amount target_preserved scope", "operator", lambda s: s.operator in AMOUNT_OPERATORS),
    ("threshold", "operator", lambda s: s.operator == "conjunctive"),
    ("schedule probability finetune", "operator", lambda s: s.operator != "none"),
    ("n_clusters n_samples n_dim noise p_one", "benchmark", lambda s: s.benchmark == "binary-clustering"),
    ("data", "benchmark", lambda s: s.benchmark in ("file", "images", "photographs")),
    ("image_size", "benchmark", lambda s: s.benchmark in ("images", "photographs")),
    ("rate_decay", "algorithm", lambda s: s.algorithm == "canonical"),
    ("rate_sigma", "rate_decay", lambda s: s.algorithm != "canonical" or s.rate_decay == "walk"),
    ("update opponents topology radius", "algorithm", lambda s: s.algorithm == "spatial"),
    ("concept prune", "algorithm", lambda s: s.algorithm != "canonical"),
    ("chunk", "algorithm", lambda s: s.parallel),
)
"""Settings, the setting that decides whether they are used, and whether they are."""


def unused(settings: Settings, given: Mapping[str, Any]) -> Iterator[str]:
    """A line for each of the given settings that has no effect; those that were given their default are passed over."""
    default = {field.name: field.default for field in dataclasses.fields(Settings)}
    for names, by, used in USES:
        for name in names.split():
            if name in given and given[name] != default[name] and not used(settings):
                yield f"{name} has no effect with {by} {getattr(settings, by)}"
