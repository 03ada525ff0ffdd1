"""Losses and gradients of many tied autoencoders, as one tensor program."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from evoprune.genome import Autoencoder
from evoprune.tied import TiedNetwork
from evoprune.training.linear_program import ACTIVATIONS, KINDS, LinearProgram
from evoprune.training.stacking import Stack, flat


def tied_layers(pair: Autoencoder) -> list[tuple[str, str, str]]:
    """Names of the weights and biases of a tied autoencoder and its nonlinearities; empty for anything else."""
    network, after = (genome.module for genome in pair)
    if type(network) is not TiedNetwork or type(after) is not nn.Identity:
        return []
    if any(part._forward_hooks or part._forward_pre_hooks for module in (network, after) for part in module.modules()):
        return []
    parts = [
        (f"{way}.{k}", part) for way in ("encoder", "decoder") for k, part in getattr(network, way)._modules.items()
    ]
    weights = [f"{name}.weight" for name, part in parts if type(part) is nn.Linear]
    biases = [f"{name}.bias" for name, _ in parts[::2]]
    kinds = [KINDS.get(type(part), "") for _, part in parts[1::2]]
    return list(zip(weights + weights[::-1], biases, kinds, strict=True)) if all(kinds) else []


class TiedProgram(LinearProgram):
    """Tied autoencoders: the products of Linear layers; the gradient of a weight is the sum of both ways."""

    def __init__(self, layers: Sequence[tuple[str, str, str]], stack: Stack, loss: str) -> None:
        self.loss = loss
        self.layers = []
        self.sums: list[tuple[Tensor, Tensor]] = []  # the gradient on the way in, and the one on the way back
        tensors = stack.params | stack.fixed
        for place, (name, bias, kind) in enumerate(layers):
            weight, grad = tensors[name], stack.grads.get(name)
            back = place >= len(layers) // 2
            if back and grad is not None:
                self.sums.append((grad, torch.zeros_like(grad)))
                grad = self.sums[-1][1]
            self.layers.append(
                (
                    flat(weight),
                    weight.is_contiguous() is not back,
                    tensors[bias].unsqueeze(1),
                    None if grad is None else flat(grad),
                    stack.grads.get(bias),
                    ACTIVATIONS[kind],
                )
            )
        self.first = next(i for i, (_, _, _, *grads, _) in enumerate(self.layers) if grads != [None, None])

    @torch.no_grad()
    def gradients(self, x: Tensor, target: Tensor, noise: Tensor | None = None) -> Tensor:
        losses = super().gradients(x, target, noise)
        for total, back in self.sums:
            total.add_(back)
        return losses
