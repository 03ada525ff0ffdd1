"""Convolutional pairs go wherever others go: every operator, training together, engines, a whole run."""

import copy
import json
import pickle

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.activations import ActivationProbe
from evoprune.architecture import Architecture, Blueprint, Conv, Linear, parse_architecture
from evoprune.benchmarks.pruning.run import load_model, start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.copying import copy_module
from evoprune.evaluation import reconstruct
from evoprune.genome import prunable_layers
from evoprune.operators import OPERATORS
from evoprune.operators.structured import joints_of
from evoprune.operators.units import count_units
from evoprune.shrinking.counts import alive
from evoprune.training import train
from evoprune.training.programs import LinearProgram, VmapProgram, program_for
from evoprune.training.stacking import stack
from evoprune.training.structure import structure
from tests.evidence import taken

ARCHITECTURE = Architecture([Conv(5, 3), Conv(4, 2, 2), Linear(12)], (2, 6, 6), 6, "leaky-relu")
SMALL = "arch:1x8x8;tanh;conv_1_4_3_2;linear_36_6"
RUN = {"benchmark": "digits", "network": SMALL, "cells": 3, "generations": 2, "batch_size": 400, "compare": False}


def pair(architecture: Architecture = ARCHITECTURE) -> Autoencoder:
    encoder, decoder = architecture.build()
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def batch(samples: int = 12) -> torch.Tensor:
    return torch.rand(samples, ARCHITECTURE.inputs)


def same(one, other) -> bool:
    return all(a == b for a, b in zip(one, other, strict=True))


def test_a_units_activation_is_that_of_a_channel():
    found, x = pair(), batch()
    activations = ActivationProbe(x)(found)
    for part, genome in zip(("encoder", "decoder"), found, strict=True):
        layers = dict(prunable_layers(genome.module))
        assert {name: values.shape for name, values in activations[part].items()} == {
            name: (12, count_units(layer)) for name, layer in layers.items()
        }
    first = nn.Sequential(*found.encoder.module.children())[:3](x)  # unflatten, convolution, leaky ReLU
    assert torch.allclose(activations["encoder"]["1"], first.mean((2, 3)))
    last = found(x).view(12, 2, 36).mean(2)  # the last transposed convolution's channels are those of the image
    assert torch.allclose(list(activations["decoder"].values())[-1], last, atol=1e-6)


@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_prunes_and_training_respects_it(name, scope):
    found, x = pair(), batch()
    options = taken(OPERATORS[name], x, amount=0.3, scope=scope, threshold=0.5)
    (result,) = OPERATORS[name](found, **options)
    assert result is found
    kept, total = (sum(n) for n in zip(found.encoder.sizes, found.decoder.sizes, strict=True))
    assert kept < total
    if "scope" in options and scope == "global":
        if name == "units":  # 5 and 4 channels and 12 units, a code of 6, and the same back
            assert sum(int(alive(joint).sum()) for joint in joints_of(found)) == 48 - round(0.3 * 48)
        else:
            assert kept == total - round(0.3 * total)
    masks = copy.deepcopy([genome.masks for genome in found])
    train([found], [x], loss="mse", learning_rate=0.01)
    for genome, before in zip(found, masks, strict=True):
        assert all(torch.equal(genome.masks[key], mask) for key, mask in before.items())
        assert not any(genome.module.get_parameter(key)[~mask].any() for key, mask in before.items())
        assert any(bool(mask.all()) is False for mask in before.values())


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_conjunctive_takes_whole_channels(part):
    genome = getattr(pair(), part)
    name, layer = next((n, m) for n, m in prunable_layers(genome.module) if "Conv" in type(m).__name__)
    channels = count_units(layer)
    values = torch.ones(12, channels)
    values[:, 1] = 0  # the second channel never does anything
    others = {n: torch.ones(12, count_units(m)) for n, m in prunable_layers(genome.module)}
    OPERATORS["conjunctive"](genome, others | {name: values})
    mask = genome.masks[f"{name}.weight"]
    per_channel = mask.transpose(0, 1) if part == "decoder" else mask  # transposed: output channels come second
    assert [bool(part.any()) for part in per_channel] == [unit != 1 for unit in range(channels)]
    assert [bool(part.all()) for part in per_channel] == [unit != 1 for unit in range(channels)]
    assert genome.masks[f"{name}.bias"].tolist() == [unit != 1 for unit in range(channels)]


