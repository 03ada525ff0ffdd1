"""Losses and gradients of many plain stacks of Linear layers, by batched matrix products written out."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from evoprune.losses import check_shapes
from evoprune.training.stacking import Stack, flat

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
_Layers = list[tuple[str, str, str]]


def linear_layers(module: nn.Module) -> _Layers:
    """Names of the weights and biases of a plain stack of Linear layers and its nonlinearities; empty for others."""
    if type(module) is not nn.Sequential or any(m._forward_hooks or m._forward_pre_hooks for m in module.modules()):
        return []
    layers: _Layers = []
    free = False  # the last layer has no nonlinearity yet
    for name, layer in module._modules.items():  # named_children() would pass over a layer that is used twice
        if type(layer) is nn.Linear:
            layers.append((f"{name}.weight", f"{name}.bias", "identity"))
            free = True
        elif type(layer) in KINDS and free:
            layers[-1] = (*layers[-1][:2], KINDS[type(layer)])
            free = False
        else:
            return []
    names = [name for name, _ in module.named_parameters(remove_duplicate=False)]
    return layers if len(names) == len(list(module.parameters())) else []  # tied weights need autograd


class Layer(NamedTuple):
    """A Linear layer of all cells, its matrices as they lie in memory; a gradient is None where nothing learns."""

    weight: Tensor
    upright: bool  # whether the matrix is used as it lies, or transposed
    bias: Tensor | None
    weight_grad: Tensor | None
    bias_grad: Tensor | None
    nonlinearity: tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]


def layer_of(stack: Stack, weight: str, bias: str, kind: str, backwards: bool = False) -> Layer:
    """The layer whose parameters have these names; ``backwards`` multiplies by the transposed weight."""
    tensors = stack.params | stack.fixed
    matrix, offset, grad = tensors[weight], tensors.get(bias), stack.grads.get(weight)
    return Layer(
        flat(matrix),
        matrix.is_contiguous() is not backwards,
        None if offset is None else offset.unsqueeze(1),
        None if grad is None else flat(grad),
        stack.grads.get(bias),
        ACTIVATIONS[kind],
    )


class LinearProgram:
    """Stacks of Linear layers: batched matrix products forward and backward, gradients written in place."""

    def __init__(self, layers: Sequence[Layer], loss: str) -> None:
        self.layers, self.loss = layers, loss
        # Below the first layer that learns no gradient is needed.
        self.first = next(i for i, (_, _, _, *grads, _) in enumerate(layers) if grads != [None, None])

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
        check_shapes(output, target)
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
