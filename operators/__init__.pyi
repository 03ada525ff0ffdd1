from .adaptive import AdaptiveOperator as AdaptiveOperator
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
from .courses import COURSES as COURSES
from .exchange import exchange as exchange
from .probability import ScheduledProbability as ScheduledProbability
from .prune_activation import mutPruneActivation as mutPruneActivation
from .prune_conjunctive import mutPruneConjunctive as mutPruneConjunctive
from .prune_erdos_renyi import mutPruneErdosRenyi as mutPruneErdosRenyi
from .prune_fisher import mutPruneFisher as mutPruneFisher
from .prune_lamp import mutPruneLAMP as mutPruneLAMP
from .prune_magnitude import mutPruneMagnitude as mutPruneMagnitude
from .prune_movement import mutPruneMovement as mutPruneMovement
from .prune_random import mutPruneRandom as mutPruneRandom
from .prune_snip import mutPruneSNIP as mutPruneSNIP
from .prune_synflow import mutPruneSynFlow as mutPruneSynFlow
from .prune_taylor import mutPruneTaylor as mutPruneTaylor
from .prune_units import mutPruneUnits as mutPruneUnits
from .prune_variance import mutPruneVariance as mutPruneVariance
from .rate import mutLearningRate as mutLearningRate
from .registry import OPERATORS as OPERATORS
from .regrow import mutRegrow as mutRegrow
from .reselect import mutReselect as mutReselect
from .rewind import rewind as rewind
from .schedules import (
    SCHEDULES as SCHEDULES,
    Decrease as Decrease,
    Exponential as Exponential,
    FinalN as FinalN,
    Fixed as Fixed,
    Increase as Increase,
    Population as Population,
    PruneAfter as PruneAfter,
    Rounds as Rounds,
    Schedule as Schedule,
    Until as Until,
)
from .target import amount_for_target as amount_for_target, expected_preserved as expected_preserved, towards as towards
from .train import StepDecay as StepDecay, mutTrain as mutTrain
from .weights import cxUniformWeights as cxUniformWeights, mutZeroWeights as mutZeroWeights
