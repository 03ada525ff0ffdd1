import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.evaluation import draw_batch, evaluate, evaluating, reconstruct, reconstruction_loss, wrong_bits
from evoprune.fitness import WORST
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder

DATA = torch.tensor([[0.0, 1.0], [1.0, 1.0]])


def layer(weight, bias):
    linear = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
        linear.bias.copy_(torch.tensor(bias))
    return linear


def halving():
    """x -> 0.5 * x0 in both outputs: reconstructions [[0, 0], [0.5, 0.5]] of DATA."""
    return Autoencoder([Encoder(layer([[0.5, 0.0]], [0.0])), Decoder(layer([[1.0], [1.0]], [0.0, 0.0]))])


def test_losses_by_hand():
    pair = halving()
    assert reconstruct(pair, DATA).tolist() == [[0.0, 0.0], [0.5, 0.5]]
    assert reconstruction_loss(pair.encoder, pair.decoder, DATA) == (0.5,)  # (0 + 1 + 0.5 + 0.5) / 4
    assert reconstruction_loss(pair.encoder, pair.decoder, DATA, loss="mse") == (0.375,)
    assert evaluate(pair, DATA, "mse") == (0.375,)
    assert wrong_bits(pair, DATA) == 0.25


def test_a_problem_is_read_at_its_validation_split_and_batches_at_its_training_split():
    problem = SimpleNamespace(train=torch.zeros(7, 2), validation=DATA)
    assert evaluate(halving(), problem) == (0.5,)
    assert draw_batch(problem, 3).tolist() == [[0.0, 0.0]] * 3


@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_network_has_the_worst_loss(loss, value):
    decoder: Any = mlp_decoder([1, 2], output="identity")
    with torch.no_grad():
        decoder[0].bias[0] = value
    pair = Autoencoder([Encoder(mlp_encoder([2, 1])), Decoder(decoder)])
    assert evaluate(pair, DATA, loss) == (WORST,)


def test_a_loss_that_overflows_is_the_worst():
    pair = halving()
    with torch.no_grad():
        pair.decoder.module.weight.fill_(1e30)
    assert evaluate(pair, DATA, "mse") == (WORST,)


def test_nan_is_a_wrong_bit():
    pair = halving()
    with torch.no_grad():
        pair.decoder.module.bias[0] = float("nan")
    assert wrong_bits(pair, torch.zeros(3, 2)) == 0.5


def test_errors():
    pair = halving()
    with pytest.raises(ValueError, match="unknown loss 'l2'"):
        evaluate(pair, DATA, "l2")
    narrow = Decoder(layer([[1.0]], [0.0]))
    with pytest.raises(ValueError, match="must agree in their last 2 dimensions"):  # not broadcast silently
        reconstruction_loss(pair.encoder, narrow, DATA)


def test_images():
    images = torch.rand(3, 1, 6, 6)
    pair = Autoencoder([Encoder(nn.Conv2d(1, 2, 3)), Decoder(nn.ConvTranspose2d(2, 1, 3))])
    expected = (pair(images) - images).abs().mean().item()
    assert evaluate(pair, images)[0] == pytest.approx(expected)


def test_evaluation_mode_and_then_everything_as_it_was():
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.9))
    pair = Autoencoder([Encoder(encoder), Decoder(nn.Linear(2, 2))])
    encoder[2].eval()
    before = copy.deepcopy(encoder.state_dict())
    assert torch.equal(reconstruct(pair, DATA), reconstruct(pair, DATA))
    assert not reconstruct(pair, DATA).requires_grad
    assert [m.training for m in encoder.modules()] == [True, True, True, False]
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())
    with evaluating(encoder):
        assert not any(m.training for m in encoder.modules())
    assert [m.training for m in encoder.modules()] == [True, True, True, False]
    with pytest.raises(RuntimeError, match="shapes"), evaluating(encoder):
        encoder(torch.ones(1, 3))
    assert [m.training for m in encoder.modules()] == [True, True, True, False]


def test_a_variational_pair_is_read_at_its_mean_code():
    pair = Autoencoder([Encoder(variational_encoder([2, 2, 1])), Decoder(mlp_decoder([1, 2]))])
    assert evaluate(pair, DATA) == evaluate(pair, DATA)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_data_are_cast_to_the_networks_type(dtype):
    pair = halving()
    for genome in pair:
        genome.module.to(dtype)
    assert evaluate(pair, DATA) == (0.5,)
    assert wrong_bits(pair, DATA) == 0.25


def test_a_batch_is_different_samples():
    data = torch.arange(6.0).view(6, 1)
    assert sorted(draw_batch(data, 6).flatten().tolist()) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert draw_batch(data).shape == (5, 1)
    with pytest.raises(ValueError, match="batch size 7 is larger than the 6 samples"):
        draw_batch(data, 7)
    with pytest.raises(ValueError, match="batch size must be a whole number of at least 1, got 0"):
        draw_batch(data, 0)
