"""What a problem is: a small frozen recipe whose tensors are made once a process."""

import dataclasses
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoprune.benchmarks.problems.shapes import require_finite
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.checks import at_least, lookup, shown
from evoprune.data import Rows
from evoprune.memory import check_fits
from evoprune.metrics import WRONG_BITS, Metric
from evoprune.runs.settings import SEEDS, check_type, check_value, types_of

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Splits:
    """The tensors of a problem: float32 (samples, inputs); int64 (samples,) labels where it has classes; float32
    (samples, outputs) values where it has some that are to be predicted; and what the classes are called."""

    train: Tensor
    validation: Tensor
    test: Tensor
    train_labels: Tensor | None = None
    validation_labels: Tensor | None = None
    test_labels: Tensor | None = None
    train_values: Tensor | None = None
    validation_values: Tensor | None = None
    test_values: Tensor | None = None
    class_names: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)


def task_of(*tasks: str) -> Any:
    """The field of a recipe for its task, of those in :data:`evoprune.benchmarks.problems.tasks.TASKS` these."""
    metadata = {"help": "what a network makes of a sample: " + ", ".join(tasks), "choices": dict.fromkeys(tasks)}
    return dataclasses.field(default=tasks[0], metadata=metadata)


def seed_of(what: str, default: int) -> Any:
    """The field of a recipe for the seed of something."""
    return dataclasses.field(default=default, metadata={"help": f"seed of {what}", "least": 0, "most": SEEDS})


class Problem(ABC):
    """Data, and a task: what a network is to make of a sample.

    Subclasses are frozen dataclasses: equal by their parameters, hashable, cheap to pickle. One that has several tasks
    has a field ``task`` (:func:`task_of`).

    The tensors are no part of the recipe. They are made when first asked for and shared by all equal recipes of the
    process, so a worker gets a hundred bytes and loads for itself. Do not write into them.
    """

    @abstractmethod
    def load(self) -> Splits:
        """Make the tensors, the same ones each time. Users ask for `train`, `validation` and `test` instead."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name in the `BENCHMARKS` registry."""

    @property
    def task(self) -> str:
        """What a network is to make of a sample, a name of :data:`evoprune.benchmarks.problems.tasks.TASKS`."""
        return "reconstruction"

    @property
    def loss(self) -> str:
        """The loss that suits, for those who name none."""
        return TASKS[self.task].loss

    @property
    def output(self) -> str:
        """The nonlinearity of the output that suits, for those who name none."""
        return TASKS[self.task].output

    @property
    def metric(self) -> Metric:
        """What a run shows of validation data while it goes on."""
        return TASKS[self.task].metrics[0]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What reports say of outputs beside the loss, :attr:`metric` first."""
        return TASKS[self.task].metrics + ((WRONG_BITS,) if self.task == "reconstruction" and self.binary else ())

    @property
    def constant(self) -> tuple[str, Tensor]:
        """What to compare a network with: what it says of itself, and the same outputs (outputs,) for every sample."""
        return TASKS[self.task].constant(self)

    @property
    def binary(self) -> bool:
        """Whether every value is 0 or 1, so that counting wrong bits makes sense."""
        return False

    @property
    def shape(self) -> tuple[int, int] | None:
        """Height and width of a sample that is an image, for plots."""
        return None

    @property
    def image(self) -> tuple[int, int, int] | None:
        """Channels, height and width of a sample that is an image."""
        return None if self.shape is None else (1, *self.shape)

    @property
    def noise_floor(self) -> float | None:
        """The L1 that no model is expected to beat on unseen data, where that is known."""
        return None

    @property
    def memory(self) -> float:
        """Bytes that loading takes at its peak, about, found without loading; 0 where a problem does not say.

        :raises ValueError: for a file that is damaged.
        """
        return 0.0

    @property
    def _splits(self) -> Splits:
        return splits(self)

    @property
    def inputs(self) -> int:
        """Values a sample."""
        return self.train.shape[1]

    @property
    def classes(self) -> int:
        """How many classes there are: one more than the largest number of a class in any split; 0 without labels."""
        labels = (self.train_labels, self.validation_labels, self.test_labels)
        return max((int(numbers.max()) + 1 for numbers in labels if numbers is not None), default=0)

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes are called, by their numbers; empty where nothing says it."""
        return self._splits.class_names

    @property
    def outputs(self) -> int:
        """Values that a network gives for a sample."""
        targets = self.targets("train")
        if targets is None:
            return self.inputs
        of_classes = isinstance(targets, Tensor) and not targets.is_floating_point()
        return self.classes if of_classes else targets.shape[1]

    @property
    def train(self) -> Tensor:
        """Training data, float32 (samples, inputs)."""
        return self._splits.train

    @property
    def validation(self) -> Tensor:
        """Data to choose by, float32 (samples, inputs)."""
        return self._splits.validation

    @property
    def test(self) -> Tensor:
        """Held-out data, float32 (samples, inputs)."""
        return self._splits.test

    def rows(self, split: str) -> Rows:
        """The samples of ``"train"``, ``"validation"`` or ``"test"`` by index: what training and batches read.

        Data that are no tensor override it with something that makes dense only the rows that are asked for.
        """
        rows: Rows = getattr(self, split)
        return rows

    def targets(self, split: str) -> Rows | None:
        """What a network is to give for the samples of a split; None where it is to give them back.

        :returns: classes, int64 (samples,), or values, float32 (samples, outputs).
        :raises ValueError: where the problem has not what its task needs.
        """
        needs = TASKS[self.task].targets
        if not needs:
            return None
        found: Rows | None = getattr(self._splits, f"{split}_{needs}")
        if found is None:
            raise ValueError(f"{shown(self)} has no {needs}, so it cannot be a task of {self.task}")
        return found

    @property
    def train_labels(self) -> Tensor | None:
        """The class of each training sample, int64 (samples,), or None. Read by training where it is the task."""
        return self._splits.train_labels

    @property
    def validation_labels(self) -> Tensor | None:
        """The class of each validation sample, or None."""
        return self._splits.validation_labels

    @property
    def test_labels(self) -> Tensor | None:
        """The class of each test sample, or None."""
        return self._splits.test_labels


