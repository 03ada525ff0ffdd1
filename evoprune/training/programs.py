"""Losses and gradients of many networks of one structure, as one tensor program.

Three programs with the same results to rounding: stacks of Linear layers by matrix products written out
(:class:`LinearProgram`, and tied ones :class:`TiedProgram`), any other module by ``torch.func.vmap``
(:class:`VmapProgram`), and what that cannot take, such as batch normalization and dropout, one at a time
(:class:`LoopProgram`).
"""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor, nn

from evoprune.evaluation import like_parameters
from evoprune.individuals import Individual, genomes
from evoprune.losses import LossFunction
from evoprune.training.linear_program import LinearProgram, TiedProgram, layer_of, linear_layers, tied_layers
from evoprune.training.module_programs import LoopProgram, VmapProgram
from evoprune.training.stacking import Stack, stack
from evoprune.training.structure import alike


class Program(Protocol):
    """Fills the stacks' gradients and returns the losses, one a cell."""

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        """:param x: (cells, samples, ...); ``noise`` (cells, samples, latent) or None.
        :param target: as ``x``, or classes (cells, samples).
        """


def program_for(individuals: Sequence[Individual], stacks: Sequence[Stack], loss: str | LossFunction) -> Program:
    """The fastest program that can take these individuals."""
    parts = genomes(individuals[0])
    layers = [linear_layers(genome.module) for genome in parts]
    if all(layers) and (loss != "bce" or layers[-1][-1][2] is nn.Sigmoid):
        tables = zip(stacks, layers, strict=True)
        return LinearProgram([layer_of(stack, names) for stack, part in tables for names in part], loss)
    tied = tied_layers(parts)
    if tied and (loss != "bce" or tied[-1][2] is nn.Sigmoid):
        return TiedProgram(tied, stacks[0], loss)
    if any(stack.buffers for stack in stacks):
        return LoopProgram(individuals, stacks, loss)  # buffers change as batches pass
    return VmapProgram(individuals, stacks, loss)


class Together:
    """Individuals of one structure, stacked, and their gradients on batches that all of them see.

    On the device of the first one's parameters, and of their type.
    """

    def __init__(self, individuals: Sequence[Individual], loss: str | LossFunction) -> None:
        self.count, self.network = len(individuals), nn.Sequential(*(g.module for g in genomes(individuals[0])))
        device = next((parameter.device for parameter in self.network.parameters()), "cpu")
        self.stacks = [stack(side, 0, device) for side in zip(*map(genomes, individuals), strict=True)]
        self.program = program_for(individuals, self.stacks, loss)

    def gradients(self, samples: Tensor, targets: Tensor) -> None:
        """Fill the gradients of the stacks; parameters as for the function of this name."""
        both = like_parameters(self.network, samples), targets
        self.program.gradients(*(table.expand(self.count, *table.shape) for table in both))


def gradients(
    individuals: Sequence[Individual], samples: Tensor, targets: Tensor, loss: str | LossFunction
) -> list[list[dict[str, Tensor]]]:
    """For each individual and each of its genomes, parameter name -> gradient of the mean loss, of its shape.

    Individuals of one structure are computed together. A variational encoder gives its mean code. Pruned weights have
    gradients as well; the individuals stay as they are.

    :param samples: (samples, inputs); ``targets`` what they should become, or their classes, (samples,).
    :param loss: a name of :data:`evoprune.losses.LOSSES`, or a function of output and target.
    """
    found: list[list[dict[str, Tensor]]] = [[] for _ in individuals]
    for members in alike(individuals):
        together = Together([individuals[i] for i in members], loss)
        together.gradients(samples, targets)
        for place, i in enumerate(members):
            found[i] = [{name: grad[place] for name, grad in stacked.grads.items()} for stacked in together.stacks]
    return found
