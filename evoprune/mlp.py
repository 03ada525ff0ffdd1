"""Multilayer perceptrons of any widths as encoders and decoders, plain or variational."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import overload

import torch
from torch import Tensor, nn

from evoprune.checks import at_least, listed, lookup, shown, true_or_false
from evoprune.memory import FLOAT, check_fits

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
}
OUTPUTS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
    "none": nn.Identity,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
}
LOOKED_AT = 10**7
"""Weights from which on it is seen, before any is made, that they fit into memory."""
NONLINEARITIES = {**ACTIVATIONS, **OUTPUTS}


def mlp_encoder(widths: Sequence[int], activation: str = "relu") -> nn.Sequential:
    """Linear layers from `widths[0]` inputs to a code of `widths[-1]`, the activation after every layer, the code too.

    `mlp_encoder([1000, 30, 10])` is the encoder of Lipi-AE-S (arXiv 2505.05138): 30,340 parameters. Weights are drawn
    by torch's defaults from torch's global generator, so seed it first.

    :raises ValueError: for fewer than two widths, a width that is no positive whole number, an unknown activation.
    """
    return _mlp(widths, activation, activation)


def mlp_decoder(widths: Sequence[int], output: str = "sigmoid", activation: str = "relu") -> nn.Sequential:
    """Linear layers from a code of `widths[0]` to `widths[-1]` outputs, the activation between them, `output` last.

    `mlp_decoder([10, 30, 1000])` is the decoder of Lipi-AE-S: 31,330 parameters. Errors as in `mlp_encoder`.
    """
    lookup("output", output, OUTPUTS)
    return _mlp(widths, activation, output)


def variational_encoder(widths: Sequence[int], activation: str = "relu", beta: float = 1.0) -> "GaussianEncoder":
    """As `mlp_encoder`, but the code is drawn from a Gaussian whose mean and log variance are the last layers."""
    return GaussianEncoder(widths, activation, beta)


class GaussianEncoder(nn.Module):
    """The encoder of a variational autoencoder (Kingma and Welling, arXiv 1312.6114), its noise handed in.

    `encoder(x)` is the mean code, for evaluation. `encoder(x, noise)` is `(code, penalty)`, for training: the code is
    mean + exp(log_variance / 2) * noise, and the penalty is added to the reconstruction loss. `noise_width` says how
    wide the noise has to be, and tells a trainer that this encoder wants some: standard normal, (samples, noise_width).
    Nothing is drawn in here and nothing branches on data, so `torch.func.vmap` over stacked parameters works.

    The penalty is beta times the Kullback-Leibler divergence to N(0, I), summed over the code, averaged over the
    samples and divided by the number of inputs: reconstruction losses here are means over the inputs, and only so are
    both terms on the same scale.
    """

    def __init__(self, widths: Sequence[int], activation: str = "relu", beta: float = 1.0) -> None:
        super().__init__()
        lookup("activation", activation, ACTIVATIONS)
        sizes = checked_widths(widths)
        at_least("beta", beta, 0, finite=True)
        self.beta = float(beta)
        self.inputs = sizes[0]
        self.noise_width = sizes[-1]
        # Widths of two numbers leave no trunk: both heads then read the inputs.
        self.trunk = _mlp(sizes[:-1], activation, activation) if len(sizes) > 2 else nn.Sequential()
        self.mean = nn.Linear(sizes[-2], sizes[-1])
        self.log_variance = nn.Linear(sizes[-2], sizes[-1])

    @property
    def in_features(self) -> int:
        """Values that a sample has."""
        return self.inputs

    @property
    def out_features(self) -> int:
        """Values that a code has."""
        return self.noise_width

    @overload
    def forward(self, x: Tensor) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]: ...
    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor | tuple[Tensor, Tensor]:
        hidden = self.trunk(x)
        mean = self.mean(hidden)
        if noise is None:
            return mean
        log_variance = self.log_variance(hidden)
        code = mean + torch.exp(log_variance / 2) * noise
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1) / 2
        return code, self.beta * divergence.mean() / self.inputs


@dataclass(frozen=True)
class MLP:
    """The recipe of an autoencoder: the decoder mirrors the encoder. Small, hashable, and checked when it is made."""

    hidden: tuple[int, ...] = field(default=(30,), metadata={"help": "units of the encoder's hidden layers"})
    latent: int = field(default=10, metadata={"help": "length of the code"})
    activation: str = field(
        default="relu", metadata={"help": "after each layer but the last: " + ", ".join(ACTIVATIONS)}
    )
    output: str = field(default="sigmoid", metadata={"help": "after the last layer: " + ", ".join(OUTPUTS)})
    decoder_hidden: tuple[int, ...] | None = field(
        default=None, metadata={"help": "units of the decoder's hidden layers, code first; None mirrors the encoder"}
    )
    variational: bool = field(default=False, metadata={"help": "draw the code from a Gaussian"})
    beta: float = field(default=1.0, metadata={"help": "weight of the variational penalty"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", positive_ints("hidden width", self.hidden))
        if self.decoder_hidden is not None:
            object.__setattr__(self, "decoder_hidden", positive_ints("decoder width", self.decoder_hidden))
        object.__setattr__(self, "latent", _positive_int("latent", self.latent))
        at_least("beta", self.beta, 0, finite=True)
        object.__setattr__(self, "beta", float(self.beta))
        lookup("activation", self.activation, ACTIVATIONS)
        lookup("output", self.output, OUTPUTS)
        true_or_false("variational", self.variational)
        if self.beta != 1.0 and not self.variational:
            raise ValueError(f"beta {self.beta:g} has no effect unless the network is variational")

    def check(self, inputs: int, outputs: int | None = None) -> None:
        """Raise `ValueError` for a code longer than the inputs, or outputs that are not as many as the inputs."""
        if self.latent > _positive_int("inputs", inputs):
            raise ValueError(f"a code of {shown(self.latent)} is longer than the {inputs} inputs")
        as_many(inputs, outputs)

    def parameters(self, inputs: int, outputs: int | None = None) -> int:
        """Weights and biases of encoder and decoder together, for ``inputs`` values a sample, and as many outputs.

        :raises ValueError: for inputs that are no positive whole number.
        """
        inputs = _positive_int("inputs", inputs)
        back = self.hidden[::-1] if self.decoder_hidden is None else self.decoder_hidden
        there, again = (inputs, *self.hidden, self.latent), (self.latent, *back, inputs)
        return (
            linear_weights(there) + linear_weights(again) + (there[-2] + 1) * self.latent * self.variational
        )  # its second head

    def build(self, inputs: int, outputs: int | None = None) -> tuple[nn.Module, nn.Module]:
        """A new encoder and decoder for `inputs` values a sample, drawn from torch's global generator.

        :raises ValueError: for inputs that are no positive whole number, or a code longer than the inputs.
        """
        self.check(inputs, outputs)
        widths = (inputs, *self.hidden, self.latent)
        make = partial(variational_encoder, beta=self.beta) if self.variational else mlp_encoder
        back = self.hidden[::-1] if self.decoder_hidden is None else self.decoder_hidden
        return make(widths, self.activation), mlp_decoder((self.latent, *back, inputs), self.output, self.activation)


def _mlp(widths: Sequence[int], activation: str, last: str) -> nn.Sequential:
    sizes = checked_widths(widths)
    between = lookup("activation", activation, ACTIVATIONS)
    after = NONLINEARITIES[last]
    layers: list[nn.Module] = []
    for depth, (fan_in, fan_out) in enumerate(pairwise(sizes), start=2):
        layers += [nn.Linear(fan_in, fan_out), after() if depth == len(sizes) else between()]
    return nn.Sequential(*layers)


def checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """The widths as a tuple; `ValueError` unless there are two or more positive whole numbers, and memory for them."""
    sizes = positive_ints("width", widths)
    if len(sizes) < 2:
        raise ValueError(f"widths need an input and an output size, got {list(sizes)}")
    check_weights(linear_weights(sizes))
    return sizes


def linear_weights(widths: Sequence[int]) -> int:
    """Weights and biases of Linear layers of these widths, one after the other."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(widths))


def check_weights(count: int) -> None:
    """Refuse more weights than the memory that is free can hold; so few that they always fit are not looked at."""
    if count > LOOKED_AT:
        check_fits({"weights": count * FLOAT}, "smaller widths")


def positive_ints(what: str, values: Iterable[int]) -> tuple[int, ...]:
    return tuple(_positive_int(what, value) for value in listed(f"{what}s", values, "whole numbers"))


def as_many(inputs: int, outputs: int | None) -> None:
    """Raise `ValueError` for outputs of an autoencoder that are not as many as its inputs."""
    if outputs is not None and _positive_int("outputs", outputs) != inputs:
        raise ValueError(f"an autoencoder of {shown(inputs)} inputs has as many outputs, got {shown(outputs)}")


def _positive_int(what: str, value: int) -> int:
    at_least(what, value, 1, whole=True)
    return int(value)
