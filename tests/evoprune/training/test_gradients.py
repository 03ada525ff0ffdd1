"""Gradients of a population: those that autograd gives for each pair alone."""

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.losses import Loss
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import mutPruneRandom
from evoprune.training.programs import gradients


def pair(kind: str) -> Autoencoder:
    encoder: nn.Module = mlp_encoder([8, 5, 3])
    if kind == "variational":
        encoder = variational_encoder([8, 5, 3])
    if kind == "normalized":
        encoder = nn.Sequential(nn.Linear(8, 3), nn.LayerNorm(3), nn.ReLU())
    return Autoencoder([Encoder(encoder), Decoder(mlp_decoder([3, 5, 8]))])


@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
def test_they_are_those_of_autograd(loss):
    pairs = [pair(kind) for kind in ("plain", "variational", "plain", "normalized")]
    mutPruneRandom(pairs[0], 0.5)
    x = torch.rand(6, 8)
    before = [{name: p.clone() for name, p in genome.module.named_parameters()} for one in pairs for genome in one]
    found = gradients(pairs, x, x, loss)
    for one, tables in zip(pairs, found, strict=True):
        value = Loss(loss)(one(x), x)
        assert value.dim() == 0
        for genome, table in zip(one, tables, strict=True):
            names = [name for name, _ in genome.module.named_parameters()]
            assert list(table) == names
            wanted = torch.autograd.grad(value, list(genome.module.parameters()), retain_graph=True, allow_unused=True)
            for name, gradient in zip(names, wanted, strict=True):
                expected = torch.zeros_like(table[name]) if gradient is None else gradient
                assert torch.allclose(table[name], expected, atol=1e-6), name
    after = [dict(genome.module.named_parameters()) for one in pairs for genome in one]
    assert all(torch.equal(a[name], p) for a, b in zip(after, before, strict=True) for name, p in b.items())
