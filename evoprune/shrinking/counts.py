"""Multiply-accumulates (MACs) of a network as it is without dead units, and what share of all that is."""

import math
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.cutting import shape_before
from evoprune.evaluation import evaluating, like_parameters
from evoprune.examples import check_takes
from evoprune.individuals import Individual
from evoprune.masks import nonzeros, share
from evoprune.shrinking.dead import remove_dead, unmade, unread
from evoprune.shrinking.graphs import read
from evoprune.shrinking.joints import Joint
from evoprune.shrinking.stacks import TRANSPOSED, Step, joined, layers_of


def alive(joint: Joint) -> Tensor:
    """Which units of a joint masks leave alive: made from and read by something in one of the passes, (units,)."""
    ways = [~unmade(one, True) & ~unread(one, True) for one in joint.passes]
    return torch.stack(ways).any(0)


class MacCount:
    """The MACs of one sample, layer by layer, for a network whose units are taken out one after the other.

    :param example: inputs (samples, ...), of which the first is looked at.
    """

    def __init__(self, individual: Individual, joints: Sequence[Joint], example: Tensor) -> None:
        self.layers = {id(step.module): step for step in layers_of(individual)}
        self.positions = _positions(individual, [step.module for step in self.layers.values()], example)
        self.ends = {key: [_units(step, 0), _units(step, 1)] for key, step in self.layers.items()}
        for joint in joints:
            self.take(joint, int((~alive(joint)).sum()))

    def take(self, joint: Joint, units: int) -> None:
        """Take so many units out of a joint."""
        for (key, side), places in _sides(joint).items():
            self.ends[key][side] -= units * places

    def without(self, joint: Joint) -> int:
        """The MACs of what is left where one more unit of a joint goes."""
        self.take(joint, 1)
        try:
            return self.now
        finally:
            self.take(joint, -1)

    @property
    def now(self) -> int:
        """The MACs of what is left."""
        return sum(
            self.positions.get(key, 0) * max(makes, 1) * max(reads, 1) * _taps(self.layers[key])
            for key, (makes, reads) in self.ends.items()
        )

    @property
    def before(self) -> int:
        """The MACs of the whole network, units that were removed among them."""
        total = 0
        for key, step in self.layers.items():
            weight: Any = step.module.weight
            shape = shape_before(step.genome.whole, step.tensor, weight)
            total += self.positions.get(key, 0) * math.prod(shape)
        return total


def macs_left(individual: Individual, example: Tensor) -> float:
    """The share of a network's MACs that is left without what :func:`evoprune.compact` takes out, in [0, 1].

    :param example: inputs (samples, ...), at least one.
    :raises TypeError: for what is no tensor.
    :raises ValueError: for an example that the network does not take.
    """
    check_takes(individual, example)
    small = deepcopy(individual)
    remove_dead(small, example=example)
    return share(arithmetic(small, example)[0], MacCount(individual, [], example).before)


def macs_alive(individual: Individual, example: Tensor) -> float:
    """The same by the masks of each layer alone, in a third of the time: exact where whole units are pruned.

    :param example: inputs (samples, ...), at least one.
    """
    count = MacCount(individual, read(individual, example).joints, example)
    return share(count.now, count.before)


def arithmetic(individual: Individual, example: Tensor) -> tuple[int, int]:
    """The MACs of a sample in Linear layers and convolutions: of all weights, and of those that are not zero.

    :param example: inputs (samples, ...), of which the first is looked at.
    """
    layers = {id(step.module): step.module for step in layers_of(individual)}
    uses = _positions(individual, layers.values(), example)
    weights: Any = [(uses.get(key, 0), layer.weight) for key, layer in layers.items()]
    return sum(n * weight.numel() for n, weight in weights), sum(n * nonzeros(weight) for n, weight in weights)


def _sides(joint: Joint) -> dict[tuple[int, int], int]:
    """Layer, and whether it makes (0) or reads (1) the units of a joint -> its places a unit."""
    ends = [(end, side) for one in joint.passes for side, ends in enumerate((one.makers, one.readers)) for end in ends]
    return {(id(end.step.module), side): end.places.shape[1] for end, side in ends}


def _positions(individual: Individual, layers: Iterable[nn.Module], example: Tensor) -> dict[int, int]:
    """How often the weights of each layer are used for a sample."""
    found: dict[int, int] = {}

    def store(layer: Any, given: Any, output: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            uses = output.numel() // layer.out_features
        else:
            uses = math.prod((given[0] if isinstance(layer, TRANSPOSED) else output).shape[2:])
        found[id(layer)] = found.get(id(layer), 0) + uses

    whole = joined(individual)
    with ExitStack() as stack, evaluating(whole):
        for layer in layers:
            stack.callback(layer.register_forward_hook(store).remove)
        whole(like_parameters(whole, example[:1]))
    return found


def _units(step: Step, side: int) -> int:
    weight: Any = step.module.weight
    return int(weight.shape[step.axes[side]])


def _taps(step: Step) -> int:
    weight: Any = step.module.weight
    return math.prod(weight.shape[2:])
