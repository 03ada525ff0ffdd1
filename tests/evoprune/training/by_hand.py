"""Training as a plain loop of torch's own optimizers has it, masks respected, to compare with."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from evoprune import Genome
from evoprune.individuals import genomes

Batches = Iterable[tuple[Tensor, Tensor]]


def adam(parameters: Any, rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, rate)


def pulled(build: Callable[..., torch.optim.Optimizer], l1: float) -> Callable[..., torch.optim.Optimizer]:
    """What builds an optimizer of torch after each of whose steps comes soft thresholding."""

    def built(parameters: Any, rate: float) -> torch.optim.Optimizer:
        optimizer, learns = build(parameters, rate), list(parameters)

        @torch.no_grad()
        def pull(*_: Any) -> None:
            for parameter in learns:
                parameter.copy_(parameter.sign() * (parameter.abs() - rate * l1).clamp_min(0))

        optimizer.register_step_post_hook(pull)
        return optimizer

    return built


def in_order(seed: int, inputs: Tensor, targets: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of an epoch in the order that a seed draws."""
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    for places in order.split(size):
        yield inputs[places], targets[places]


class Loop:
    """Epochs of one individual, whose optimizer goes on from one to the next."""

    def __init__(self, individual: Any, rate: float, loss: Callable[..., Tensor], optimizer: Any = adam) -> None:
        self.individual, self.parts, self.loss = individual, genomes(individual), loss
        self.optimizer = optimizer([p for part in self.parts for p in part.module.parameters()], rate)

    def epoch(self, batches: Batches) -> float:
        """Trains; the mean loss of the batches."""
        losses = []
        for part in self.parts:
            part.module.train()
            part.enforce()
        for inputs, targets in batches:
            self.optimizer.zero_grad()
            value = self.loss(self.individual(inputs), targets)
            value.backward()
            for part in self.parts:
                mask_gradients(part)
            self.optimizer.step()
            losses.append(value.item())
        return sum(losses) / len(losses)


def mask_gradients(genome: Genome) -> None:
    for name, mask in genome.masks.items():
        gradient = genome.module.get_parameter(name).grad
        if gradient is not None:
            gradient.mul_(mask)


def states(individual: Any) -> list[dict[str, Any]]:
    return [genome.module.state_dict() for genome in genomes(individual)]


class Convolutions(nn.Sequential):
    """Features of samples of six values, as images of two rows."""

    def __init__(self, *more: nn.Module) -> None:
        image = (nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 3, 2), nn.Tanh(), nn.Flatten())
        super().__init__(*image, nn.Linear(6, 4), *more)
