"""Tied autoencoders: the decoder uses the encoder's weights transposed; one parameter, one mask."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune.checks import lookup, shown
from evoprune.evaluation import evaluating, like_parameters
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from evoprune.mlp import ACTIVATIONS, NONLINEARITIES, checked_widths


class TiedLinear(nn.Linear):
    """The way back through a Linear layer: its weight transposed, and a bias of its own.

    :param source: the layer whose weight, (its outputs, its inputs), this one shares. Here ``in_features`` are the
        outputs of the source and ``out_features`` its inputs; ``weight`` is the source's parameter itself.

    The bias is drawn as torch draws a Linear layer's, from torch's global generator.
    """

    def __init__(self, source: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = source.out_features, source.in_features
        self.weight = source.weight
        bound = self.in_features**-0.5
        self.bias = nn.Parameter(torch.empty(self.out_features).uniform_(-bound, bound))

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, self.weight.mT, self.bias)


class TiedNetwork(nn.Module):
    """An encoder of Linear layers, and a decoder that goes back through the same weights.

    :param widths: from the inputs to the code, such as 784, 500, 250, 100, 50.
    :param activation: after every layer but the last of the decoder, the code too.
    :param output: after the last layer of the decoder; ``"sigmoid"`` for data in [0, 1].
    :raises ValueError: fewer than two widths, a width that is not a positive whole number, an unknown nonlinearity.

    ``encoder`` and ``decoder`` are stacks of layers that share their weights; calling the network reconstructs. Weights
    are drawn by torch's defaults from torch's global generator, so seed it first.
    """

    def __init__(self, widths: Sequence[int], activation: str = "relu", output: str = "sigmoid") -> None:
        super().__init__()
        self.widths, self.activation, self.output = checked_widths(widths), activation, output
        between, after = lookup("activation", activation, ACTIVATIONS), lookup("output", output, NONLINEARITIES)
        layers = [nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise(self.widths)]
        self.encoder = nn.Sequential(*(part for layer in layers for part in (layer, between())))
        back = [part for layer in reversed(layers) for part in (TiedLinear(layer), between())]
        self.decoder = nn.Sequential(*back[:-1], after())

    @property
    def in_features(self) -> int:
        """Values that a sample has."""
        return self.widths[0]

    @property
    def out_features(self) -> int:
        """Values that a reconstruction has: as many."""
        return self.widths[0]

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructions of ``x``, (samples, inputs) both."""
        return self.decoder(self.encoder(x))


class TiedAutoencoder(Autoencoder):
    """A pair whose decoder uses the encoder's weights transposed, as a DEAP individual.

    Both halves share their weights, so they are one genome, the first of the list, whose module reconstructs; the
    second is empty. So every pruning operator, ``mutTrain``, ``train`` and ``evaluate`` take it as any other pair; a
    mask narrows both ways through a weight at once; and ``preserved`` counts a shared weight once. A crossover that
    swaps decoders changes nothing: take :func:`evoprune.operators.cxUniformWeights`.

    :param network: it is taken without a copy.
    :raises TypeError: for anything but a :class:`TiedNetwork`.
    """

    def __init__(self, network: TiedNetwork) -> None:
        if not isinstance(network, TiedNetwork):
            raise TypeError(f"a tied autoencoder wraps a TiedNetwork, got {shown(network)}")
        super().__init__([Encoder(network), Decoder(nn.Identity())])

    @property
    def network(self) -> TiedNetwork:
        """The module that holds all parameters."""
        module = self.encoder.module
        assert isinstance(module, TiedNetwork)
        return module

    def code(self, x: Tensor) -> Tensor:
        """Codes (samples, code) of ``x`` (samples, inputs), in evaluation mode and without gradients."""
        with evaluating(self.network):
            return self.network.encoder(like_parameters(self.network, x))


Individual = TypeVar("Individual", bound=TiedAutoencoder)


def deepen(pair: Individual, width: int) -> Individual:
    """A copy of its class with one more layer in the middle, drawn anew, and the layers that were there frozen.

    Frozen means that they do not require a gradient: training and the operators on weights leave them as they are.
    Weights, biases and masks are those of ``pair``; fitness and what an optimizer remembers are not taken along.

    :param width: units of the new layer, whose outputs are the code now.
    """
    old = pair.network
    new = type(pair)(TiedNetwork((*old.widths, width), old.activation, old.output))
    depth = len(old.widths) - 1
    with torch.no_grad():
        for name, moved in zip(_outermost(depth, depth), _outermost(depth, depth + 1), strict=True):
            new.network.get_parameter(moved).copy_(old.get_parameter(name)).requires_grad_(False)
            if name in pair.encoder.masks:
                new.encoder.masks[moved] = pair.encoder.masks[name].clone()
    return new


def freeze(network: TiedNetwork, layers: int) -> None:
    """Freeze the first ``layers`` layers on both ways, as :func:`deepen` leaves them."""
    for name in _outermost(layers, len(network.widths) - 1):
        network.get_parameter(name).requires_grad_(False)


def _outermost(layers: int, depth: int) -> list[str]:
    """Names of the parameters of the first ``layers`` layers of a network of ``depth``, on both ways."""
    there = [f"encoder.{2 * k}.{part}" for k in range(layers) for part in ("weight", "bias")]
    return there + [f"decoder.{2 * (depth - 1 - k)}.bias" for k in range(layers)]
