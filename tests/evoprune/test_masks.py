import math

import pytest
import torch

from evoprune.masks import kept, nonzeros, zero_dropped

MASK = torch.tensor([[True, False, True], [False, False, True]])


def test_what_a_mask_keeps_is_counted():
    assert kept(MASK) == 3
    assert kept(MASK.T) == 3
    assert kept(torch.ones(0, dtype=torch.bool)) == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_numbers_that_are_not_zero_are_counted(dtype):
    values = torch.tensor([[0.0, -0.0, math.nan], [math.inf, -1.5, 2.0**-24]], dtype=dtype)
    assert nonzeros(values) == 4
    assert nonzeros(torch.nn.Parameter(values.T)) == 4


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.int64]
)
def test_what_a_mask_drops_is_zero_and_the_rest_stays(dtype):
    values = torch.arange(1, 7).view(2, 3).to(dtype)
    zero_dropped([values], MASK)
    assert values.tolist() == [[1, 0, 3], [0, 0, 6]]


def test_nan_infinity_and_minus_zero_become_zero_too():
    values = torch.tensor([[math.nan, math.nan, -0.0], [math.inf, -0.0, -1.5]])
    zero_dropped([values], MASK)
    assert math.isnan(values[0, 0])
    assert values.flatten()[1:].tolist() == [0.0, 0.0, 0.0, 0.0, -1.5]
    assert not values[1, :2].signbit().any()


def test_several_tensors_parameters_and_other_layouts():
    layer, moment = torch.nn.Linear(3, 2), torch.ones(3, 2).T
    double, whole = torch.ones(2, 3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.int64)
    zero_dropped((layer.weight, moment, double, whole), MASK)
    for tensor in (layer.weight, moment, double, whole):
        assert torch.equal(tensor != 0, MASK)
    assert layer.weight.requires_grad
