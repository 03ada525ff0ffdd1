import copy
import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.evaluation import (
    draw_batch,
    evaluate,
    evaluating,
    loss_of,
    outputs_of,
    pairwise_losses,
    reconstruct,
    reconstruction_loss,
    tensor_of,
    wrong_bits,
    wrong_share,
)
from evoprune.fitness import WORST
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import mutTrain
from evoprune.training import train_epoch

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


def test_a_numpy_array_of_floats_is_data_everywhere():
    pair, array = halving(), DATA.double().numpy()
    assert evaluate(pair, array) == reconstruction_loss(pair.encoder, pair.decoder, array) == (0.5,)
    assert reconstruct(pair, array).tolist() == [[0.0, 0.0], [0.5, 0.5]]
    assert wrong_bits(pair, array) == 0.25
    assert sorted(draw_batch(array, 2).tolist()) == DATA.tolist()
    other = copy.deepcopy(pair)
    torch.manual_seed(1)
    losses = train_epoch([pair], DATA, batch_size=2, rng=random.Random(1))
    assert torch.equal(train_epoch([other], array, batch_size=2, rng=random.Random(1)), losses)
    assert pair == other
    assert mutTrain(pair, SimpleNamespace(train=array), batch_size=1) == (pair,)


def test_arrays_are_copied_only_where_they_have_to_be():
    array = np.zeros((3, 2), np.float32)
    assert tensor_of(array, "train").data_ptr() == array.ctypes.data
    assert tensor_of(SimpleNamespace(train=array), "train").data_ptr() == array.ctypes.data
    array.flags.writeable = False  # torch would warn of it
    for other in (array, array[::-1], array.astype(">f8"), array.astype(np.float16)):
        made = tensor_of(other, "train")
        assert (made.dtype, made.tolist()) == (torch.float32, array.tolist())


WRONG: list[tuple[Any, str]] = [
    (None, "got None$"),
    ("digits", "got 'digits'$"),
    ([[0.0, 1.0]], r"got \[\[0.0, 1.0\]\]; make it a tensor: torch.tensor\(data\), or torch.stack"),
    (np.ones((3, 2), int), r"got array\(.*; make it floats: data.astype\('float32'\)$"),
    (DataLoader(TensorDataset(DATA, DATA)), r"got <.*DataLoader.*>; give its samples as one tensor: torch.cat\("),
    (SimpleNamespace(test=DATA), r"got namespace\(test=tensor"),
    (nn.Linear(2, 2), r"got Linear\("),  # whose train is a method
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[type(wrong).__name__ for wrong, _ in WRONG])
def test_what_is_no_data_is_refused_everywhere_in_one_line(wrong, message):
    pair = halving()
    calls = [
        lambda: evaluate(pair, wrong),
        lambda: reconstruction_loss(pair.encoder, pair.decoder, wrong),
        lambda: reconstruct(pair, wrong),
        lambda: wrong_bits(pair, wrong),
        lambda: draw_batch(wrong),
        lambda: train_epoch([pair], wrong),
        lambda: mutTrain(pair, wrong),
    ]
    for call in calls:
        with pytest.raises(
            TypeError,
            match=rf"^data must be a problem, a tensor or .* \(inputs, targets\), {message}",
        ):
            call()


@pytest.mark.parametrize("wrong", [nn.Linear(2, 1), None, [1, 2], []], ids=lambda w: str(w)[:8])
def test_what_is_no_individual_is_refused(wrong: Any):
    for call in (evaluate, outputs_of):
        with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
            call(wrong, DATA)
    also: Any = Encoder(nn.Linear(2, 1))
    for wrong_too in (wrong, also):
        for pairs_only in (reconstruct, wrong_bits):
            with pytest.raises(TypeError, match="what reconstructs is an Autoencoder, got"):
                pairs_only(wrong_too, DATA)


