"""Units of networks that are no plain stack, residual or concatenating, by what computing samples shows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import compact
from evoprune.activations import ActivationProbe
from evoprune.genome import Genome
from evoprune.operators import mutPruneUnits
from evoprune.operators.structured import BOOKS, joints_of
from evoprune.operators.unit_scores import SCORES
from evoprune.shrinking.counts import macs_left
from tests.parts import Residual
from tests.whole_units import living, outputs


class Concatenating(nn.Module):
    """Two layers side by side, of which another reads both, one after the other."""

    def __init__(self, twice: bool = False) -> None:
        super().__init__()
        self.left = nn.Linear(6, 4)
        self.right = self.left if twice else nn.Linear(6, 5)
        self.out = nn.Linear(8 if twice else 9, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.out(torch.cat([torch.relu(self.left(x)), torch.tanh(self.right(x))], 1))
        return found


class Around(nn.Module):
    """A connection around a layer that makes the units that it reads; with convolutions their channels."""

    def __init__(self, maps: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 5, 3, padding=1) if maps else nn.Linear(6, 5)
        self.norm = nn.BatchNorm2d(5) if maps else nn.BatchNorm1d(5)
        self.around = nn.Conv2d(5, 5, 1) if maps else nn.Linear(5, 5)
        self.out = nn.Linear(30 if maps else 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.first(x)))
        out: Tensor = self.out((h + torch.tanh(self.around(h))).flatten(1))
        return out


SIX = torch.rand(7, 6, generator=torch.Generator().manual_seed(4))


def check_same(individual: Any, example: Tensor) -> nn.Module:
    smaller = compact(individual, example)
    wanted = outputs(individual, example)
    with torch.no_grad():
        assert torch.allclose(smaller(example), wanted, atol=1e-5 * float(wanted.abs().max()))
    return smaller


@pytest.mark.parametrize("score", sorted(SCORES))
def test_units_of_a_residual_network_go_from_all_that_makes_and_reads_them(score: Any) -> None:
    pytest.importorskip("torch_pruning")
    genome = Genome(Around())
    given: dict[str, Any] = {"samples": SIX, "targets": torch.zeros(7, 3), "loss": "mse"}
    mutPruneUnits(genome, 0.4, score, ActivationProbe(SIX), **given)
    (count,) = living(genome, SIX).values()
    assert count == 3
    left = genome.masks["first.bias"]
    assert int(left.sum()) == 3
    assert torch.equal(genome.masks["first.weight"], left[:, None].expand(5, 6))
    assert torch.equal(genome.masks["around.weight"], left[:, None] & left)
    assert torch.equal(genome.masks["around.bias"], left)
    assert torch.equal(genome.masks["out.weight"], left.expand(3, 5))
    assert genome.masks["out.bias"].all()
    smaller: Any = check_same(genome, SIX)
    assert (smaller.first.out_features, smaller.around.in_features, smaller.around.out_features) == (3, 3, 3)
    for measure in BOOKS:
        mutPruneUnits(genome, 1.0, score, ActivationProbe(SIX), **given, measure=measure)
        assert list(living(genome, SIX).values()) == [1]


def test_channels_of_a_residual_network() -> None:
    pytest.importorskip("torch_pruning")
    genome, images = Genome(Around(maps=True)), torch.rand(4, 1, 2, 3)
    mutPruneUnits(genome, 0.6, samples=images)
    left = genome.masks["first.bias"]
    assert int(left.sum()) == 2
    assert torch.equal(genome.masks["around.weight"][..., 0, 0], left[:, None] & left)
    assert torch.equal(genome.masks["out.weight"], left[:, None].expand(5, 6).flatten().expand(3, 30))
    smaller: Any = check_same(genome, images)
    assert smaller.norm.num_features == 2


def test_units_that_stand_side_by_side() -> None:
    pytest.importorskip("torch_pruning")
    genome = Genome(Concatenating())
    mutPruneUnits(genome, 0.4, samples=SIX, scope="tensor")  # round(1.6) and round(2.0)
    left, right = genome.masks["left.bias"], genome.masks["right.bias"]
    assert (int(left.sum()), int(right.sum())) == (2, 3)
    assert torch.equal(genome.masks["out.weight"], torch.cat([left, right]).expand(3, 9))
    assert torch.equal(genome.masks["left.weight"], left[:, None].expand(4, 6))
    assert macs_left(genome, SIX) == (2 * 6 + 3 * 6 + 5 * 3) / (9 * 6 + 9 * 3)


def test_a_smaller_network_of_units_that_stand_side_by_side() -> None:
    pytest.importorskip("torch_pruning")
    genome = Genome(Concatenating())
    mutPruneUnits(genome, 0.4, samples=SIX, scope="tensor")
    smaller: Any = check_same(genome, SIX)
    assert (smaller.left.out_features, smaller.right.out_features, smaller.out.in_features) == (2, 3, 5)


def test_a_unit_that_is_read_in_two_places() -> None:
    pytest.importorskip("torch_pruning")
    genome = Genome(Concatenating(twice=True))
    mutPruneUnits(genome, 0.5, samples=SIX)
    left = genome.masks["left.bias"]
    assert int(left.sum()) == 2
    assert torch.equal(genome.masks["out.weight"], torch.cat([left, left]).expand(3, 8))


def test_what_is_no_plain_stack_stays_without_samples_or_where_it_is_not_prunable() -> None:
    for genome in (Genome(Around()), Genome(Residual(), exclude=["gain"])):
        with pytest.warns(UserWarning, match="no units can be pruned: .* is no plain stack"):
            mutPruneUnits(genome, 1.0)
        assert genome.preserved == 1.0
    pytest.importorskip("torch_pruning")
    genome = Genome(Around(), exclude=["around.weight"])
    mutPruneUnits(genome, 1.0, samples=SIX)
    assert genome.preserved == 1.0
    genome = Genome(Residual(), exclude=["gain"])  # whose units are its inputs
    with pytest.warns(UserWarning, match="no units can be pruned: units that belong to a parameter"):
        mutPruneUnits(genome, 1.0, samples=SIX)
    assert genome.preserved == 1.0


def test_a_weight_from_a_unit_to_itself_goes_once() -> None:
    pytest.importorskip("torch_pruning")
    genome = Genome(Around())  # a unit takes 6 + 1, and 5 + 5 - 1 + 1, and 3
    (joint,) = joints_of(genome, SIX)
    assert BOOKS["weights"](genome, [joint], [], None).worth(joint, 0) == 20


def test_frozen_weights_are_no_reason_to_stay() -> None:
    pytest.importorskip("torch_pruning")
    genome = Genome(Around())
    for parameter in genome.module.parameters():
        parameter.requires_grad_(False)
    mutPruneUnits(genome, 0.4, samples=SIX)
    assert list(living(genome, SIX).values()) == [3]


MISTAKEN = {
    "text": ("some", "samples"),
    "none": (SIX[:0], "samples"),
}


@pytest.mark.parametrize(("samples", "message"), MISTAKEN.values(), ids=MISTAKEN)
def test_samples_that_it_does_not_take_are_said(samples: Any, message: str) -> None:
    pytest.importorskip("torch_pruning")
    with pytest.raises((TypeError, ValueError), match=message):
        mutPruneUnits(Genome(Around()), 0.4, samples=samples)
