"""Choice among units: which go, given their scores and an amount, with every weight that makes or reads them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from warnings import warn

import torch
from torch import Tensor

from evoprune.checks import lookup
from evoprune.cutting import shape_before
from evoprune.examples import check_example
from evoprune.genome import Genome
from evoprune.individuals import Individual, genomes
from evoprune.masks import kept
from evoprune.operators.choice import apply, check
from evoprune.shrinking.counts import MacCount, alive
from evoprune.shrinking.graphs import read
from evoprune.shrinking.joints import Joint
from evoprune.shrinking.stacks import Step


def joints_of(individual: Individual, example: Tensor | None = None) -> list[Joint]:
    """The joints of an individual all of whose weights are prunable; a ``UserWarning`` says why there are none."""
    found = read(individual, example)
    if not found.joints and found.reasons:
        warn(f"no units can be pruned: {'; '.join(found.reasons)}", stacklevel=3)
    return [
        joint
        for joint in found.joints
        if all(name in step.genome.masks or name.rpartition(".")[2] == "bias" for step, name, _, _ in _tensors(joint))
    ]


def prune_lowest_units(
    individual: Individual,
    joints: Sequence[Joint],
    scores: Sequence[Tensor],
    amount: float,
    scope: str = "tensor",
    persistent: bool = True,
    measure: str = "units",
    example: Tensor | None = None,
    relative: bool = True,
) -> None:
    """Prune the units with the lowest scores, in place, with all that makes and reads them; NaN is the lowest of all.

    A unit goes as long as at least half of what it counts for is still asked for, and one stays in every joint.

    :param scores: (units,) for every joint.
    :param amount: in [0, 1]; of every joint, or (``scope="global"``) of all, where scores are relative to their joint's
        mean.
    :param measure: what the amount is a share of, of :data:`BOOKS`.
    :param example: inputs (samples, ...), for ``measure="macs"``.
    :param relative: False compares scores over all joints as they are.
    """
    check(amount, scope, persistent)
    lookup("measure", measure, BOOKS)
    living = [alive(joint) for joint in joints]
    books = BOOKS[measure](individual, joints, living, example)
    alone = scope == "tensor" and measure == "units"
    keeps = [torch.ones(joint.units, dtype=torch.bool) for joint in joints]
    for group in [[number] for number in range(len(joints))] if alone else [list(range(len(joints)))]:
        start = sum(int(living[number].sum()) for number in group) if alone else books.left
        excess = round(amount * start) if measure == "units" else amount * start
        for number, unit in _order(group, scores, living, joints, scope == "global", relative):
            worth = books.worth(joints[number], unit)
            if excess <= 0 or excess < worth / 2:
                break
            if int((keeps[number] & living[number]).sum()) > 1:
                books.take(joints[number], unit)
                keeps[number][unit] = False
                excess -= worth
    prune_units(individual, joints, keeps, persistent)


def prune_units(individual: Individual, joints: Sequence[Joint], keeps: Sequence[Tensor], persistent: bool) -> None:
    """Prune all weights that make or read the units that are not kept, and their biases, in place.

    Where it is persistent, a joint of which no unit that is alive would be kept loses none.

    :param keeps: bool (units,) for every joint.
    """
    kept_of = {
        (id(genome), name): torch.ones(mask.shape, dtype=torch.bool)
        for genome in genomes(individual)
        for name, mask in genome.masks.items()
    }
    for joint, keep in zip(joints, keeps, strict=True):
        living = alive(joint)
        if persistent and not bool((keep & living).any()):
            keep = keep | living  # rather than none of a layer
        for step, name, axis, places in _tensors(joint):
            if (id(step.genome), name) in kept_of:
                kept_of[id(step.genome), name].index_fill_(axis, places[~keep].flatten(), False)
    found = [(genome, name, kept_of[id(genome), name]) for genome in genomes(individual) for name in genome.masks]
    apply([choice for choice in found if not persistent or not bool(choice[2].all())], persistent)


def of_units(joint: Joint, found: Iterable[tuple[Genome, Mapping[str, Tensor]]]) -> list[Tensor]:
    """What tables of layers say of the units of a joint: for each layer that makes them, (units, places a unit).

    :param found: for each genome, layer name -> a value for each of its outputs.
    """
    tables = {(id(genome), name): values for genome, layers in found for name, values in layers.items()}
    makers = [end for one in joint.passes for end in one.makers]
    keys = [(id(end.step.genome), end.step.name) for end in makers]
    return [tables[key].cpu()[end.places] for key, end in zip(keys, makers, strict=True) if key in tables]


def any_of(joint: Joint, found: Iterable[tuple[Genome, Mapping[str, Tensor]]]) -> Tensor:
    """Which units of a joint are True in some layer and place, (units,); those of which nothing is known are."""
    said = of_units(joint, found)
    return torch.cat(said, 1).any(1) if said else torch.ones(joint.units, dtype=torch.bool)


class _Units:
    """Counts units."""

    def __init__(self, individual: Individual, joints: Sequence[Joint], living: Sequence[Tensor], _: Any) -> None:
        self.left = float(sum(int(units.sum()) for units in living))

    def worth(self, joint: Joint, unit: int) -> float:
        """What goes with a unit."""
        return 1.0

    def take(self, joint: Joint, unit: int) -> None:
        """It goes."""


class _Weights:
    """Counts weights that masks keep."""

    def __init__(self, individual: Individual, joints: Sequence[Joint], living: Sequence[Tensor], _: Any) -> None:
        every = genomes(individual)
        self.masks = {(id(one), name): mask.cpu().clone() for one in every for name, mask in one.masks.items()}
        self.left = float(sum(map(kept, self.masks.values())))

    def worth(self, joint: Joint, unit: int) -> float:
        """What goes with a unit; a weight that both makes and reads it counts once."""
        found = 0
        for key, cuts in self._of(joint, unit).items():
            parts = [self.masks[key].select(axis, place) for axis, place in cuts]
            if len({axis for axis, _ in cuts}) > 1:
                gone = torch.zeros_like(self.masks[key])
                for axis, place in cuts:
                    gone.select(axis, place).fill_(True)
                parts = [gone & self.masks[key]]
            found += sum(map(kept, parts))
        return float(found)

    def take(self, joint: Joint, unit: int) -> None:
        """It goes."""
        for key, cuts in self._of(joint, unit).items():
            for axis, place in cuts:
                self.masks[key].select(axis, place).fill_(False)

    def _of(self, joint: Joint, unit: int) -> dict[tuple[int, str], set[tuple[int, int]]]:
        """Mask -> axes and places of a unit."""
        seen: dict[tuple[int, str], set[tuple[int, int]]] = {}
        for step, name, axis, places in _tensors(joint):
            if (key := (id(step.genome), name)) in self.masks:
                seen.setdefault(key, set()).update((axis, place) for place in places[unit].tolist())
        return seen


class _Macs:
    """Counts multiply-accumulates of what is alive."""

    def __init__(self, individual: Individual, joints: Sequence[Joint], living: Sequence[Tensor], example: Any) -> None:
        check_example(example)
        self.count = MacCount(individual, joints, example)
        self.left = float(self.count.now)

    def worth(self, joint: Joint, unit: int) -> float:
        """What goes with a unit."""
        return float(self.count.now - self.count.without(joint))

    def take(self, joint: Joint, unit: int) -> None:
        """It goes."""
        self.count.take(joint, 1)


BOOKS: dict[str, type[_Units] | type[_Weights] | type[_Macs]] = {"units": _Units, "weights": _Weights, "macs": _Macs}
"""What an amount may be a share of: the units that are alive, the weights kept, or the MACs of a sample."""


def _order(
    group: Sequence[int],
    scores: Sequence[Tensor],
    living: Sequence[Tensor],
    joints: Sequence[Joint],
    by_score: bool,
    relative: bool,
) -> list[tuple[int, int]]:
    """Joint and place of the living units, the lowest scores first: by score, relative to its joint's mean, or by rank.

    By rank every joint loses the same share of the units that it had.
    """
    rows = []
    for number in group:
        units = living[number].nonzero().flatten()
        score = scores[number].double().nan_to_num(nan=-math.inf, posinf=math.inf, neginf=-math.inf)[units]
        if by_score:
            mean = float(score[score.isfinite()].abs().mean()) if relative and bool(score.isfinite().any()) else 1.0
            keys = score / (mean or 1.0)
        else:
            before = _units_before(joints[number])
            keys = (score.argsort(stable=True).argsort(stable=True) + 1 + before - len(units)) / before
        rows += [(key, number, unit) for key, unit in zip(keys.tolist(), units.tolist(), strict=True)]
    return [(number, unit) for _, number, unit in sorted(rows)]


def _units_before(joint: Joint) -> int:
    """The units that a joint had before any was removed."""
    end = joint.passes[0].makers[0]
    weight: Any = end.step.module.weight
    shape = shape_before(end.step.genome.whole, end.step.tensor, weight)
    return int(shape[end.step.axes[0]]) // end.places.shape[1]


def _tensors(joint: Joint) -> Iterator[tuple[Step, str, int, Tensor]]:
    """Everything prunable that belongs to the units of a joint: its layer, name and axis, and the places of a unit."""
    for one in joint.passes:
        for end in one.makers:
            yield end.step, end.step.tensor, end.step.axes[0], end.places
            if end.step.module.bias is not None:
                yield end.step, end.step.called("bias"), 0, end.places
        for end in one.readers:
            yield end.step, end.step.tensor, end.step.axes[1], end.places
