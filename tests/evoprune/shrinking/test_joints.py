"""Joints of stacks by hand: units, who makes and reads them, their places, and why others stay."""

from typing import Any

import pytest
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.mlp import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.shrinking.joints import Chain, Joint, chain, is_stack
from evoprune.tied import TiedNetwork
from tests.evoprune.shrinking.by_hand import Own


def read(*steps: nn.Module) -> Chain:
    return chain(Genome(nn.Sequential(*steps)))


def only(*steps: nn.Module) -> Joint:
    found = read(*steps)
    assert found.reasons == []
    (joint,) = found.joints
    return joint


def names(joint: Joint) -> list[tuple[list[str], ...]]:
    """For every pass the labels of what makes, of what stands between, and of what reads."""
    return [
        (
            [end.step.label for end in one.makers],
            *([end.step.label for end in ends] for ends in (one.between, one.readers)),
        )
        for one in joint.passes
    ]


def places(joint: Joint) -> list[Any]:
    """Of the first pass the places of all units in what makes them, in what stands between, and in what reads them."""
    one = joint.passes[0]
    return [end.places.tolist() for end in (*one.makers, *one.between, *one.readers)]


def test_units_between_two_layers():
    joint = only(nn.Linear(3, 2), nn.ReLU(), nn.Dropout(), nn.Linear(2, 4))
    assert (joint.units, joint.label) == (2, "0")
    assert names(joint) == [(["0"], ["1", "2"], ["3"])]
    assert places(joint) == [[[0], [1]], [[], []], [[], []], [[0], [1]]]


def test_what_stands_before_the_first_and_behind_the_last_layer_is_none_of_it():
    assert names(only(nn.ReLU(), nn.Linear(3, 2), nn.Linear(2, 4), nn.Tanh())) == [(["1"], [], ["2"])]
    assert read(nn.Linear(3, 2), nn.Tanh()) == Chain()
    assert read(nn.ReLU()) == read() == Chain()


def test_outputs_need_no_reason_to_stay():
    assert read(nn.Linear(3, 2), nn.Softmax(1)) == Chain()


def test_every_layer_makes_one():
    found = read(nn.Linear(3, 5), nn.Linear(5, 4), nn.Linear(4, 2))
    assert [(joint.label, joint.units) for joint in found.joints] == [("0", 5), ("1", 4)]


def test_values_of_units_in_what_stands_between():
    joint = only(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.PReLU(2), nn.PReLU(), nn.Linear(2, 4))
    assert places(joint)[1:4] == [[[0], [1]], [[0], [1]], [[], []]]


def test_positions_of_channels_lie_beside_each_other():
    joint = only(nn.Conv1d(1, 2, 1), nn.BatchNorm1d(2), nn.Flatten(), nn.BatchNorm1d(6), nn.Linear(6, 1))
    assert joint.units == 2
    assert places(joint) == [[[0], [1]], [[0], [1]], [[], []], [[0, 1, 2], [3, 4, 5]], [[0, 1, 2], [3, 4, 5]]]


def test_values_that_become_channels_are_taken_together():
    joint = only(nn.Linear(3, 4), nn.PReLU(4), nn.Unflatten(1, (2, 2)), nn.PReLU(2), nn.Conv1d(2, 1, 1))
    assert joint.units == 2
    assert places(joint) == [[[0, 1], [2, 3]], [[0, 1], [2, 3]], [[], []], [[0], [1]], [[0], [1]]]
    back = only(nn.Linear(3, 4), nn.Unflatten(1, (2, 2)), nn.Flatten(), nn.Linear(4, 1))
    assert places(back)[-1] == [[0, 1], [2, 3]]
    there = only(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Unflatten(1, (2, 3, 3)), nn.ConvTranspose2d(2, 1, 1))
    assert places(there)[-1] == [[0], [1]]


def test_units_between_parts():
    joint = chain(Autoencoder([Encoder(mlp_encoder((4, 3))), Decoder(mlp_decoder((3, 4)))])).joints[0]
    assert names(joint) == [(["encoder.0"], ["encoder.1"], ["decoder.0"])]


def test_heads_of_a_variational_encoder():
    encoder = variational_encoder((4, 3, 2))
    found = chain(Autoencoder([Encoder(encoder), Decoder(mlp_decoder((2, 4)))]))
    trunk, code = found.joints
    assert names(trunk) == [(["encoder.trunk.0"], ["encoder.trunk.1"], ["encoder.mean", "encoder.log_variance"])]
    assert names(code) == [(["encoder.mean", "encoder.log_variance"], [], ["decoder.0"])]
    assert [joint.label for joint in chain(Genome(encoder)).joints] == ["trunk.0"]


