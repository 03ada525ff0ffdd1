"""Gradient steps on stacked parameters, a learning rate a cell.

An optimizer is a frozen recipe; ``bind(stack, rates)`` gives the function that makes one step on the stack's gradients,
which it may use up; ``rates`` is (cells,), float64, in main memory. What it remembers lives in the stack and returns to
the genomes, so it is cloned, pickled and checkpointed with them.

Where ``l1`` is more than 0, the proximal step of an L1 penalty follows each gradient step: soft thresholding,
``w <- sign(w) max(|w| - rate * l1, 0)`` (Daubechies et al. 2004; Parikh and Boyd 2014, "Proximal algorithms"). It pulls
all that learns, weights and biases, to exactly zero. The rate is the cell's, not what Adam makes of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import torch
from torch import Tensor

from evoprune.checks import at_least, in_unit_interval, lookup, shown, two
from evoprune.training.stacking import Stack, flat

Step = Callable[[], None]


def _gradients(stack: Stack, weight_decay: float) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Name, parameter and gradient of all that learns; weight decay is part of the gradient."""
    for name, param in stack.params.items():
        if weight_decay:
            stack.grads[name].add_(param, alpha=weight_decay)
        yield name, param, stack.grads[name]


def _column(values: Tensor, like: Tensor) -> Tensor:
    """A number a cell, to be multiplied with a stacked parameter."""
    return values.to(like).view(-1, *[1] * (like.dim() - 1))


def _pulling(step: Step, stack: Stack, rates: Tensor, l1: float) -> Step:
    """A step, and the proximal one of L1 after it, as ``w - clamp(w, -rate * l1, rate * l1)``."""
    if not l1:
        return step
    highs = {name: _column(l1 * rates, param) for name, param in stack.params.items()}
    lows = {name: -high for name, high in highs.items()}
    rooms = {name: torch.empty_like(param) for name, param in stack.params.items()}

    def both() -> None:
        step()
        for name, param in stack.params.items():
            room = torch.minimum(param, highs[name], out=rooms[name])  # four times as fast as clamp by tensors
            param.sub_(torch.maximum(room, lows[name], out=room))

    return both


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015, arXiv 1412.6980) whose moments live with the individual."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    l1: float = 0.0
    moments = 2

    def __post_init__(self) -> None:
        for beta in two("betas", self.betas):
            in_unit_interval("betas", beta)
        at_least("eps", self.eps, 0, finite=True)
        at_least("weight_decay", self.weight_decay, 0, finite=True)
        at_least("l1", self.l1, 0, finite=True)

    def bind(self, stack: Stack, rates: Tensor) -> Step:
        kinds = {(param.device.type, param.dtype) for param in stack.params.values()}
        fits = len(kinds) == 1 and all(device == "cpu" for device, _ in kinds)
        step = self._fused(stack, rates) if fits else self._stacked(stack, rates)
        return _pulling(step, stack, rates, self.l1)

    def _fused(self, stack: Stack, rates: Tensor) -> Step:
        """Through torch's fused kernel, one pass over memory instead of six; cells that go in step share a call."""
        names = list(stack.params)
        tables = [stack.params, stack.grads, *({name: stack.moments[name][k] for name in names} for k in range(2))]
        pace = list(zip(rates.tolist(), stack.steps.tolist(), strict=True))
        fused = partial(
            torch._fused_adam_, beta1=self.betas[0], beta2=self.betas[1], weight_decay=self.weight_decay, eps=self.eps
        )
        calls = []
        for (rate, _), run in groupby(range(len(pace)), key=pace.__getitem__):
            cells = list(run)
            lists = [[flat(table[name][cells[0] : cells[-1] + 1]) for name in names] for table in tables]
            steps = [stack.steps[cells[0]]] * len(names)
            calls.append(partial(fused, *lists, [], steps, lr=rate, amsgrad=False, maximize=False))

        def step() -> None:
            stack.steps += 1
            for call in calls:
                call()

        return step

    def _stacked(self, stack: Stack, rates: Tensor) -> Step:
        beta1, beta2 = self.betas

        def step() -> None:
            stack.steps += 1
            steps = stack.steps.double()  # 1 - 0.999 in single precision is wrong in the fifth digit
            scale = rates / (1 - beta1**steps)
            root = (1 - beta2**steps).sqrt()
            for name, param, grad in _gradients(stack, self.weight_decay):
                first, second = stack.moments[name]
                first.lerp_(grad, 1 - beta1)
                second.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                denominator = (second.sqrt() / _column(root, param)).add_(self.eps)
                param.addcmul_(first / denominator, _column(scale, param), value=-1)

        return step


