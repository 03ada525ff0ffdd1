"""Individuals that have units to lose, what is left of them, and what must hold when whole units went."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from evoprune import compact
from evoprune.activations import ActivationProbe
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, Network, genomes
from evoprune.layers import prunable_layers
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import mutPruneUnits
from evoprune.operators.structured import joints_of
from evoprune.shrinking.counts import alive
from evoprune.shrinking.dead import remove_dead
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.parts import plain

SAMPLES = torch.rand(9, 16, generator=torch.Generator().manual_seed(3))
EVIDENCE: dict[str, Any] = {
    "activations": ActivationProbe(SAMPLES),
    "samples": SAMPLES,
    "targets": SAMPLES,
    "loss": "mse",
}


def mlp(activation: str = "relu") -> Autoencoder:
    """16-8-6-8-16, with 22 units that may go."""
    encoder, decoder = mlp_encoder([16, 8, 6], activation), mlp_decoder([6, 8, 16], activation=activation)
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def convolutional() -> Autoencoder:
    """Images of 4 x 4, to codes of 3 by way of 4 and 5 channels, and back by 2 and 3."""
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)),
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 2, bias=False),
        nn.Tanh(),
        nn.Flatten(),
        nn.BatchNorm1d(5),
        nn.Linear(5, 3),
    )
    decoder = nn.Sequential(
        nn.Linear(3, 8),
        nn.ELU(),
        nn.Unflatten(1, (2, 2, 2)),
        nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1),
        nn.Dropout(0.2),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Conv2d(3, 1, 1),
        nn.Flatten(),
    )
    with torch.no_grad():
        for module in (*encoder, *decoder):
            for name, tensor in (*module.named_parameters(), *module.named_buffers()):
                if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and tensor.is_floating_point():
                    tensor.uniform_(0.3 if name == "running_var" else 0.1, 1.0)
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def variational() -> Autoencoder:
    return Autoencoder([Encoder(variational_encoder([16, 8, 6])), Decoder(mlp_decoder([6, 8, 16]))])


def three() -> Network:
    return Network([Genome(nn.Flatten()), Genome(plain(16, 7, 5, last=nn.ReLU())), Genome(plain(5, 6, 16))])


def without_some() -> Genome:
    return Genome(mlp_encoder([16, 8, 6, 16]), exclude=["4.weight", "0.bias"])


def removed() -> Autoencoder:
    """What is left of a pair after its dead units were removed."""
    individual = mlp()
    mutPruneUnits(individual, 0.3)
    remove_dead(individual, masked=True)
    return individual


INDIVIDUALS: dict[str, Callable[[], Any]] = {
    "mlp": mlp,
    "tanh": lambda: mlp("tanh"),
    "genome": lambda: Genome(mlp_encoder([16, 8, 6, 16])),
    "convolutional": convolutional,
    "variational": variational,
    "tied": lambda: TiedAutoencoder(TiedNetwork((16, 8, 6))),
    "three parts": three,
    "excluded": without_some,
    "removed": removed,
    "list": lambda: list(mlp()),
}


def living(individual: Any, example: Tensor | None = None) -> dict[str, int]:
    return {joint.label: int(alive(joint).sum()) for joint in joints_of(individual, example)}


def masks(individual: Any) -> list[Tensor]:
    return [mask.clone() for genome in genomes(individual) for mask in genome.masks.values()]


def kept(individual: Any) -> int:
    return sum(genome.sizes[0] for genome in genomes(individual))


def total(individual: Any) -> int:
    return sum(living(individual).values())


def shapes(individual: Any) -> list[list[int]]:
    """Of each layer how many outputs and inputs its weight has that are not all pruned, the way to the mean only."""
    found = []
    for genome in genomes(individual):
        names = {id(parameter): name for name, parameter in genome.module.named_parameters()}  # a tied one once
        for name, layer in prunable_layers(genome.module):
            weight: Any = layer.weight
            mask = genome.masks.get(names[id(weight)], torch.ones_like(weight))
            if name != "log_variance":
                found.append([int(_there(mask, axis).sum()) for axis in (0, 1)])
    return found


def outputs(individual: Any, x: Tensor = SAMPLES) -> Tensor:
    with torch.no_grad():
        for genome in genomes(individual):
            x = copy.deepcopy(genome).module.eval()(x)
    return x


def check_whole(individual: Any) -> None:
    """Nothing but whole rows and columns is gone, and all that belongs to a unit goes with it."""
    for genome in genomes(individual):
        for mask in (mask for mask in genome.masks.values() if mask.dim() > 1):
            rows, columns = mask.flatten(1).any(1), mask.transpose(0, 1).flatten(1).any(1)
            outer = (rows[:, None] & columns).view(len(rows), len(columns), *[1] * (mask.dim() - 2))
            assert torch.equal(mask, outer.expand(mask.shape))
    for joint in joints_of(individual):
        left = alive(joint)
        assert left.any()
        for one in joint.passes:
            for end in one.makers:
                for name, axis in (("weight", end.step.axes[0]), ("bias", 0)):
                    held = end.step.genome.masks.get(end.step.path(name))
                    if held is not None:  # a tied one is the encoder's, and biases may be excluded
                        assert torch.equal(_there(held, axis)[end.places], left[:, None].expand(end.places.shape))
            for end in one.readers:
                mask = end.step.genome.masks[end.step.tensor]
                there = _there(mask, end.step.axes[1])
                assert torch.equal(there[end.places], left[:, None].expand(end.places.shape))


def _there(mask: Tensor, axis: int) -> Tensor:
    """Where along an axis anything is kept."""
    return mask.transpose(0, axis).flatten(1).any(1) if mask.dim() > 1 else mask


def check_smaller(individual: Any) -> None:
    """A smaller network has the layers that the masks say, and computes the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no dead unit is left
        smaller = compact(individual if isinstance(individual, Genome | Network) else Network(individual))
    weights: Any = [layer.weight for _, layer in prunable_layers(smaller)]
    assert [list(weight.shape[:2]) for weight in weights] == shapes(individual)
    wanted = outputs(individual)
    with torch.no_grad():
        assert torch.allclose(smaller(SAMPLES), wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))
