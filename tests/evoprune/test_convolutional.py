"""The convolutional autoencoder of the registry: its recipe, and that it goes wherever others go."""

import json
import pickle
from dataclasses import asdict, replace

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.activations import ActivationProbe
from evoprune.benchmarks import Digits
from evoprune.benchmarks.pruning.run import load_model, start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.snapshots import load_snapshots
from evoprune.convolutional import Convolutional
from evoprune.copying import copy_module
from evoprune.evaluation import reconstruct, reconstruction_loss
from evoprune.networks import ACTIVATIONS, NETWORKS, OUTPUTS, parse_network
from evoprune.operators import OPERATORS, mutTrain
from evoprune.training import train
from tests.evidence import taken

SMALL = Convolutional((3, 2), "tanh")
RUN = {
    "benchmark": "digits",
    "network": "convolutional",
    "cells": 2,
    "generations": 2,
    "batch_size": 600,
    "compare": False,
    "finetune": 0.0,
}


def pair(recipe: Convolutional = SMALL, inputs: int = 64) -> Autoencoder:
    encoder, decoder = recipe.build(inputs)
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def size(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def kinds(module: nn.Module) -> list[type]:
    return [type(layer) for layer in module.children()]


def test_layers_in_their_order():
    encoder, decoder = Convolutional(activation="gelu", output="none").build(64)
    assert kinds(encoder) == [nn.Unflatten, nn.Conv2d, nn.GELU, nn.Conv2d, nn.GELU, nn.Flatten]
    transposed = nn.ConvTranspose2d
    assert kinds(decoder) == [nn.Unflatten, transposed, nn.GELU, transposed, nn.Identity, nn.Flatten]
    assert NETWORKS["convolutional"] == parse_network(" convolutional ") == Convolutional()


@pytest.mark.parametrize(
    ("inputs", "image", "code"),
    [
        (16, (1, 4, 4), (8, 1, 1)),
        (64, (1, 8, 8), (8, 2, 2)),
        (784, (1, 28, 28), (8, 7, 7)),
        (48, (3, 4, 4), (8, 1, 1)),
        (3072, (3, 32, 32), (8, 8, 8)),
    ],
)
def test_images_and_codes_by_the_number_of_values(inputs, image, code):
    recipe = Convolutional()
    assert recipe.image_of(inputs) == image
    encoder, decoder = recipe.build(inputs, inputs)
    x = torch.rand(2, inputs)
    codes = encoder(x)
    assert torch.equal(encoder[:-1](x), codes.view(2, *code))
    assert decoder(codes).shape == (2, inputs)
    assert recipe.latent is None  # as it follows from the image
    assert replace(recipe, image=image).latent == codes.shape[1]


def test_parameters_by_hand():
    """Nine taps from each map to each map, and a bias for each map that is made."""
    there, back = (1 * 64 * 9 + 64) + (64 * 8 * 9 + 8), (8 * 64 * 9 + 64) + (64 * 1 * 9 + 1)
    encoder, decoder = Convolutional().build(64)
    assert (size(encoder), size(decoder)) == (there, back) == (5256, 5249)
    assert Convolutional().parameters(64) == Convolutional().parameters(784, 784) == 10_505
    colour = (3 * 5 * 9 + 5) + (5 * 4 * 9 + 4) + (4 * 5 * 9 + 5) + (5 * 3 * 9 + 3)
    recipe = Convolutional((5, 4))
    assert recipe.parameters(3072) == colour == size(*recipe.build(3072)) == 647


def test_a_sample_by_hand():
    """Taps in the middle alone read every second pixel, and write it back between zeros."""
    encoder, decoder = Convolutional((1, 1), output="identity").build(64)
    with torch.no_grad():
        for parameter in (*encoder.parameters(), *decoder.parameters()):
            parameter.zero_()
            if parameter.dim() == 4:
                parameter[0, 0, 1, 1] = 2
    x = torch.arange(64.0)
    code = encoder(x[None])
    assert code.tolist() == [[0, 4 * 4, 4 * 32, 4 * 36]]  # pixels (0, 0), (0, 4), (4, 0) and (4, 4)
    expected = torch.zeros(64)
    expected[[0, 4, 32, 36]] = 4 * code[0]
    assert torch.equal(decoder(code)[0], expected)


def test_channels_of_colour_are_one_after_the_other():
    encoder, _ = Convolutional((1, 1)).build(48)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        encoder.get_parameter("1.weight")[0, 2, 1, 1] = 1
        encoder.get_parameter("3.weight")[0, 0, 1, 1] = 1
    assert encoder(torch.arange(48.0)[None]).tolist() == [[32]]  # the first pixel of the third channel


@pytest.mark.parametrize("inputs", [1, 36, 60, 100, 128, 192 + 1, 300, 1000, 2 * 32 * 32])
def test_what_is_no_image(inputs):
    for method in (SMALL.build, SMALL.check, SMALL.parameters, SMALL.image_of):
        with pytest.raises(ValueError, match=rf"square images of 1 or 3 .* by 4, such as 64 .* got {inputs}$"):
            method(inputs)


@pytest.mark.parametrize("inputs", [0, -64, 6.4, True, "64", None])
def test_inputs_that_are_no_number(inputs):
    with pytest.raises(ValueError, match=rf"inputs must be a whole number of at least 1, got '?{inputs}"):
        SMALL.build(inputs)


def test_outputs_and_the_code():
    with pytest.raises(ValueError, match="autoencoder of 64 inputs has as many outputs, got 16"):
        SMALL.build(64, 16)
    Convolutional((99, 16)).build(64)
    with pytest.raises(ValueError, match="a code of 17 x 2 x 2 is longer than the 64 inputs"):
        Convolutional((99, 17)).build(64)
    Convolutional((99, 48)).check(48)


def test_an_image_of_its_own():
    recipe = Convolutional((3, 2), image=(2, 4, 12))
    encoder, decoder = recipe.build(96)
    assert encoder(torch.rand(5, 96)).shape == (5, recipe.latent) == (5, 2 * 1 * 3)
    assert decoder(torch.rand(5, 6)).shape == (5, 96)
    with pytest.raises(ValueError, match="reads images of 2 x 4 x 12 = 96 values a sample, the data have 64"):
        recipe.build(64)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"channels": (8,)}, r"channels must be two whole numbers, got \(8,\)"),
        ({"channels": (8, 4, 2)}, "channels must be two"),
        ({"channels": (8, 0)}, "number of channels must be a whole number of at least 1, got 0"),
        ({"channels": (8, 2.5)}, "number of channels"),
        ({"activation": "step"}, "unknown activation 'step'"),
        ({"output": "gelu"}, "unknown output 'gelu'"),
        ({"image": (1, 8)}, r"image must be channels, and a height and width divisible by 4, got \(1, 8\)"),
        ({"image": (1, 8, 0)}, "size of an image must be a whole number of at least 1, got 0"),
        ({"image": (1, 8, 6)}, r"divisible by 4, got \(1, 8, 6\)"),
        ({"image": (1, 6, 8)}, "divisible by 4"),
        ({"channels": (4, 17), "image": (1, 8, 8)}, "code of 17 x 2 x 2 is longer than the 64 inputs"),
    ],
)
def test_bad_recipes(given, message):
    with pytest.raises(ValueError, match=message):
        Convolutional(**given)


