"""The compiled kernel, if it was built: an individual's epoch as one call, without the interpreter's lock.

The C sources lie in ``c/``; installing evoprune builds them where there is a compiler (``setup.py``).
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import true_or_false
from evoprune.genome import Genome
from evoprune.individuals import Individual, genomes, names_of
from evoprune.losses import LossFunction, name_of
from evoprune.training import sources
from evoprune.training.batches import CellEpoch
from evoprune.training.linear_program import Names, linear_layers
from evoprune.training.optimizers import SGD, Adam, AdamAnew, Optimizer
from evoprune.training.stacking import remembers

NONLINEARITIES: dict[type[nn.Module], int] = {nn.Identity: 0, nn.ReLU: 1, nn.Sigmoid: 2, nn.Tanh: 3}
LOSSES = {"l1": 0, "mse": 1, "bce": 2, "cross-entropy": 3}
BEHIND = {"bce": NONLINEARITIES[nn.Sigmoid], "cross-entropy": NONLINEARITIES[nn.Identity]}
"""The nonlinearities that losses need before them; others take any."""
Numbers = tuple[int, float, float, float, float, float, float]
"""The kind of optimizer, rate, beta1 (or momentum), beta2, eps, weight decay, L1."""
OPTIMIZERS: dict[type, Callable[[Any, float], Numbers]] = {
    Adam: lambda o, rate: (0, rate, *o.betas, o.eps, o.weight_decay, o.l1),
    AdamAnew: lambda o, rate: (1, rate, 0.0, 0.0, o.eps, o.weight_decay, o.l1),
    SGD: lambda o, rate: (2, rate, o.momentum, 0.0, 1.0, o.weight_decay, o.l1),
}
SPARSE_BELOW = 0.15
"""Share of a layer's weights below which it is trained over the kept ones alone."""


@cache
def _library() -> Any:
    """The library, or in words why there is none."""
    try:
        library = importlib.import_module("evoprune.training._kernel")
    except ModuleNotFoundError:
        return "it was not built, for want of a C compiler perhaps"
    except ImportError as error:
        return f"it cannot be loaded ({error})"
    stale = library.source != sources.digest()
    return "it was built from other sources; install evoprune again" if stale else library


def missing() -> str:
    """Why there is no kernel here; empty where there is one."""
    library = _library()
    return library if isinstance(library, str) else ""


def variants() -> dict[str, str]:
    """The variants that this processor runs, the fastest first -> whether they round products and sums together."""
    return {} if missing() else _variants(_library())


@cache
def _variants(library: Any) -> dict[str, str]:
    return dict(library.variants())


def best() -> str:
    """The fastest variant that this processor runs; empty where there is none."""
    return next(iter(variants()), "")


def arithmetic(variant: str) -> str:
    """Whether a variant rounds products and sums together ("fused"), or one by one ("separate")."""
    return variants().get(variant, "")


def refuses(
    individual: Individual | Sequence[Genome],
    loss: str | LossFunction,
    optimizer: Optimizer,
    device: str | torch.device | None = "cpu",
    opponents: bool = False,
) -> str:
    """Why the kernel does not train such an individual, in words; empty where it does."""
    true_or_false("opponents", opponents)
    if opponents:
        return "it knows no opponents that change from batch to batch"
    if type(optimizer) not in OPTIMIZERS:
        return f"it does not know the optimizer {type(optimizer).__name__}"
    if device is not None and torch.device(device).type != "cpu":
        return "it computes on the processor alone"
    parts = genomes(individual)
    layers = [linear_layers(genome.module) for genome in parts]
    if not all(layers):
        return "it takes networks that are plain stacks of Linear layers"
    if not _takes(loss, NONLINEARITIES[end := layers[-1][-1][2]]):
        return f"it takes no loss {name_of(loss)} behind {end.__name__}"
    for parameter in (parameter for genome in parts for parameter in genome.module.parameters()):
        if parameter.device.type != "cpu":
            return "it computes on the processor alone"
        if parameter.dtype != torch.float32:
            return f"it computes with torch.float32, not {parameter.dtype}"
    return ""


def _takes(loss: str | LossFunction, end: int) -> bool:
    """Whether a loss can stand behind a nonlinearity."""
    return isinstance(loss, str) and loss in LOSSES and BEHIND.get(loss, end) == end


def losses(
    sides: Sequence[Sequence[Genome]], inputs: Tensor, targets: Tensor, loss: str, variant: str
) -> list[float] | None:
    """The mean loss of every combination of a genome of each side, the last one changing fastest.

    None for what the kernel does not take.

    :param inputs: (samples, inputs), float32, contiguous; ``targets`` likewise, or int64 classes (samples,).
    """
    layers = [tuple(map(_fixed, side)) for side in sides]
    if not all(map(all, layers)) or not all(_takes(loss, steps[-1][2]) for steps in layers[-1]):
        return None
    try:
        found: list[float] = _library().scores(variant, tuple(layers), inputs.numpy(), targets.numpy(), LOSSES[loss])
    except (ValueError, BufferError):  # widths that do not fit, another type, or not contiguous
        return None
    return found


