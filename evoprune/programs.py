"""Losses and gradients of many pairs of one structure, as one tensor program.

Three programs with the same results to rounding: stacks of Linear layers by matrix products written out
(:class:`LinearProgram`; tied ones in :mod:`evoprune.tied_program`), any other module by ``torch.func.vmap``
(:class:`VmapProgram`), and what that cannot take, such as batch normalization and dropout, a pair at a time
(:class:`LoopProgram`).
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from evoprune.genome import Autoencoder
from evoprune.losses import LOSSES
from evoprune.stacking import Stack, flat
from evoprune.streams import LAYERS, stream
from evoprune.structure import aliases


class Program(Protocol):
    """Fills the stacks' gradients and returns the losses, one a cell."""

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        """:param x: (cells, samples, ...); ``target`` likewise; ``noise`` (cells, samples, latent) or None."""


def program_for(pairs: Sequence[Autoencoder], stacks: Sequence[Stack], loss: str) -> Program:
    """The fastest program that can take these pairs."""
    from evoprune.tied_program import TiedProgram, tied_layers  # it builds on this module

    layers = [_linear_layers(genome.module) for genome in pairs[0]]
    if all(layers) and (loss != "bce" or layers[1][-1][1] == "sigmoid"):
        return LinearProgram(layers, stacks, loss)
    tied = tied_layers(pairs[0])
    if tied and (loss != "bce" or tied[-1][2] == "sigmoid"):
        return TiedProgram(tied, stacks[0], loss)
    if any(stack.buffers for stack in stacks):
        return LoopProgram(pairs, stacks, loss)  # buffers change as batches pass
    return VmapProgram(pairs, stacks, loss)


# What each nonlinearity does in place, and the gradient at its input, given that at its output and its output.
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "identity": (lambda h: h, lambda d, out: d),
    "relu": (Tensor.relu_, lambda d, out: torch.ops.aten.threshold_backward(d, out, 0)),
    "sigmoid": (Tensor.sigmoid_, torch.ops.aten.sigmoid_backward),
    "tanh": (Tensor.tanh_, torch.ops.aten.tanh_backward),
}
KINDS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.Identity: "identity",
}
_Layers = list[tuple[str, str]]


def _linear_layers(module: nn.Module) -> _Layers:
    """Names and nonlinearities of the layers of a plain stack of Linear layers; empty for anything else."""
    if type(module) is not nn.Sequential or any(m._forward_hooks or m._forward_pre_hooks for m in module.modules()):
        return []
    layers: _Layers = []
    free = False  # the last layer has no nonlinearity yet
    for name, layer in module._modules.items():  # named_children() would pass over a layer that is used twice
        if type(layer) is nn.Linear:
            layers.append((name, "identity"))
            free = True
        elif type(layer) in KINDS and free:
            layers[-1] = (layers[-1][0], KINDS[type(layer)])
            free = False
        else:
            return []
    names = [name for name, _ in module.named_parameters(remove_duplicate=False)]
    return layers if len(names) == len(list(module.parameters())) else []  # tied weights need autograd


class LinearProgram:
    """Stacks of Linear layers: batched matrix products forward and backward, gradients written in place."""

    def __init__(self, layers: Sequence[_Layers], stacks: Sequence[Stack], loss: str) -> None:
        self.loss = loss
        self.layers = []  # weight as it lies in memory, whether upright, bias, gradients (None: fixed), nonlinearity
        for part, stack in zip(layers, stacks, strict=True):
            tensors = stack.params | stack.fixed
            for name, kind in part:
                weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
                weight_grad = stack.grads.get(f"{name}.weight")
                self.layers.append(
                    (
                        flat(weight),
                        weight.is_contiguous(),
                        None if bias is None else bias.unsqueeze(1),
                        None if weight_grad is None else flat(weight_grad),
                        stack.grads.get(f"{name}.bias"),
                        ACTIVATIONS[kind],
                    )
                )
        # Below the first layer that learns no gradient is needed.
        self.first = next(i for i, (_, _, _, *grads, _) in enumerate(self.layers) if grads != [None, None])

    @torch.no_grad()
    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        outputs = [x.flatten(1, -2)]  # Linear layers take any number of dimensions before the last
        for weight, upright, bias, _, _, (activate, _) in self.layers:
            product = _across(weight, outputs[-1]) if upright else torch.bmm(outputs[-1], weight)
            outputs.append(activate(product if bias is None else product.add_(bias)))
        losses, delta = self._loss(outputs[-1], target.flatten(1, -2))
        for i in range(len(self.layers) - 1, self.first - 1, -1):
            weight, upright, _, weight_grad, bias_grad, _ = self.layers[i]
            if weight_grad is not None:
                left, right = (delta, outputs[i]) if upright else (outputs[i], delta)
                torch.bmm(left.mT, right, out=weight_grad)
            if bias_grad is not None:
                torch.sum(delta, 1, out=bias_grad)
            if i > self.first:
                below = torch.bmm(delta, weight) if upright else _across(weight, delta)
                delta = self.layers[i - 1][-1][1](below, outputs[i])
        return losses

    def _loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Losses (cells,) and their gradient before the last nonlinearity."""
        _check_shapes(output, target)
        share = 1 / target[0].numel()
        delta = output - target
        if self.loss == "bce":  # with the sigmoid: exact even where it is saturated
            return _cross_entropy(output, target).flatten(1).mean(1), delta.mul_(share)
        if self.loss == "l1":
            losses = delta.abs().flatten(1).mean(1)
            delta.sign_().mul_(share)
        else:
            losses = delta.square().flatten(1).mean(1)
            delta.mul_(2 * share)
        return losses, self.layers[-1][-1][1](delta, output)


def _across(matrix: Tensor, rows: Tensor) -> Tensor:
    """``rows @ matrix.mT``, a third faster where rows are few and the matrix is contiguous."""
    return torch.bmm(matrix, rows.mT).mT


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """The ``bce`` loss without a gradient: torch's own takes five times as long, a third of a whole step."""
    miss = torch.log1p(-output).clamp_min_(-100.0)
    return torch.log(output).clamp_min_(-100.0).sub_(miss).mul_(target).add_(miss).neg_()


