"""REGROWTH: pruned weights come back, those first along which the loss is steepest, or any."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from evoprune.checks import lookup
from evoprune.genome import Genome
from evoprune.individuals import genomes
from evoprune.masks import kept
from evoprune.operators.choice import Scores, check, fitting, source_of
from evoprune.operators.evidence import tables_of
from evoprune.seeds import Rng
from evoprune.training.gradients import GradientMoments

SCORES = ("gradient", "random")


def mutRegrow(
    individual: Any,
    amount: float,
    score: str = "gradient",
    batch_gradients: Any = None,
    scope: str = "global",
    rng: Rng = None,
) -> tuple[Any]:
    """Let pruned weights come back, in place, from 0; what an optimizer remembers of them is 0 as well.

    Masks widen under no other operators but :func:`~evoprune.operators.exchange`, which is made of this one, and
    :func:`~evoprune.operators.mutReselect`.

    :param individual: a Genome, an Autoencoder or another Network. Parameters that do not learn stay as they are.
    :param amount: the share of what is pruned that comes back, in [0, 1]: ``round(amount * pruned)`` weights.
    :param score: ``"gradient"``, those first along which the loss is steepest (RigL: Evci et al. 2020,
        arXiv 1911.11134; GraNet: Liu et al. 2021, arXiv 2106.10404), or ``"random"`` (SET: Mocanu et al. 2018).
    :param batch_gradients: for ``"gradient"``: for each genome a table of
        :class:`~evoprune.training.gradients.GradientMoments`, of which the mean squares decide, or of tensors, of which
        the magnitudes do; or a function of the individual that gives that.
    :param scope: ``"global"``: wherever the scores are highest. ``"tensor"``: every tensor gets back in proportion to
        what it keeps, as SET and RigL do it.
    :param rng: for ``"random"``; by default Python's global ``random``, from which such a call draws exactly once.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for no gradients where they are needed, and what holds none.
    :raises ValueError: for an amount outside [0, 1], an unknown score or scope, and gradients that lack a parameter or
        do not fit; before any change, as all of it.
    """
    check(amount, scope)
    lookup("score", score, dict.fromkeys(SCORES))
    parts = genomes(individual)
    if score == "random":
        tables = _drawn(parts, source_of(rng))
    else:
        found = tables_of("batch_gradients", individual, batch_gradients)
        tables = [{name: _steepness(value) for name, value in table.items()} for table in found]
    _grow(list(zip(parts, tables, strict=True)), amount, scope)
    return (individual,)


def _drawn(parts: Sequence[Genome], source: torch.Generator) -> list[dict[str, Tensor]]:
    """Uniform scores for all that learns."""
    return [
        {
            name: torch.rand(mask.shape, generator=source, device=source.device)
            for name, mask in genome.masks.items()
            if genome.module.get_parameter(name).requires_grad
        }
        for genome in parts
    ]


def _steepness(gradient: Tensor | GradientMoments) -> Tensor:
    return gradient.abs() if isinstance(gradient, Tensor) else gradient.square


def _grow(scores: Scores, amount: float, scope: str) -> None:
    """Bring back the weights of the highest scores; NaN is the lowest."""
    found = [(genome, name, fitting(genome, name, table[name])) for genome, table in scores for name in table]
    masks = [genome.masks[name] for genome, name, _ in found]
    stay = list(map(kept, masks))
    gone = [mask.numel() - count for mask, count in zip(masks, stay, strict=True)]
    pruned = sum(mask.numel() - kept(mask) for genome, _ in scores for mask in genome.masks.values())
    count = min(round(amount * pruned), sum(gone))
    if not count:
        return
    reach = [score.masked_fill(mask, -torch.inf).flatten() for (_, _, score), mask in zip(found, masks, strict=True)]
    if scope == "global":
        together = torch.cat([part.to(reach[0].device) for part in reach])
        pieces = _highest(together, count).split([mask.numel() for mask in masks])
    else:
        pieces = tuple(map(_highest, reach, _shares(count, stay, gone)))
    for (genome, name, _), mask, piece in zip(found, masks, pieces, strict=True):
        genome.grow(name, piece.view(mask.shape))


def _highest(scores: Tensor, count: int) -> Tensor:
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    chosen[scores.topk(count, sorted=False).indices] = True  # which of several equal scores is torch's choice
    return chosen


def _shares(count: int, stay: Sequence[int], gone: Sequence[int]) -> list[int]:
    """How many of ``count`` each tensor gets: in proportion to what it keeps, no more than it has lost."""
    counts = [0] * len(stay)
    while left := count - sum(counts):  # what the full ones do not take is for the others
        room = [i for i, most in enumerate(gone) if counts[i] < most]
        for i, part in zip(room, _apportioned(left, [stay[i] for i in room]), strict=True):
            counts[i] = min(gone[i], counts[i] + part)
    return counts


def _apportioned(count: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to the weights that add up to ``count``: the largest fractions are rounded up."""
    weights = weights if any(weights) else [1] * len(weights)
    parts = [divmod(count * weight, sum(weights)) for weight in weights]
    found = [whole for whole, _ in parts]
    for i in sorted(range(len(parts)), key=lambda i: -parts[i][1])[: count - sum(found)]:
        found[i] += 1
    return found
