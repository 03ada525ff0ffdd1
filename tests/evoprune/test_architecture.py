"""The genome of an architecture: its text, its constraints, and the networks that it stands for."""

import copy
import json
import pickle

import pytest
import torch
from torch import nn

from evoprune.architecture import Architecture, Blueprint, Conv, Linear, fault, found_in, parse_architecture
from evoprune.fitness import MinimizeLoss
from evoprune.networks import MLP, parse_network

TEXT = "arch:1x8x8;tanh;conv_1_8_3;conv_8_4_2_2;linear_36_20;linear_20_10"


def made() -> Architecture:
    return Architecture([Conv(8, 3), Conv(4, 2, 2), Linear(20)], (1, 8, 8), 10, "tanh")


def test_the_text_is_worked_out_and_read_back():
    # 8 x 8 - a kernel of 3 -> 6 x 6; kernel 2, stride 2 -> 3 x 3; 4 channels of 9 are 36 features
    assert made().text == TEXT
    again = parse_architecture(TEXT)
    assert list(again) == [Conv(8, 3), Conv(4, 2, 2), Linear(20)]
    assert (again.shape, again.code, again.activation) == ((1, 8, 8), 10, "tanh")
    assert parse_architecture(TEXT.removeprefix("arch:")) == again == made()


def test_equal_by_text():
    other = made()
    other.activation = "relu"
    assert other != made()
    assert made() != Architecture([], (1, 8, 8), 10)


def test_parameters_by_hand():
    # 1*8*9 + 8*4*4 + 36*20 + 20*10, both ways, and the biases of what each layer makes there and back
    assert made().parameters == 2 * (72 + 128 + 720 + 200) + (8 + 4 + 20 + 10) + (1 + 8 + 36 + 20)
    assert made().parameters == sum(p.numel() for part in made().build() for p in part.parameters())


@pytest.mark.parametrize(
    "architecture",
    [
        made(),
        Architecture([], (1, 1, 7), 3),
        Architecture([Linear(5), Linear(5)], (3, 4, 2), 2, "sigmoid"),
        Architecture([Conv(3, 2, 3), Conv(2, 1, 2)], (2, 9, 12), 4, "leaky-relu"),
    ],
)
def test_the_decoder_mirrors_the_encoder(architecture):
    encoder, decoder = architecture.build()
    x = torch.rand(5, architecture.inputs)
    codes = encoder(x)
    assert codes.shape == (5, architecture.code)
    assert decoder(codes).shape == x.shape
    assert isinstance([layer for layer in decoder if not isinstance(layer, nn.Flatten)][-1], nn.Sigmoid)
    there = [layer.weight.shape for layer in encoder if hasattr(layer, "weight")]
    back = [layer.weight.shape for layer in decoder if hasattr(layer, "weight")]
    # A transposed convolution has its weight as the convolution has it; a Linear layer transposed.
    assert there == [shape if len(shape) == 4 else shape[::-1] for shape in reversed(back)]


def test_a_linear_architecture_is_the_mlp_of_the_same_widths():
    torch.manual_seed(3)
    encoder, decoder = parse_architecture("arch:1x1x9;relu;linear_9_5;linear_5_2").build()
    torch.manual_seed(3)
    mlp = MLP(hidden=(5,), latent=2).build(9)
    assert (repr(encoder), repr(decoder)) == (repr(mlp[0]), repr(mlp[1]))


@pytest.mark.parametrize(
    ("layers", "code", "message"),
    [
        ([], 65, "a code of 65 is larger than the 64 values"),
        ([Linear(8)], 9, "code of 9 is larger than the 8 features"),
        ([Linear(65)], 2, "increases the features, which are 64"),
        ([Linear(16), Linear(17)], 2, "increases the features, which are 16"),
        ([Linear(16), Conv(2, 1)], 2, "stands after a linear layer"),
        ([Conv(4, 3), Conv(5, 3)], 2, "increases the channels, which are 4"),
        ([Conv(4, 5), Conv(4, 5)], 2, "does not fit into 4 x 4"),
        ([Conv(4, 0)], 2, "a size below 1"),
        ([Conv(2, 7), Linear(9)], 2, "increases the features, which are 8"),
    ],
)
def test_faults(layers, code, message):
    assert message in str(fault(layers, (1, 8, 8), code))
    with pytest.raises(ValueError, match="|".join([message])):
        Architecture(layers, (1, 8, 8), code)


def test_no_fault():
    assert fault([Conv(16, 3), Conv(16, 3, 2), Linear(64), Linear(64)], (1, 8, 8), 64) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arch:1x8;relu;linear_8_2", "must be a shape, an activation and layers"),
        ("arch:1x8x8;relu", "must be a shape, an activation and layers"),
        ("arch:1x8x8;rellu;linear_64_2", "did you mean 'relu'"),
        ("arch:1x8x8;relu;conv_1_8_3", "must end with the linear layer"),
        ("arch:1x8x8;relu;dense_64_2", "layer 'dense_64_2' must be"),
        ("arch:1x8x8;relu;linear_64_8;linear_9_2", "linear_9_2 does not fit the layer before; here it is linear_8_2"),
        ("arch:1x8x8;relu;conv_3_8_3;linear_288_2", "here it is conv_1_8_3"),
        ("arch:0x8x8;relu;linear_0_2", "at least 1"),
    ],
)
def test_what_cannot_be_read(text, message):
    with pytest.raises(ValueError, match=message):
        parse_architecture(text)


def test_an_individual_is_cloned_and_pickled_with_its_fitness():
    one = made()
    one.fitness.values = (0.5,)
    for twin in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert type(twin) is Architecture
        assert twin == one
        assert twin.fitness.values == (0.5,)
        twin[0] = Conv(9, 3)
        del twin.fitness.values
        assert one[0] == Conv(8, 3)
        assert one.fitness.valid
    assert isinstance(one.fitness, MinimizeLoss)


def test_a_blueprint_is_a_recipe_as_a_network_is():
    blueprint = parse_network(TEXT)
    assert blueprint == Blueprint(TEXT)
    assert hash(blueprint) == hash(Blueprint(TEXT.removeprefix("arch:")))
    assert (blueprint.latent, blueprint.activation) == (10, "tanh")
    assert blueprint.build(64)[0](torch.rand(2, 64)).shape == (2, 10)
    with pytest.raises(ValueError, match="reads 1 x 8 x 8 = 64 values a sample, the data have 63"):
        blueprint.build(63)


def test_found_in(tmp_path):
    with pytest.raises(ValueError, match="no architecture search has ended here"):
        parse_network(f"from {tmp_path}")
    for text, message in (("{}", "not left by an architecture search"), ("[1]", "a JSON object"), ("{", "as JSON")):
        (tmp_path / "summary.json").write_text(text)
        with pytest.raises(ValueError, match=rf"summary\.json: .*{message}"):
            found_in(tmp_path)
    (tmp_path / "summary.json").write_text(json.dumps({"architecture": TEXT}))
    assert parse_network(f" from {tmp_path} ") == Blueprint(TEXT)