def _fixed(genome: Genome) -> tuple[Any, ...]:
    """The layers of a network in which nothing learns, as the kernel takes them; none for what it does not take."""
    layers = []
    for name, _, nonlinearity in linear_layers(genome.module):
        table: Any = genome.module._modules[name[: -len(".weight")]]._parameters  # type: ignore[union-attr]
        weight, bias = table["weight"], table["bias"]
        if weight.device.type != "cpu" or weight.dtype != torch.float32:
            return ()
        outputs, inputs = weight.shape
        fixed = ((None if p is None else p.detach().numpy(), (), None, False) for p in (weight, bias))
        layers.append((inputs, outputs, NONLINEARITIES[nonlinearity], 0.0, *fixed))
    return tuple(layers)


@dataclass(frozen=True)
class Trainer:
    """Trains individuals that the kernel does not refuse, one after the other.

    ``parts`` are the names of the parts that learn, None for all.
    """

    parts: Sequence[str] | None
    loss: str | LossFunction
    optimizer: Optimizer
    variant: str
    sparse_below: float = SPARSE_BELOW

    def train(self, individuals: Sequence[Individual], epochs: Sequence[CellEpoch], rates: Sequence[float]) -> Tensor:
        """An epoch of each, in place; the mean losses of the batches, as they passed, (individuals,), float64."""
        return torch.tensor(list(map(self._train, individuals, epochs, rates)), dtype=torch.float64)

    def _train(self, individual: Individual, epoch: CellEpoch, rate: float) -> float:
        parts = genomes(individual)
        learn = [self.parts is None or name in self.parts for name in names_of(individual)]
        moments = [self._moments(genome) if learns else {} for genome, learns in zip(parts, learn, strict=True)]
        copies: list[tuple[Tensor, Tensor]] = []
        layers = tuple(
            _layer(genome, names, learns, remembered, copies)
            for genome, learns, remembered in zip(parts, learn, moments, strict=True)
            for names in linear_layers(genome.module)
        )
        keep = None if epoch.keep is None else epoch.keep.numpy()
        wanted = epoch.targets
        if not wanted.is_floating_point() and self.loss != "cross-entropy":
            wanted = wanted.to(torch.float32).unsqueeze(-1)  # whole numbers that are no classes
        data = (epoch.inputs.numpy(), wanted.numpy(), epoch.order.numpy(), epoch.ends, keep)
        numbers = OPTIMIZERS[type(self.optimizer)](self.optimizer, rate)
        settings = (LOSSES[str(self.loss)], numbers, epoch.largest, self.sparse_below)
        loss: float = _library().epoch(self.variant, layers, data, *settings)
        for tensor, copy in copies:
            tensor.copy_(copy)
        for genome, learns, remembered in zip(parts, learn, moments, strict=True):
            if learns:
                genome.moments = remembered
                genome.steps = genome.steps + len(epoch.ends) if remembered else 0
                genome.age += 1
        return loss

    def _moments(self, genome: Genome) -> dict[str, tuple[Tensor, ...]]:
        """What the optimizer remembers of a genome, contiguous; zeros, and no steps, where that is another's."""
        count = self.optimizer.moments
        table = {name: p for name, p in genome.module.named_parameters() if p.requires_grad} if count else {}
        if not remembers(genome, table, count):
            genome.steps = 0
            return {name: tuple(torch.zeros(p.shape) for _ in range(count)) for name, p in table.items()}
        return {name: tuple(m.float().contiguous() for m in genome.moments[name]) for name in table}


def _layer(
    genome: Genome,
    names: Names,
    learns: bool,
    moments: dict[str, tuple[Tensor, ...]],
    copies: list[tuple[Tensor, Tensor]],
) -> tuple[Any, ...]:
    """A layer as the kernel takes it; ``copies`` gets parameters that are not contiguous, and what stands for them."""
    weight, _, nonlinearity = names
    name = weight.partition(".")[0]
    table: Any = genome.module._modules[name]._parameters  # type: ignore[union-attr]

    def parameter(part: str) -> tuple[Any, ...]:
        tensor = table[part]
        if tensor is None:
            return None, (), None, False
        value = tensor.detach()
        if not value.is_contiguous():
            copies.append((value, value.contiguous()))
            value = copies[-1][1]
        mask = genome.masks.get(f"{name}.{part}")
        kept = None if mask is None else mask.contiguous().numpy()
        remembered = tuple(moment.numpy() for moment in moments.get(f"{name}.{part}", ()))
        return value.numpy(), remembered, kept, learns and tensor.requires_grad

    outputs, inputs = table["weight"].shape
    return inputs, outputs, NONLINEARITIES[nonlinearity], float(genome.steps), parameter("weight"), parameter("bias")