@pytest.mark.parametrize("value", [8, "848"])
def test_fields_of_another_kind(value):
    with pytest.raises(TypeError, match="channels must be two whole numbers"):
        Convolutional(value)
    with pytest.raises(TypeError, match="image must be channels, height and width"):
        Convolutional(image=value)


def test_recipes_are_values():
    recipe = Convolutional((16, 4), "elu", "tanh", (1, 8, 8))
    stored = Convolutional(**json.loads(json.dumps(asdict(recipe))))  # JSON has lists only
    assert recipe == stored == pickle.loads(pickle.dumps(recipe))
    assert hash(recipe) == hash(stored)
    assert recipe != Convolutional((16, 4), "elu", "tanh")
    encoder, _ = recipe.build(64)
    assert repr(copy_module(encoder)) == repr(encoder)


def test_it_learns_the_digits():
    torch.manual_seed(0)
    one, data = pair(Convolutional((8, 4))), Digits()
    best = (data.test - data.train.mean()).square().mean().item()  # of the constants
    for _ in range(3):
        mutTrain(one, data, loss="mse", learning_rate=0.01, batch_size=32)
    assert reconstruction_loss(one.encoder, one.decoder, data.test, loss="mse")[0] < best / 2


def test_what_a_probe_sees():
    one, x = pair(), torch.rand(6, 64)
    found = ActivationProbe(x)(one)
    shapes = {part: {name: tuple(values.shape) for name, values in layers.items()} for part, layers in found.items()}
    assert shapes == {"encoder": {"1": (6, 3), "3": (6, 2)}, "decoder": {"1": (6, 3), "3": (6, 1)}}
    codes = one.encoder.module(x).view(6, 2, 4)
    assert torch.allclose(found["encoder"]["3"], codes.mean(2))  # after the nonlinearity, over the pixels


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_prunes_and_training_respects_it(name):
    torch.manual_seed(0)
    one, x = pair(), torch.rand(12, 64)
    OPERATORS[name](one, **taken(OPERATORS[name], x, amount=0.3, threshold=0.9))
    assert one.preserved < 1
    masks = [{key: mask.clone() for key, mask in genome.masks.items()} for genome in one]
    train([one], [x], loss="mse", learning_rate=0.01)
    for genome, before in zip(one, masks, strict=True):
        for key, mask in before.items():
            assert torch.equal(genome.masks[key], mask)
            assert not genome.module.get_parameter(key)[~mask].any()


