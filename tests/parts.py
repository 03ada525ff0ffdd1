"""Networks of one, two and three parts, and data with targets for them."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from evoprune import Genome, Network

INPUTS = torch.rand(23, 6, generator=torch.Generator().manual_seed(1))
CLASSES = torch.arange(23) % 4
SHARES = torch.rand(23, 4, generator=torch.Generator().manual_seed(2)).softmax(1)


class Residual(nn.Module):
    """A classifier with a connection around its hidden layer, and a gain outside of any layer."""

    def __init__(self, inputs: int = 6, classes: int = 4) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, inputs)
        self.out = nn.Linear(inputs, classes)
        self.gain = nn.Parameter(torch.ones(inputs))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(x + self.gain * torch.tanh(self.hidden(x)))
        return out


def plain(*widths: int, last: nn.Module | None = None) -> nn.Sequential:
    """Linear layers with tanh between them."""
    layers: list[nn.Module] = []
    for reads, gives in pairwise(widths):
        layers += [nn.Linear(reads, gives), nn.Tanh()]
    return nn.Sequential(*layers[:-1], *([] if last is None else [last]))


def one() -> Genome:
    return Genome(plain(6, 5, 4))


def one_in_a_list() -> Network:
    return Network([one()])


def two() -> Network:
    return Network([Genome(plain(6, 5, last=nn.Tanh())), Genome(plain(5, 4))])


def three() -> Network:
    return Network([Genome(plain(6, 5, last=nn.Tanh())), Genome(plain(5, 3, last=nn.ReLU())), Genome(plain(3, 4))])


def residual() -> Genome:
    return Genome(Residual())


def times(*factors: float) -> list[Genome]:
    """Genomes that multiply a number, each by its factor."""
    found = [Genome(nn.Linear(1, 1, bias=False)) for _ in factors]
    for genome, factor in zip(found, factors, strict=True):
        nn.init.constant_(genome.module.get_parameter("weight"), factor)
    return found


def factor(genome: Genome) -> float:
    """What such a genome multiplies by."""
    return float(genome.module.get_parameter("weight").detach())


def numbers(genome: Any) -> list[Tensor]:
    """All that training changes in a genome."""
    found = [parameter.detach().clone() for parameter in genome.module.parameters()]
    return found + [moment for name in sorted(genome.moments) for moment in genome.moments[name]]
