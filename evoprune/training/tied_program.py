"""Losses and gradients of many tied autoencoders, as one tensor program."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from evoprune.genome import Autoencoder
from evoprune.tied import TiedNetwork
from evoprune.training.linear_program import KINDS, LinearProgram, layer_of
from evoprune.training.stacking import Stack


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
        half = len(layers) // 2
        both = [layer_of(stack, *names, backwards=place >= half) for place, names in enumerate(layers)]
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
