"""Losses and gradients of many networks of any modules: by ``torch.func.vmap``, or one at a time."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from evoprune.checks import of_type
from evoprune.individuals import Individual, genomes
from evoprune.losses import LossFunction, check_gradient, like_output, values_of
from evoprune.seeds import Stream, alone
from evoprune.training.stacking import Stack
from evoprune.training.structure import aliases

_States = Sequence[dict[str, Tensor]]  # the tensors of each part
_Tied = Sequence[dict[str, str]]  # of each part, as `aliases` gives them


def mean_of(
    modules: Sequence[nn.Module],
    tied: _Tied,
    loss: str | LossFunction,
    states: _States,
    x: Tensor,
    target: Tensor,
    noise: Any,
) -> Tensor:
    """The mean loss of one network on one batch; a variational encoder takes noise and adds its penalty."""
    for state, places in zip(states, tied, strict=True):
        state.update({place: state[name] for place, name in places.items()})
    value: Any = x
    penalty: Any = 0.0
    for place, (module, state) in enumerate(zip(modules, states, strict=True)):
        given = (value,) if place or noise is None else (value, noise)
        # Tied tensors are in the states already: functional_call's own way leaves a layer that is used twice broken.
        value = functional_call(module, state, given, tie_weights=False)
        if isinstance(value, tuple) and len(value) == 2:
            value, penalty = value
    of_type("what a network gives", value, Tensor, "a tensor")
    return values_of(loss, value, like_output(target, value, loss)).mean() + penalty


class VmapProgram:
    """Any module without buffers: ``vmap`` over ``functional_call``, gradients by autograd."""

    def __init__(self, individuals: Sequence[Individual], stacks: Sequence[Stack], loss: str | LossFunction) -> None:
        self.individuals, self.stacks, self.loss = individuals, stacks, loss
        self.modules = [genome.module for genome in genomes(individuals[0])]
        self.tied = [aliases(module) for module in self.modules]
        self.fallback: LoopProgram | None = None

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        if self.fallback is None:
            try:
                return self._stacked(x, target, noise)
            except RuntimeError:  # what vmap refuses: randomness inside, data-dependent control flow, ...
                # A real mistake in the module shows itself in the loop as well.
                self.fallback = LoopProgram(self.individuals, self.stacks, self.loss)
        return self.fallback.gradients(x, target, noise)

    def _stacked(self, x: Tensor, target: Tensor, noise: Tensor | None) -> Tensor:
        one = partial(mean_of, self.modules, self.tied, self.loss)
        leaves = [{name: p.detach().requires_grad_() for name, p in stack.params.items()} for stack in self.stacks]
        states = [leaf | stack.fixed for leaf, stack in zip(leaves, self.stacks, strict=True)]
        losses = vmap(one, in_dims=(0, 0, 0, None if noise is None else 0))(states, x, target, noise)
        check_gradient(self.loss, losses)
        _store(self.stacks, leaves, losses.sum())
        return losses.detach()


class LoopProgram:
    """One at a time, for modules that keep buffers or draw random numbers; each draws from its own stream."""

    def __init__(self, individuals: Sequence[Individual], stacks: Sequence[Stack], loss: str | LossFunction) -> None:
        self.modules = [[genome.module for genome in genomes(individual)] for individual in individuals]
        self.tied = [aliases(module) for module in self.modules[0]]
        self.stacks, self.loss = stacks, loss
        device = next(p.device for stack in stacks for p in stack.params.values())
        self.sources = _global_generators(device)
        seeds = [Stream.LAYERS.of_pair(individual.seed) for individual in individuals]
        self.drawn = [[torch.Generator(s.device).manual_seed(seed).get_state() for s in self.sources] for seed in seeds]

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        noises = [None] * len(x) if noise is None else noise
        with alone():  # all threads share the global generators
            outside = self._swap(self.drawn[0])
            try:
                losses = [self._one(i, *batch) for i, batch in enumerate(zip(x, target, noises, strict=True))]
            finally:
                self._swap(outside)
        return torch.stack(losses)

    def _one(self, i: int, x: Tensor, target: Tensor, noise: Any) -> Tensor:
        leaves = [{name: p[i].detach().requires_grad_() for name, p in s.params.items()} for s in self.stacks]
        buffers = [{name: b[i] for name, b in s.buffers.items()} for s in self.stacks]
        states = [
            leaf | {name: p[i] for name, p in s.fixed.items()} | kept
            for leaf, s, kept in zip(leaves, self.stacks, buffers, strict=True)
        ]
        self._swap(self.drawn[i])
        loss = mean_of(self.modules[i], self.tied, self.loss, states, x, target, noise)
        self.drawn[i] = [source.get_state() for source in self.sources]
        check_gradient(self.loss, loss)
        _store(self.stacks, leaves, loss, i)
        for state, kept in zip(states, buffers, strict=True):
            for name, buffer in kept.items():
                if state[name] is not buffer:  # replaced by the module rather than changed in place
                    buffer.copy_(state[name].detach())
        return loss.detach()

    def _swap(self, states: list[Tensor]) -> list[Tensor]:
        """Put the global generators into these states; their old ones."""
        old = [source.get_state() for source in self.sources]
        for source, state in zip(self.sources, states, strict=True):
            source.set_state(state)
        return old


def _global_generators(device: torch.device) -> list[torch.Generator]:
    """What layers such as Dropout draw from."""
    if device.type != "cuda":
        return [torch.default_generator]
    torch.cuda.init()
    index = torch.cuda.current_device() if device.index is None else device.index
    return [torch.default_generator, torch.cuda.default_generators[index]]


def _store(stacks: Sequence[Stack], leaves: list[dict[str, Tensor]], loss: Tensor, cell: int | None = None) -> None:
    rooms = [room for stack in stacks for room in stack.grads.values()]
    grads = torch.autograd.grad(loss, [leaf for table in leaves for leaf in table.values()], allow_unused=True)
    for room, grad in zip(rooms, grads, strict=True):
        room = room if cell is None else room[cell]
        room.copy_(grad) if grad is not None else room.zero_()
