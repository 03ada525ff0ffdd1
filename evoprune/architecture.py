"""The architecture of an autoencoder as a genome: an activation and the encoder's layers, which the decoder mirrors."""

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from torch import nn

from evoprune.checks import at_least, listed, lookup, of_type, shown
from evoprune.files import fitting, read_json, shown_path
from evoprune.fitness import MinimizeLoss
from evoprune.mlp import ACTIVATIONS, OUTPUTS, as_many, check_weights

PREFIX = "arch:"
Shape = tuple[int, int, int]
"""Channels, height and width of an image."""


@dataclass(frozen=True)
class Conv:
    """A convolution without padding; its units are channels."""

    channels: int
    kernel: int
    stride: int = 1


@dataclass(frozen=True)
class Linear:
    """A fully connected layer."""

    width: int


Layer = Conv | Linear


class Architecture(list[Layer]):
    """The encoder's hidden layers, one activation for all layers, and a code of fixed size: a DEAP individual.

    After the hidden layers one more Linear layer makes the code. What a layer reads follows from the layers before, so
    only what it makes is part of the genome. ``text`` is all of it in readable form, and :func:`parse_architecture`
    reads it back. As a list it takes DEAP's containers; :mod:`evoprune.operators.architecture` has its operators.

    :param layers: :class:`Conv` and :class:`Linear`.
    :param shape: channels, height and width of a sample; what is no image is ``(1, 1, inputs)``.
    :param code: units of the code.
    :param activation: after every layer but the decoder's last.
    :raises ValueError: naming what :func:`fault` finds, or an unknown activation.
    """

    fitness: Any

    def __init__(self, layers: Iterable[Layer], shape: Sequence[int], code: int, activation: str = "relu") -> None:
        super().__init__(listed("layers", layers, "Conv and Linear"))
        if not hasattr(self, "fitness"):  # a class of deap.creator has set one already
            self.fitness = MinimizeLoss()
        lookup("activation", activation, ACTIVATIONS)
        check_shape(shape)
        at_least("code", code, 1, whole=True)
        self.shape: Shape = (int(shape[0]), int(shape[1]), int(shape[2]))
        self.code, self.activation = int(code), activation
        found = fault(self, self.shape, self.code)
        if found:
            raise ValueError(found)

    @property
    def inputs(self) -> int:
        """Values a sample."""
        return math.prod(self.shape)

    @property
    def layer_texts(self) -> list[str]:
        """The layers as ``conv_in_out_kernel`` (and ``_stride`` where it is not 1) and ``linear_in_out``."""
        texts = []
        for layer, reads in self._readings():
            if isinstance(layer, Linear):
                texts.append(f"linear_{math.prod(reads)}_{layer.width}")
            else:
                step = "" if layer.stride == 1 else f"_{layer.stride}"
                texts.append(f"conv_{reads[0]}_{layer.channels}_{layer.kernel}{step}")
        return texts

    @property
    def text(self) -> str:
        """The readable form, such as ``arch:1x8x8;relu;conv_1_8_3;linear_288_10``; equal for equal architectures."""
        return PREFIX + ";".join(["x".join(map(str, self.shape)), self.activation, *self.layer_texts])

    @property
    def parameters(self) -> int:
        """Weights and biases of encoder and decoder together."""
        total = 0
        for layer, reads in self._readings():
            if isinstance(layer, Conv):
                ins, outs, taps = reads[0], layer.channels, layer.kernel**2
            else:
                ins, outs, taps = math.prod(reads), layer.width, 1
            total += 2 * ins * outs * taps + ins + outs
        return total

    def _readings(self) -> Iterator[tuple[Layer, tuple[int, ...]]]:
        """Every layer of the encoder, the one that makes the code too, and the shape that it reads."""
        return zip([*self, Linear(self.code)], trace(self, self.shape), strict=True)

    def build(self, output: str = "sigmoid") -> tuple[nn.Sequential, nn.Sequential]:
        """A new encoder and decoder, (samples, inputs) to (samples, code) and back, from torch's global generator.

        The decoder mirrors the encoder: a transposed convolution for every convolution, which makes what that one read.

        :param output: the nonlinearity of the reconstruction.
        """
        check_weights(self.parameters)
        activation, last = ACTIVATIONS[self.activation], lookup("output", output, OUTPUTS)
        there: list[nn.Module] = []
        back: list[nn.Module] = []  # from the inputs on, to be turned around
        if any(isinstance(layer, Conv) for layer in self):
            there.append(nn.Unflatten(1, self.shape))
            back.append(nn.Flatten(1))
        for depth, (layer, shape) in enumerate(self._readings()):
            after = activation() if depth else last()
            if isinstance(layer, Conv):
                there += [nn.Conv2d(shape[0], layer.channels, layer.kernel, layer.stride), activation()]
                lost = ((shape[1] - layer.kernel) % layer.stride, (shape[2] - layer.kernel) % layer.stride)
                back += [after, nn.ConvTranspose2d(layer.channels, shape[0], layer.kernel, layer.stride, 0, lost)]
                continue
            if depth and len(shape) == 3:  # from maps to features
                there.append(nn.Flatten(1))
                back.append(nn.Unflatten(1, shape))
            width = math.prod(shape)
            there += [nn.Linear(width, layer.width), activation()]
            back += [after, nn.Linear(layer.width, width)]
        return nn.Sequential(*there), nn.Sequential(*reversed(back))

    def __eq__(self, other: object) -> bool:
        """Same text; fitness does not count."""
        return self.text == other.text if isinstance(other, Architecture) else NotImplemented

    def __ne__(self, other: object) -> bool:  # the one of a list would compare the layers only
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


