"""Joints: the units between layers, with all that makes and reads them. A unit goes from all of these, or stays."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.individuals import Individual, genomes
from evoprune.layers import is_altered, prunable_layers
from evoprune.shrinking.stacks import CONVOLUTIONS, NORMS, SPATIAL, UNITWISE, Step, steps_of

GRAPH = "which takes an example of the inputs, and pip install 'evoprune[structured]'"
"""What it takes to see into other modules."""


@dataclass(frozen=True)
class End:
    """A layer, or something between layers, and the places of each unit in it, (units, places a unit)."""

    step: Step
    places: Tensor


@dataclass(frozen=True)
class Pass:
    """One way through units: the layers that make them, what stands between in order, and the layers that read them.

    ``observed`` is, where nobody knows what stands between, for each reader what
    :func:`evoprune.shrinking.constants.constants` finds out of what is known.
    """

    makers: tuple[End, ...]
    between: tuple[End, ...]
    readers: tuple[End, ...]
    observed: tuple[tuple[Tensor, Tensor], ...] = ()


@dataclass(frozen=True)
class Joint:
    """Units that can be taken out. Where weights are tied they are passed more than once."""

    units: int
    passes: tuple[Pass, ...]

    @property
    def label(self) -> str:
        """The layer that makes the units."""
        return self.passes[0].makers[0].step.label


@dataclass
class Chain:
    """What is known of a network: its joints, and why other units cannot be taken out."""

    joints: list[Joint] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass
class _Open:
    """Units that were made and not read yet."""

    makers: tuple[Step, ...]
    units: int
    each: int  # outputs of the makers a unit
    maps: bool  # whether units are channels, with positions behind them
    depth: int  # axes of positions
    flat: bool = False  # whether channels and their positions stand along one axis
    between: list[Step] = field(default_factory=list)


def chain(individual: Individual) -> Chain:
    """Read an individual as layers and joints.

    Only plain stacks can be read: of Linear and convolutions, what changes every unit by itself, Flatten and Unflatten.
    Where something else stands in between the units next to it stay, and ``reasons`` say so.
    """
    found = Chain()
    fixed: set[tuple[int, int]] = set()  # weights by axis that the interface, or what cannot be seen into, holds
    singles: list[Joint] = []
    pending: list[str] = []  # reasons that matter where another layer follows
    now: _Open | None = None

    for step in steps_of(individual):
        if step.is_layer:
            joint = now and _closed(now, step)
            if joint:
                singles.append(joint)
            else:
                fixed |= _keys((), (), step.ends)
                if now is not None:
                    fixed |= _keys(now.makers, now.between, ())
                    pending.append(f"{step.label} does not read the units of {now.makers[0].label} one by one")
            found.reasons += pending
            pending.clear()
            weight: Any = step.module.weight
            units = weight.shape[step.axes[0]]
            now = _Open(step.ends, units, 1, isinstance(step.module, CONVOLUTIONS), weight.dim() - 2)
            continue
        if now is None:  # what it holds belongs to the inputs, or to units that nobody can follow
            fixed |= _keys((), (step,), ())
        why = "" if now is None else _carries(now, step)
        if why and now is not None:
            fixed |= _keys(now.makers, (*now.between, step), ())
            pending.append(f"{why}: the units of {now.makers[0].label} stay")
            now = None
        if _hides_layers(step):
            found.reasons += pending
            pending.clear()
            found.reasons.append(f"{step.label} ({type(step.module).__name__}) is no plain stack, {GRAPH}")
    if now is not None:
        fixed |= _keys(now.makers, now.between, ())
    for joint in _merged(singles, found.reasons):
        if _shares(joint, individual):
            found.reasons.append(f"{joint.label} shares weights with what cannot be read, so its units stay")
        elif not _keys_of(joint) & fixed:
            found.joints.append(joint)
        else:
            found.reasons.append(
                f"{joint.label} shares weights with what the inputs or outputs need, so its units stay"
            )
    return found


def is_stack(individual: Individual) -> bool:
    """Whether all layers of an individual can be seen: none is inside of a module with a forward of its own."""
    return not any(_hides_layers(step) for step in steps_of(individual))


def _hides_layers(step: Step) -> bool:
    return not step.is_layer and any(True for _ in prunable_layers(step.module))


def _closed(now: _Open, step: Step) -> Joint | None:
    """The joint between units and the layer that reads them, where it reads every unit by itself."""
    weight: Any = step.module.weight
    reads = weight.shape[step.axes[1]]
    convolution = isinstance(step.module, CONVOLUTIONS)
    alone = now.maps and not now.flat
    if convolution != alone or (reads != now.units and not now.flat) or (alone and weight.dim() - 2 != now.depth):
        return None
    if not now.units or reads % now.units:
        return None
    makers = tuple(End(one, _blocks(now.units, now.each)) for one in now.makers)
    readers = tuple(End(one, _blocks(now.units, reads // now.units)) for one in step.ends)
    between = tuple(End(one, _blocks(now.units, _count(one.module) // now.units)) for one in now.between)
    return Joint(now.units, (Pass(makers, between, readers),))


def _carries(now: _Open, step: Step) -> str:
    """Why units cannot be followed through a module; empty where they can, which changes what is known of them."""
    module: Any = step.module
    kind = type(module)
    shown = f"{step.label} ({kind.__name__})"
    if is_altered(module):
        return f"{shown} has hooks"
    if kind is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
        now.flat = now.flat or now.maps
    elif kind is nn.Unflatten and module.dim == 1:
        channels, *positions = module.unflattened_size
        fits = now.units == channels if now.flat else not now.maps and now.units == channels * math.prod(positions)
        if not fits or not positions:
            return f"{shown} mixes units"
        if not now.flat:
            now.each, now.units, now.maps = math.prod(positions), channels, True
        now.depth = len(positions)
        now.flat = False
    elif kind in NORMS and module.running_mean is None:
        return f"{shown} normalizes by the batch"
    elif kind in (*NORMS, nn.PReLU) and not _one_each(_count(module), now):
        return f"{shown} holds values for other units"
    elif kind not in (*UNITWISE, *NORMS) and not (kind in SPATIAL and _is_of_maps(kind, now)):
        return f"{shown} may mix units"
    now.between.append(step)
    return ""


def _is_of_maps(kind: type, now: _Open) -> bool:
    """Whether what works on positions takes channels for what they are: a pool of one more axis takes them along."""
    return now.maps and not now.flat and (kind is nn.Upsample or f"{now.depth}d" in kind.__name__)


def _count(module: Any) -> int:
    """How many units a module holds values for; 0 where it is the same for all."""
    if isinstance(module, NORMS):
        return int(module.num_features)
    return int(module.num_parameters) if isinstance(module, nn.PReLU) and module.num_parameters > 1 else 0


def _one_each(count: int, now: _Open) -> bool:
    return count in (0, now.units) or (now.flat and count % now.units == 0)


def _blocks(units: int, each: int) -> Tensor:
    return torch.arange(units * each).view(units, each)


def _keys(makers: Iterable[Step], between: Iterable[Step], readers: Iterable[Step]) -> set[tuple[int, int]]:
    """The tensors that units stand in, each with the axis along which they do."""
    found: set[tuple[int, int]] = set()
    for side, steps in enumerate((makers, readers)):
        for step in steps:
            found.add((id(step.module.weight), step.axes[side]))
            if side == 0 and step.module.bias is not None:
                found.add((id(step.module.bias), 0))
    shapes = {(id(step.module), 0) for step in between if isinstance(step.module, nn.Unflatten)}
    return found | shapes | {(id(tensor), 0) for step in between for tensor in step.held.values()}


def _keys_of(joint: Joint) -> set[tuple[int, int]]:
    sides = [(one.makers, one.between, one.readers) for one in joint.passes]
    return set().union(*(_keys(*([end.step for end in ends] for ends in side)) for side in sides))


def _shares(joint: Joint, individual: Individual) -> bool:
    """Whether a module that is no part of a joint uses a tensor that is cut with it."""
    inside = {id(end.step.module) for one in joint.passes for end in (*one.makers, *one.between, *one.readers)}
    tensors = {key for key, _ in _keys_of(joint)}
    for genome in genomes(individual):
        for part in genome.module.modules():
            if id(part) not in inside and any(
                id(one) in tensors for one in (*part._parameters.values(), *part._buffers.values())
            ):
                return True
    return False


def _merged(singles: Sequence[Joint], reasons: list[str]) -> list[Joint]:
    """Joints that share a weight along its units are one; such of different units cannot be taken out."""
    groups: list[tuple[set[tuple[int, int]], list[Joint]]] = []
    for joint in singles:
        keys, members = _keys_of(joint), [joint]
        touching = [group for group in groups if group[0] & keys]
        for group in touching:
            groups.remove(group)
            keys, members = keys | group[0], [*group[1], *members]
        groups.append((keys, members))
    found = []
    for _, members in groups:
        if len({joint.units for joint in members}) == 1:
            found.append(Joint(members[0].units, tuple(one for joint in members for one in joint.passes)))
        else:
            reasons.append(f"the weights of {members[0].label} are shared in another way than transposed")
    return found