def test_trained_together_or_alone_to_the_same_weights():
    pairs = [pair() for _ in range(3)]
    for seed, one in enumerate(pairs):
        one.seed = seed
    OPERATORS["random"](pairs[0], 0.4)
    alone = copy.deepcopy(pairs)
    batches = [batch(6) for _ in range(4)]
    assert len({structure(one) for one in pairs}) == 1
    assert isinstance(program_for(pairs, [stack([p[k] for p in pairs], 2, "cpu") for k in (0, 1)], "bce"), VmapProgram)
    together = train(pairs, batches, loss="bce")
    each = torch.cat([train([one], batches, loss="bce") for one in alone])
    assert torch.allclose(together, each, atol=1e-6)
    for one, other in zip(pairs, alone, strict=True):
        for a, b in zip(one, other, strict=True):
            for mine, theirs in zip(a.module.parameters(), b.module.parameters(), strict=True):
                assert torch.allclose(mine, theirs, atol=1e-5)


def test_clone_and_pickle():
    found = pair()
    OPERATORS["magnitude"](found, 0.5)
    for twin in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert same(twin, found)
        assert torch.equal(twin(batch(1) * 0), found(batch(1) * 0))
    assert repr(copy_module(found.encoder.module)) == repr(found.encoder.module)


@pytest.mark.parametrize(
    "operator", [name if name == "magnitude" else pytest.param(name, marks=pytest.mark.slow) for name in OPERATORS]
)
def test_a_run_with_an_architecture(operator, tmp_path):
    settings = make_settings(RUN, {"operator": operator, "finetune": 0.0})
    assert settings.activation == "tanh"
    result = start(settings, tmp_path / "run", plots=operator == "random")
    assert result.summary["preserved"] < 1
    assert torch.equal(
        reconstruct(load_model(tmp_path / "run/model.pt"), settings.problem.test),
        reconstruct(result.model, settings.problem.test),
    )


def test_from_a_search(tmp_path):
    (tmp_path / "summary.json").write_text(json.dumps({"architecture": SMALL}))
    settings = make_settings(RUN, {"network": f"from {tmp_path}"})
    assert settings.network == SMALL  # so the settings need no other directory
    assert settings.as_dict() == make_settings(RUN).as_dict()
    assert isinstance(settings.architecture, Blueprint)
    assert settings.architecture.latent == 6
    settings.check_data()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"network": "from nowhere"}, "no architecture search has ended here"),
        ({"network": SMALL, "activation": "relu"}, "activation relu contradicts"),
        ({"network": SMALL, "decoder": "6-3"}, "mirrors its encoder"),
        ({"network": "arch:1x8x8;tanh;conv_1_4_9;linear_1_1"}, "does not fit into 8 x 8"),
        ({"network": "arch:1x5x5;tanh;linear_25_3"}, "reads 1 x 5 x 5 = 25 values a sample, the data have 64"),
    ],
)
def test_what_does_not_fit_is_said_before_any_work(given, message):
    with pytest.raises(ValueError, match=message):
        make_settings(RUN, given).check_data()


def test_a_linear_architecture_is_trained_as_fast_as_any():
    one = pair(parse_architecture("arch:1x8x8;tanh;linear_64_8;linear_8_3"))
    stacks = [stack([genome], 2, "cpu") for genome in one]
    assert isinstance(program_for([one], stacks, "mse"), LinearProgram)
