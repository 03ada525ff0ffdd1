"""Individuals as steps: order, names, axes, and what is one step."""

from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.mlp import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.shrinking.stacks import joined, layers_of, part_names, steps_of
from evoprune.tied import TiedAutoencoder, TiedLinear, TiedNetwork
from tests.evoprune.shrinking.by_hand import Own


def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder((4, 3))), Decoder(mlp_decoder((3, 4)))])


def steps(module: nn.Module) -> list[Any]:
    return steps_of(Genome(module))


def test_stacks_are_read_in_order_whatever_their_depth():
    inner = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(3, 2)))
    found = steps(nn.Sequential(nn.Linear(4, 3), inner, nn.Sequential(), nn.Tanh()))
    assert [step.name for step in found] == ["0", "1.0", "1.1.0", "3"]
    assert [step.is_layer for step in found] == [True, False, True, False]
    assert [step.path("bias") for step in found[:2]] == ["0.bias", "1.0.bias"]


def test_a_module_alone_is_one_step():
    (step,) = steps(nn.Linear(4, 3))
    assert (step.name, step.label, step.tensor, step.path("bias")) == ("", "Linear", "weight", "bias")
    (step,) = steps(Own(lambda self, x: self.layer(x), layer=nn.Linear(2, 2)))
    assert (step.label, step.is_layer) == ("Own", False)
    assert steps(nn.Sequential()) == []


def test_what_is_used_twice_is_read_twice():
    layer, between = nn.Linear(3, 3), nn.Tanh()
    found = steps(nn.Sequential(layer, between, layer, between, nn.Linear(3, 2)))
    assert [type(step.module) for step in found] == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
    assert found[0].module is found[2].module


def test_parts_stand_before_names():
    assert [step.label for step in steps_of(pair())] == ["encoder.0", "encoder.1", "decoder.0", "decoder.1"]
    assert part_names(pair()) == ("encoder", "decoder")
    network = Network([Genome(nn.Linear(4, 3)), Genome(nn.ReLU()), Genome(nn.Linear(3, 2))])
    assert [step.label for step in steps_of(network)] == ["0", "1", "2"]
    alone = Network([Genome(nn.Sequential(nn.Linear(4, 3)))])
    assert [step.label for step in steps_of(alone)] == ["0"]
    assert part_names(alone) == ("",)


def test_the_genome_of_a_step_is_the_one_that_holds_it():
    individual = pair()
    assert [step.genome for step in steps_of(individual)] == [individual.encoder] * 2 + [individual.decoder] * 2


def test_a_variational_encoder_has_two_layers_that_read_the_same():
    found = steps(variational_encoder((4, 3, 2)))
    assert [step.name for step in found] == ["trunk.0", "trunk.1", "mean"]
    assert [step.name for step in found[2].ends] == ["mean", "log_variance"]
    assert [step.tensor for step in found[2].ends] == ["mean.weight", "log_variance.weight"]


def test_tied_networks_go_there_and_back():
    found = steps_of(TiedAutoencoder(TiedNetwork((4, 3, 2))))
    layers = [step for step in found if step.is_layer]
    assert [step.name for step in layers] == ["encoder.0", "encoder.2", "decoder.0", "decoder.2"]
    weights = ["encoder.0.weight", "encoder.2.weight"]
    assert [step.tensor for step in layers] == [*weights, *reversed(weights)]
    assert [step.axes for step in layers] == [(0, 1), (0, 1), (1, 0), (1, 0)]
    assert type(layers[2].module) is TiedLinear


@pytest.mark.parametrize(
    ("layer", "axes"),
    [
        (nn.Linear(2, 3), (0, 1)),
        (nn.Conv1d(2, 3, 4), (0, 1)),
        (nn.Conv3d(2, 3, 4), (0, 1)),
        (nn.ConvTranspose2d(2, 3, 4), (1, 0)),
    ],
)
def test_axes_of_outputs_and_inputs(layer: Any, axes: tuple[int, int]):
    (step,) = steps(layer)
    assert step.axes == axes
    assert [layer.weight.shape[axis] for axis in axes] == [3, 2]


def test_layers_in_groups_are_none_that_can_be_narrowed():
    assert not steps(nn.Conv1d(4, 4, 3, groups=2))[0].is_layer
    assert not steps(nn.ConvTranspose2d(4, 4, 3, groups=4))[0].is_layer


def test_what_has_hooks_is_one_step():
    network = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 2)))
    network[1].register_forward_hook(lambda *_: None)
    assert [step.name for step in steps(network)] == [""]


def test_parts_as_one_module():
    individual = pair()
    whole: Any = joined(individual)
    assert whole.encoder is individual.encoder.module
    x = torch.rand(2, 4)
    assert torch.equal(whole(x), individual(x))
    assert joined(individual.encoder) is individual.encoder.module
    assert joined(Network([individual.encoder])) is individual.encoder.module
    three = Network([Genome(nn.Linear(4, 3)), Genome(nn.ReLU()), Genome(nn.Linear(3, 2))])
    assert list(dict(joined(three).named_children())) == ["0", "1", "2"]


def test_layers_wherever_they_are():
    own = Own(lambda self, x: self.layer(x), layer=nn.Conv1d(4, 4, 1, groups=2))
    individual = Network([Genome(nn.Sequential(own, nn.Flatten())), Genome(nn.Linear(4, 3))])
    assert [step.label for step in layers_of(individual)] == ["0.0.layer", "1"]
