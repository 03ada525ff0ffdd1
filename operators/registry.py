"""The pruning operators by name."""

from collections.abc import Callable
from typing import Any

from evoprune.operators.prune_conjunctive import mutPruneConjunctive
from evoprune.operators.prune_magnitude import mutPruneMagnitude
from evoprune.operators.prune_random import mutPruneRandom
from evoprune.operators.prune_units import mutPruneUnits
from evoprune.operators.prune_variance import mutPruneVariance

OPERATORS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "conjunctive": mutPruneConjunctive,
    "magnitude": mutPruneMagnitude,
    "random": mutPruneRandom,
    "units": mutPruneUnits,
    "variance": mutPruneVariance,
}
"""The pruning operators by name."""