def _check_shapes(output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape:  # else it would broadcast
        raise ValueError(f"the decoder gives {tuple(output.shape)} where the data are {tuple(target.shape)}")


_States = Sequence[dict[str, Tensor]]  # the tensors of an encoder and of a decoder


def pair_loss(
    modules: Sequence[nn.Module], states: _States, loss: str, x: Tensor, target: Tensor, noise: Any
) -> Tensor:
    """The loss of one pair on one batch; a variational encoder takes noise and adds its penalty."""
    # Tied tensors are in the states already: functional_call's own way leaves a layer that is used twice broken.
    code = functional_call(modules[0], states[0], (x,) if noise is None else (x, noise), tie_weights=False)
    code, penalty = code if isinstance(code, tuple) else (code, 0.0)
    output = functional_call(modules[1], states[1], (code,), tie_weights=False)
    _check_shapes(output, target)
    return LOSSES[loss](output, target).mean() + penalty


class VmapProgram:
    """Any module without buffers: ``vmap`` over ``functional_call``, gradients by autograd."""

    def __init__(self, pairs: Sequence[Autoencoder], stacks: Sequence[Stack], loss: str) -> None:
        self.pairs, self.stacks, self.loss = pairs, stacks, loss
        self.modules = [genome.module for genome in pairs[0]]
        self.tied = [aliases(module) for module in self.modules]
        self.fallback: LoopProgram | None = None

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        if self.fallback is None:
            try:
                return self._stacked(x, target, noise)
            except RuntimeError:  # what vmap refuses: randomness inside, data-dependent control flow, ...
                # A real mistake in the module shows itself in the loop as well.
                self.fallback = LoopProgram(self.pairs, self.stacks, self.loss)
        return self.fallback.gradients(x, target, noise)

    def _stacked(self, x: Tensor, target: Tensor, noise: Tensor | None) -> Tensor:
        def one(states: _States, x: Tensor, target: Tensor, noise: Any) -> Tensor:
            tied = [state | _more(state, tied) for state, tied in zip(states, self.tied, strict=True)]
            return pair_loss(self.modules, tied, self.loss, x, target, noise)

        leaves = [{name: p.detach().requires_grad_() for name, p in stack.params.items()} for stack in self.stacks]
        states = [leaf | stack.fixed for leaf, stack in zip(leaves, self.stacks, strict=True)]
        losses = vmap(one, in_dims=(0, 0, 0, None if noise is None else 0))(states, x, target, noise)
        _store(self.stacks, leaves, losses.sum())
        return losses.detach()


class LoopProgram:
    """A pair at a time, for modules that keep buffers or draw random numbers; each pair draws from its own stream."""

    def __init__(self, pairs: Sequence[Autoencoder], stacks: Sequence[Stack], loss: str) -> None:
        self.modules = [[genome.module for genome in pair] for pair in pairs]
        self.tied = [aliases(module) for module in self.modules[0]]
        self.stacks, self.loss = stacks, loss
        device = next(p.device for stack in stacks for p in stack.params.values())
        self.sources = _global_generators(device)
        seeds = [stream(pair, LAYERS) for pair in pairs]
        self.drawn = [[torch.Generator(s.device).manual_seed(seed).get_state() for s in self.sources] for seed in seeds]

    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        outside = self._swap(self.drawn[0])
        try:
            losses = [
                self._one(i, x[i], target[i], None if noise is None else noise[i]) for i in range(len(self.modules))
            ]
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
        for state, tied in zip(states, self.tied, strict=True):
            state.update(_more(state, tied))
        self._swap(self.drawn[i])
        loss = pair_loss(self.modules[i], states, self.loss, x, target, noise)
        self.drawn[i] = [source.get_state() for source in self.sources]
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


def _more(state: dict[str, Tensor], tied: dict[str, str]) -> dict[str, Tensor]:
    return {place: state[name] for place, name in tied.items()}


def _global_generators(device: torch.device) -> list[torch.Generator]:
    """What layers such as Dropout draw from."""
    if device.type != "cuda":
        return [torch.default_generator]
    torch.cuda.init()
    index = torch.cuda.current_device() if device.index is None else device.index
    return [torch.default_generator, torch.cuda.default_generators[index]]


def _store(stacks: Sequence[Stack], leaves: list[dict[str, Tensor]], loss: Tensor, cell: int | None = None) -> None:
    flat = [(stack, name, leaf) for stack, table in zip(stacks, leaves, strict=True) for name, leaf in table.items()]
    grads = torch.autograd.grad(loss, [leaf for _, _, leaf in flat], allow_unused=True)
    for (stack, name, _), grad in zip(flat, grads, strict=True):
        room = stack.grads[name] if cell is None else stack.grads[name][cell]
        room.copy_(grad) if grad is not None else room.zero_()
