import copy
import json
import pickle
from dataclasses import asdict

import pytest
import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from evoprune.networks import (
    ACTIVATIONS,
    MLP,
    NETWORKS,
    OUTPUTS,
    GaussianEncoder,
    mlp_decoder,
    mlp_encoder,
    parse_network,
    variational_encoder,
)


def size(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def kinds(module):
    return [type(layer) for layer in module]


def test_the_papers_pair():
    encoder, decoder = mlp_encoder([1000, 30, 10]), mlp_decoder([10, 30, 1000])
    assert kinds(encoder) == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU]
    assert kinds(decoder) == [nn.Linear, nn.ReLU, nn.Linear, nn.Sigmoid]
    assert (size(encoder), size(decoder)) == (30_340, 31_330)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("default", 30_340 + 31_330),
        ("small", 61_182),
        ("large", (60_060 + 1_830 + 310) + (330 + 1_860 + 61_000)),  # 1000-60-30-10 and back, biases included
        ("variational", 30_340 + 310 + 31_330),  # a second head of 30 x 10 and 10 biases
    ],
)
def test_sizes_at_1000_inputs(name, parameters):
    assert size(*NETWORKS[name].build(1000)) == parameters


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_encodes_and_decodes(name):
    encoder, decoder = NETWORKS[name].build(64)
    x = torch.rand(3, 64)
    code = encoder(x)
    assert code.shape == (3, NETWORKS[name].latent or 8 * 2 * 2)  # None where it follows from the image
    assert decoder(code).shape == x.shape


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_activation_and_output_sits_where_it_should(activation, output):
    assert kinds(mlp_encoder([4, 3, 2], activation))[1::2] == [ACTIVATIONS[activation]] * 2
    assert kinds(mlp_decoder([2, 3, 4], output, activation))[1::2] == [ACTIVATIONS[activation], OUTPUTS[output]]


def test_numbers_by_hand():
    encoder = mlp_encoder([2, 2])
    encoder.load_state_dict({"0.weight": torch.tensor([[1.0, 2.0], [3.0, -4.0]]), "0.bias": torch.tensor([0.5, 0.0])})
    assert encoder(torch.tensor([[1.0, 1.0]])).tolist() == [[3.5, 0.0]]  # 1 + 2 + 0.5, and 3 - 4 cut off at 0


def test_the_seed_of_the_caller_decides_the_weights():
    def weights(seed):
        torch.manual_seed(seed)
        return MLP().build(20)[1].get_parameter("0.weight")

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize("build", [mlp_encoder, mlp_decoder, variational_encoder])
@pytest.mark.parametrize("widths", [[], [5], [5, 0], [5, -1], [5, 2.5], [5, True], ["5", "2"], "52"])
def test_bad_widths(build, widths):
    with pytest.raises(TypeError if widths == "52" else ValueError, match="width"):
        build(widths)


def test_unknown_names():
    with pytest.raises(ValueError, match=r"unknown activation 'rellu'.*relu"):
        mlp_encoder([4, 2], "rellu")
    with pytest.raises(ValueError, match="unknown output 'gelu'"):
        mlp_decoder([2, 4], "gelu")
    with pytest.raises(ValueError, match="unknown activation"):
        MLP(activation="step")


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": (30, 0)},
        {"latent": 0},
        {"latent": 1.5},
        {"beta": 2.0},
        {"beta": -1.0, "variational": True},
        {"beta": float("nan"), "variational": True},
        {"beta": float("inf"), "variational": True},
    ],
)
def test_bad_recipes(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        MLP(**settings)


def test_a_code_longer_than_the_inputs():
    MLP(latent=8).build(8)
    with pytest.raises(ValueError, match="code of 8 is longer than the 7 inputs"):
        MLP(latent=8).build(7)
    with pytest.raises(ValueError, match="inputs must be"):
        MLP().build(0)


def test_an_autoencoder_has_as_many_outputs_as_inputs():
    encoder, decoder = MLP(latent=8).build(8, 8)
    assert decoder(encoder(torch.zeros(3, 8))).shape == (3, 8)
    with pytest.raises(ValueError, match="autoencoder of 8 inputs has as many outputs, got 9"):
        MLP(latent=8).build(8, 9)


def test_recipes_are_values():
    network = MLP(hidden=(64, 32))
    stored = MLP(**json.loads(json.dumps(asdict(network))))  # JSON has lists only
    assert network == stored == pickle.loads(pickle.dumps(network))
    assert hash(network) == hash(stored)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("64-32-8", MLP(hidden=(64, 32), latent=8)),
        (" 30-10 ", MLP()),
        ("8", MLP(hidden=(), latent=8)),
        ("small", MLP(hidden=(30,), latent=2)),
    ],
)
def test_networks_in_words(text, network):
    assert parse_network(text) == network


