"""Choice: which weights go, given their scores and an amount. Every pruning operator ends here."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from evoprune.checks import in_unit_interval, listed, of_type, shown, true_or_false
from evoprune.genome import Genome
from evoprune.masks import kept
from evoprune.seeds import Rng, generator

Scores: TypeAlias = Sequence[tuple[Genome, Mapping[str, Tensor]]]
"""For each genome, by parameter name, a score for every weight: how much it deserves to stay."""

Choice: TypeAlias = tuple[Genome, str, Tensor]
"""A genome, the name of one of its parameters, and which entries stay: a bool tensor of the parameter's shape."""

SCOPES = ("tensor", "global")
_SAMPLE = 1000
_SPARE = 40  # three standard deviations of the number that a quarter of the scores has in such a sample


def check(amount: float, scope: str, persistent: bool = True) -> None:
    """Refuse an amount outside [0, 1], an unknown scope and a ``persistent`` that is no bool, before any work."""
    in_unit_interval("amount", amount)
    true_or_false("persistent", persistent)
    if not isinstance(scope, str) or scope not in SCOPES:
        raise ValueError(f"unknown scope {shown(scope)}; known: {', '.join(SCOPES)}")


def source_of(rng: Rng) -> torch.Generator:
    """What an operator draws from in one call, started by exactly one draw from ``rng``.

    :raises TypeError: also for a seed: every call, and every individual, would get the same numbers.
    """
    if isinstance(rng, Integral):
        raise TypeError(
            f"rng must be a generator, got {shown(rng)}; every call would draw the same: "
            f"use random.Random({shown(rng)})"
        )
    try:
        return generator(rng)
    except TypeError:
        raise TypeError(f"rng must be random.Random, numpy or torch Generator, or None, got {shown(rng)}") from None


def prune_lowest(scores: Scores, amount: float, scope: str = "tensor", persistent: bool = True) -> None:
    """Prune the weights with the lowest scores, in place; NaN is the lowest score of all.

    Persistent: ``round(amount * survivors)`` of the survivors go, of each tensor or (``scope="global"``) of the whole
    individual, and the last survivor of a tensor stays. Otherwise ``round(amount * n)`` of **all** n entries are set to
    zero once, as in the paper's code, and training may move them again.

    :param scores: for each genome its scores by parameter name; parameters that have none are left alone.
    :param amount: in [0, 1].
    :raises ValueError: for an amount outside [0, 1], an unknown scope, and scores that do not fit their parameter.
    """
    check(amount, scope, persistent)
    expected = "for each genome (genome, table of scores)"
    for item in listed("scores", scores, expected):
        if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[1], Mapping):
            raise TypeError(f"scores must be {expected}, got {shown(item)}")
        of_type("the first of the scores", item[0], Genome, "a Genome")
    candidates = [(genome, name, fitting(genome, name, table[name])) for genome, table in scores for name in table]
    groups = [candidates] if scope == "global" and candidates else [[candidate] for candidate in candidates]
    apply([choice for group in groups for choice in _keep_highest(group, amount, persistent)], persistent)


def apply(choices: Sequence[Choice], persistent: bool) -> None:
    """Carry out what was chosen: narrow the masks for ever, or set weights to zero once."""
    true_or_false("persistent", persistent)
    expected = "a list of (genome, name, keep)"
    for choice in listed("choices", choices, expected):
        if not isinstance(choice, tuple) or len(choice) != 3 or not isinstance(choice[0], Genome):
            raise TypeError(f"choices must be {expected}, got {shown(choice)}")
    if persistent:
        for genome, name, keep in choices:
            genome.prune(name, keep)
        return
    for genome in {id(genome): genome for genome, _, _ in choices}.values():
        genome.zero({name: keep for owner, name, keep in choices if owner is genome})


def _keep_highest(group: Sequence[Choice], amount: float, persistent: bool) -> list[Choice]:
    """All of the group (here with scores in the place of bools) but the lowest."""
    masks = [genome.masks[name] for genome, name, _ in group]
    left = [kept(mask) if persistent else mask.numel() for mask in masks]
    spared = sum(map(bool, left)) if persistent else 0  # the best survivor of every tensor, so that none is emptied
    count = min(round(amount * sum(left)), sum(left) - spared)
    parts = [score.flatten() for _, _, score in group]
    if persistent:
        parts = [_within_reach(*part, empties=part[2] <= count) for part in zip(parts, masks, left, strict=True)]
    flat = torch.cat([part.to(parts[0].device) for part in parts]) if len(parts) > 1 else parts[0]
    pieces = _all_but_lowest(flat, count).split([mask.numel() for mask in masks])
    return [
        (genome, name, piece.view(mask.shape).to(mask.device))
        for (genome, name, _), mask, piece in zip(group, masks, pieces, strict=True)
    ]


def _all_but_lowest(scores: Tensor, count: int) -> Tensor:
    """Where the scores, which are finite or infinite, are not among the ``count`` lowest: a bool tensor."""
    if count and scores.is_cpu:
        values = scores.detach().numpy()
        higher = values > _lowest(values, count)
        if np.count_nonzero(higher) == len(values) - count:
            return torch.from_numpy(higher)
    keep = torch.ones_like(scores, dtype=torch.bool)  # which of several equal scores go is torch's choice
    keep[scores.topk(count, largest=False, sorted=False).indices] = False
    return keep


def _lowest(scores: np.ndarray, count: int) -> Any:
    """The largest of the ``count`` lowest scores.

    Where few of many are asked for, a sample says below what they lie, with room to spare, and only what is there needs
    partitioning: it takes half the time or less. Where the sample misleads, all are partitioned.
    """
    if 4 * max(count, _SAMPLE) < len(scores):
        sample = np.sort(scores[:: -(-len(scores) // _SAMPLE)])
        low = scores[scores <= sample[count * len(sample) // len(scores) + _SPARE]]
        scores = low if len(low) >= count else scores
    return np.partition(scores, count - 1)[count - 1]


def _within_reach(flat: Tensor, mask: Tensor, left: int, empties: bool) -> Tensor:
    """The scores; infinite where pruned already, and for the best survivor of a tensor that could be emptied."""
    reach = torch.where(mask.flatten(), flat, torch.inf)
    if left and empties:
        reach[torch.where(mask.flatten(), flat, -torch.inf).argmax()] = torch.inf
    return reach


def fitting(genome: Genome, name: str, score: Tensor) -> Tensor:
    """The score on its mask's device, checked and finite: only what is out of reach is infinite later."""
    mask = genome.masks.get(name)
    if mask is None:
        raise ValueError(
            f"scores are given for {shown(name)}, which is not prunable; prunable: {', '.join(genome.masks)}"
        )
    of_type(f"the scores of {name!r}", score, Tensor, "a tensor")
    if score.shape != mask.shape:
        raise ValueError(f"the scores of {name!r} have shape {tuple(score.shape)}, the parameter {tuple(mask.shape)}")
    score = score.to(mask.device, torch.promote_types(score.dtype, torch.float32))
    return score.nan_to_num(nan=torch.finfo(score.dtype).min)