@lru_cache(maxsize=8)  # a sweep over seeds must not keep 12 MB for each of them
def splits(problem: Problem) -> Splits:
    """The tensors of `problem`, made once a process.

    :raises ValueError: for what the problem refuses, and where the data do not fit into the memory that is free.
    """
    check_fits({f"the data of {problem}": problem.memory}, "take less data")
    try:
        return problem.load()
    except MemoryError as error:  # an estimate may be wrong, and not every problem has one
        raise ValueError(f"the data of {problem} do not fit into memory: take less data") from error


def trivial_l1(problem: Problem) -> float | None:
    """Mean absolute error on the test split of the best constant, which is the median of all training values.

    A network that does not get below this has learnt nothing. None where a network does not give values back.
    """
    if problem.task != "reconstruction" or not isinstance(problem.rows("test"), Tensor):
        return None
    return (problem.test - problem.train.median()).abs().mean().item()


def validate(problem: Problem, batch_size: int) -> None:
    """See, before any work, that the data can be trained on.

    :raises ValueError: for a split that is empty or not two-dimensional, splits of different widths, a value that is
        not finite (the message has split, row and column), targets that the task lacks or that do not fit, a single
        class, or a batch larger than the training data.
    """
    lookup("task", problem.task, TASKS)
    for split in SPLITS:
        data = problem.rows(split)
        if len(data.shape) != 2 or not all(data.shape):
            raise ValueError(f"{split} data must be (samples, inputs) and not empty, got {tuple(data.shape)}")
        if data.shape[1] != problem.inputs:
            raise ValueError(f"{split} data have {data.shape[1]} inputs, the training data {problem.inputs}")
        if isinstance(data, Tensor):  # who makes rows dense has looked at them
            require_finite(f"{split} data", data)
        _check_targets(problem, split, len(data))
    if problem.task == "classification" and problem.classes < 2:
        raise ValueError(f"classification needs at least two classes, got {problem.classes} in {shown(problem)}")
    at_least("batch_size", batch_size, 1, whole=True)
    if batch_size > (count := len(problem.rows("train"))):
        raise ValueError(f"batch_size {batch_size} is larger than the {count} training samples")


def _check_targets(problem: Problem, split: str, count: int) -> None:
    targets = problem.targets(split)
    if targets is None:
        return
    if len(targets) != count:
        raise ValueError(f"{split} data need a target for each sample, got {len(targets)} for {count} samples")
    if isinstance(targets, Tensor) and targets.is_floating_point():
        require_finite(f"{split} targets", targets.view(len(targets), -1))
    elif isinstance(targets, Tensor) and int(targets.min()) < 0:
        raise ValueError(f"{split} labels must be numbers of classes from 0, got {int(targets.min())}")


def random_split(data: Tensor, seed: int, labels: Tensor | None = None, values: Tensor | None = None) -> Splits:
    """Samples (samples, inputs) at random, with what belongs to them: 60 % training, 20 % validation, 20 % test."""
    fifth = len(data) // 5
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(data)))
    parts = order[2 * fifth :], order[fifth : 2 * fifth], order[:fifth]
    found = [None if table is None else table[part] for table in (labels, values) for part in parts]
    return Splits(*(data[part] for part in parts), *found)


def check_recipe(problem: Problem) -> None:
    """See that the fields of a recipe have their types and are within what their metadata say, as for settings.

    Numbers of numpy and paths become plain numbers and texts, which JSON knows.

    :raises ValueError: naming the field, its value and what was expected.
    """
    types = types_of(type(problem))
    for field in dataclasses.fields(problem):  # type: ignore[arg-type]  # subclasses are dataclasses
        value: Any = getattr(problem, field.name)
        if isinstance(value, (np.generic, os.PathLike)):
            value = value.item() if isinstance(value, np.generic) else os.fspath(value)
            object.__setattr__(problem, field.name, value)
        check_type(field.name, value, types[field.name])
        check_value(field.name, value, field.metadata)
        if "choices" in field.metadata:
            lookup(field.name, value, field.metadata["choices"])
