"""Taylor, Fisher, SNIP and movement: scores worked out by hand."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.genome import Genome
from evoprune.operators import mutCompact, mutPruneFisher, mutPruneMovement, mutPruneSNIP, mutPruneTaylor
from evoprune.training.gradients import GradientMoments, batch_gradients
from evoprune.training.programs import gradients
from tests.parts import CLASSES, INPUTS, two


def single(*values: float) -> Genome:
    layer = nn.Linear(len(values), 1, bias=False)
    layer.weight.data = torch.tensor([values])
    return Genome(layer)


def kept(genome: Genome) -> list[bool]:
    return genome.masks["weight"].flatten().tolist()


def moments(mean: list[float], magnitude: list[float], square: list[float]) -> list[dict[str, GradientMoments]]:
    return [{"weight": GradientMoments(*(torch.tensor([part]) for part in (mean, magnitude, square)))}]


def grads(*values: float) -> list[dict[str, Tensor]]:
    return [{"weight": torch.tensor([values])}]


def test_taylor_is_magnitude_times_the_mean_magnitude_of_gradients() -> None:
    genome = single(1.0, -2.0, 3.0, 4.0)
    found = moments([9.0] * 4, [4.0, 3.0, 1.0, 0.5], [9.0] * 4)  # scores 4, 6, 3, 2
    assert mutPruneTaylor(genome, 0.5, found)[0] is genome
    assert kept(genome) == [True, True, False, False]


def test_fisher_is_the_square_times_the_mean_square_of_gradients() -> None:
    genome = single(1.0, -2.0, 3.0, 4.0)
    mutPruneFisher(genome, 0.5, moments([9.0] * 4, [9.0] * 4, [10.0, 3.0, 1.0, 0.5]))  # scores 10, 12, 9, 8
    assert kept(genome) == [True, True, False, False]


def test_snip_is_the_magnitude_of_weight_times_gradient() -> None:
    genome = single(1.0, -2.0, 3.0, 4.0)
    mutPruneSNIP(genome, 0.5, lambda individual: grads(-4.0, 3.0, 1.0, 0.5))
    assert kept(genome) == [True, True, False, False]


@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize("persistent", [True, False])
def test_the_evidence_that_training_computes(scope: str, persistent: bool) -> None:
    batches = list(zip(INPUTS.split(6), CLASSES.split(6), strict=True))
    start = two()
    (tables,) = batch_gradients([start], batches, "cross-entropy")
    (plain,) = gradients([start], INPUTS, CLASSES, "cross-entropy")
    state = random.getstate()
    for operator, evidence in (
        (mutPruneTaylor, tables),
        (mutPruneFisher, tables),
        (mutPruneSNIP, plain),
        (mutPruneMovement, plain),
    ):
        individual = copy.deepcopy(start)
        operator(individual, 0.5, evidence, persistent, scope)
        zeros = sum(int((p == 0).sum()) for genome in individual for p in genome.module.parameters())
        assert zeros == (30 if scope == "global" else 15 + 2 + 10 + 2)  # of 30, 5, 20 and 4
        assert individual.preserved == (1 - zeros / 59 if persistent else 1.0)
    assert random.getstate() == state


def test_movement_adds_up_over_calls() -> None:
    genome = single(1.0, -2.0, 3.0, 4.0)
    mutPruneMovement(genome, 0.0, grads(1.0, 1.0, -1.0, -1.0))
    movement: Any = vars(genome)["movement"]
    assert movement["weight"].tolist() == [[-1.0, 2.0, 3.0, 4.0]]
    assert kept(genome) == [True] * 4
    mutPruneMovement(genome, 0.5, grads(0.0, 0.0, 2.0, 0.0))  # -1, 2, -3, 4: the third has gone towards zero since
    assert kept(genome) == [False, True, False, True]
    assert vars(genome)["movement"]["weight"].tolist() == [[-1.0, 2.0, -3.0, 4.0]]
    mutPruneMovement(genome, 0.0, grads(torch.inf, 0.0, 5.0, 1.0))  # what is pruned begins anew
    assert vars(genome)["movement"]["weight"].tolist() == [[0.0, 2.0, 0.0, 0.0]]


def test_movement_counts_where_pruning_is_not_for_ever() -> None:
    genome = single(1.0, -2.0, 3.0, 4.0)
    for _ in range(2):
        mutPruneMovement(genome, 0.25, grads(1.0, 1.0, -1.0, -1.0), persistent=False)
    assert vars(genome)["movement"]["weight"].tolist() == [[-1.0, 4.0, 6.0, 8.0]]  # the first was zero the second time
    assert kept(genome) == [True] * 4


def test_movement_travels() -> None:
    genome = single(1.0, -2.0, 3.0, 4.0)
    mutPruneMovement(genome, 0.25, grads(1.0, 1.0, -1.0, -1.0))
    loaded = single(0.0, 0.0, 0.0, 0.0)
    loaded.load_state(genome.state())
    for other in (copy.deepcopy(genome), pickle.loads(pickle.dumps(genome)), loaded):
        found: Any = vars(other)["movement"]
        assert found["weight"].tolist() == [[-1.0, 2.0, 3.0, 4.0]]
        assert found["weight"] is not vars(genome)["movement"]["weight"]
    twin = copy.deepcopy(genome)
    mutPruneMovement(twin, 0.0, grads(1.0, 1.0, 1.0, 1.0))
    assert vars(genome)["movement"]["weight"].tolist() == [[-1.0, 2.0, 3.0, 4.0]]


def test_movement_begins_anew_where_units_were_cut_away() -> None:
    genome = Genome(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)))

    def ones(individual: Any) -> list[dict[str, Tensor]]:
        return [{name: torch.ones_like(p) for name, p in individual.module.named_parameters()}]

    mutPruneMovement(genome, 0.0, ones)
    unit = torch.tensor([True, False, True])
    genome.prune("0.weight", unit.view(3, 1).expand(3, 2))
    genome.prune("0.bias", unit)
    genome.prune("2.weight", unit.expand(2, 3))
    mutCompact(genome)
    mutPruneMovement(genome, 0.0, ones)
    parameters = dict(genome.module.named_parameters())
    movement: Any = vars(genome)["movement"]
    for name in ("0.weight", "0.bias", "2.weight"):
        assert torch.equal(movement[name], -parameters[name])
    assert torch.equal(movement["2.bias"], -2 * parameters["2.bias"])
