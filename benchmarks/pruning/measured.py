"""What metrics say of networks on a split: on all samples at once, or some rows at a time where they are no tensor."""

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from evoprune.benchmarks.problems.problem import Problem
from evoprune.data import Samples, samples_of, whole
from evoprune.evaluation import loss_of, outputs_of
from evoprune.fitness import WORST
from evoprune.individuals import Network
from evoprune.metrics import L1, Metric, mean_of
from evoprune.training.kernel import Kernel
from evoprune.training.scoring import kernel_loss

Figures = list[float]


def measured(grid: Iterable[Network], samples: Samples, metrics: Sequence[Metric], loss: str) -> list[Figures]:
    """For each metric, and last for the loss, a number a network; NaN for one whose loss is not finite.

    What a network makes of the samples is computed once.
    """
    rows = []
    for network in grid:
        *figures, lost = _figures(lambda inputs, network=network: outputs_of(network, inputs), samples, metrics, loss)  # type: ignore[misc]
        rows.append([*(math.nan if math.isnan(lost) else figure for figure in figures), lost])
    return [list(column) for column in zip(*rows, strict=True)]


def lowest(losses: Sequence[float]) -> int:
    """The place of the lowest loss; NaN is higher than any."""
    return min(range(len(losses)), key=lambda i: math.inf if math.isnan(losses[i]) else losses[i])


def of_constant(problem: Problem, samples: Samples, metrics: Sequence[Metric]) -> Figures:
    """For each metric what the problem's constant gets, which does not look at the samples."""
    _, outputs = problem.constant
    return _figures(lambda inputs: outputs.expand(len(inputs), -1), samples, metrics)


def metric_of(metric: Metric, network: Network, samples: Samples, kernel: str | Kernel) -> float:
    """A metric of one network, by the kernel that trains where that computes it."""
    if metric is L1:
        data = (samples.inputs, samples.targets) if samples.labelled else samples.inputs
        return kernel_loss(*network, data=data, kernel=kernel)[0]
    (figure,) = _figures(lambda inputs: outputs_of(network, inputs), samples, [metric])
    return figure


def first_samples(problem: Problem, split: str, count: int) -> Samples:
    """The first samples of a split, as tensors."""
    inputs, targets = samples_of(problem, split)
    if isinstance(inputs, Tensor) and targets is inputs:
        return Samples(first := inputs[:count], first)
    places = torch.arange(min(count, len(inputs)))
    some = inputs[places]
    return Samples(some, some if targets is inputs else targets[places])


def example_of(problem: Problem) -> Tensor:
    """An input as networks take it, (1, values)."""
    return whole(first_samples(problem, "validation", 1).inputs)


def _figures(
    outputs: Callable[[Tensor], Tensor], samples: Samples, metrics: Sequence[Metric], loss: str | None = None
) -> Figures:
    """Each metric, and last the loss where there is one."""
    whole = isinstance(samples.inputs, Tensor)
    found: list[list[Tensor]] = [[] for _ in metrics]
    means: Figures = []
    losses: list[tuple[float, int]] = []
    for inputs, targets in samples.chunks():
        output = outputs(inputs)
        for values, metric in zip(found, metrics, strict=True):
            if whole and metric.whole is not None:
                means.append(metric.whole(output, inputs, targets))
            else:
                values.append(metric.values(output, inputs, targets))
                means.extend([mean_of(values[0])] if whole else [])
        if loss is not None:
            value = loss_of(output, targets, loss)
            losses.append((value if value < WORST else math.nan, len(inputs)))
    means = means if whole else [mean_of(torch.cat(values)) for values in found]
    count = sum(size for _, size in losses)
    mean = [losses[0][0] if len(losses) == 1 else sum(value * size for value, size in losses) / count] if losses else []
    return [*means, *mean]
