"""Losses and gradients of many pairs of one structure, as one tensor program.

Three programs with the same results to rounding: stacks of Linear layers by matrix products written out
(:class:`LinearProgram`; tied ones in :mod:`evoprune.training.tied_program`), any other module by ``torch.func.vmap``
(:class:`VmapProgram`), and what that cannot take, such as batch normalization and dropout, a pair at a time
(:class:`LoopProgram`).
"""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from evoprune.genome import Autoencoder
from evoprune.training.linear_program import LinearProgram, layer_of, linear_layers
from evoprune.training.module_programs import LoopProgram, VmapProgram
from evoprune.training.stacking import Stack
from evoprune.training.tied_program import TiedProgram, tied_layers


class Program(Protocol):
    """Fills the stacks' gradients and returns the losses, one a cell."""

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        """:param x: (cells, samples, ...); ``target`` likewise; ``noise`` (cells, samples, latent) or None."""


def program_for(pairs: Sequence[Autoencoder], stacks: Sequence[Stack], loss: str) -> Program:
    """The fastest program that can take these pairs."""
    layers = [linear_layers(genome.module) for genome in pairs[0]]
    if all(layers) and (loss != "bce" or layers[1][-1][2] == "sigmoid"):
        parts = zip(stacks, layers, strict=True)
        return LinearProgram([layer_of(stack, *names) for stack, part in parts for names in part], loss)
    tied = tied_layers(pairs[0])
    if tied and (loss != "bce" or tied[-1][2] == "sigmoid"):
        return TiedProgram(tied, stacks[0], loss)
    if any(stack.buffers for stack in stacks):
        return LoopProgram(pairs, stacks, loss)  # buffers change as batches pass
    return VmapProgram(pairs, stacks, loss)
