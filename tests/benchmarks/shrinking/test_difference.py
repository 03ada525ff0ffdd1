"""Outputs are compared relative to the largest one, sample by sample."""

import math

import pytest
import torch
from torch import Tensor, nn

from evoprune import Genome
from evoprune.benchmarks.shrinking.difference import Differs, difference
from evoprune.data import Samples, samples_of

X = torch.tensor([[0.5, -4.0], [1.0, 2.0]])
SAMPLES = samples_of(X, "test")
SAME = Genome(nn.Identity())


def off_by(amount: float) -> nn.Module:
    class Off(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.tensor([[0.0, 0.0], [amount, 0.0]])

    return Off()


def test_it_is_a_share_of_the_largest_output():
    found = difference(SAME, {"the same": SAME.module, "another": off_by(2**-16)}, SAMPLES)
    assert found == {"the same": 0.0, "another": 2**-16 / 4}  # 3.8e-6


def test_more_than_a_rounding_is_refused():
    with pytest.raises(Differs, match=r"^another differs from the network by 1.5e-05 of its largest output, more than"):
        difference(SAME, {"the same": SAME.module, "another": off_by(2**-14)}, SAMPLES)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_no_rounding(bad: float):
    with pytest.raises(Differs, match="another differs from the network by inf"):
        difference(SAME, {"another": off_by(bad)}, SAMPLES)
    with pytest.raises(ValueError, match="the network gives NaN or infinity on the held-out data"):
        difference(Genome(off_by(bad)), {"the same": off_by(bad)}, SAMPLES)


def test_outputs_of_another_shape_are_others():
    with pytest.raises(Differs, match="inf"):
        difference(SAME, {"one column": lambda inputs: inputs[:, :1]}, SAMPLES)


def test_where_all_outputs_are_zero_only_zero_is_the_same():
    zero = nn.Linear(2, 3)
    nn.init.zeros_(zero.weight)
    nn.init.zeros_(zero.bias)
    assert difference(Genome(zero), {"the same": zero}, SAMPLES) == {"the same": 0.0}
    with pytest.raises(Differs):
        difference(Genome(zero), {"another": lambda inputs: zero(inputs) + 1e-4}, SAMPLES)


def test_samples_that_are_no_tensor_are_compared_some_at_a_time():
    class Dense:
        """As a table that stays sparse."""

        shape = (600, 2)

        def __len__(self) -> int:
            return 600

        def __getitem__(self, index: Tensor) -> Tensor:
            return torch.stack([index, -index], 1).float()

    rows = Dense()
    late = difference(SAME, {"late": lambda x: x + (x[:, :1] == 599) * 2**-8}, Samples(rows, rows))
    assert late == {"late": 2**-8 / 599}
