"""Losses and gradients of many pairs of one structure, as one tensor program.

Three programs with the same results to rounding: stacks of Linear layers by matrix products written out
(:class:`LinearProgram`, and tied ones :class:`TiedProgram`), any other module by ``torch.func.vmap``
(:class:`VmapProgram`), and what that cannot take, such as batch normalization and dropout, a pair at a time
(:class:`LoopProgram`).
"""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from evoprune.genome import Autoencoder
from evoprune.training.linear_program import LinearProgram, TiedProgram, layer_of, linear_layers, tied_layers
from evoprune.training.module_programs import LoopProgram, VmapProgram
from evoprune.training.stacking import Stack, stack
from evoprune.training.structure import alike


class Program(Protocol):
    """Fills the stacks' gradients and returns the losses, one a cell."""

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        """:param x: (cells, samples, ...); ``target`` likewise; ``noise`` (cells, samples, latent) or None."""


def program_for(pairs: Sequence[Autoencoder], stacks: Sequence[Stack], loss: str) -> Program:
    """The fastest program that can take these pairs."""
    layers = [linear_layers(genome.module) for genome in pairs[0]]
    if all(layers) and (loss != "bce" or layers[1][-1][2] is nn.Sigmoid):
        parts = zip(stacks, layers, strict=True)
        return LinearProgram([layer_of(stack, names) for stack, part in parts for names in part], loss)
    tied = tied_layers(pairs[0])
    if tied and (loss != "bce" or tied[-1][2] is nn.Sigmoid):
        return TiedProgram(tied, stacks[0], loss)
    if any(stack.buffers for stack in stacks):
        return LoopProgram(pairs, stacks, loss)  # buffers change as batches pass
    return VmapProgram(pairs, stacks, loss)


def gradients(
    pairs: Sequence[Autoencoder], samples: Tensor, targets: Tensor, loss: str
) -> list[list[dict[str, Tensor]]]:
    """For each pair and each of its genomes, parameter name -> gradient of the mean loss, of the parameter's shape.

    Pairs of one structure are computed together. A variational encoder gives its mean code. Pruned weights have
    gradients as well; the pairs stay as they are.

    :param samples: (samples, inputs); ``targets`` what they should become.
    :param loss: a name of :data:`evoprune.losses.LOSSES`.
    """
    found: list[list[dict[str, Tensor]]] = [[] for _ in pairs]
    for members in alike(pairs):
        chosen = [pairs[i] for i in members]
        stacks = [stack(side, 0, "cpu") for side in zip(*chosen, strict=True)]
        count = (len(members), *[-1] * samples.dim())
        program_for(chosen, stacks, loss).gradients(samples.expand(count), targets.expand(count))
        for place, i in enumerate(members):
            found[i] = [{name: grad[place] for name, grad in stacked.grads.items()} for stacked in stacks]
    return found
