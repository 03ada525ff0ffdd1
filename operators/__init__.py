"""Operators in the DEAP convention: pruning and training as mutations, and the schedules that say when.

What belongs here: functions that change an individual in place and return it in a tuple, with the three parts of
pruning (scores, choice, schedule), each written once. What does not: loops over generations
(:mod:`evoprune.algorithms`) and anything that knows a data set (:mod:`evoprune.benchmarks`).

A new pruning operator is a new score in a new file: `prune_magnitude.py` is the shortest to start from, `prune_lowest`
in `choice.py` does the rest, and a line in :data:`OPERATORS` gives it a name and the tests that every operator passes.
"""

from collections.abc import Callable
from typing import Any

from evoprune.operators.architecture import (
    Space,
    cxOnePointLayers,
    mutActivation,
    mutArchitecture,
    mutDeleteLayer,
    mutInsertLayer,
    mutResizeLayer,
    random_architecture,
)
from evoprune.operators.combine import gated, sequence
from evoprune.operators.probability import ScheduledProbability
from evoprune.operators.prune_conjunctive import mutPruneConjunctive
from evoprune.operators.prune_magnitude import mutPruneMagnitude
from evoprune.operators.prune_random import mutPruneRandom
from evoprune.operators.prune_variance import mutPruneVariance
from evoprune.operators.rate import mutLearningRate
from evoprune.operators.schedules import (
    SCHEDULES,
    Decrease,
    Exponential,
    FinalN,
    Fixed,
    Increase,
    Population,
    PruneAfter,
    Schedule,
    Until,
)
from evoprune.operators.target import amount_for_target, expected_preserved, towards
from evoprune.operators.train import StepDecay, mutTrain
from evoprune.operators.weights import cxUniformWeights, mutZeroWeights

OPERATORS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "conjunctive": mutPruneConjunctive,
    "magnitude": mutPruneMagnitude,
    "random": mutPruneRandom,
    "variance": mutPruneVariance,
}
"""The pruning operators by name."""

__all__ = [
    "OPERATORS",
    "SCHEDULES",
    "Decrease",
    "Exponential",
    "FinalN",
    "Fixed",
    "Increase",
    "Population",
    "PruneAfter",
    "Schedule",
    "ScheduledProbability",
    "Space",
    "StepDecay",
    "Until",
    "amount_for_target",
    "cxOnePointLayers",
    "cxUniformWeights",
    "expected_preserved",
    "gated",
    "mutActivation",
    "mutArchitecture",
    "mutDeleteLayer",
    "mutInsertLayer",
    "mutLearningRate",
    "mutPruneConjunctive",
    "mutPruneMagnitude",
    "mutPruneRandom",
    "mutPruneVariance",
    "mutResizeLayer",
    "mutTrain",
    "mutZeroWeights",
    "random_architecture",
    "sequence",
    "towards",
]
