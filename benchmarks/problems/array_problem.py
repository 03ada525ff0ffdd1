"""Data that are in memory already."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

from evoprune.benchmarks.problems.problem import SPLITS, Problem, Splits, task_of
from evoprune.benchmarks.problems.tasks import TASKS

FEWEST = 10
"""Samples from which on some are held out."""


@dataclass(frozen=True, eq=False)
class ArrayProblem(Problem):
    """Tensors that a program has, as a problem: equal to itself alone, and gone when nobody has it any more.

    It is no small recipe, as other problems are: what it is sent to gets all its tensors.

    :param held: the tensors.
    :param classes: how many there are, also where the tensors have not all of them.
    """

    name = "arrays"
    held: Splits = field(repr=False)
    task: str = task_of("reconstruction", "classification", "regression")
    classes: int = 0

    def load(self) -> Splits:
        return self.held

    @property
    def _splits(self) -> Splits:  # not by way of the cache, which would keep the tensors alive
        return self.held


def problem_of_arrays(
    inputs: Tensor, targets: Tensor | None = None, task: str = "reconstruction", classes: int = 0, held_out: Any = ()
) -> ArrayProblem:
    """A problem of samples, float32 (samples, inputs), and what its task needs of them.

    The test split is the validation split once more: nothing here measures in the end.

    :param targets: classes, int64 (samples,), or values, float32 (samples, outputs).
    :param held_out: places of the samples for validation; where there are none, all train and all validate.
    """
    trained, validated = torch.ones(len(inputs), dtype=torch.bool), torch.as_tensor(held_out, dtype=torch.int64)
    trained[validated] = False

    def parts(table: Tensor) -> list[Tensor]:
        return [table[trained], *[table[validated]] * 2] if len(validated) else [table] * 3

    found: dict[str, Any] = dict(zip(SPLITS, parts(inputs), strict=True))
    if targets is not None:
        names = [f"{split}_{TASKS[task].targets}" for split in SPLITS]
        found |= zip(names, parts(targets), strict=True)
    return ArrayProblem(Splits(**found), task, classes)


def held_out(count: int, fraction: float, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
    """Places of samples at random for validation, (held out,), of each class its share; none where they are too few.

    That is below :data:`FEWEST` samples, with a class of one, and where not every class could train.

    :param fraction: of the samples; 0 for none.
    :param labels: the class of each, (samples,), where there are classes.
    """
    classes = 1 if labels is None else len(np.unique(labels))
    size = max(round(count * fraction), classes)
    rare = labels is not None and np.unique(labels, return_counts=True)[1].min() < 2
    if not fraction or count < FEWEST or rare or count - size < classes:
        return np.arange(0)
    return np.asarray(train_test_split(np.arange(count), test_size=size, stratify=labels, random_state=seed)[1])
