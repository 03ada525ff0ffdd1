"""Compact modules that compute the same: biases by hand, norms, numbers, and what is no network."""

import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Genome, Network, compact
from evoprune.shrinking.compacting import compacted
from evoprune.shrinking.stacks import UNITWISE
from evoprune.tied import TiedNetwork
from tests.evoprune.shrinking.by_hand import (
    CONV,
    DATA,
    IMAGES,
    INPUTS,
    ROWS,
    check_same,
    convolution,
    hidden,
    ignoring,
    linear,
    norm,
    outputs,
    shrunk,
    silent,
    widths,
)

# Linear stacks


def test_biases_worked_out_by_hand():
    first = linear([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], [0.0, 0.5, -0.5])
    last = linear([[1.0, 2.0, 4.0], [0.0, -1.0, 8.0]], [10.0, 20.0])
    small: Any = compact(nn.Sequential(first, nn.ReLU(), last))
    assert small[0].weight.tolist() == [[1.0, 2.0]]
    assert small[0].bias.tolist() == [0.0]
    assert small[2].weight.tolist() == [[1.0], [0.0]]
    assert small[2].bias.tolist() == [11.0, 19.5]  # 10 + 2 * 0.5 + 4 * 0; 20 - 0.5 + 8 * 0


def test_a_unit_without_a_bias_is_the_nonlinearity_at_zero():
    last = linear([[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0])
    small: Any = compact(nn.Sequential(linear([[1.0], [0.0]]), nn.Sigmoid(), last))
    assert small[0].bias is None
    assert small[2].bias.tolist() == [1.0, 3.0]  # half of 2, and of 4


def test_a_unit_that_nothing_reads_adds_nothing():
    first = linear([[1.0], [2.0]], [3.0, 4.0])
    small: Any = compact(nn.Sequential(first, nn.Sigmoid(), linear([[1.0, 0.0]], [7.0])))
    assert small[0].weight.tolist() == [[1.0]]
    assert small[2].bias.tolist() == [7.0]


def test_a_layer_without_a_bias_gets_one_only_where_it_needs_it():
    small, removed = shrunk(nn.Sequential(silent(nn.Linear(3, 4), 1), nn.Sigmoid(), nn.Linear(4, 2, bias=False)), ROWS)
    assert small[2].bias.shape == (2,)
    assert small[2].bias.requires_grad
    assert removed.units == {"0": 1}
    first = silent(nn.Linear(3, 4, bias=False), 1)
    small, removed = shrunk(nn.Sequential(first, nn.ReLU(), nn.Linear(4, 2, bias=False)), ROWS)
    assert small[2].bias is None
    assert removed.units == {"0": 1}


def test_one_unit_takes_the_next_with_it():
    """Forwards what was made by a removed unit alone, and backwards what was read by one."""
    first = linear([[1.0], [0.0]], [0.0, 1.0])
    second = linear([[1.0, 0.0], [0.0, 2.0]], [0.0, 3.0])  # its unit 1 is made by unit 1 alone
    last = linear([[1.0, 10.0]], [100.0])
    small: Any = compact(nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last))
    assert widths(small) == [(1, 1), (1, 1), (1, 1)]
    assert small[2].bias.tolist() == [0.0]
    assert small[4].bias.tolist() == [150.0]  # 100 + 10 * (2 * 1 + 3)
    first = linear([[1.0], [1.0]], [0.0, 1.0])
    second = linear([[1.0, 0.0], [0.0, 2.0]], [0.0, 3.0])  # its unit 1 alone reads unit 1
    small = compact(nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), linear([[1.0, 0.0]], [100.0])))
    assert widths(small) == [(1, 1), (1, 1), (1, 1)]


def test_a_constant_goes_through_as_many_layers_as_there_are():
    layers: list[nn.Module] = [silent(nn.Linear(3, 3), 0)]
    for _ in range(4):
        layer = nn.Linear(3, 3)
        with torch.no_grad():
            layer.weight[0, 1:] = 0  # unit 0 is made by unit 0 alone
        layers += [nn.Tanh(), layer]
    small, removed = shrunk(nn.Sequential(*layers, nn.Softplus(), nn.Linear(3, 1)), ROWS)
    assert removed.units == {"0": 1, "2": 1, "4": 1, "6": 1, "8": 1}
    assert widths(small)[:5] == [(3, 2)] + [(2, 2)] * 4


