"""Losses and gradients of many stacks of Linear layers, plain or tied, by batched matrix products written out."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from evoprune.genome import Genome
from evoprune.layers import is_altered
from evoprune.losses import LossFunction
from evoprune.tied import TiedNetwork
from evoprune.training.slopes import slopes
from evoprune.training.stacking import Stack, flat

# What each nonlinearity does in place, and the gradient at its input, given that at its output and its output.
Nonlinearity = tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
NONLINEARITIES: dict[type[nn.Module], Nonlinearity] = {
    nn.Identity: (lambda h: h, lambda d, out: d),
    nn.ReLU: (Tensor.relu_, lambda d, out: torch.ops.aten.threshold_backward(d, out, 0)),
    nn.Sigmoid: (Tensor.sigmoid_, torch.ops.aten.sigmoid_backward),
    nn.Tanh: (Tensor.tanh_, torch.ops.aten.tanh_backward),
}
_LAYERS = {nn.Linear, *NONLINEARITIES}
Names = tuple[str, str, type[nn.Module]]
"""Of a layer: the names of its weight and its bias, and the class of the nonlinearity that follows."""


def linear_layers(module: nn.Module) -> list[Names]:
    """The layers of a plain stack of Linear layers and nonlinearities; empty for anything else."""
    if type(module) is not nn.Sequential or is_altered(module):
        return []
    layers: list[Names] = []
    parameters: list[int] = []
    free = False  # the last layer has no nonlinearity yet
    for name, layer in module._modules.items():  # named_children() would pass over a layer that is used twice
        kind = type(layer)
        if kind not in _LAYERS or layer is None or layer._modules:
            return []
        if kind is nn.Linear:
            layers.append((f"{name}.weight", f"{name}.bias", nn.Identity))
            parameters += [id(parameter) for parameter in layer._parameters.values() if parameter is not None]
        elif free:
            layers[-1] = (*layers[-1][:2], kind)
        else:
            return []
        free = kind is nn.Linear
    return layers if len(parameters) == len(set(parameters)) else []  # tied weights need autograd


def tied_layers(parts: Sequence[Genome]) -> list[Names]:
    """The layers of a tied autoencoder, there and back; empty for anything else."""
    if len(parts) != 2:
        return []
    network, after = (genome.module for genome in parts)
    if type(network) is not TiedNetwork or type(after) is not nn.Identity:
        return []
    if is_altered(network) or is_altered(after):
        return []
    layers = [
        (f"{way}.{k}", part) for way in ("encoder", "decoder") for k, part in getattr(network, way)._modules.items()
    ]
    weights = [f"{name}.weight" for name, part in layers if type(part) is nn.Linear]
    biases = [f"{name}.bias" for name, _ in layers[::2]]
    kinds = [type(part) for _, part in layers[1::2]]
    return list(zip(weights + weights[::-1], biases, kinds, strict=True)) if NONLINEARITIES.keys() >= set(kinds) else []


class Layer(NamedTuple):
    """A Linear layer of all cells, its matrices as they lie in memory; a gradient is None where nothing learns."""

    weight: Tensor
    upright: bool  # whether the matrix is used as it lies, or transposed
    bias: Tensor | None
    weight_grad: Tensor | None
    bias_grad: Tensor | None
    nonlinearity: Nonlinearity


def layer_of(stack: Stack, names: Names, backwards: bool = False) -> Layer:
    """The layer whose parameters have these names; ``backwards`` multiplies by the transposed weight."""
    (weight, bias, kind), tensors = names, stack.params | stack.fixed
    matrix, offset, grad = tensors[weight], tensors.get(bias), stack.grads.get(weight)
    return Layer(
        flat(matrix),
        matrix.is_contiguous() is not backwards,
        None if offset is None else offset.unsqueeze(1),
        None if grad is None else flat(grad),
        stack.grads.get(bias),
        NONLINEARITIES[kind],
    )


class LinearProgram:
    """Stacks of Linear layers: batched matrix products forward and backward, gradients written in place."""

    def __init__(self, layers: Sequence[Layer], loss: str | LossFunction) -> None:
        self.layers, self.loss = layers, loss
        # Below the first layer that learns no gradient is needed.
        self.first = next(i for i, (_, _, _, *grads, _) in enumerate(layers) if grads != [None, None])

    @torch.no_grad()
    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        outputs = [x.flatten(1, -2)]  # Linear layers take any number of dimensions before the last
        for weight, upright, bias, _, _, (activate, _) in self.layers:
            product = _across(weight, outputs[-1]) if upright else torch.bmm(outputs[-1], weight)
            outputs.append(activate(product if bias is None else product.add_(bias)))
        losses, delta = slopes(self.loss, outputs[-1].unflatten(1, x.shape[1:-1]), target)
        delta = delta.flatten(1, -2)
        if self.loss != "bce":
            delta = self.layers[-1][-1][1](delta, outputs[-1])
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


class TiedProgram(LinearProgram):
    """Tied autoencoders: the products of Linear layers; the gradient of a weight is the sum of both ways."""

    def __init__(self, layers: Sequence[Names], stack: Stack, loss: str | LossFunction) -> None:
        half = len(layers) // 2
        both = [layer_of(stack, names, backwards=place >= half) for place, names in enumerate(layers)]
        self.sums: list[tuple[Tensor, Tensor]] = []  # the gradient on the way in, and the one on the way back
        for place in range(half, len(both)):
            if (total := both[place].weight_grad) is not None:
                self.sums.append((total, torch.zeros_like(total)))
                both[place] = both[place]._replace(weight_grad=self.sums[-1][1])
        super().__init__(both, loss)

    @torch.no_grad()
    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        losses = super().gradients(x, target, noise)
        for total, back in self.sums:
            total.add_(back)
        return losses


def _across(matrix: Tensor, rows: Tensor) -> Tensor:
    """``rows @ matrix.mT``, a third faster where rows are few and the matrix is contiguous."""
    return torch.bmm(matrix, rows.mT).mT
