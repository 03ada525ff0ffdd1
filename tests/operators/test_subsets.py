"""The best few inputs of a unit, against all there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.operators import subsets
from evoprune.operators.regressions import REGRESSIONS
from evoprune.operators.subsets import Subsets, best_subsets

STRAIGHT = REGRESSIONS["mse", nn.Identity]
LOGISTIC = REGRESSIONS["bce", nn.Sigmoid]
WIDE: dict[str, Any] = {"width": 30, "candidates": 10, "ridge": 1e-9}


def data(inputs: int, units: int, samples: int = 40, noise: float = 0.7) -> tuple[Tensor, Tensor]:
    """Correlated inputs of a mean square of 1, and targets of 0 and 1 that depend on them."""
    mixed = torch.randn(samples, inputs, dtype=torch.float64) @ torch.randn(inputs, inputs, dtype=torch.float64)
    mixed = mixed / mixed.square().mean(0).sqrt()
    sums = mixed @ torch.randn(inputs, units, dtype=torch.float64) + noise * torch.randn(samples, units)
    return mixed, (sums > 0).double()


def subset(found: Subsets, unit: int, size: int) -> set[int]:
    chosen = found.places[unit, size, :size].tolist()
    assert len(set(chosen)) == size
    return set(chosen)


def least_squares(inputs: Tensor, target: Tensor, places: Sequence[int]) -> float:
    if not places:
        return float(target.square().mean())
    part = inputs[:, list(places)]
    return float((part @ torch.linalg.lstsq(part, target.unsqueeze(1)).solution - target.unsqueeze(1)).square().mean())


def logistic(inputs: Tensor, target: Tensor, places: Sequence[int]) -> float:
    part = inputs[:, list(places)]
    weights = torch.zeros(len(places), dtype=torch.float64)
    for _ in range(12):
        p = torch.sigmoid(part @ weights)
        curvature = part.mT @ (part * (p * (1 - p)).unsqueeze(1)) + 1e-9 * torch.eye(len(places))
        weights = weights - torch.linalg.solve(curvature, part.mT @ (p - target))
    return float(LOGISTIC.value(part @ weights, target).mean())


def test_orthogonal_inputs_by_hand() -> None:
    # Of orthogonal inputs the weights are the parts of the target along them, and the largest are the best subset.
    inputs = torch.tensor(
        [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]],
        dtype=torch.float64,
    )
    target = inputs @ torch.tensor([[3.0, 0.0], [-1.0, 5.0], [2.0, 0.5], [0.5, -1.0]], dtype=torch.float64)
    found = best_subsets(inputs, target, STRAIGHT, 1, 1, 3, 1e-9)
    assert [subset(found, 0, size) for size in range(4)] == [set(), {0}, {0, 2}, {0, 1, 2}]
    assert [subset(found, 1, size) for size in range(4)] == [set(), {1}, {1, 3}, {1, 2, 3}]
    assert found.losses[0].tolist() == pytest.approx([14.25, 5.25, 1.25, 0.25])
    assert found.losses[1].tolist() == pytest.approx([26.25, 1.25, 0.25, 0.0], abs=1e-6)
    assert found.places[0, 3].tolist() == [0, 2, 1]
    assert found.weights[0, 3].tolist() == pytest.approx([3.0, 2.0, -1.0])
    assert found.weights[0, 1].tolist() == pytest.approx([3.0, 0.0, 0.0])


def test_a_wide_search_finds_the_best_subsets_of_least_squares() -> None:
    inputs, targets = data(6, 5)
    found = best_subsets(inputs, targets, STRAIGHT, most=6, **WIDE)
    for unit, target in enumerate(targets.mT):
        for size in range(7):
            losses = {way: least_squares(inputs, target, way) for way in combinations(range(6), size)}
            best = min(losses, key=lambda way: losses[way])
            assert subset(found, unit, size) == set(best)
            assert float(found.losses[unit, size]) == pytest.approx(losses[best], abs=1e-6)


def test_a_wide_search_finds_the_best_subsets_of_logistic_regressions() -> None:
    inputs, targets = data(5, 4, samples=100, noise=3.0)
    found = best_subsets(inputs, targets, LOGISTIC, most=3, **WIDE)
    for unit, target in enumerate(targets.mT):
        for size in range(1, 4):
            losses = {way: logistic(inputs, target, way) for way in combinations(range(5), size)}
            best = min(losses, key=lambda way: losses[way])
            assert subset(found, unit, size) == set(best)
            assert float(found.losses[unit, size]) == pytest.approx(losses[best], rel=0.01)  # a few Newton steps


def test_two_inputs_that_help_only_together_need_a_beam() -> None:
    # The target is the difference of the first two, which are nearly the same; the third follows it a little.
    common, apart = torch.randn(200, 1), 0.1 * torch.randn(200, 1)
    inputs = torch.cat([common + apart, common - apart, 10 * apart + torch.randn(200, 1)], dim=1).double()
    found = [best_subsets(inputs, 20 * apart.double(), STRAIGHT, width, 3, 2, 1e-9) for width in (1, 3)]
    assert 2 in subset(found[0], 0, 2)
    assert subset(found[1], 0, 2) == {0, 1}
    assert float(found[1].losses[0, 2]) < 1e-6 < float(found[0].losses[0, 2])


@pytest.mark.parametrize("regression", REGRESSIONS.values(), ids=map(str, REGRESSIONS))
def test_losses_are_those_of_the_weights_and_fall_with_size(regression: Any) -> None:
    inputs, targets = data(9, 7)
    found = best_subsets(inputs, targets, regression, 4, 3, 5, 1e-4)
    assert found.losses.shape == (7, 6)
    assert found.places.shape == found.weights.shape == (7, 6, 5)
    for size in range(6):
        assert not found.weights[:, size, size:].any()
        dense = torch.zeros(7, 9, dtype=torch.float64).scatter_add_(1, found.places[:, size], found.weights[:, size])
        wanted = regression.value(inputs @ dense.mT, targets).mean(0)
        torch.testing.assert_close(found.losses[:, size], wanted)
    assert bool((found.losses.diff() <= 1e-3).all())


def test_there_are_no_more_than_all_inputs() -> None:
    inputs, targets = data(3, 2)
    found = best_subsets(inputs, targets, LOGISTIC, 6, 4, 6, 1e-4)
    assert found.losses.shape == (2, 4)
    assert subset(found, 1, 3) == {0, 1, 2}
    none = best_subsets(inputs[:, :0], targets, LOGISTIC, 6, 4, 6, 1e-4)
    assert none.losses.flatten().tolist() == pytest.approx([0.693147] * 2)


def test_doubles_are_those_that_stood_there_before() -> None:
    # As numbers of two digits, some of them in another unit.
    given = torch.tensor([[12, 13, 12, 23, 13, 12], [13, 23, 12, 14, 24, 23]])
    found = subsets._doubles(torch.stack([given // 10, given % 10], dim=-1))
    assert found.tolist() == [[False, False, True, False, True, True], [False] * 5 + [True]]


def test_inputs_that_say_the_same_are_not_both_taken() -> None:
    inputs, targets = data(4, 3)
    found = best_subsets(torch.cat([inputs, inputs], dim=1), targets, STRAIGHT, 8, 8, 4, 1e-6)
    for unit in range(3):
        assert {place % 4 for place in subset(found, unit, 4)} == {0, 1, 2, 3}
    assert bool(found.weights.isfinite().all())


def test_units_are_chosen_for_one_by_one_however_many_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, targets = data(8, 11)
    whole = best_subsets(inputs, targets, LOGISTIC, 4, 3, 4, 1e-4)
    monkeypatch.setattr(subsets, "ROOM", 4 * 4 * 40 * 2)
    pieces = best_subsets(inputs, targets, LOGISTIC, 4, 3, 4, 1e-4)
    assert torch.equal(whole.places, pieces.places)
    torch.testing.assert_close(whole.losses, pieces.losses)
    alone = best_subsets(inputs, targets[:, 6:7], LOGISTIC, 4, 3, 4, 1e-4)
    assert torch.equal(whole.places[6:7], alone.places)


def test_float32_is_enough() -> None:
    inputs, targets = data(8, 11, samples=500)
    exact, quick = (
        best_subsets(inputs.to(t), targets.to(t), LOGISTIC, 6, 4, 4, 1e-4) for t in (torch.float64, torch.float32)
    )
    torch.testing.assert_close(exact.losses, quick.losses.double(), rtol=1e-4, atol=1e-5)
