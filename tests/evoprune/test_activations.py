import pickle
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.activations import ActivationProbe
from evoprune.networks import GaussianEncoder

X = torch.tensor([[1.0, -1.0], [2.0, 3.0]])
RAW = [[0.0, -2.0], [5.0, 1.0]]  # of linear() on X
RECTIFIED = [[0.0, 0.0], [5.0, 1.0]]


def fill(layer, weight, bias):
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight).view_as(layer.weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def linear():
    """(a, b) -> (a + b, 0.75 b - 1.25)."""
    return fill(nn.Linear(2, 2), [[1.0, 1.0], [0.0, 0.75]], [0.0, -1.25])


def read(module, semantics="persistent", x=X):
    return {name: t.tolist() for name, t in ActivationProbe(x, semantics=semantics)(Genome(module)).items()}


class Functional(nn.Module):
    """A user's own forward."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = linear(), function

    def forward(self, x):
        return self.function(self.layer(x))


RECTIFIERS: dict[str, Any] = {
    "nn.ReLU": lambda: nn.Sequential(linear(), nn.ReLU()),
    "nn.ReLU in place": lambda: nn.Sequential(linear(), nn.ReLU(inplace=True)),
    "F.relu": lambda: Functional(F.relu),
    "F.relu by name": lambda: Functional(lambda h: F.relu(input=h)),
    "torch.relu": lambda: Functional(torch.relu),
    "torch.relu_": lambda: Functional(torch.relu_),
    "method": lambda: Functional(lambda h: h.relu()),
    "method in place": lambda: Functional(lambda h: h.relu_()),
}
OTHERS: dict[str, Any] = {
    "nn.Sigmoid": (nn.Sigmoid(), torch.sigmoid),
    "torch.sigmoid": (torch.sigmoid, torch.sigmoid),
    "F.sigmoid": (F.sigmoid, torch.sigmoid),
    "nn.Tanh": (nn.Tanh(), torch.tanh),
    "torch.tanh": (torch.tanh, torch.tanh),
    "nn.LeakyReLU": (nn.LeakyReLU(), F.leaky_relu),
    "nn.ELU": (nn.ELU(), F.elu),
    "nn.GELU": (nn.GELU(), F.gelu),
    "nn.SiLU": (nn.SiLU(), F.silu),
    "nn.SELU": (nn.SELU(), F.selu),
    "nn.Softplus": (nn.Softplus(), F.softplus),
    "nn.Mish": (nn.Mish(), F.mish),
    "nn.ReLU6": (nn.ReLU6(), F.relu6),
    "nn.Hardtanh": (nn.Hardtanh(), F.hardtanh),
    "nn.Hardswish": (nn.Hardswish(), F.hardswish),
    "nn.Softsign": (nn.Softsign(), F.softsign),
    "nn.PReLU": (nn.PReLU(), lambda h: F.leaky_relu(h, 0.25)),
    "clamp": (lambda h: h.clamp(min=0), torch.relu),
}


def test_the_layer_by_hand():
    assert read(linear()) == {"": RAW}


@pytest.mark.parametrize("semantics", ["persistent", "reference"])
@pytest.mark.parametrize("kind", RECTIFIERS)
def test_rectifiers_are_seen_in_both_semantics(kind, semantics):
    (activations,) = read(RECTIFIERS[kind](), semantics).values()
    assert activations == RECTIFIED


@pytest.mark.parametrize("kind", OTHERS)
def test_other_nonlinearities_are_seen_unless_the_reference_is_followed(kind):
    function, expected = OTHERS[kind]
    module = Functional(function)
    assert read(module, "reference") == {"layer": RAW}
    found = ActivationProbe(X)(Genome(module))["layer"]
    torch.testing.assert_close(found, expected(torch.tensor(RAW)))
    assert found.tolist() != RAW


def test_a_pair_by_hand():
    decoder = nn.Sequential(fill(nn.Linear(2, 1), [[1.0, -1.0]], [0.0]), nn.Sigmoid())
    pair = Autoencoder([Encoder(nn.Sequential(linear(), nn.ReLU())), Decoder(decoder)])
    assert ActivationProbe(X, semantics="reference")(pair)["decoder"]["0"].tolist() == [[0.0], [4.0]]
    found = ActivationProbe(X)(pair)
    assert list(found) == ["encoder", "decoder"]
    assert found["encoder"]["0"].tolist() == RECTIFIED
    torch.testing.assert_close(found["decoder"]["0"], torch.sigmoid(torch.tensor([[0.0], [4.0]])))
    torch.testing.assert_close(
        ActivationProbe(torch.tensor(RECTIFIED))(pair.decoder)["0"], found["decoder"]["0"]
    )  # a decoder alone is given codes


def test_a_convolution_is_averaged_over_positions():
    images = torch.tensor([[[[1.0, -2.0], [3.0, -4.0]]], [[[0.0, 0.0], [0.0, 8.0]]]])
    convolution = fill(nn.Conv2d(1, 2, 1), [1.0, -1.0], [0.0, 0.0])
    # channel 0 rectified: (1 + 0 + 3 + 0) / 4, channel 1 likewise of the negative
    assert read(nn.Sequential(convolution, nn.ReLU()), x=images) == {"0": [[1.0, 1.5], [2.0, 0.0]]}


def test_batch_normalization_between_convolution_and_rectifier():
    images = torch.tensor([[[[1.0, -2.0], [3.0, -4.0]]]])
    norm: Any = nn.BatchNorm2d(1, eps=0.0)
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(4.0)
    module = nn.Sequential(fill(nn.Conv2d(1, 1, 1), [1.0], [0.0]), norm, nn.ReLU())
    assert read(module, x=images) == {"0": [[0.25]]}  # (x - 1) / 2 rectified: 0, 0, 1, 0
    assert read(module, "reference", images) == {"0": [[-0.5]]}
    assert norm.num_batches_tracked == 0  # evaluation mode
    assert all(part.training for part in module.modules())


def test_a_linear_layer_on_sequences_keeps_its_units():
    x = torch.tensor([[[1.0, -1.0], [2.0, 3.0], [2.0, 3.0]]])  # (1 sample, 3 positions, 2 inputs)
    (found,) = read(nn.Sequential(linear(), nn.ReLU()), x=x).values()
    assert found == [[pytest.approx(10 / 3), pytest.approx(2 / 3)]]


class Reused(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.unused = linear(), nn.Linear(2, 2)

    def forward(self, x):
        return torch.relu(self.layer(self.layer(x)))


def test_a_layer_used_twice_is_read_at_its_last_use_and_an_unused_one_not_at_all():
    # (0, -2) -> (-2, -2.75), (5, 1) -> (6, -0.5), rectified
    assert read(Reused()) == {"layer": [[0.0, 0.0], [6.0, 0.0]]}


class ByWeight(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = linear()

    def forward(self, x):
        return F.relu(F.linear(x, weight=self.layer.weight, bias=self.layer.bias))


@pytest.mark.filterwarnings("ignore:trained but never pruned")
def test_a_weight_used_by_hand_and_a_computed_one():
    assert read(ByWeight()) == {"layer": RECTIFIED}
    found = read(nn.Sequential(weight_norm(linear()), nn.ReLU()))
    assert found["0"] == [pytest.approx(row, abs=1e-6) for row in RECTIFIED]


def test_a_variational_encoder_shows_what_its_mean_code_uses():
    probe = ActivationProbe(torch.rand(3, 4))
    assert {name: t.shape for name, t in probe(Genome(GaussianEncoder([4, 3, 2]))).items()} == {
        "trunk.0": (3, 3),
        "mean": (3, 2),
    }


def test_nothing_is_left_behind():
    module = nn.Sequential(linear(), nn.Dropout(0.9), nn.BatchNorm1d(2))
    module[1].eval()
    genome, x = Genome(module), X.clone()
    found = ActivationProbe(x)(genome)
    assert [part.training for part in module.modules()] == [True, True, False, True]
    assert not any(part._forward_hooks for part in module.modules())
    assert not found["0"].requires_grad
    assert torch.equal(x, X)
    with pytest.raises(ValueError, match="the network reads 2 values a sample, but the data have 5"):
        ActivationProbe(torch.rand(2, 5))(genome)
    assert [part.training for part in module.modules()] == [True, True, False, True]
    assert not any(part._forward_hooks for part in module.modules())


def rows(count, start=0.0):
    return torch.arange(start, start + 2 * count).view(count, 2)


def test_limit_takes_the_first_samples():
    genome = Genome(linear())
    assert ActivationProbe(rows(5), limit=2)(genome)[""].tolist() == ActivationProbe(rows(2))(genome)[""].tolist()
    assert ActivationProbe(rows(3), limit=9)(genome)[""].shape == (3, 2)


def test_a_recipe_ships_no_tensor():
    probe = ActivationProbe(partial(rows, 5000), limit=3)
    data = pickle.dumps(probe)
    assert len(data) < 1000 < len(pickle.dumps(ActivationProbe(rows(5000))))
    genome = Genome(linear())
    assert torch.equal(pickle.loads(data)(genome)[""], probe(genome)[""])
    assert repr(probe) == "ActivationProbe(limit=3, semantics='persistent')"


def test_samples_are_cast_to_the_networks_type():
    assert ActivationProbe(X)(Genome(linear().double()))[""].dtype == torch.float64


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.tensor([[1.0, float("nan")]]), "NaN or infinite"),
        (torch.tensor([[1.0, float("inf")]]), "NaN or infinite"),
        (torch.empty(0, 2), r"needs samples of shape \(samples, inputs\)"),
        (torch.rand(2), r"needs samples of shape"),
        ([[1.0, 2.0]], r"needs samples of shape"),
        (None, r"needs samples of shape"),
    ],
)
def test_bad_samples(samples, message):
    with pytest.raises(ValueError, match=message):
        ActivationProbe(samples)
    with pytest.raises(ValueError, match=message):
        ActivationProbe(lambda: samples)(Genome(linear()))


def test_bad_settings():
    with pytest.raises(ValueError, match="unknown semantics 'paper'; known: persistent, reference"):
        ActivationProbe(X, semantics="paper")
    limits: list[Any] = [0, -1, 1.5]
    for limit in limits:
        with pytest.raises(ValueError, match="limit must be a whole number of at least 1"):
            ActivationProbe(X, limit=limit)


def test_a_complex_network_is_refused():
    genome = Genome(nn.Linear(2, 3, dtype=torch.complex64))
    with pytest.raises(ValueError, match=r"must be real numbers, to be compared; Linear\(.*\) gives torch.complex64"):
        ActivationProbe(X)(genome)
