"""VARIANCE: weights into units that hardly vary over the samples go first."""

from typing import Any

import torch
from torch import Tensor

from evoprune.checks import true_or_false
from evoprune.genome import Genome
from evoprune.operators.choice import Choice, apply, check, prune_lowest, source_of
from evoprune.operators.structured import joints_of, of_units, prune_lowest_units, prune_units
from evoprune.operators.units import minmax, spread, unit_activations
from evoprune.seeds import Rng


def mutPruneVariance(
    individual: Any,
    amount: float,
    activations: Any,
    persistent: bool = True,
    rng: Rng = None,
    scope: str = "tensor",
    structured: bool = False,
) -> tuple[Any]:
    """Prune weights into units of low activation variance, in place.

    Each weight is drawn with weight ``1 - s``, without replacement, where s is its unit's standard deviation over the
    samples, scaled to [0, 1] in the layer; where all units vary alike, or one is NaN, the draw is uniform.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual with
        ``scope="global"``. The last survivor of a tensor stays.
    :param activations: an :class:`~evoprune.activations.ActivationProbe`, or what it returned for this individual.
    :param persistent: False follows the paper's code, in which units of **high** variance go: every weight of a unit is
        kept with probability ``1 - std``, scaled to [0, 1] in the layer unless all units vary alike or one is NaN, and
        never where it is NaN; ``amount`` and ``scope`` are not used, and what goes is set to zero once.
    :param rng: source of randomness; by default Python's global ``random``, from which a call draws exactly once,
        whatever the amount.
    :param structured: draw units instead of weights, of those between layers; with one go all weights that make or read
        it. The amount is a share of the units, of every layer or of all, and a unit of each layer stays. Where it is
        not persistent, a unit goes as the weights would.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, and activations that do not fit the individual.

    Source: VARIANCE in Jorgensen et al. 2025 (arXiv 2505.05138); their text says low variance, their code prunes high.
    """
    check(amount, scope, persistent)
    true_or_false("structured", structured)
    source = source_of(rng)
    found = [
        (genome, {name: values.std(0, correction=0) for name, values in layers.items()})
        for genome, layers in unit_activations(individual, activations)
    ]
    if structured:
        _prune_units(individual, found, amount, scope, persistent, source)
    elif persistent:
        scores = [(genome, _race(genome, deviations, source)) for genome, deviations in found]
        prune_lowest(scores, amount, scope)
    else:
        choices = [choice for genome, deviations in found for choice in _keep_steady(genome, deviations, source)]
        apply(choices, persistent)
    return (individual,)


def _prune_units(
    individual: Any,
    found: list[tuple[Genome, dict[str, Tensor]]],
    amount: float,
    scope: str,
    persistent: bool,
    source: torch.Generator,
) -> None:
    """The same draws, one for each unit."""
    joints, drawn = joints_of(individual), []
    for joint in joints:
        said = of_units(joint, found)
        deviation = torch.cat(said, 1).mean(1) if said else torch.zeros(joint.units)
        if persistent:
            drawn.append(_times(_rate(deviation), source))
        else:
            drawn.append(_stays(_chance(deviation), source))
    if persistent:
        prune_lowest_units(individual, joints, drawn, amount, scope, relative=False)
    else:
        prune_units(individual, joints, drawn, persistent)


def _race(genome: Genome, deviations: dict[str, Tensor], source: torch.Generator) -> dict[str, Tensor]:
    """Draws without replacement as a race: exponential times with rates ``1 - s``; those who arrive first go."""
    rates = {name: _rate(deviation) for name, deviation in deviations.items()}
    return {name: _times(rate, source) for name, rate in spread(genome, rates)}


def _keep_steady(genome: Genome, deviations: dict[str, Tensor], source: torch.Generator) -> list[Choice]:
    chances = {name: _chance(deviation) for name, deviation in deviations.items()}
    return [(genome, name, _stays(chance, source)) for name, chance in spread(genome, chances)]


def _rate(deviation: Tensor) -> Tensor:
    """How likely a unit goes: that which varies most almost never, not never, so that any amount can be reached."""
    return (1.0 - minmax(deviation)[0]).clamp_min(1e-9)


def _times(rate: Tensor, source: torch.Generator) -> Tensor:
    """An exponential time for each rate."""
    return _room(rate, source).exponential_(generator=source).to(rate.device) / rate


def _stays(chance: Tensor, source: torch.Generator) -> Tensor:
    """Which of them stay, each with its chance."""
    return _room(chance, source).uniform_(generator=source).to(chance.device) < chance


def _chance(deviation: Tensor) -> Tensor:
    """With what probability the paper's code keeps a unit's weights; NaN is below no chance: they go."""
    scaled, constant = minmax(1.0 - deviation)
    return torch.where(constant, 1.0 - deviation, scaled)


def _room(like: Tensor, source: torch.Generator) -> Tensor:
    return torch.empty(like.shape, device=source.device)