def check_shape(shape: Any) -> None:
    """Raise `ValueError` unless a shape is three positive whole numbers: channels, height and width."""
    if not isinstance(shape, Sequence) or len(shape) != 3:
        raise ValueError(f"a shape is channels, height and width, got {shown(shape)}")
    for size in shape:
        at_least("the channels, height and width of a shape", size, 1, whole=True)


def trace(layers: Iterable[Layer], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """What each layer reads, and last what the code reads: (channels, height, width) or (features,)."""
    shapes: list[tuple[int, ...]] = [shape]
    for layer in layers:
        if isinstance(layer, Conv):
            maps = ((size - layer.kernel) // layer.stride + 1 for size in shapes[-1][1:])
            shapes.append((layer.channels, *maps))
        else:
            shapes.append((layer.width,))
    return shapes


def fault(layers: Iterable[Layer], shape: Shape, code: int) -> str | None:
    """What is wrong with an architecture, or None.

    Convolutions stand before linear layers and fit into what they read. Towards the code neither the channels nor the
    features increase; only the first convolution may make more channels than the image has, and the first linear layer
    counts from the features of the last maps.
    """
    check_shape(shape)
    at_least("code", code, 1, whole=True)
    if code > math.prod(shape):
        return f"a code of {shown(code)} is larger than the {math.prod(shape)} values of a sample"
    reads: tuple[int, ...] = shape
    channels = None
    for layer in listed("layers", layers, "Conv and Linear"):
        of_type("one of the layers", layer, Conv | Linear, "a Conv or a Linear of evoprune.architecture")
        sizes = (layer.width,) if isinstance(layer, Linear) else (layer.channels, layer.kernel, layer.stride)
        for size in sizes:
            of_type("the sizes of a layer", size, Integral, "whole numbers")
        if min(sizes) < 1:
            return f"{layer} has a size below 1"
        if isinstance(layer, Conv):
            if len(reads) == 1:
                return f"{layer} stands after a linear layer"
            if layer.kernel > min(reads[1:]):
                return f"{layer} does not fit into {reads[1]} x {reads[2]} values"
            if channels is not None and layer.channels > channels:
                return f"{layer} increases the channels, which are {channels} before it"
            channels = layer.channels
        elif layer.width > math.prod(reads):
            return f"{layer} increases the features, which are {math.prod(reads)} before it"
        reads = trace([layer], reads)[-1]
    if code > math.prod(reads):
        return f"the code of {code} is larger than the {math.prod(reads)} features that it reads"
    return None


def parse_architecture(text: str) -> Architecture:
    """The architecture whose ``text`` this is; the prefix ``arch:`` may be left out.

    :raises ValueError: naming the part that cannot be read or does not fit the one before.
    """
    of_type("the text of an architecture", text, str, "text")
    example = "arch:1x8x8;relu;conv_1_8_3;linear_288_10"
    parts = text.strip().removeprefix(PREFIX).split(";")
    if len(parts) < 3 or not re.fullmatch(r"\d+x\d+x\d+", parts[0]):
        raise ValueError(f"architecture {shown(text)} must be a shape, an activation and layers, such as {example}")
    layers = [_parse_layer(part) for part in parts[2:]]
    if not isinstance(layers[-1], Linear):
        raise ValueError(f"architecture {shown(text)} must end with the linear layer of the code, such as {example}")
    shape = [int(size) for size in parts[0].split("x")]
    made = Architecture(layers[:-1], shape, layers[-1].width, parts[1])
    for given, right in zip(parts[2:], made.layer_texts, strict=True):
        if given.split("_")[1] != right.split("_")[1]:
            raise ValueError(f"architecture {shown(text)}: {given} does not fit the layer before; here it is {right}")
    return made


def _parse_layer(text: str) -> Layer:
    match = re.fullmatch(r"conv_\d+_(\d+)_(\d+)(?:_(\d+))?|linear_\d+_(\d+)", text)
    if match is None:
        raise ValueError(f"layer {shown(text)} must be conv_in_out_kernel, conv_in_out_kernel_stride or linear_in_out")
    channels, kernel, stride, width = match.groups()
    return Linear(int(width)) if width else Conv(int(channels), int(kernel), int(stride or 1))


@dataclass(frozen=True)
class Blueprint:
    """An architecture as a recipe of networks, beside :class:`evoprune.mlp.MLP`. Small and hashable."""

    text: str
    output: str = "sigmoid"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", parse_architecture(self.text).text)
        lookup("output", self.output, OUTPUTS)

    @property
    def architecture(self) -> Architecture:
        """The genome."""
        return parse_architecture(self.text)

    @property
    def latent(self) -> int:
        """Length of the code."""
        return self.architecture.code

    @property
    def activation(self) -> str:
        """The nonlinearity of all layers but the last."""
        return self.architecture.activation

    def parameters(self, inputs: int, outputs: int | None = None) -> int:
        """Weights and biases of encoder and decoder together."""
        return self.architecture.parameters

    def check(self, inputs: int, outputs: int | None = None) -> None:
        """Raise `ValueError` unless a sample has as many values as the architecture reads, and returns."""
        found = self.architecture
        at_least("inputs", inputs, 1, whole=True)
        if inputs != found.inputs:
            shape = " x ".join(map(str, found.shape))
            reads = f"{shape} = {found.inputs} values a sample"
            raise ValueError(f"the architecture reads {reads}, the data have {shown(inputs)}")
        as_many(inputs, outputs)

    def build(self, inputs: int, outputs: int | None = None) -> tuple[nn.Module, nn.Module]:
        """A new encoder and decoder, drawn from torch's global generator.

        :raises ValueError: for another number of inputs than the architecture's.
        """
        self.check(inputs, outputs)
        return self.architecture.build(self.output)


def found_in(directory: str | Path) -> Blueprint:
    """The best architecture of a search, by its run directory.

    :raises ValueError: where no search has ended.
    """
    of_type("directory", directory, str | Path, "the path of a directory")
    path = Path(directory).expanduser() / "summary.json"
    text = read_json(path).get("architecture") if os.path.exists(path) else None  # which says no to any odd path
    if not os.path.exists(path):
        raise ValueError(f"{shown_path(directory)}: no architecture search has ended here (no {path.name})")
    if not isinstance(text, str):
        raise ValueError(f"{path}: this was not left by an architecture search (architecture is {shown(text)})")
    with fitting(path):
        return Blueprint(text)
