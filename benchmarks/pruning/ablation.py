"""Ablations: the masks that a run comes to, trained once more from the start, in another place or with other weights.

If a method finds weights that matter, its masks must do worse when they are shuffled within their tensors; if it finds
weights and values, also with other first weights (Frankle et al. 2021, arXiv 2009.08576).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from evoprune.benchmarks.pruning.choices import UNPRUNED
from evoprune.benchmarks.pruning.networks import first_individual
from evoprune.individuals import Network
from evoprune.seeds import Stream


def trained_again(settings: Any) -> Any:
    """The settings of the training that follows: of a run that is ablated, all but the pruning; of another the same."""
    if settings.ablation == "none":
        return settings
    return replace(settings, **UNPRUNED)


def ablated(settings: Any, found: Sequence[Network]) -> list[Network]:
    """Networks that have not been trained, with the masks of those of a grid, as the settings ask for it."""
    return [_ablated(settings, cell, one) for cell, one in enumerate(found)]


def _ablated(settings: Any, cell: int, one: Network) -> Network:
    anew, shuffles = settings.ablation == "reinitialised", settings.ablation == "shuffled"
    fresh = first_individual(settings, cell + settings.cells * anew)
    fresh.cell = cell
    source = torch.Generator().manual_seed(Stream.INITIAL.seed(settings.seed, cell))
    for genome, before in zip(fresh, one, strict=True):
        for name, mask in before.masks.items():
            places = torch.randperm(mask.numel(), generator=source) if shuffles else slice(None)
            genome.prune(name, mask.cpu().flatten()[places].view(mask.shape))
    return fresh
