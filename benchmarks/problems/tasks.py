"""What a network may be asked to make of a sample, and what follows from it where nothing else is said."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from evoprune.metrics import ACCURACY, ERROR, L1, R2, Metric

Constant = Callable[[Any], tuple[str, Tensor]]
"""A problem to the best outputs that do not look at the sample: words, and (outputs,)."""


@dataclass(frozen=True)
class Task:
    """A task: the data that its targets are, its loss, the output before that, and what its reports show.

    ``targets`` is ``"labels"``, ``"values"`` or, for the samples themselves, empty. The rest is what a run does where
    nobody says otherwise: ``target_preserved`` is the share of weights that it aims at.
    """

    line: str
    targets: str
    loss: str
    output: str
    metrics: tuple[Metric, ...]
    constant: Constant
    target_preserved: float
    batch_size: int
    learning_rate: float


def _median(problem: Any) -> tuple[str, Tensor]:
    median = problem.train.median()
    return f"always {float(median):g} (the training median)", median.expand(problem.inputs)


def _commonest(problem: Any) -> tuple[str, Tensor]:
    counts = problem.targets("train").bincount(minlength=problem.outputs).float()
    return f"always class {int(counts.argmax())} (the most frequent in training)", counts


def _mean(problem: Any) -> tuple[str, Tensor]:
    return "always the mean of the training values", torch.as_tensor(problem.targets("train")).mean(0)


TASKS: dict[str, Task] = {
    "reconstruction": Task("give the sample back", "", "bce", "sigmoid", (L1,), _median, 0.2, 5, 1e-3),
    "classification": Task(
        "tell its class",
        "labels",
        "cross-entropy",
        "identity",
        (ACCURACY, ERROR),
        _commonest,
        target_preserved=0.1,
        batch_size=32,
        learning_rate=5e-3,
    ),
    "regression": Task("predict its values", "values", "mse", "identity", (R2, L1), _mean, 0.1, 32, 5e-3),
}
