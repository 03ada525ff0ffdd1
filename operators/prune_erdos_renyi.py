"""ERDOS-RENYI: a random sparse network in which large layers are sparser than small ones."""

from collections.abc import Sequence
from typing import Any

import torch

from evoprune.individuals import genomes
from evoprune.masks import kept
from evoprune.operators.choice import apply, check, source_of
from evoprune.seeds import Rng


def mutPruneErdosRenyi(individual: Any, amount: float, persistent: bool = True, rng: Rng = None) -> tuple[Any]:
    """Prune at random, in place, so that every layer keeps weights in proportion to the sum of its sizes.

    A layer of sizes n and m keeps weights in proportion to n + m of its n * m, and a convolution to the sum of all four
    of its sizes; a layer that would keep more than it has keeps all. A bias is such a layer, of n outputs and one
    constant input. So biases stay whole as long as there is more than about one weight for each unit that is made or
    read, and then take the smaller part of what stays; below that they go in the same proportion.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors of the whole individual that goes, in [0, 1]. The last survivor of a
        tensor stays.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :param rng: source of randomness; by default Python's global ``random``, from which a call draws exactly once,
        whatever the amount.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1], before any work.

    Source: Mocanu et al. 2018, "Scalable training of artificial neural networks with adaptive sparse connectivity"
    (SET, arXiv 1707.04780); Evci et al. 2020, "Rigging the Lottery" (arXiv 1911.11134), for convolutions and for layers
    that stay whole. They leave biases out.
    """
    check(amount, "global", persistent)
    parts, source = genomes(individual), source_of(rng)
    masks = [(genome, name, mask) for genome in parts for name, mask in genome.masks.items()]
    room = [kept(mask) if persistent else mask.numel() for _, _, mask in masks]
    sizes = [sum(mask.shape) + (mask.dim() == 1) for _, _, mask in masks]
    wanted = sum(room) - round(amount * sum(room))
    counts = _counts(wanted, room, sizes, least=int(persistent))
    choices = []
    for (genome, name, mask), count in zip(masks, counts, strict=True):
        drawn = torch.rand(mask.shape, generator=source, device=source.device)
        if persistent:
            drawn.masked_fill_(~mask.to(drawn.device), -1.0)
        keep = torch.zeros(mask.numel(), dtype=torch.bool, device=drawn.device)
        keep[drawn.flatten().topk(count).indices] = True
        choices.append((genome, name, keep.view(mask.shape).to(mask.device)))
    apply(choices, persistent)
    return (individual,)


def _counts(wanted: int, room: Sequence[int], sizes: Sequence[int], least: int) -> list[int]:
    """Whole numbers in proportion to ``sizes`` that add up to ``wanted``: no more than the room, but ``least``."""

    def shares(factor: float) -> list[float]:
        return [min(most, max(factor * size, least)) for most, size in zip(room, sizes, strict=True)]

    low, high = 0.0, max((most / size for most, size in zip(room, sizes, strict=True)), default=0.0)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(shares(middle)) <= wanted else (low, middle)
    found = shares(low)
    counts = list(map(int, found))
    rest = max(wanted - sum(counts), 0)  # each of them gives less than one: those go up that gave most
    for i in sorted(range(len(found)), key=lambda i: counts[i] - found[i])[:rest]:
        counts[i] += 1
    return counts
