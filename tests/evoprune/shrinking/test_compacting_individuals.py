"""Networks in parts, variational and tied ones, and what stands in several places."""

from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network, compact
from evoprune.mlp import GaussianEncoder, mlp_decoder, mlp_encoder, variational_encoder
from evoprune.tied import TiedAutoencoder, TiedLinear, TiedNetwork
from tests.evoprune.shrinking.by_hand import (
    BORDER,
    IMAGES,
    INPUTS,
    ROWS,
    check_same,
    drop,
    hidden,
    ignoring,
    norm,
    outputs,
    reason_of,
    shrunk,
    silent,
    widths,
)

# Individuals


def pair(activation: str = "sigmoid") -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder((6, 5, 4), activation)), Decoder(mlp_decoder((4, 5, 6)))])


def test_parts_are_compacted_across_their_border():
    individual = pair()
    drop(individual.encoder, "2", makes=[1])
    drop(individual.decoder, "0", reads=[3])
    small, removed = shrunk(individual, INPUTS)
    assert list(dict(small.named_children())) == ["encoder", "decoder"]
    assert removed.units == {"encoder.2": 2}
    assert widths(small) == [(6, 5), (5, 2), (2, 5), (5, 6)]


def test_a_genome_alone_keeps_its_code():
    individual = pair()
    drop(individual.encoder, "2", makes=[1])
    drop(individual.encoder, "0", makes=[1, 2])
    small, removed = shrunk(individual.encoder, INPUTS)
    assert removed.units == {"0": 2}
    assert widths(small) == [(6, 3), (3, 4)]
    assert type(small) is nn.Sequential


def test_networks_name_their_parts_by_number_and_one_part_is_its_module():
    parts = [Genome(silent(nn.Linear(3, 4), 1)), Genome(nn.Sigmoid()), Genome(nn.Linear(4, 2))]
    small, removed = shrunk(Network(parts), ROWS)
    assert list(dict(small.named_children())) == ["0", "1", "2"]
    assert removed.units == {"0": 1}
    alone, removed = shrunk(Network([Genome(hidden())]), ROWS)
    assert removed.units == {"0": 1}
    assert type(alone[0]) is nn.Linear


def test_an_encoder_that_ends_in_flatten_and_a_decoder_that_begins_with_unflatten():
    encoder = nn.Sequential(silent(nn.Conv2d(2, 4, 3, 2), 1, bias=-1.0), nn.ReLU(), nn.Flatten())
    up = ignoring(nn.ConvTranspose2d(4, 2, 4, 2), 3)
    decoder = nn.Sequential(nn.Unflatten(1, (4, 2, 2)), up, nn.Sigmoid())
    small, removed = shrunk(Autoencoder([Encoder(encoder), Decoder(decoder)]), IMAGES)
    assert removed.units == {"encoder.0": 2}
    assert small.decoder[0].unflattened_size == (2, 2, 2)


def test_a_network_that_turns_images_into_codes_and_back():
    encoder = nn.Sequential(silent(nn.Conv2d(2, 4, 3), 0), norm(nn.BatchNorm2d, 4), nn.ReLU(), nn.MaxPool2d(2))
    code = nn.Sequential(*encoder, nn.Flatten(), silent(nn.Linear(16, 5), 1), nn.Sigmoid())
    decoder = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Unflatten(1, (2, 2, 2)), nn.ConvTranspose2d(2, 2, 3, 2, 1))
    ignoring(decoder[0], 2)
    silent(decoder[0], 4, 5, 6, 7, bias=0.0)
    individual = Autoencoder([Encoder(code), Decoder(decoder)]).__deepcopy__({})
    small, removed = shrunk(individual, IMAGES)
    assert removed.units == {"encoder.0": 1, "encoder.5": 2, "decoder.0": 1}
    assert widths(small) == [(2, 3), (12, 3), (3, 4), (1, 2)]


