from .architecture import (
    Space,
    cxOnePointLayers,
    mutActivation,
    mutArchitecture,
    mutDeleteLayer,
    mutInsertLayer,
    mutResizeLayer,
    random_architecture,
)
from .combine import gated, sequence
from .probability import ScheduledProbability
from .prune_conjunctive import mutPruneConjunctive
from .prune_magnitude import mutPruneMagnitude
from .prune_random import mutPruneRandom
from .prune_variance import mutPruneVariance
from .rate import mutLearningRate
from .registry import OPERATORS
from .schedules import (
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
from .target import amount_for_target, expected_preserved, towards
from .train import StepDecay, mutTrain
from .weights import cxUniformWeights, mutZeroWeights

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