def sides(count, encoder=lambda: mlp_encoder([6, 5, 3]), decoder=lambda: mlp_decoder([3, 5, 6], output="sigmoid")):
    return [Encoder(encoder()) for _ in range(count)], [Decoder(decoder()) for _ in range(count)]


@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_all_combinations_at_once_are_those_one_by_one(loss, dtype):
    encoders, decoders = sides(3)
    for genome in (*encoders, *decoders):
        genome.module.to(dtype)
    data = torch.rand(4, 6)
    table = pairwise_losses(encoders, decoders[:2], data, loss=loss)
    expected = [[reconstruction_loss(one, other, data, loss) for other in decoders[:2]] for one in encoders]
    np.testing.assert_allclose(np.array(table), np.array(expected), rtol=1e-6 if dtype == torch.float32 else 1e-14)


def test_combinations_of_images():
    encoders, decoders = sides(2)
    data = torch.rand(4, 1, 2, 6)
    expected = [[reconstruction_loss(one, other, data) for other in decoders] for one in encoders]
    np.testing.assert_allclose(np.array(pairwise_losses(encoders, decoders, data)), np.array(expected), rtol=1e-6)


class Halves(nn.Module):
    """A network that changes the code it is given."""

    def forward(self, code):
        return torch.cat([code.mul_(0.5)] * 2, dim=1)


def test_combinations_of_other_networks_are_computed_one_by_one():
    seen = []
    encoders, decoders = sides(2, decoder=Halves)
    encoders[0].module.register_forward_hook(lambda *_: seen.append(1))
    data = torch.rand(4, 6)
    expected = [[reconstruction_loss(one, other, data) for other in decoders] for one in encoders]
    assert pairwise_losses(encoders, decoders, data) == expected
    assert len(seen) == 4


def test_a_broken_network_has_the_worst_loss_with_everyone():
    encoders, decoders = sides(2)
    with torch.no_grad():
        decoders[1].module[0].weight[0, 0] = float("nan")
    data = torch.rand(4, 6)
    table = np.array(pairwise_losses(encoders, decoders, data))[:, :, 0]
    assert (table[:, 1] == WORST).all()
    assert table[0, 0] == reconstruction_loss(encoders[0], decoders[0], data)[0]


def test_combinations_refuse_what_single_ones_refuse():
    encoders, decoders = sides(2)
    wrong = sides(2, decoder=lambda: mlp_decoder([4, 6], output="sigmoid"))[1]
    for arguments, message in (
        ((encoders, wrong, torch.rand(4, 6)), "the encoder gives 3 values a sample, but the decoder takes 4"),
        ((encoders, decoders, torch.rand(4, 5)), "the encoder reads 6 values a sample, but the data have 5"),
        ((encoders, decoders, torch.full((4, 6), torch.nan)), "the targets hold NaN or infinity"),
        ((encoders, decoders, torch.rand(0, 6)), "data must have samples"),
        ((encoders, decoders, torch.full((4, 6), 2.0)), "loss bce needs data in"),
        ((encoders, decoders, torch.rand(4, 6)), "unknown loss"),
    ):
        with pytest.raises(ValueError, match=message):
            pairwise_losses(*arguments, loss="bce" if "bce" in message else "l3" if "unknown" in message else "l1")


def test_bce_of_a_network_without_probabilities_is_refused():
    pair = halving()
    with torch.no_grad():
        pair.decoder.module.weight.fill_(8.0)
    with pytest.raises(ValueError, match=r"loss bce needs outputs in \[0, 1\], but they go from 0 to 4"):
        evaluate(pair, DATA, "bce")


def test_figures_of_reconstructions_that_are_there_are_those_of_the_pair():
    pair = halving()
    output = reconstruct(pair, DATA)
    assert loss_of(output, DATA, "mse") == evaluate(pair, DATA, "mse")[0]
    assert wrong_share(output, DATA) == wrong_bits(pair, DATA)
