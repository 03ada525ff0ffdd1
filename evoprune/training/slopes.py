"""Losses of many networks at once and their gradients at the outputs: written out where that is faster."""

from functools import partial

import torch
from torch import Tensor
from torch.func import vmap

from evoprune.losses import (
    LossFunction,
    check_gradient,
    check_shapes,
    check_targets,
    like_output,
    naming_classes,
    values_of,
)

WRITTEN = ("l1", "mse", "bce")
"""Losses whose gradients are written out here, beside the cross-entropy."""


def slopes(loss: str | LossFunction, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each cell, (cells,), and its gradient at the output, of its shape; for ``bce`` before the sigmoid.

    :param output: (cells, samples, ..., units); it may be used up.
    :param target: likewise, or classes (cells, samples, ...).
    """
    target = like_output(target, output, loss)
    if loss == "cross-entropy" and output.dim() == 3:
        check_targets(loss, output.shape[1:], target.shape[1:], target.dtype)
        with naming_classes(loss, target, output.shape[2]):
            return _cross_entropy(output, target)
    if loss not in WRITTEN:
        return _by_autograd(loss, output, target)
    check_shapes(output[0], target[0])
    share = 1 / target[0].numel()
    delta = output - target
    if loss == "bce":  # with the sigmoid: exact even where it is saturated
        # Torch's own loss takes five times as long, a third of a whole step.
        miss = torch.log1p(-output).clamp_min_(-100.0)
        losses = torch.log(output).clamp_min_(-100.0).sub_(miss).mul_(target).add_(miss).neg_()
        return losses.flatten(1).mean(1), delta.mul_(share)
    if loss == "l1":
        return delta.abs().flatten(1).mean(1), delta.sign_().mul_(share)
    return delta.square().flatten(1).mean(1), delta.mul_(2 * share)


def _cross_entropy(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    likelihood = output.log_softmax(-1)
    delta = likelihood.exp()
    if target.is_floating_point():
        losses = (target * likelihood).sum(-1)
        delta.mul_(target.sum(-1, keepdim=True)).sub_(target)
    else:
        places = target.unsqueeze(-1)
        losses = likelihood.gather(-1, places).squeeze(-1)
        delta.scatter_add_(-1, places, delta.new_full((), -1.0).expand(places.shape))
    return losses.mean(1).neg_(), delta.mul_(1 / output.shape[1])


def _by_autograd(loss: str | LossFunction, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """A loss of somebody's own, of all cells at once where ``vmap`` takes it, else one after the other."""
    leaf = output.detach().requires_grad_()
    one = partial(_mean, loss)
    with torch.enable_grad():
        try:
            losses = vmap(one)(leaf, target)
        except RuntimeError:  # what vmap refuses; a real mistake shows itself in the loop as well
            losses = torch.stack([one(mine, wanted) for mine, wanted in zip(leaf, target, strict=True)])
        check_gradient(loss, losses)
        (delta,) = torch.autograd.grad(losses.sum(), leaf)
    return losses.detach(), delta


def _mean(loss: str | LossFunction, output: Tensor, target: Tensor) -> Tensor:
    return values_of(loss, output, target).mean()
