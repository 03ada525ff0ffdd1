from .architecture import (
    Space as Space,
    cxOnePointLayers as cxOnePointLayers,
    mutActivation as mutActivation,
    mutArchitecture as mutArchitecture,
    mutDeleteLayer as mutDeleteLayer,
    mutInsertLayer as mutInsertLayer,
    mutResizeLayer as mutResizeLayer,
    random_architecture as random_architecture,
)
from .combine import gated as gated, sequence as sequence
from .compact import mutCompact as mutCompact
from .probability import ScheduledProbability as ScheduledProbability
from .prune_conjunctive import mutPruneConjunctive as mutPruneConjunctive
from .prune_magnitude import mutPruneMagnitude as mutPruneMagnitude
from .prune_random import mutPruneRandom as mutPruneRandom
from .prune_units import mutPruneUnits as mutPruneUnits
from .prune_variance import mutPruneVariance as mutPruneVariance
from .rate import mutLearningRate as mutLearningRate
from .registry import OPERATORS as OPERATORS
from .schedules import (
    SCHEDULES as SCHEDULES,
    Decrease as Decrease,
    Exponential as Exponential,
    FinalN as FinalN,
    Fixed as Fixed,
    Increase as Increase,
    Population as Population,
    PruneAfter as PruneAfter,
    Schedule as Schedule,
    Until as Until,
)
from .target import amount_for_target as amount_for_target, expected_preserved as expected_preserved, towards as towards
from .train import StepDecay as StepDecay, mutTrain as mutTrain
from .weights import cxUniformWeights as cxUniformWeights, mutZeroWeights as mutZeroWeights