def test_of_a_variational_encoder_the_way_to_the_mean_is_left():
    individual = Autoencoder([Encoder(variational_encoder((6, 5, 4))), Decoder(mlp_decoder((4, 5, 6)))])
    drop(individual.encoder, "trunk.0", makes=[0])
    drop(individual.encoder, "mean", makes=[2], reads=[1])  # unit 1 is read by the variance alone
    drop(individual.decoder, "0", reads=[3])
    small, removed = shrunk(individual, INPUTS)
    assert removed.units == {"encoder.trunk.0": 2, "encoder.mean": 2}
    assert widths(small) == [(6, 3), (3, 2), (2, 5), (5, 6)]
    assert isinstance(individual.encoder.module, GaussianEncoder)
    assert set(individual.encoder.masks) > {"log_variance.weight"}
    alone, _ = shrunk(Genome(variational_encoder((6, 4))), INPUTS)  # without a trunk
    assert widths(alone) == [(6, 4)]


def test_a_variational_encoder_within_a_stack_keeps_both_heads():
    network: Any = nn.Sequential(variational_encoder((6, 5, 4)), ignoring(nn.Linear(4, 2), 1))
    silent(network[0].trunk[0], 2)
    small, removed = shrunk(network, INPUTS)
    assert removed.units == {"0.trunk.0": 1, "0.mean": 1}
    assert widths(small) == [(6, 4), (4, 3), (4, 3), (3, 2)]


def test_tied_weights_stay_tied():
    individual = TiedAutoencoder(TiedNetwork((6, 5, 4, 3), activation="sigmoid"))
    drop(individual.encoder, "encoder.0", makes=[1])
    drop(individual.encoder, "encoder.4", makes=[0], reads=[2])
    small, removed = shrunk(individual, INPUTS)
    network = small.encoder
    assert removed.units == {"encoder.encoder.0": 1, "encoder.encoder.2": 1, "encoder.encoder.4": 1}
    assert network.widths == (6, 4, 3, 2)
    assert widths(network.decoder) == [(2, 3), (3, 4), (4, 6)]
    assert network.decoder[0].weight is network.encoder[4].weight
    assert type(network.decoder[0]) is TiedLinear
    assert network.decoder[0].bias.shape == (3,)


def test_a_tied_unit_is_folded_on_the_way_there_and_unread_on_the_way_back():
    network = TiedNetwork((2, 2, 1), output="identity")
    layers: list[Any] = [network.encoder[0], network.encoder[2], network.decoder[0], network.decoder[2]]
    with torch.no_grad():
        layers[0].weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
        layers[0].bias.copy_(torch.tensor([0.0, 2.0]))
        layers[1].weight.copy_(torch.tensor([[1.0, 3.0]]))
        layers[1].bias.fill_(10.0)
    small: Any = compact(network)
    assert small.widths == (2, 1, 1)
    assert small.encoder[2].bias.tolist() == [16.0]  # 10 + 3 * 2
    assert small.decoder[2].bias.equal(layers[3].bias)
    check_same(outputs(network, torch.rand(3, 2)), outputs(small, torch.rand(3, 2) * 0), 10.0)


def test_a_tied_network_between_layers():
    tied: Any = TiedNetwork((4, 3))
    with torch.no_grad():
        tied.encoder[0].weight[:, 1] = 0
    small, removed = shrunk(nn.Sequential(silent(nn.Linear(3, 4), 1), nn.ReLU(), tied, nn.Linear(4, 2)), ROWS)
    assert removed.units == {"0": 1}
    assert small[2].widths == (3, 3)
    assert widths(small[2].decoder) == [(3, 3)]


def test_dead_units_of_tied_outputs_stay_with_a_reason():
    """What reads unit 1 also makes an output."""
    tied: Any = TiedNetwork((4, 3))
    with torch.no_grad():
        tied.encoder[0].weight[:, 1] = 0
    assert reason_of(nn.Sequential(silent(nn.Linear(3, 4), 1), nn.ReLU(), tied))


def test_weights_count_and_not_masks():
    genome = Genome(hidden(units=()))
    keep = torch.ones(4, 3, dtype=torch.bool)
    keep[1] = False
    genome.zero({"0.weight": keep})  # once, and no mask says so
    assert shrunk(genome, ROWS)[1].units == {"0": 1}


def test_excluded_and_frozen_parameters_go_as_well():
    network = hidden()
    network[2].requires_grad_(False)
    small, removed = shrunk(Genome(network, exclude=["2"]), ROWS)
    assert removed.units == {"0": 1}
    assert [parameter.requires_grad for parameter in small.parameters()] == [True, True, False, False]


# Used twice, and shared


