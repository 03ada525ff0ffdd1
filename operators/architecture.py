"""Operators on architectures. Each draws among the children that are valid, so none ever makes an invalid one."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from evoprune.architecture import Architecture, Conv, Layer, Linear, Shape, check_shape, fault
from evoprune.checks import at_least, has, listed, lookup, of_type, shown, two
from evoprune.mlp import ACTIVATIONS

MOST_LAYERS = 1000
"""The bound of the layers of a kind: all numbers up to the limits are tried."""
Draws = random.Random | None
"""What operators draw from; None is Python's global ``random``, as in DEAP's own."""


@dataclass(frozen=True)
class Space:
    """The architectures that a search may visit; how they have to be built is :func:`evoprune.architecture.fault`'s.

    :param shape: channels, height and width of a sample.
    :param code: units of the code; the same in all of them.
    :param activations: names of :data:`evoprune.networks.ACTIVATIONS`.
    :param channels: numbers of channels that a convolution may make.
    :param kernels: side lengths of kernels.
    :param strides: strides of convolutions.
    :param widths: units of linear layers.
    :param convolutions: the fewest and the most convolutions.
    :param linear: the fewest and the most linear layers, the one that makes the code not counted.
    :raises ValueError: for sizes that are not positive whole numbers, limits in the wrong order, and constraints that
        no architecture can satisfy.
    """

    shape: Shape
    code: int
    activations: tuple[str, ...] = ("relu", "tanh", "sigmoid", "leaky-relu")
    channels: tuple[int, ...] = (4, 8, 12, 16, 24, 32)
    kernels: tuple[int, ...] = (1, 3, 5, 7)
    strides: tuple[int, ...] = (1, 2)
    widths: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512)
    convolutions: tuple[int, int] = (0, 3)
    linear: tuple[int, int] = (0, 3)

    def __post_init__(self) -> None:
        check_shape(self.shape)
        at_least("code", self.code, 1, whole=True)
        for name in ("channels", "kernels", "strides", "widths"):
            if not (sizes := listed(name, getattr(self, name), "whole numbers")):
                raise ValueError(f"{name} must name at least one size")
            for size in sizes:
                at_least(name, size, 1, whole=True)
        if not listed("activations", self.activations, "names of activations"):
            raise ValueError("activations must name at least one")
        for activation in self.activations:
            lookup("activation", activation, ACTIVATIONS)
        for name in ("convolutions", "linear"):
            fewest, most = two(name, getattr(self, name))
            at_least(f"the fewest {name} layers", fewest, 0, whole=True, most=MOST_LAYERS)
            at_least(f"the most {name} layers", most, 0, whole=True, most=MOST_LAYERS)
            if most < fewest:
                raise ValueError(f"{name}: at least {fewest} and at most {most} layers contradict each other")
        if not self.counts:
            found = fault(self._completed((), self.convolutions[0], self.linear[0]), self.shape, self.code)
            shape = " x ".join(map(str, self.shape))
            wanted = f"{shape} values and a code of {shown(self.code)}"
            raise ValueError(f"no architecture for {wanted} satisfies this: {found}")

    @property
    def counts(self) -> list[tuple[int, int]]:
        """How many convolutions and linear layers an architecture of the space may have."""
        (fewest, most), (fewest_linear, most_linear) = self.convolutions, self.linear
        every = product(range(fewest, most + 1), range(fewest_linear, most_linear + 1))
        return [(convolutions, linear) for convolutions, linear in every if self.completable((), convolutions, linear)]

    @property
    def largest(self) -> int:
        """Parameters that no architecture of the space exceeds, encoder and decoder together."""
        channels, width = max(self.channels, default=0), max(self.widths, default=0)
        convolutions, linear = self.convolutions[1], self.linear[1]
        flat = self.shape[1] * self.shape[2] * max(self.shape[0], channels if convolutions else 0)
        taps = max(self.kernels, default=0) ** 2
        before_code = max(flat, width if linear else 0)
        last = flat * width + max(linear - 1, 0) * width**2 if linear else 0
        return 2 * (convolutions * taps * max(channels, self.shape[0]) ** 2 + last + before_code * self.code)

    @property
    def single_convolutions(self) -> list[Layer]:
        """Every convolution that may stand somewhere."""
        return [Conv(*sizes) for sizes in product(self.channels, self.kernels, self.strides)]

    @property
    def single_linear(self) -> list[Layer]:
        """Every linear layer that may stand somewhere."""
        return [Linear(width) for width in self.widths]

    def allows(self, layers: Sequence[Layer]) -> bool:
        """Whether the space holds these layers."""
        layers = listed("layers", layers, "Conv and Linear")
        convolutions = sum(isinstance(layer, Conv) for layer in layers)
        (fewest, most), (fewest_linear, most_linear) = self.convolutions, self.linear
        within = fewest <= convolutions <= most and fewest_linear <= len(layers) - convolutions <= most_linear
        return within and fault(layers, self.shape, self.code) is None

    def make(self, layers: Sequence[Layer], activation: str) -> Architecture:
        """An individual of the space."""
        return Architecture(layers, self.shape, self.code, activation)

    def completable(self, layers: Sequence[Layer], convolutions: int, linear: int) -> bool:
        """Whether so many convolutions and linear layers can follow these layers."""
        layers = listed("layers", layers, "Conv and Linear")
        at_least("convolutions", convolutions, 0, whole=True, most=MOST_LAYERS)
        at_least("linear", linear, 0, whole=True, most=MOST_LAYERS)
        return fault(self._completed(layers, convolutions, linear), self.shape, self.code) is None

    def _completed(self, layers: Sequence[Layer], convolutions: int, linear: int) -> list[Layer]:
        """These layers and the roomiest that can follow: what does not fit now fits in no other way."""
        kept = [layer.channels for layer in layers if isinstance(layer, Conv)]
        channels = max(c for c in self.channels if not kept or c <= kept[-1] or c == min(self.channels))
        room = Conv(channels, min(self.kernels), min(self.strides))
        narrow = [width for width in self.widths if width >= self.code] or [max(self.widths)]
        return [*layers, *[room] * convolutions, *[Linear(min(narrow))] * linear]


def random_architecture(space: Space, rng: Draws = None) -> Architecture:
    """A random architecture of the space: how many layers of each kind first, then layer by layer.

    At each place all sizes are equally likely that leave room for the layers still to come.
    """
    _check(space, rng)
    draw = rng or random.Random(random.getrandbits(63))
    convolutions, linear = draw.choice(space.counts)
    layers: list[Layer] = []
    while convolutions + linear:
        sizes = space.single_convolutions if convolutions else space.single_linear
        convolutions, linear = (convolutions - 1, linear) if convolutions else (0, linear - 1)
        layers.append(draw.choice([one for one in sizes if space.completable([*layers, one], convolutions, linear)]))
    return space.make(layers, draw.choice(space.activations))


def mutActivation(individual: Architecture, space: Space, rng: Draws = None) -> tuple[Architecture]:
    """Change the activation to another one of the space, in place; with only one nothing happens."""
    _check(space, rng, individual)
    others = [name for name in space.activations if name != individual.activation]
    if others:
        individual.activation = (rng or random).choice(others)
    return (individual,)


def mutResizeLayer(individual: Architecture, space: Space, rng: Draws = None) -> tuple[Architecture]:
    """Give a random layer another size, in place: a linear layer its units, a convolution channels, kernel or stride.

    Of the layers that can change one is drawn, then one of its possible sizes; where none can, nothing happens.
    """
    _check(space, rng, individual)
    return _edit(individual, space, rng, [_resized(individual, space, place) for place in range(len(individual))])


def mutInsertLayer(individual: Architecture, space: Space, rng: Draws = None) -> tuple[Architecture]:
    """Insert a layer at a random place, in place; where the space has no room for one more, nothing happens."""
    _check(space, rng, individual)
    new = [*space.single_convolutions, *space.single_linear]
    places = range(len(individual) + 1)
    return _edit(individual, space, rng, [[[*individual[:k], one, *individual[k:]] for one in new] for k in places])


def mutDeleteLayer(individual: Architecture, space: Space, rng: Draws = None) -> tuple[Architecture]:
    """Delete a random layer, in place; where none can go, nothing happens."""
    _check(space, rng, individual)
    places = range(len(individual))
    return _edit(individual, space, rng, [[[*individual[:k], *individual[k + 1 :]]] for k in places])


def mutArchitecture(individual: Architecture, space: Space, rng: Draws = None) -> tuple[Architecture]:
    """One of the four mutations at random, among those that change something, in place.

    In a space of a single architecture nothing happens.
    """
    _check(space, rng, individual)
    draw = rng or random.Random(random.getrandbits(63))
    before = individual.text
    for mutate in draw.sample(MUTATIONS, len(MUTATIONS)):
        mutate(individual, space, draw)
        if individual.text != before:
            break
    return (individual,)


MUTATIONS: list[Callable[..., tuple[Architecture]]] = [mutActivation, mutResizeLayer, mutInsertLayer, mutDeleteLayer]


def cxOnePointLayers(
    one: Architecture, other: Architecture, space: Space, rng: Draws = None
) -> tuple[Architecture, Architecture]:
    """Cut both lists of layers at a point each and exchange what follows, in place; activations stay.

    The points are drawn among the pairs that make two architectures of the space, at least one of them new; where there
    is no such pair, nothing happens.
    """
    _check(space, rng, one, other)
    first, second = list(one), list(other)
    children = [
        (left, right)
        for i, k in product(range(len(first) + 1), range(len(second) + 1))
        if (left := first[:i] + second[k:]) != first or second[:k] + first[i:] != second
        if space.allows(left) and space.allows(right := second[:k] + first[i:])
    ]
    if children:
        one[:], other[:] = (rng or random).choice(children)
    return one, other


def _check(space: Space, rng: Draws, *individuals: Architecture) -> None:
    """Refuse, before any work, what these operators cannot take."""
    of_type("space", space, Space, "a Space of architectures")
    if rng is not None:
        for method in ("choice", "sample"):
            has("rng", rng, method, "random.Random or None")
    for individual in individuals:
        of_type("individual", individual, Architecture, "an Architecture")


def _edit(
    individual: Architecture, space: Space, rng: Draws, places: Sequence[Sequence[Sequence[Layer]]]
) -> tuple[Architecture]:
    """Draw a place, then one of the valid lists of layers that it offers, so that no place counts for more."""
    offered = [[layers for layers in place if space.allows(layers)] for place in places]
    possible = [place for place in offered if place]
    if possible:
        draw: Any = rng or random
        individual[:] = draw.choice(draw.choice(possible))
    return (individual,)


def _resized(individual: Architecture, space: Space, place: int) -> list[list[Layer]]:
    """The lists of layers in which one size of the layer at ``place`` is another one of the space."""
    old = individual[place]
    if isinstance(old, Linear):
        sizes: list[Layer] = [Linear(width) for width in space.widths if width != old.width]
    else:
        options = {"channels": space.channels, "kernel": space.kernels, "stride": space.strides}
        sizes = [replace(old, **{name: size}) for name, choices in options.items() for size in choices]
    return [[*individual[:place], new, *individual[place + 1 :]] for new in sizes if new != old]
