import copy
import pickle

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.training.structure import aliases, structure, structure_of


class Scaled(nn.Linear):
    def __init__(self, factor, **attributes):
        super().__init__(3, 3)
        self.factor = factor
        vars(self).update(attributes)


def hooked():
    module = nn.Sequential(nn.Linear(3, 3))
    module.register_forward_hook(lambda *_: None)
    return module


def tied():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    return module


def frozen():
    module = nn.Sequential(nn.Linear(3, 3))
    module[0].bias.requires_grad_(False)
    return module


DIFFERENT = [
    lambda: nn.Sequential(nn.Linear(3, 3)),
    lambda: nn.Sequential(nn.Linear(3, 4)),
    lambda: nn.Sequential(nn.Linear(3, 3, bias=False)),
    lambda: nn.Sequential(nn.Linear(3, 3).double()),
    lambda: nn.Sequential(nn.Linear(3, 3), nn.ReLU()),
    lambda: nn.Sequential(nn.Linear(3, 3), nn.LeakyReLU(0.1)),
    lambda: nn.Sequential(nn.Linear(3, 3), nn.LeakyReLU(0.2)),
    lambda: nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)),
    tied,
    frozen,
    hooked,
    lambda: variational_encoder([3, 2], beta=1.0),
    lambda: variational_encoder([3, 2], beta=0.5),
    lambda: nn.BatchNorm1d(3),
    lambda: nn.BatchNorm1d(3, momentum=0.5),
    lambda: Scaled(1),
    lambda: Scaled(True),
    lambda: Scaled([1, 2]),
    lambda: Scaled((1, 2)),
    lambda: Scaled({"a": [1]}),
    lambda: Scaled({1, 2}),
]


def test_whatever_changes_the_computation_tells_networks_apart():
    keys = [structure_of(make()) for make in DIFFERENT]
    assert len(set(keys)) == len(DIFFERENT)


@pytest.mark.parametrize("make", DIFFERENT)
def test_copies_and_networks_made_alike_are_alike(make):
    module = make()
    again = copy.deepcopy(module).train(False)
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.add_(1)
    assert structure_of(again) == structure_of(module)
    if make is not hooked:
        assert structure_of(make()) == structure_of(module)


def test_what_cannot_be_compared_is_unlike_everything():
    a, b = Scaled(1, constant=torch.ones(2)), Scaled(1, constant=torch.ones(2))
    assert structure_of(a) != structure_of(b)
    assert structure_of(a) == structure_of(a)
    a.constant = b.constant
    assert structure_of(a) == structure_of(b)


def test_pairs_are_alike_after_pickling_and_apart_by_either_part():
    def pair(hidden=5, out=8):
        return Autoencoder([Encoder(mlp_encoder([out, 4])), Decoder(mlp_decoder([4, hidden, out]))])

    assert structure(pair()) == structure(pickle.loads(pickle.dumps(pair())))
    assert len({structure(pair()), structure(pair(6)), structure(pair(5, 9))}) == 3


def test_aliases_name_each_further_place_of_a_tensor_once():
    layer = nn.Linear(3, 3)
    used_twice = nn.Sequential(layer, nn.Tanh(), layer)
    assert aliases(used_twice) == {}  # one layer is one place
    assert aliases(tied()) == {"1.weight": "0.weight"}
    assert aliases(nn.Linear(3, 3)) == aliases(nn.BatchNorm1d(3)) == {}