def test_a_run_leaves_a_model_that_needs_no_data(tmp_path, monkeypatch):
    settings = make_settings(RUN, activation="tanh", output_activation="identity", loss="mse", snapshots=2)
    assert settings.architecture == Convolutional(activation="tanh", output="identity")
    result = start(settings, tmp_path / "run", plots=False)
    assert result.summary["preserved"] == pytest.approx(0.2, abs=1e-3)
    with monkeypatch.context() as patched:
        patched.setattr(Digits, "inputs", None)  # the file has its image
        model = load_model(tmp_path / "run" / "model.pt")
    assert kinds(model.decoder.module)[-2:] == [nn.Identity, nn.Flatten]
    assert list(model) == list(result.model)
    x = settings.problem.test
    assert torch.equal(reconstruct(model, x), reconstruct(result.model, x))
    (*_, last) = load_snapshots(tmp_path / "run").values()
    assert [list(each) for each in last] == [list(each) for each in result.grid]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"decoder": "32-64"}, "decoder '32-64': the decoder of convolutional mirrors its encoder"),
        ({"benchmark": "binary-clustering"}, "square images of 1 or 3 channels .* got 1000"),
        ({"benchmark": "photographs", "image_size": 6}, "square images .* got 108"),
        ({"task": "classification"}, "unknown network for classes or values 'convolutional'"),
    ],
)
def test_what_does_not_fit_is_said_before_any_work(given, message):
    with pytest.raises(ValueError, match=message):
        make_settings(RUN, given, batch_size=5).check_data()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    recipe = make_settings(RUN, activation=activation).architecture
    encoder, decoder = map(kinds, recipe.build(64, 64))
    assert encoder[2] is encoder[4] is decoder[2] is ACTIVATIONS[activation]


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output(output):
    assert kinds(replace(SMALL, output=output).build(64)[1])[4] is OUTPUTS[output]
