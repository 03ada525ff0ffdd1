"""Scores of units: what a unit's weights are worth together, (units,) for every joint. The lowest go first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from evoprune.checks import of_type
from evoprune.examples import check_takes
from evoprune.individuals import Individual, genomes
from evoprune.losses import check_loss_name
from evoprune.operators.structured import of_units
from evoprune.operators.units import unit_activations
from evoprune.shrinking.constants import columns, rows
from evoprune.shrinking.joints import End, Joint
from evoprune.training.programs import gradients


@dataclass(frozen=True)
class Evidence:
    """What scores may ask for: the individual, and what an operator was given beside it."""

    individual: Individual
    activations: Any = None
    samples: Any = None
    targets: Any = None
    loss: Any = None


Score = Callable[[Sequence[Joint], Evidence], list[Tensor]]


def _norm(joints: Sequence[Joint], evidence: Evidence, power: int) -> list[Tensor]:
    """The norm of all weights that lead into a unit, and of those that read it."""
    sizes = []
    for joint in joints:
        made = [rows(end, _weight(end)) for one in joint.passes for end in one.makers]
        read = [columns(end, _weight(end)) for one in joint.passes for end in one.readers]
        sizes.append(torch.stack([_sum(part.abs() ** power) for part in (*made, *read)]).sum(0) ** (1 / power))
    return sizes


def _carried(joints: Sequence[Joint], evidence: Evidence, centred: bool) -> list[Tensor]:
    """What the weights that read a unit carry on: their sizes times that of its activations."""
    if evidence.activations is None:
        raise ValueError("scores of activations need activations, an ActivationProbe or what it returned; got None")
    found = [
        (genome, {name: _size(values.double(), centred) for name, values in layers.items()})
        for genome, layers in unit_activations(evidence.individual, evidence.activations)
    ]
    scores = []
    for joint in joints:
        score = torch.zeros(joint.units, dtype=torch.float64)
        for one in joint.passes:
            weights = torch.stack([_sum(columns(end, _weight(end)).abs()) for end in one.readers]).sum(0)
            for size in of_units(Joint(joint.units, (one,)), found):  # none of a layer that the forward does not use
                score += size.mean(1) * weights
        scores.append(score)
    return scores


def _sensitivity(joints: Sequence[Joint], evidence: Evidence) -> list[Tensor]:
    """How far the loss moves, to first order, where all that leads into a unit becomes zero."""
    given = {"samples": evidence.samples, "targets": evidence.targets, "loss": evidence.loss}
    if missing := [name for name, value in given.items() if value is None]:
        raise ValueError(f"scores of gradients need samples, targets and loss, got no {missing[0]}")
    check_takes(evidence.individual, evidence.samples, "samples")
    of_type("targets", evidence.targets, Tensor, "a tensor (samples, ...)")
    check_loss_name(evidence.loss)
    (tables,) = gradients([evidence.individual], *given.values())
    found = {id(genome): table for genome, table in zip(genomes(evidence.individual), tables, strict=True)}
    scores = []
    for joint in joints:
        score = torch.zeros(joint.units, dtype=torch.float64)
        for end in (end for one in joint.passes for end in one.makers):
            table, layer = found[id(end.step.genome)], end.step
            parts = {layer.tensor: layer.axes[0]} | ({layer.called("bias"): 0} if layer.module.bias is not None else {})
            for name, axis in parts.items():
                moved = layer.genome.module.get_parameter(name).detach().cpu() * table[name].cpu()
                score += _sum(moved.movedim(axis, 0)[end.places])
        scores.append(score.abs())
    return scores


SCORES: Mapping[str, Score] = {
    "l1": partial(_norm, power=1),
    "l2": partial(_norm, power=2),
    "activation": partial(_carried, centred=False),
    "variance": partial(_carried, centred=True),
    "gradient": _sensitivity,
}


def _size(activations: Tensor, centred: bool) -> Tensor:
    """The standard deviation, or the root mean square, of activations (samples, units)."""
    return activations.std(0, correction=0) if centred else activations.square().mean(0).sqrt()


def _weight(end: End) -> Tensor:
    weight: Any = end.step.module.weight
    return weight.detach().cpu()


def _sum(grouped: Tensor) -> Tensor:
    """The sum over all that belongs to a unit, (units,)."""
    return grouped.flatten(1).double().sum(1)
