"""Losses as functions of what a unit sums up: values, slopes and curvatures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from evoprune.losses import LOSSES
from evoprune.operators.regressions import REGRESSIONS, regression_for

ALL = pytest.mark.parametrize(("loss", "kind"), sorted(REGRESSIONS, key=str))
Z = torch.linspace(-2.0, 2.0, 21, dtype=torch.float64).repeat(3, 1)
Y = torch.tensor([[0.0], [0.3], [1.0]], dtype=torch.float64)


@ALL
def test_the_value_is_the_loss_behind_the_nonlinearity(loss: str, kind: type[nn.Module]) -> None:
    found = REGRESSIONS[loss, kind].value(Z, Y)
    torch.testing.assert_close(found, LOSSES[loss](kind()(Z), Y.expand(3, 21)))


@ALL
def test_the_slope_is_what_autograd_finds(loss: str, kind: type[nn.Module]) -> None:
    z = Z.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(LOSSES[loss](kind()(z), Y.expand(3, 21)).sum(), z)
    torch.testing.assert_close(REGRESSIONS[loss, kind].slopes(Z, Y)[0], wanted)


@pytest.mark.parametrize(("loss", "kind"), [("bce", nn.Sigmoid), ("mse", nn.Identity)])
def test_the_curvature_is_what_autograd_finds(loss: str, kind: type[nn.Module]) -> None:
    z = Z.clone().requires_grad_()
    (first,) = torch.autograd.grad(LOSSES[loss](kind()(z), Y.expand(3, 21)).sum(), z, create_graph=True)
    (wanted,) = torch.autograd.grad(first.sum(), z)
    found = REGRESSIONS[loss, kind].slopes(Z, Y)[1]
    torch.testing.assert_close(found, wanted)


def test_behind_a_sigmoid_the_squared_error_has_the_curvature_of_gauss_and_newton() -> None:
    # 2 (dp/dz)^2, which is the second derivative where the error is 0.
    z = Z.clone().requires_grad_()
    p = torch.sigmoid(z)
    (first,) = torch.autograd.grad((p - p.detach()).square().sum(), z, create_graph=True)
    (wanted,) = torch.autograd.grad(first.sum(), z)
    torch.testing.assert_close(REGRESSIONS["mse", nn.Sigmoid].slopes(Z, torch.sigmoid(Z))[1], wanted)


@pytest.mark.parametrize(("loss", "floor"), [("bce", 0.01), ("mse", 0.005)])
def test_where_a_sigmoid_is_saturated_the_curvature_stays_above_0(loss: str, floor: float) -> None:
    z = torch.tensor([-200.0, -30.0, 30.0, 200.0])
    slope, curvature = REGRESSIONS[loss, nn.Sigmoid].slopes(z, torch.zeros(1))
    assert curvature.tolist() == pytest.approx([floor] * 4)
    assert bool(slope.isfinite().all())
    assert bool(REGRESSIONS[loss, nn.Sigmoid].value(z, torch.zeros(1)).isfinite().all())


def test_values_by_hand() -> None:
    def numbers(loss: str, kind: type[nn.Module], z: float, y: float) -> list[float]:
        found, at = REGRESSIONS[loss, kind], (torch.tensor([z]), torch.tensor([y]))
        return [float(part) for part in (found.value(*at), *found.slopes(*at))]

    log2 = 0.693147
    assert numbers("bce", nn.Sigmoid, 0.0, 1.0) == pytest.approx([log2, -0.5, 0.25])
    assert numbers("mse", nn.Sigmoid, 0.0, 1.0) == pytest.approx([0.25, -0.25, 0.125])
    assert numbers("mse", nn.Identity, 3.0, 1.0) == pytest.approx([4.0, 4.0, 2.0])


@ALL
def test_what_is_given_stays_as_it_was(loss: str, kind: type[nn.Module]) -> None:
    z, y = Z.clone(), Y.clone()
    REGRESSIONS[loss, kind].value(z, y)
    REGRESSIONS[loss, kind].slopes(z, y)
    assert torch.equal(z, Z)
    assert torch.equal(y, Y)


@pytest.mark.parametrize(
    ("loss", "kind", "message"),
    [
        ("l1", nn.Sigmoid, "loss must be one of bce behind Sigmoid, .* got 'l1' behind Sigmoid"),
        ("bce", nn.Identity, "mse behind no nonlinearity; got 'bce' behind no nonlinearity"),
        ("mse", nn.Tanh, "got 'mse' behind Tanh"),
        (None, nn.Sigmoid, "got None behind Sigmoid"),
        ([], nn.Sigmoid, r"got \[\] behind Sigmoid"),
    ],
)
def test_what_is_no_regression_here_is_refused(loss: Any, kind: type[nn.Module], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        regression_for(loss, kind)