def test_a_layer_of_which_everything_is_dead_keeps_one_unit():
    small, removed = shrunk(hidden(units=(0, 1, 2, 3)), ROWS)
    assert widths(small) == [(3, 1), (1, 2)]
    assert removed.units == {"0": 3}
    network = hidden()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    small, removed = shrunk(network, ROWS)
    assert widths(small) == [(3, 1), (1, 2)]
    assert not removed.reasons


def test_inputs_and_outputs_never_change():
    network = nn.Sequential(ignoring(nn.Linear(3, 4), 0, 1), nn.ReLU(), silent(nn.Linear(4, 2), 0))
    small, removed = shrunk(network, ROWS)
    assert widths(small) == [(3, 4), (4, 2)]
    assert removed.units == {}
    alone, removed = shrunk(silent(nn.Linear(3, 2), 0), ROWS)
    assert (alone.in_features, alone.out_features) == (3, 2)
    assert removed.units == {}


@pytest.mark.parametrize("kind", UNITWISE)
def test_every_nonlinearity(kind: Any):
    """Every one that changes a value by itself, where the unit's bias is negative, and positive."""
    given = {nn.Threshold: (0.1, 2.0)}.get(kind, ())
    first = silent(silent(nn.Linear(3, 4), 1, bias=-0.7), 2, bias=0.8)
    network = nn.Sequential(first, kind(*given), nn.Linear(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of dropout of whole channels on values
        small, removed = shrunk(network, ROWS)
    assert widths(small) == [(3, 2), (2, 2)]
    assert removed.units == {"0": 2}


def test_dropout_of_channels_compacts_without_a_warning():
    network = nn.Sequential(silent(nn.Conv2d(2, 4, 1), 1), nn.Sigmoid(), nn.Dropout2d(), nn.Conv2d(4, 2, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert widths(compact(network)) == [(2, 3), (3, 2)]


def test_slopes_of_units_go_with_them():
    slopes = nn.PReLU(4)
    with torch.no_grad():
        slopes.weight.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    network = nn.Sequential(silent(nn.Linear(3, 4), 1, bias=-1.0), slopes, linear([[1.0, 10.0, 1.0, 1.0]], [5.0]))
    small, _ = shrunk(network, ROWS)
    assert small[1].weight.tolist() == pytest.approx([0.1, 0.3, 0.4])
    assert small[1].num_parameters == 3
    assert small[2].bias.tolist() == [3.0]  # 5 + 10 * -0.2


@pytest.mark.parametrize("data", [torch.randn(3), torch.randn(5, 7, 3)], ids=["no batch", "sequences"])
def test_linear_layers_on_the_last_axis_of_anything(data: Tensor):
    network = nn.Sequential(*hidden(), nn.Tanh(), ignoring(nn.Linear(2, 1), 0))
    small, removed = shrunk(network, data)
    assert removed.units == {"0": 1, "2": 1}
    assert widths(small) == [(3, 3), (3, 1), (1, 1)]


# Norms


def test_a_norm_worked_out_by_hand():
    middle = nn.BatchNorm1d(2, eps=0.0)
    with torch.no_grad():
        middle.running_mean = torch.tensor([5.0, 1.0])
        middle.running_var = torch.tensor([1.0, 4.0])
        middle.weight.copy_(torch.tensor([1.0, 6.0]))
        middle.bias.copy_(torch.tensor([0.0, -2.0]))
    first = linear([[1.0], [0.0]], [0.0, 3.0])
    small: Any = compact(nn.Sequential(first, middle, nn.ReLU(), linear([[1.0, 10.0]], [100.0])))
    assert small[1].num_features == 1
    assert small[1].running_mean.tolist() == [5.0]
    assert small[1].running_var.tolist() == [1.0]
    assert small[1].weight.tolist() == [1.0]
    assert small[3].bias.tolist() == [140.0]  # (3 - 1) / 2 * 6 - 2 = 4


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_norms_are_sliced(affine: bool, dtype: torch.dtype):
    kinds = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
    for depth, data in DATA.items():
        layers = silent(CONV[depth](2, 4, 2), 1), norm(kinds[depth], 4, affine=affine), nn.Softplus()
        network = nn.Sequential(*layers, ignoring(CONV[depth](4, 2, 1), 3)).to(dtype)
        small, removed = shrunk(network, data.to(dtype), tolerance=1e-5 if dtype == torch.float32 else 1e-12)
        assert removed.units == {"0": 2}
        assert small[1].running_mean.equal(network[1].running_mean[[0, 2]])  # type: ignore[index]


def test_a_norm_without_learned_scales():
    small, removed = shrunk(hidden(norm(nn.BatchNorm1d, 4, affine=False)), ROWS)
    assert removed.units == {"0": 1}
    assert small[1].running_var.shape == (3,)


def test_a_norm_whose_scale_is_zero_makes_a_constant():
    middle = norm(nn.BatchNorm1d, 4)
    with torch.no_grad():
        middle.weight[2], middle.bias[2] = 0.0, 0.3
    small, removed = shrunk(nn.Sequential(nn.Linear(3, 4), middle, nn.Sigmoid(), nn.Linear(4, 2)), ROWS)
    assert removed.units == {"0": 1}
    assert widths(small) == [(3, 3), (3, 2)]


def test_a_norm_by_the_batch_stays():
    network = hidden(nn.BatchNorm1d(4, track_running_stats=False))
    small, removed = shrunk(network, ROWS)
    assert widths(small) == widths(network)
    assert removed.reasons == ["1 (BatchNorm1d) normalizes by the batch: the units of 0 stay"]


# The module that comes out


def test_what_is_given_stays_as_it_is():
    network = nn.Sequential(*hidden(), nn.Dropout())
    network.train()
    network[1].eval()
    genome = Genome(network)
    genome.moments, genome.steps = {"0.weight": (torch.ones(4, 3), torch.ones(4, 3))}, 3
    before = copy.deepcopy(genome)
    weight = network[0].weight
    small: Any = compact(genome)
    assert genome == before
    assert genome.module is network
    assert network[0].weight is weight
    assert [part.training for part in network] == [True, False, True, True]
    assert genome.whole is None
    assert genome.moments["0.weight"][0].shape == (4, 3)
    assert not any(part.training for part in small.modules())
    with torch.no_grad():
        small[2].weight.add_(1)
    assert genome == before  # and shares nothing


def test_modules_in_training_mode_are_taken_in_evaluation():
    network = nn.Sequential(nn.Linear(3, 4), norm(nn.BatchNorm1d, 4), nn.Dropout(0.9), silent(nn.Linear(4, 4), 2))
    network = nn.Sequential(network, nn.ReLU(inplace=True), nn.Linear(4, 2, bias=False)).train()
    small, removed = shrunk(network, ROWS)
    assert removed.units == {"0.3": 1}
    assert network.training
    assert not small.training


def test_an_example_is_not_needed_for_a_stack_but_looked_at():
    _, removed = shrunk(hidden(), ROWS, example=ROWS)
    assert removed.units == {"0": 1}
    assert compacted(hidden().double(), ROWS)[1].units == {"0": 1}  # of another type


def test_an_example_shows_that_units_stand_along_another_axis():
    """A norm of as many values as there are units, along another axis: that only an example tells."""
    network = hidden(nn.BatchNorm1d(4))
    data = torch.randn(5, 4, 3)
    small, removed = shrunk(network, data, example=data)
    assert widths(small) == [(3, 4), (4, 2)]
    assert "all of it is left as it is" in removed.reasons[0]


def test_compact_modules_are_copied_and_pickled():
    small = compact(hidden())
    for again in (copy.deepcopy(small), pickle.loads(pickle.dumps(small))):
        check_same(outputs(small, ROWS), outputs(again, ROWS), 0.0)


@pytest.mark.parametrize("network", [nn.Sequential(), nn.Identity(), nn.Sequential(nn.ReLU(), nn.Sequential())])
def test_networks_without_layers(network: nn.Module):
    assert shrunk(network, ROWS)[1] == type(compacted(network)[1])()
    assert shrunk(network, ROWS, example=ROWS)[1].units == {}


def test_layers_without_units():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of weights that are none
        network = nn.Sequential(nn.Linear(3, 0), nn.Linear(0, 2))
    assert shrunk(network, ROWS)[1].units == {}


def test_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compact(hidden())
    with pytest.warns(UserWarning, match=r"dead units may be left: 1 \(Softmax\) may mix units") as caught:
        compact(hidden(nn.Softmax(1)))
    assert caught[0].filename == __file__
    assert len(caught) == 1


@pytest.mark.parametrize("value", [None, 3, "network", [], [1], torch.zeros(2)])
def test_what_is_no_individual(value: Any):
    with pytest.raises(TypeError, match="individual must be a Genome, an Autoencoder, another Network or a module"):
        compact(value)


@pytest.mark.parametrize("individual", [hidden(), Network([Genome(hidden())])], ids=["module", "network"])
def test_bad_examples(individual: Any):
    with pytest.raises(TypeError, match="example must be a tensor"):
        compact(individual, "a")  # type: ignore[arg-type]
    for example in (torch.randn(5, 4), torch.zeros(0, 3), torch.tensor(1.0)):
        with pytest.raises(ValueError, match=r"data|example"):
            compact(individual, example)


# Numbers


def test_exact_in_double_precision():
    network = nn.Sequential(*hidden(norm(nn.BatchNorm1d, 4)), nn.Softplus(), silent(nn.Linear(2, 3), 0), nn.GELU())
    small, removed = shrunk(nn.Sequential(*network, nn.Linear(3, 2)).double(), ROWS.double(), tolerance=1e-12)
    assert removed.units == {"0": 1, "4": 1}
    assert {parameter.dtype for parameter in small.parameters()} == {torch.float64}
    images = convolution(nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"), nn.SiLU(), nn.AvgPool2d(2)).double()
    assert shrunk(images, IMAGES.double(), tolerance=1e-12)[1].units == {"0": 1}
    tied = TiedNetwork((6, 5, 4), activation="tanh").double()
    silent(tied.encoder[0], 1)
    assert shrunk(tied, INPUTS.double(), tolerance=1e-12)[1].units == {"encoder.0": 1}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype: torch.dtype):
    network = nn.Sequential(*hidden(nn.BatchNorm1d(4)), nn.Softplus(), nn.PReLU(2), nn.Linear(2, 2)).to(dtype)
    small, removed = shrunk(network, ROWS.to(dtype), tolerance=0.03)
    assert removed.units == {"0": 1}
    assert {parameter.dtype for parameter in small.parameters()} == {dtype}


def test_complex_weights():
    first = silent(nn.Linear(3, 4, dtype=torch.complex64), 1)
    data = torch.randn(5, 3, dtype=torch.complex64)
    assert shrunk(nn.Sequential(first, nn.Linear(4, 2, dtype=torch.complex64)), data)[1].units in ({}, {"0": 1})


@pytest.mark.parametrize("between", [nn.Threshold(0.1, 20.0), nn.Hardshrink(0.1)], ids=["threshold", "shrink"])
def test_a_bias_right_on_a_jump(between: nn.Module):
    """0.1 in single precision is more than 0.1."""
    assert shrunk(hidden(between, bias=0.1), ROWS)[1].units == {"0": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_constants_that_are_not_finite_stay_in_what_comes_out(value: float):
    network = nn.Sequential(silent(nn.Linear(3, 4), 1, bias=value), nn.ReLU(), nn.Linear(4, 2))
    small, removed = compacted(network)
    wanted, got = outputs(network, ROWS), outputs(small, ROWS)
    assert removed.units == {"0": 1}
    assert torch.equal(wanted.isnan(), got.isnan())
    assert torch.equal(wanted.nan_to_num(), got.nan_to_num())
