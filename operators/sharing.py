"""Sharing out: units that could all use more inputs, and only so many to give."""

import torch
from torch import Tensor


def shared_out(losses: Tensor, count: int) -> Tensor:
    """How many of ``count`` inputs each unit gets, (units,), so that the sum of the losses becomes low.

    Each goes where it lowers the loss most, along the lower convex hull of a unit's loss by size: two inputs that help
    only together are given together. Only the last such group may be torn, so that exactly ``count`` are given.

    :param losses: (units, sizes), by size, 0 first.
    :param count: no more than the units can take.
    """
    units, sizes = losses.shape
    every, ends = torch.arange(units, device=losses.device), torch.arange(sizes, device=losses.device)
    at, groups = torch.zeros_like(every), []
    for _ in range(sizes - 1):
        lengths = ends - at.unsqueeze(-1)
        here = losses.gather(-1, at.unsqueeze(-1))
        gains = ((here - losses) / lengths).masked_fill_(lengths <= 0, -torch.inf)
        steepest, end = gains.max(-1)
        end = torch.where(at < sizes - 1, end, at)  # who is at the end stays there
        groups.append((steepest, end - at))
        at = end
    if not groups:
        return at
    gains, lengths = (torch.stack(part).flatten() for part in zip(*groups, strict=True))
    order = gains.argsort(descending=True, stable=True)  # a unit's own groups are in order: a hull is convex
    before = lengths[order].cumsum(0) - lengths[order]
    given = torch.minimum(lengths[order], (count - before).clamp_min_(0))
    return torch.zeros_like(every).index_add_(0, every.repeat(len(groups))[order], given)
