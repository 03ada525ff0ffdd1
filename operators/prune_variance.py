"""VARIANCE: weights into units that hardly vary over the samples go first."""

from typing import Any

import torch
from torch import Tensor

from evoprune.genome import Genome
from evoprune.operators.choice import Choice, apply, check, prune_lowest, source_of
from evoprune.operators.units import minmax, spread, unit_activations
from evoprune.seeds import Rng


def mutPruneVariance(
    individual: Any, amount: float, activations: Any, persistent: bool = True, rng: Rng = None, scope: str = "tensor"
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
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, and activations that do not fit the individual.

    Source: VARIANCE in Jorgensen et al. 2025 (arXiv 2505.05138); their text says low variance, their code prunes high.
    """
    check(amount, scope, persistent)
    source = source_of(rng)
    found = [
        (genome, {name: values.std(0, correction=0) for name, values in layers.items()})
        for genome, layers in unit_activations(individual, activations)
    ]
    if persistent:
        scores = [(genome, _race(genome, deviations, source)) for genome, deviations in found]
        prune_lowest(scores, amount, scope)
    else:
        choices = [choice for genome, deviations in found for choice in _keep_steady(genome, deviations, source)]
        apply(choices, persistent)
    return (individual,)


def _race(genome: Genome, deviations: dict[str, Tensor], source: torch.Generator) -> dict[str, Tensor]:
    """Draws without replacement as a race: exponential times with rates ``1 - s``; those who arrive first go."""
    # The unit that varies most has rate 0: it goes almost never, not never, so that any amount can be reached.
    rates = {name: (1.0 - minmax(deviation)[0]).clamp_min(1e-9) for name, deviation in deviations.items()}
    return {
        name: _room(rate, source).exponential_(generator=source).to(rate.device) / rate
        for name, rate in spread(genome, rates)
    }


def _keep_steady(genome: Genome, deviations: dict[str, Tensor], source: torch.Generator) -> list[Choice]:
    chances = {}
    for name, deviation in deviations.items():
        scaled, constant = minmax(1.0 - deviation)
        chances[name] = torch.where(constant, 1.0 - deviation, scaled)  # NaN is below no chance: the unit goes
    return [
        (genome, name, _room(chance, source).uniform_(generator=source).to(chance.device) < chance)
        for name, chance in spread(genome, chances)
    ]


def _room(like: Tensor, source: torch.Generator) -> Tensor:
    return torch.empty(like.shape, device=source.device)
