"""Output units as regressions: what a loss is as a function of the sum that a unit makes, before its nonlinearity."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoprune.checks import shown

FLATTEST = 1 / 25
"""Curvatures behind a sigmoid are at least this share of the largest: where it is saturated a step would never end."""


class Regression(NamedTuple):
    """The loss of each value as a function of the sum z and the target y, which broadcasts to z's shape.

    ``value(z, y)`` is the loss, ``slopes(z, y)`` its first derivative by z and a curvature above 0, the second
    derivative or what stands for it. ``stride`` bounds a Newton step where the curvature changes on the way.
    """

    value: Callable[[Tensor, Tensor], Tensor]
    slopes: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    stride: float


def _logistic(z: Tensor, y: Tensor) -> Tensor:
    return F.softplus(z).addcmul_(z, y, value=-1)


def _logistic_slopes(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    p = torch.sigmoid(z)
    return p - y, torch.addcmul(p, p, p, value=-1).clamp_min_(FLATTEST / 4)


def _squashed(z: Tensor, y: Tensor) -> Tensor:
    return torch.sigmoid(z).sub(y).square_()


def _squashed_slopes(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    p = torch.sigmoid(z)
    steepness = torch.addcmul(p, p, p, value=-1)
    # Gauss-Newton: without the term of the sigmoid's own curvature, which may be negative.
    return p.sub_(y).mul_(steepness).mul_(2), steepness.square().mul_(2).clamp_min_(FLATTEST / 8)


def _straight(z: Tensor, y: Tensor) -> Tensor:
    return z.sub(y).square_()


def _straight_slopes(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return z.sub(y).mul_(2), torch.full_like(z, 2)


REGRESSIONS: dict[tuple[str, type[nn.Module]], Regression] = {
    ("bce", nn.Sigmoid): Regression(_logistic, _logistic_slopes, 4.0),
    ("mse", nn.Sigmoid): Regression(_squashed, _squashed_slopes, 4.0),
    ("mse", nn.Identity): Regression(_straight, _straight_slopes, math.inf),
}
"""By the name of the loss and the nonlinearity before it; Identity stands for none."""


def regression_for(loss: Any, nonlinearity: type[nn.Module]) -> Regression:
    """The regression that a unit with this loss behind this nonlinearity is.

    :raises ValueError: for a loss, or a loss behind a nonlinearity, that is none here.
    """
    if isinstance(loss, str) and (found := REGRESSIONS.get((loss, nonlinearity))):
        return found
    known = ", ".join(f"{name} behind {_called(kind)}" for name, kind in REGRESSIONS)
    raise ValueError(f"loss must be one of {known}; got {shown(loss)} behind {_called(nonlinearity)}")


def _called(nonlinearity: type[nn.Module]) -> str:
    return "no nonlinearity" if nonlinearity is nn.Identity else nonlinearity.__name__
