from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.genome import Genome
from evoprune.operators import mutPruneLAMP, mutPruneMagnitude
from evoprune.operators.prune_lamp import _relative

NAN, INF = float("nan"), float("inf")


def genome(*tensors: list[float]) -> Genome:
    layers = [nn.Linear(len(values), 1, bias=False) for values in tensors]
    for layer, values in zip(layers, tensors, strict=True):
        layer.weight.data = torch.tensor([values])
    return Genome(nn.Sequential(*layers))


def weights(individual: Genome) -> list[Any]:
    return [p.flatten().tolist() for p in individual.module.parameters()]


def scores(*values: float) -> Any:
    return pytest.approx(_relative(torch.tensor([values])).flatten().tolist())


def test_scores_by_hand() -> None:
    assert scores(-2.0, 1.0, 3.0) == [4 / 13, 1 / 14, 1.0]
    assert scores(2.0, -2.0, 2.0) == [1 / 3, 1 / 2, 1.0]  # of equal ones each sees those behind it
    assert scores(0.0, 0.0) == [0.0, 0.0]
    assert scores(NAN, 1.0, 2.0) == [0.0, 1 / 5, 1.0]
    assert scores(1.0, INF) == [0.0, 1.0]


def test_what_is_pruned_does_not_count() -> None:
    individual = genome([2.0, 1.0, 3.0])
    before = _relative(individual.module.get_parameter("0.weight").detach())
    individual.prune("0.weight", torch.tensor([[True, False, True]]))
    after = _relative(individual.module.get_parameter("0.weight").detach())
    assert after.tolist() == [[before[0, 0], 0.0, before[0, 2]]]


def test_large_weights_of_one_layer_do_not_empty_another() -> None:
    # Scores 1/50, 1 of the first layer, and of the second 0.01/0.06, 0.04/0.05 and 1... of which two go.
    individual = genome([1.0, 7.0], [0.1, 0.2, 0.1])
    assert mutPruneLAMP(individual, 0.4)[0] is individual
    assert weights(individual) == [[0.0, 7.0], pytest.approx([0.0, 0.2, 0.1])]
    other = genome([1.0, 7.0], [0.1, 0.2, 0.1])
    mutPruneMagnitude(other, 0.4, scope="global")
    assert weights(other) == [[1.0, 7.0], pytest.approx([0.0, 0.2, 0.0])]


def test_within_a_tensor_it_is_magnitude() -> None:
    one = Genome(nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4)))
    other = copy.deepcopy(one)
    mutPruneLAMP(one, 0.4, scope="tensor")
    mutPruneMagnitude(other, 0.4, scope="tensor")
    assert one == other


def test_every_layer_keeps_its_largest_weight() -> None:
    individual = genome([1.0, 7.0], [0.1, 0.2, 0.1])
    mutPruneLAMP(individual, 1.0)
    assert weights(individual) == [[0.0, 7.0], pytest.approx([0.0, 0.2, 0.0])]


def test_not_persistent_nothing_drawn_and_errors_first() -> None:
    individual, state = genome([1.0, 7.0]), random.getstate()
    mutPruneLAMP(individual, 0.5, persistent=False)
    assert weights(individual) == [[0.0, 7.0]]
    assert individual.preserved == 1.0
    with pytest.raises(ValueError, match=r"amount must be a number in \[0, 1\], got 2"):
        mutPruneLAMP(individual, 2)
    with pytest.raises(ValueError, match="unknown scope"):
        mutPruneLAMP(individual, 0.5, scope="pair")
    assert random.getstate() == state


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_other_types_of_number(dtype: torch.dtype) -> None:
    found: Tensor = _relative(torch.tensor([[2.0, 1.0, 3.0]], dtype=dtype))
    assert found.flatten().tolist() == pytest.approx([4 / 13, 1 / 14, 1.0])