@dataclass(frozen=True)
class AdamAnew:
    """Adam built anew for every batch, as the paper's code does: the first step of Adam, ``lr * g / (|g| + eps)``.

    The moments never build up, so their coefficients do not matter.
    """

    eps: float = 1e-8
    weight_decay: float = 0.0
    l1: float = 0.0
    moments = 0

    def __post_init__(self) -> None:
        at_least("eps", self.eps, 0, finite=True)
        at_least("weight_decay", self.weight_decay, 0, finite=True)
        at_least("l1", self.l1, 0, finite=True)

    def bind(self, stack: Stack, rates: Tensor) -> Step:
        # (|g| + eps) / lr in one go, and one division: two passes over memory less. A rate of 0 has no inverse.
        inverse = 1 / rates.clamp_min(1e-30)
        scales = {name: _column(inverse, param) for name, param in stack.params.items()}
        shifts = {name: _column(self.eps * inverse, param) for name, param in stack.params.items()}
        rooms = {name: torch.empty_like(param) for name, param in stack.params.items()}

        def step() -> None:
            for name, param, grad in _gradients(stack, self.weight_decay):
                room = rooms[name]
                torch.abs(grad, out=room).mul_(scales[name]).add_(shifts[name])
                param.addcdiv_(grad, room, value=-1)

        return _pulling(step, stack, rates, self.l1)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent with momentum whose buffer lives with the individual."""

    momentum: float = 0.9
    weight_decay: float = 0.0
    l1: float = 0.0
    moments = 1

    def __post_init__(self) -> None:
        in_unit_interval("momentum", self.momentum)
        at_least("weight_decay", self.weight_decay, 0, finite=True)
        at_least("l1", self.l1, 0, finite=True)

    def bind(self, stack: Stack, rates: Tensor) -> Step:
        columns = {name: _column(rates, param) for name, param in stack.params.items()}

        def step() -> None:
            stack.steps += 1
            for name, param, grad in _gradients(stack, self.weight_decay):
                buffer = stack.moments[name][0].mul_(self.momentum).add_(grad)
                param.addcmul_(buffer, columns[name], value=-1)

        return _pulling(step, stack, rates, self.l1)


Optimizer = Adam | AdamAnew | SGD

OPTIMIZERS: dict[str, Optimizer] = {
    "adam": Adam(),
    "adam-0.5": Adam(betas=(0.5, 0.999)),  # the paper's canonical baseline
    "adam-anew": AdamAnew(),
    "sgd": SGD(),
}


def optimizer_for(optimizer: str | Optimizer) -> Optimizer:
    """An optimizer by name, or as it is.

    :raises ValueError: for an unknown name.
    :raises TypeError: for anything else, such as torch's own optimizers.
    """
    if isinstance(optimizer, str):
        return lookup("optimizer", optimizer, OPTIMIZERS)
    if isinstance(optimizer, type) or not hasattr(optimizer, "bind"):
        names = ", ".join(sorted(OPTIMIZERS))
        raise TypeError(
            f"optimizer must be one of {names}, or an object such as optimizers.Adam(), got {shown(optimizer)}"
        )
    return optimizer
