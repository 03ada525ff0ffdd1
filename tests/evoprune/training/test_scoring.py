"""Losses by the compiled kernel, against torch's."""

import itertools
import math

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.evaluation import pairwise_losses, reconstruction_loss
from evoprune.fitness import WORST
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.training import native
from evoprune.training.kernel import Kernel
from evoprune.training.scoring import kernel_loss, kernel_losses

needs_kernel = pytest.mark.skipif(bool(native.missing()), reason=f"no kernel: {native.missing()}")


def made(count: int, widths: tuple[int, ...] = (30, 8, 3), **options: str) -> list[Autoencoder]:
    torch.manual_seed(0)
    ends = {"output": "sigmoid"} | options
    pairs = [(mlp_encoder([*widths]), mlp_decoder([*widths[::-1]], **ends)) for _ in range(count)]
    return [Autoencoder([Encoder(encoder), Decoder(decoder)]) for encoder, decoder in pairs]


def sides(pairs: list[Autoencoder]) -> tuple[list[Genome], list[Genome]]:
    return [pair.encoder for pair in pairs], [pair.decoder for pair in pairs]


@needs_kernel
@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
@pytest.mark.parametrize("samples", [1, 5, 39, 40, 41, 103])
def test_they_are_torchs(loss: str, samples: int) -> None:
    encoders, decoders = sides(made(3))
    data = torch.rand(samples, 30)
    mine, torchs = (
        kernel_losses(encoders, decoders, data, loss=loss),
        pairwise_losses(encoders, decoders, data, loss=loss),
    )
    for i, k in itertools.product(range(3), range(3)):
        assert mine[i][k][0] == pytest.approx(torchs[i][k][0], rel=1e-5)
        assert mine[i][k] == kernel_loss(encoders[i], decoders[k], data, loss=loss)  # however many at once


@needs_kernel
def test_all_variants_that_round_alike_give_the_same_bits() -> None:
    encoders, decoders = sides(made(2, (77, 19, 20, 3)))
    data, found = torch.rand(57, 77), dict[str, list[float] | None]()
    for variant, arithmetic in native.variants().items():
        losses = native.losses([encoders, decoders], data, data, "l1", variant)
        assert found.setdefault(arithmetic, losses) == losses


@needs_kernel
def test_encoders_and_decoders_of_different_numbers_and_depths() -> None:
    (one,), (other,), (third,) = made(1), made(1, (30, 12, 9, 3)), made(1, (30, 40, 3))
    encoders, decoders, data = [one.encoder, other.encoder], [third.decoder], torch.rand(7, 30)
    mine, torchs = kernel_losses(encoders, decoders, data), pairwise_losses(encoders, decoders, data)
    assert [len(row) for row in mine] == [1, 1]
    assert [row[0][0] for row in mine] == pytest.approx([row[0][0] for row in torchs], rel=1e-5)


@pytest.mark.parametrize("kernel", ["auto", "torch"])
def test_what_the_kernel_does_not_take_is_torchs(kernel: str) -> None:
    pair, data = made(1)[0], torch.rand(6, 30)
    normed = Encoder(nn.Sequential(nn.Linear(30, 3), nn.BatchNorm1d(3)))
    assert kernel_loss(normed, pair.decoder, data, kernel=kernel) == reconstruction_loss(normed, pair.decoder, data)
    images = torch.rand(4, 2, 30)
    assert kernel_loss(pair.encoder, pair.decoder, images, kernel=kernel) == reconstruction_loss(
        pair.encoder, pair.decoder, images
    )


@pytest.mark.parametrize("kernel", ["auto", "torch"])
def test_a_diverged_network_is_the_worst_and_wrong_data_are_errors(kernel: str) -> None:
    pair, data = made(1)[0], torch.rand(6, 30)
    with pytest.raises(ValueError, match="NaN or infinity"):
        kernel_loss(pair.encoder, pair.decoder, torch.full((2, 30), math.nan), kernel=kernel)
    with pytest.raises(ValueError, match=r"outside \[0, 1\]|in \[0, 1\]"):
        kernel_loss(pair.encoder, pair.decoder, data * 3, loss="bce", kernel=kernel)
    with pytest.raises((ValueError, RuntimeError)):
        kernel_loss(pair.encoder, pair.decoder, torch.rand(6, 29), kernel=kernel)
    with pytest.raises(ValueError, match="samples"):
        kernel_loss(pair.encoder, pair.decoder, torch.rand(0, 30), kernel=kernel)
    with pytest.raises(ValueError, match="did you mean 'mse'"):
        kernel_loss(pair.encoder, pair.decoder, data, loss="mes", kernel=kernel)
    with torch.no_grad():
        next(pair.decoder.module.parameters())[0, 0] = math.nan
    assert kernel_loss(pair.encoder, pair.decoder, data, kernel=kernel) == (WORST,)
    assert kernel_losses(*sides([pair, *made(1)]), data, kernel=kernel)[0][0] == (WORST,)


def test_a_kernel_that_is_not_here_is_refused() -> None:
    pair = made(1)[0]
    with pytest.raises(ValueError, match="kernel native"):
        kernel_loss(pair.encoder, pair.decoder, torch.rand(6, 30), kernel=Kernel("native", "sve", "rounded upwards"))
    with pytest.raises(ValueError, match="did you mean 'native'"):
        kernel_loss(pair.encoder, pair.decoder, torch.rand(6, 30), kernel="nativ")
