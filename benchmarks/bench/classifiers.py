"""What an update of networks for classes costs: populations by every kernel against plain loops over them."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.benchmarks.bench.machine import kernels
from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.table import table
from evoprune.benchmarks.bench.timing import MICRO, in_turn, spread, target
from evoprune.benchmarks.problems.digits import Digits
from evoprune.genome import Genome
from evoprune.networks import mlp_decoder
from evoprune.seeds import seeded
from evoprune.training import train_epoch

BATCHES = (5, 32)
"""Samples an update: as for the pairs, and what runs of classifiers take by default."""
RATE = 1e-3
LOSS = "cross-entropy"
UPDATE = {
    "us": "{microseconds[median]:,.1f}",
    "low to high": "{microseconds[low]:,.1f} to {microseconds[high]:,.1f}",
    "x plain adam": "{speedup[median]:,.2f}",
}
LIMITS = {
    "64-100-10, 5 a batch, native": 30.0,
    "64-100-10, 5 a batch, torch": 6.0,
    "64-100-10, 32 a batch, native": 8.0,
    "64-100-10, 32 a batch, torch": 4.0,
    "residual, 32 a batch, torch": 2.0,
    "convolutional, 32 a batch, torch": 1.5,
}
"""Contender -> how many times as fast as the plain loop it has to be."""


class Residual(nn.Module):
    """A network with a residual connection, which no stack of layers stands for."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.inner, self.last = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.first(x))
        return self.last(hidden + torch.relu(self.inner(hidden)))


def convolutional() -> nn.Module:
    """A small convolutional network for the digits."""
    return nn.Sequential(nn.Unflatten(-1, (1, 8, 8)), nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "64-100-10": partial(mlp_decoder, (64, 100, 10), "identity"),
    "residual": Residual,
    "convolutional": convolutional,
}


def measure(scope: Scope) -> dict[str, Any]:
    """The plain loop of each network, and population training by every kernel that takes it, in turn."""
    digits = Digits(task="classification")
    x, y = digits.train[: scope.samples], torch.as_tensor(digits.targets("train"))[: scope.samples]
    tasks: dict[str, Callable[[], float]] = {}
    for (name, make), batch in product(NETWORKS.items(), BATCHES):
        tasks[f"{name}, {batch} a batch, plain"] = _plain(_made(make, scope.pairs), x, y, batch)
        for kernel in kernels()[0] if name == "64-100-10" else ("torch",):
            tasks[f"{name}, {batch} a batch, {kernel}"] = _population(_made(make, scope.pairs), x, y, batch, kernel)
    costs = in_turn(tasks, scope.rounds)
    rows = {
        name: {
            "microseconds": spread(MICRO * cost),
            "speedup": spread(costs[f"{name.rpartition(', ')[0]}, plain"] / cost),
        }
        for name, cost in costs.items()
    }
    targets = [
        target(f"{name}: times the plain loop", rows[name]["speedup"]["median"], limit, least=True)
        for name, limit in LIMITS.items()
        if name in rows
    ]
    return {"rows": rows, "targets": targets}


def text(report: dict[str, Any]) -> str:
    """A row a network and what trains it."""
    return table("one update of a classifier", UPDATE, report["rows"].items())


def _made(make: Callable[[], nn.Module], count: int) -> list[nn.Module]:
    with seeded(0):
        return [make() for _ in range(count)]


def _plain(networks: Sequence[nn.Module], x: Tensor, y: Tensor, batch: int) -> Callable[[], int]:
    """The loop that one writes without evoprune, with Adam kept; returns its number of updates."""
    kept = [torch.optim.Adam(network.parameters(), lr=RATE) for network in networks]

    def epoch() -> int:
        updates = 0
        for network, optimizer in zip(networks, kept, strict=True):
            for places in torch.randperm(len(x)).split(batch):
                optimizer.zero_grad()
                nn.functional.cross_entropy(network(x[places]), y[places]).backward()
                optimizer.step()
                updates += 1
        return updates

    return epoch


def _population(networks: Sequence[nn.Module], x: Tensor, y: Tensor, batch: int, kernel: str) -> Callable[[], int]:
    genomes = [Genome(network) for network in networks]

    def epoch() -> int:
        train_epoch(genomes, (x, y), min(batch, len(x)), loss=LOSS, learning_rate=RATE, kernel=kernel)
        return len(genomes) * -(-len(x) // batch)

    return epoch