def test_a_nonlinearity_that_is_used_twice():
    same = nn.Sigmoid()
    network = nn.Sequential(nn.Linear(3, 4), same, silent(nn.Linear(4, 4), 1, 2), same, nn.Linear(4, 2))
    small, removed = shrunk(network, ROWS)
    assert removed.units == {"2": 2}
    assert len(small) == 5


@pytest.mark.parametrize("nested", [False, True])
def test_a_layer_that_is_used_twice(nested: bool):
    """A unit goes where it is dead both times."""
    layer = ignoring(silent(nn.Linear(4, 4), 1, bias=0.0), 1)
    first, last = silent(nn.Linear(3, 4), 1, bias=0.0), ignoring(nn.Linear(4, 2), 1)
    steps = [nn.Sequential(step, nn.ReLU()) if nested else step for step in (first, layer, layer, last)]
    small, removed = shrunk(nn.Sequential(*steps), ROWS)
    assert removed.units == {"0.0" if nested else "0": 1}
    assert widths(small) == [(3, 3), (3, 3), (3, 2)]
    silent(first, 2)
    _, removed = shrunk(nn.Sequential(*steps), ROWS)  # dead the first time only
    assert sum(removed.units.values()) == 1


@pytest.mark.parametrize("between", [nn.PReLU(4), norm(nn.BatchNorm1d, 4)], ids=["slopes", "norm"])
def test_what_holds_values_of_units_that_is_used_twice(between: nn.Module):
    """Of units that are dead in one place the other ones are not."""
    first, second = nn.Sequential(silent(nn.Linear(3, 4), 1), between), nn.Sequential(nn.Linear(4, 4), between)
    shrunk(nn.Sequential(first, second, nn.Linear(4, 2)), ROWS)


@pytest.mark.parametrize(
    "bias",
    [False, True],
)
def test_a_layer_that_reads_dead_units_twice_gets_no_bias_for_both(bias: bool):
    same, between = nn.Linear(4, 3, bias=bias), nn.Sigmoid()
    first, second = silent(nn.Linear(3, 4), 1, bias=2.0), silent(nn.Linear(3, 4), 1, bias=-1.0)
    _, removed = shrunk(nn.Sequential(first, between, same, second, between, same), ROWS)
    assert removed.units == {}
    assert BORDER in removed.reasons[-1]


@pytest.mark.parametrize("dead", [0, 3])
def test_a_turn_that_is_taken_twice(dead: int):
    """Unflatten says how many channels there are, of units that are dead in one place and not in the other."""
    turn = nn.Unflatten(1, (4, 1))
    layers = [nn.Linear(3, 4), turn, nn.Flatten(), nn.Linear(4, 4), turn, nn.Flatten(), nn.Linear(4, 2)]
    silent(layers[dead], 1)
    shrunk(nn.Sequential(*layers), ROWS)


@pytest.mark.parametrize("before", [False, True])
def test_a_norm_that_also_stands_where_units_are_not_followed(before: bool):
    """Before the first layer, or behind what mixes units."""
    same = norm(nn.BatchNorm1d, 4)
    layers = silent(nn.Linear(4, 4), 1), same, nn.Linear(4, 4)
    shrunk(nn.Sequential(same, *layers) if before else nn.Sequential(*layers, nn.Softmax(1), same), torch.randn(5, 4))


def test_layers_that_share_a_bias():
    first, second, last = silent(nn.Linear(3, 4), 1), nn.Linear(4, 4), nn.Linear(4, 2)
    second.bias = first.bias
    shrunk(nn.Sequential(first, nn.ReLU(), second, nn.Sigmoid(), last), ROWS)


def test_a_bias_that_other_layers_use_takes_nothing_up():
    first, second, last = silent(nn.Linear(3, 4), 1, bias=1.0), nn.Linear(4, 4), nn.Linear(4, 4)
    last.bias = second.bias
    shrunk(nn.Sequential(first, nn.Sigmoid(), second, nn.ReLU(), last), ROWS)


def test_layers_that_share_weights_in_another_way_stay():
    first, second, last = silent(nn.Linear(3, 4), 1), nn.Linear(4, 4), silent(nn.Linear(4, 4), 2)
    last.weight = second.weight
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)
    small, removed = shrunk(network, ROWS)
    assert widths(small) == widths(network)
    assert removed.reasons