def test_tied_units_are_passed_twice():
    found = chain(Genome(TiedNetwork((5, 4, 3))))
    hidden, code = sorted(found.joints, key=lambda joint: -joint.units)
    assert (hidden.units, code.units) == (4, 3)
    assert names(hidden) == [
        (["encoder.0"], ["encoder.1"], ["encoder.2"]),
        (["decoder.0"], ["decoder.1"], ["decoder.2"]),
    ]
    assert names(code) == [(["encoder.2"], ["encoder.3"], ["decoder.0"])]


def test_a_layer_that_is_used_twice_joins_its_inputs_and_outputs():
    layer = nn.Linear(3, 3)
    joint = only(nn.Linear(2, 3), layer, nn.Tanh(), layer, nn.Linear(3, 1))
    assert joint.units == 3
    assert len(joint.passes) == 3
    found = read(layer, layer, nn.Linear(3, 1))  # it reads the inputs
    assert found.joints == []
    assert len(found.reasons) == 1


def test_units_of_shared_weights_go_together():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    found = read(nn.Linear(3, 4), first, nn.Linear(4, 2), nn.Linear(2, 4), second, nn.Linear(4, 1))
    assert sorted((joint.units, len(joint.passes)) for joint in found.joints) == [(2, 1), (4, 2), (4, 2)]


@pytest.mark.parametrize(
    ("steps", "reasons"),
    [
        ((nn.Softmax(1),), ["1 (Softmax) may mix units: the units of 0 stay"]),
        ((nn.PReLU(2),), ["1 (PReLU) holds values for other units: the units of 0 stay"]),
        ((nn.BatchNorm1d(2),), ["1 (BatchNorm1d) holds values for other units: the units of 0 stay"]),
        ((nn.ReLU(), nn.Softmax(1), nn.LayerNorm(4)), ["2 (Softmax) may mix units: the units of 0 stay"]),
        (
            (nn.BatchNorm1d(4, track_running_stats=False),),
            ["1 (BatchNorm1d) normalizes by the batch: the units of 0 stay"],
        ),
        ((nn.Unflatten(1, (3, 2)),), ["1 (Unflatten) mixes units: the units of 0 stay"]),
        ((nn.Unflatten(1, (4,)), nn.ReLU()), ["1 (Unflatten) mixes units: the units of 0 stay"]),
        ((nn.MaxPool1d(2),), ["1 (MaxPool1d) may mix units: the units of 0 stay"]),
    ],
    ids=lambda value: type(value[0]).__name__,
)
def test_units_that_cannot_be_followed(steps: tuple[nn.Module, ...], reasons: list[str]):
    found = read(nn.Linear(3, 4), *steps, nn.Linear(4, 2))
    assert found == Chain([], reasons)


@pytest.mark.parametrize(
    ("first", "between", "last"),
    [
        (nn.Linear(3, 4), (), nn.Linear(8, 2)),  # after an axis more
        (nn.Linear(3, 4), (), nn.Linear(6, 2)),
        (nn.Conv1d(3, 4, 1), (), nn.Linear(4, 2)),  # along positions
        (nn.Linear(3, 4), (), nn.Conv1d(4, 2, 1)),  # along a batch
        (nn.Conv1d(3, 4, 1), (nn.Flatten(),), nn.Conv1d(4, 2, 1)),
        (nn.Conv1d(3, 4, 1), (nn.Flatten(),), nn.Linear(6, 2)),
    ],
)
def test_layers_that_read_something_else(first: nn.Module, between: tuple[nn.Module, ...], last: nn.Module):
    found = read(nn.Linear(2, 3) if isinstance(first, nn.Linear) else nn.Conv1d(2, 3, 1), first, *between, last)
    assert [joint.label for joint in found.joints] == ["0"]
    assert found.reasons == [f"{2 + len(between)} does not read the units of 1 one by one"]


def test_what_follows_a_module_that_nobody_knows_is_read_again():
    found = read(nn.Linear(3, 4), nn.Softmax(1), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))
    assert [joint.label for joint in found.joints] == ["2"]


def test_a_fixed_weight_holds_all_its_uses():
    layer = nn.Linear(4, 4)
    found = read(nn.Linear(3, 4), layer, nn.Softmax(1), layer, nn.Linear(4, 2))
    assert found.joints == []


def test_networks_that_are_stacks():
    own = Own(lambda self, x: self.layer(x), layer=nn.Linear(4, 4))
    assert is_stack(Genome(nn.Sequential(nn.Linear(4, 4), nn.Softmax(1))))
    assert is_stack(Genome(TiedNetwork((4, 3))))
    assert is_stack(Genome(variational_encoder((4, 3))))
    assert is_stack(Genome(Own(lambda _, x: x)))
    assert not is_stack(Genome(own))
    assert not is_stack(Network([Genome(nn.Linear(4, 4)), Genome(nn.Sequential(own))]))
    assert not is_stack(Genome(nn.Conv1d(4, 4, 1, groups=2)))