@pytest.mark.parametrize("text", ["", "64-", "-8", "64--8", "64,8", "64-8.5", "64x8", "٣-٢"])
def test_malformed_widths(text):
    with pytest.raises(ValueError, match=r"neither widths such as 64-32-8 nor one of: default, small"):
        parse_network(text)


def test_an_unknown_network_offers_the_nearest():
    with pytest.raises(ValueError, match=r"unknown network 'larg'.*large"):
        parse_network("larg")
    with pytest.raises(ValueError, match="hidden width must be"):
        parse_network("0-8")


def gaussian(beta=1.0):
    """One input, a code of one: mean 3x, log variance log(4) whatever x is."""
    encoder = variational_encoder([1, 1], beta=beta)
    with torch.no_grad():
        encoder.mean.weight.fill_(3.0)
        encoder.mean.bias.fill_(0.0)
        encoder.log_variance.weight.fill_(0.0)
        encoder.log_variance.bias.fill_(torch.log(torch.tensor(4.0)))
    return encoder


def test_the_variational_code_by_hand():
    x = torch.tensor([[1.0], [2.0]])
    code, penalty = gaussian()(x, torch.tensor([[0.5], [-1.0]]))
    assert code.flatten().tolist() == pytest.approx([3 + 2 * 0.5, 6 - 2])
    # KL = (mean^2 + variance - 1 - log variance) / 2, with means 3 and 6; their average, over one input
    log4 = 1.3862944
    assert penalty.item() == pytest.approx(((9 + 4 - 1 - log4) / 2 + (36 + 4 - 1 - log4) / 2) / 2)
    assert gaussian(beta=0.5)(x, torch.zeros(2, 1))[1].item() == pytest.approx(penalty.item() / 2)
    assert gaussian()(x).flatten().tolist() == [3, 6]


def test_the_penalty_vanishes_at_the_prior_and_shrinks_with_the_inputs():
    encoder = GaussianEncoder([50, 7, 3])
    with torch.no_grad():
        for head in (encoder.mean, encoder.log_variance):
            head.weight.zero_()
            head.bias.zero_()
    x, noise = torch.rand(4, 50), torch.randn(4, encoder.noise_width)
    code, penalty = encoder(x, noise)
    assert torch.equal(code, noise)
    assert penalty.item() == 0
    with torch.no_grad():
        encoder.mean.bias.fill_(1.0)
    assert encoder(x, noise)[1].item() == pytest.approx(3 * 0.5 / 50)  # three code units, half a nat each, 50 inputs


def test_the_penalty_is_torchs_divergence():
    encoder = GaussianEncoder([20, 8, 3])
    x = torch.rand(6, 20)
    hidden = encoder.trunk(x)
    drawn = torch.distributions.Normal(encoder.mean(hidden), torch.exp(encoder.log_variance(hidden) / 2))
    prior = torch.distributions.Normal(torch.zeros(3), torch.ones(3))
    expected = torch.distributions.kl_divergence(drawn, prior).sum(-1).mean() / 20
    assert encoder(x, torch.zeros(6, 3))[1].item() == pytest.approx(expected.item(), rel=1e-5)


def test_stacked_cells_with_noise_each():
    cells = [GaussianEncoder([12, 6, 3]) for _ in range(4)]
    parameters, buffers = stack_module_state(cells)
    x, noise = torch.rand(5, 12), torch.randn(4, 5, 3)

    def one(state, own_noise):
        return functional_call(cells[0], (state, buffers), (x, own_noise))

    codes, penalties = vmap(one)(parameters, noise)
    assert codes.shape == (4, 5, 3)
    assert penalties.shape == (4,)
    for cell, own_noise, code, penalty in zip(cells, noise, codes, penalties, strict=True):
        alone, alone_penalty = cell(x, own_noise)
        torch.testing.assert_close(code, alone)
        torch.testing.assert_close(penalty, alone_penalty)
    vmap(torch.func.grad(lambda state, own: one(state, own)[1]))(parameters, noise)  # differentiable in a stack, too


def test_modules_copy_and_pickle():
    encoder = GaussianEncoder([12, 6, 3], beta=0.1)
    x = torch.rand(2, 12)
    for twin in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert torch.equal(twin(x), encoder(x))
        assert (twin.noise_width, twin.beta) == (3, 0.1)
