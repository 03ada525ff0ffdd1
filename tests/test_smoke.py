"""Whatever is registered as an operator or an optimizer, on every kind of individual: nothing comes back to life."""

from inspect import signature
from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.activations import ActivationProbe
from evoprune.genome import genomes
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import OPERATORS
from evoprune.training import train
from evoprune.training.optimizers import OPTIMIZERS


class Convolutional(nn.Module):
    """A user's module: convolution, normalization, a nonlinearity in the forward pass, tied weights."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 4, 3, groups=2)
        self.fc = nn.Linear(4 * 36, 5)
        self.mix = nn.Linear(5, 5)
        self.again = nn.Linear(5, 5)
        self.again.weight = self.mix.weight

    def forward(self, x):
        h = torch.relu(self.norm(self.first(x)))
        h = self.fc(torch.tanh(self.up(h)).flatten(1))
        return self.again(torch.relu(self.mix(h)))


def pair():
    return Autoencoder([Encoder(mlp_encoder([20, 6, 3], "tanh")), Decoder(mlp_decoder([3, 6, 20], activation="tanh"))])


INDIVIDUALS: dict[str, Any] = {
    "genome": (lambda: Genome(mlp_encoder([20, 6, 3])), (12, 20)),
    "pair": (pair, (12, 20)),
    "convolutional": (lambda: Genome(Convolutional()), (6, 1, 6, 6)),
    "excluded": (lambda: Genome(mlp_encoder([20, 6, 3]), exclude=["0.weight", "2.bias"]), (12, 20)),
}


def arguments(operator, scope, persistent, probe):
    """What the operator takes of these; scopes and amounts are not for all."""
    offered = {"amount": 0.3, "scope": scope, "persistent": persistent, "activations": probe, "threshold": 0.3}
    return {name: offered[name] for name in signature(operator).parameters if name in offered}


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize("kind", INDIVIDUALS)
@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_on_every_individual(name, kind, scope, persistent):
    make, shape = INDIVIDUALS[kind]
    individual, operator = make(), OPERATORS[name]
    individual.fitness.values = (0.5,)
    options = arguments(operator, scope, persistent, ActivationProbe(torch.rand(shape)))
    parameters = [dict(genome.module.named_parameters()) for genome in genomes(individual)]
    for _ in range(12):
        before = [dict(genome.masks) for genome in genomes(individual)]
        values = [{n: p.detach().clone() for n, p in table.items()} for table in parameters]
        (result,) = operator(individual, **options)
        assert result is individual
        for genome, masks, old, new in zip(genomes(individual), before, values, parameters, strict=True):
            assert genome.masks.keys() == masks.keys()
            for n, p in new.items():
                assert bool(((p == old[n]) | (p == 0)).all())  # pruning zeroes, it does not change
                if n not in masks:
                    assert torch.equal(p, old[n])
                    continue
                mask = genome.masks[n]
                assert mask.any()
                assert not (mask & ~masks[n]).any()
                assert bool(mask.all()) or persistent
                assert bool((p[~mask] == 0).all())
    assert individual.fitness.values == (0.5,)
    if persistent:
        assert individual.preserved < 1 or name == "conjunctive"
    else:
        assert all(genome.preserved == 1 and genome.nonzero is not None for genome in genomes(individual))


@pytest.mark.parametrize("kind", ["pair", "convolutional"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_is_pruned_stays_zero_under_every_optimizer(optimizer, kind):
    torch.manual_seed(0)
    x = torch.rand(6, 20)
    individual = pair()  # with tanh no unit can be dead
    if kind == "convolutional":
        x = torch.rand(1, 6, 1, 6, 6)
        decoder = nn.Sequential(nn.Linear(5, 36), nn.Unflatten(1, (1, 6, 6)))
        individual = Autoencoder([Encoder(Convolutional()), Decoder(decoder)])
    train([individual], [x] * 3, optimizer=optimizer, learning_rate=0.01)  # moments from before the pruning
    OPERATORS["magnitude"](individual, amount=0.5)
    kept = [{n: genome.module.get_parameter(n)[m].clone() for n, m in genome.masks.items()} for genome in individual]
    for _ in range(2):
        train([individual], [x] * 3, optimizer=optimizer, learning_rate=0.01)
        for genome in individual:
            for name, mask in genome.masks.items():
                assert not mask.all()
                assert bool((genome.module.get_parameter(name)[~mask] == 0).all())
                assert all(bool((moment[~mask] == 0).all()) for moment in genome.moments.get(name, ()))
    moved = [
        not torch.equal(genome.module.get_parameter(name)[genome.masks[name]], old)
        for genome, table in zip(individual, kept, strict=True)
        for name, old in table.items()
    ]
    assert sum(moved) >= len(moved) - 1  # the rest did train; a bias before normalization need not
