"""Whether individuals fit what they are to be trained on, as far as their layers tell, and whether they learn."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from evoprune.checks import shown
from evoprune.individuals import Individual, genomes, names_of
from evoprune.layers import check_data, widths
from evoprune.losses import OF_CLASSES, LossFunction, check_classes, refuse_classes
from evoprune.training.batches import Epoch, Given, is_shared


class Kind(NamedTuple):
    """The shapes of a sample and of its target, who may be the same; of whole numbers the least and the largest."""

    sample: tuple[int, ...]
    target: tuple[int, ...]
    same: bool
    ends: Tensor | None


def kinds_of(data: Epoch | Given, loss: str | LossFunction) -> list[Kind]:
    """What samples there are, each kind once.

    :raises ValueError: for targets that a loss cannot read whatever the network.
    """
    found: dict[Kind, list[Tensor]] = {}
    for kind, targets in _kinds(data):
        ends = found.setdefault(kind, [])
        if not kind.same and isinstance(targets, Tensor):
            if targets.is_floating_point():
                if loss == "hinge":
                    check_classes(loss, targets, None)
            else:
                ends.append(torch.stack(targets.aminmax()))
    return [kind._replace(ends=torch.cat(ends)) if ends else kind for kind, ends in found.items()]


def check_fits(individual: Individual, kinds: Sequence[Kind], loss: str | LossFunction) -> None:
    """Refuse data that an individual does not read, or whose targets it cannot give.

    :raises ValueError: naming both sides.
    """
    modules = {name: one.module for name, one in zip(names_of(individual), genomes(individual), strict=True)}
    _, gives = widths(list(modules.values())[-1])
    for sample, target, same, ends in kinds:
        numbers = ends is not None and (loss in OF_CLASSES or not target)
        wanted = target[-1] if target else 1  # one value a sample may stand without that dimension
        known = isinstance(loss, str) and not numbers
        if known and ends is None and loss in OF_CLASSES and gives not in (None, wanted):
            takes = f"loss {loss} takes classes, whole numbers (samples,), or values (samples, {gives})"
            raise ValueError(f"{takes}, but the targets have {wanted} values a sample")
        check_data(modules, sample[-1], wanted if known else None, "data" if same else "targets")
        if ends is not None and isinstance(loss, str):
            if loss in OF_CLASSES:
                check_classes(loss, ends, gives)
            elif not target and gives not in (None, 1):
                refuse_classes(loss)


def check_learns(individual: Individual, parts: Sequence[str] | None) -> None:
    """Refuse an individual in which nothing would move.

    :raises ValueError: naming the parts that were to learn.
    """
    table = dict(zip(names_of(individual), genomes(individual), strict=True))
    found = {name: one for name, one in table.items() if parts is None or name in parts}
    if not found:
        raise ValueError(f"nothing learns: an individual has the parts {', '.join(table)}, none of {shown(parts)}")
    if not any(parameter.requires_grad for genome in found.values() for parameter in genome.module.parameters()):
        who = " or ".join(f"part {name}" if name.isdigit() else name for name in found)
        raise ValueError(f"nothing learns: no {who} has a parameter that requires a gradient")


def _kinds(data: Epoch | Given) -> Iterator[tuple[Kind, object]]:
    if isinstance(data, Epoch):
        yield Kind(_rest(data.data, 1), _rest(data.targets, 1), not data.labelled, None), data.targets
        return
    for inputs, targets in data.batches:
        first = 1 if is_shared(inputs, targets, len(data.individuals)) else 2
        yield Kind(_rest(inputs, first), _rest(targets, first), targets is inputs, None), targets


def _rest(rows: Any, first: int) -> tuple[int, ...]:
    return tuple(rows.shape[first:])
