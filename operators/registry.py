"""The pruning operators by name."""

from collections.abc import Callable
from typing import Any

from evoprune.operators.prune_activation import mutPruneActivation
from evoprune.operators.prune_conjunctive import mutPruneConjunctive
from evoprune.operators.prune_erdos_renyi import mutPruneErdosRenyi
from evoprune.operators.prune_fisher import mutPruneFisher
from evoprune.operators.prune_lamp import mutPruneLAMP
from evoprune.operators.prune_magnitude import mutPruneMagnitude
from evoprune.operators.prune_movement import mutPruneMovement
from evoprune.operators.prune_random import mutPruneRandom
from evoprune.operators.prune_snip import mutPruneSNIP
from evoprune.operators.prune_synflow import mutPruneSynFlow
from evoprune.operators.prune_taylor import mutPruneTaylor
from evoprune.operators.prune_units import mutPruneUnits
from evoprune.operators.prune_variance import mutPruneVariance

OPERATORS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "activation": mutPruneActivation,
    "conjunctive": mutPruneConjunctive,
    "erdos-renyi": mutPruneErdosRenyi,
    "fisher": mutPruneFisher,
    "lamp": mutPruneLAMP,
    "magnitude": mutPruneMagnitude,
    "movement": mutPruneMovement,
    "random": mutPruneRandom,
    "snip": mutPruneSNIP,
    "synflow": mutPruneSynFlow,
    "taylor": mutPruneTaylor,
    "units": mutPruneUnits,
    "variance": mutPruneVariance,
}
"""The pruning operators by name."""
