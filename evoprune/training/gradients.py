"""Gradients of the loss for whole populations, for scores that read them."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from evoprune.genome import Autoencoder
from evoprune.training.programs import program_for
from evoprune.training.stacking import stack
from evoprune.training.structure import structure


def gradients(
    pairs: Sequence[Autoencoder], samples: Tensor, targets: Tensor, loss: str
) -> list[list[dict[str, Tensor]]]:
    """For each pair and each of its genomes, parameter name -> gradient of the mean loss, of the parameter's shape.

    Pairs of one structure are computed together. A variational encoder gives its mean code. Pruned weights have
    gradients as well; the pairs stay as they are.

    :param samples: (samples, inputs); ``targets`` what they should become.
    :param loss: a name of :data:`evoprune.losses.LOSSES`.
    """
    groups: dict[Any, list[int]] = {}
    for i, pair in enumerate(pairs):
        groups.setdefault(structure(pair), []).append(i)
    found: list[list[dict[str, Tensor]]] = [[] for _ in pairs]
    for members in groups.values():
        chosen = [pairs[i] for i in members]
        stacks = [stack(side, 0, "cpu") for side in zip(*chosen, strict=True)]
        for stacked in stacks:
            stacked.prepare()
        count = (len(members), *[-1] * samples.dim())
        program_for(chosen, stacks, loss).gradients(samples.expand(count), targets.expand(count))
        for place, i in enumerate(members):
            found[i] = [{name: grad[place] for name, grad in stacked.grads.items()} for stacked in stacks]
    return found
