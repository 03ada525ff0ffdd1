"""A table of samples and what a network is to tell of each: from text or from numpy's arrays, the same thing."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evoprune.benchmarks.problems.arrays import Layout, read_array, read_layout, target_array
from evoprune.benchmarks.problems.columns import find_column
from evoprune.benchmarks.problems.shapes import Check, check_labels, check_table, check_values, require_finite
from evoprune.benchmarks.problems.table_text import csv_memory, read_csv
from evoprune.benchmarks.problems.targets import Texts, classes_of, classes_of_texts, value_of, values_of
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.checks import shown
from evoprune.memory import FLOAT

CHECKS: dict[str, Check] = {"labels": check_labels, "values": check_values}
SORTED = 48
"""Bytes that a target of an array takes while classes are found, about, beside four copies of it: wide numbers."""


@dataclass(frozen=True, eq=False)
class Table:
    """Samples, float32 (samples, inputs), and their labels, int64 (samples,), or values, float32 (samples, outputs)."""

    inputs: Tensor
    labels: Tensor | None = None
    values: Tensor | None = None
    class_names: tuple[str, ...] = ()


def table_memory(path: str, column: str | None, task: str) -> float:
    """Bytes that :func:`read_table` and a split take at their peak, about, by the file's head.

    :raises ValueError: for a file that is damaged, or has no targets.
    """
    needs = TASKS[task].targets
    array = _target_array(path, column, task)
    if _is_text(path):
        return csv_memory(path, target=bool(needs))
    layout = read_layout(path)
    # The table beside its float32 copy; later that beside its splits, or beside what looks for infinities.
    memory = math.prod(layout.shape) * max(layout.dtype.itemsize + FLOAT, 3 * FLOAT)
    if needs:
        targets = (
            Layout(layout.shape[:1], layout.dtype) if array is None else _target_layout(path, array, needs, layout)
        )
        memory += math.prod(targets.shape) * (4 * targets.dtype.itemsize + SORTED)
    return memory


def read_table(path: str, column: str | None, task: str) -> Table:
    """The samples of a file, without the column of the target, and their targets if the task has some.

    :param column: the column of the target, by its number, or in a ``.csv`` by its name in the header.
    :raises ValueError: naming the file, and the place of what is no number, no class or not finite.
    """
    array = _target_array(path, column, task)
    return (_from_text if _is_text(path) else _from_arrays)(path, column, array, TASKS[task].targets)


def _from_text(path: str, column: str | None, array: str | None, needs: str) -> Table:
    texts = Texts()
    number_of = texts if needs == "labels" else value_of if needs else None
    found = read_csv(path, column, number_of)
    check_table(path, found.numbers.shape, found.numbers.dtype)
    inputs = _floats(found.numbers, None)
    _require_finite(path, inputs, found.column)
    what = _name(path, column, array)
    if needs == "labels":
        names, labels = classes_of_texts(what, list(texts.numbers), found.target.astype(np.int64))
        return Table(inputs, labels, class_names=names)
    return Table(inputs, values=values_of(what, found.target)) if needs else Table(inputs)


def _from_arrays(path: str, column: str | None, array: str | None, needs: str) -> Table:
    layout = read_layout(path)
    number = None if column is None else find_column(path, column, layout.shape[1], None)
    if array is not None:
        _target_layout(path, array, needs, layout)
    inputs, target = _read(path, number)
    _require_finite(path, inputs, number)
    target = target if array is None else read_array(path, array, CHECKS[needs])
    what = _name(path, column, array)
    if needs == "labels":
        names, labels = classes_of(what, target.reshape(-1))
        return Table(inputs, labels, class_names=names)
    return Table(inputs, values=values_of(what, target)) if needs else Table(inputs)


def _read(path: str, column: int | None) -> tuple[Tensor, np.ndarray]:
    """The inputs, and the column that is none of them; a function of its own, so that the whole table goes with it."""
    table = read_array(path)
    return _floats(table, column), np.empty(0) if column is None else table[:, column].copy()


def _floats(table: np.ndarray, without: int | None) -> Tensor:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes an infinity, which is reported
        if without is None:
            return torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
        inputs = np.empty((len(table), table.shape[1] - 1), np.float32)
        inputs[:, :without], inputs[:, without:] = table[:, :without], table[:, without + 1 :]
    return torch.from_numpy(inputs)


def _require_finite(path: str, inputs: Tensor, without: int | None) -> None:
    if without is not None and not torch.isfinite(inputs).all():  # columns are counted as they are in the file
        inputs = torch.cat([inputs[:, :without], torch.zeros(len(inputs), 1), inputs[:, without:]], dim=1)
    require_finite(path, inputs)


def _target_array(path: str, column: str | None, task: str) -> str | None:
    """The array that holds the targets, where no column does; None where nobody asks for them.

    :raises ValueError: naming the option, where nothing holds them.
    """
    if column is not None or not TASKS[task].targets:
        return None
    array = None if _is_text(path) else target_array(path)
    if array is None:
        more = ", or arrays x and y, or data and target" if path.lower().endswith(".npz") else ""
        raise ValueError(f"{path}: {task} needs target_column, the column that holds the targets{more}")
    return array


def _target_layout(path: str, array: str, needs: str, samples: Layout) -> Layout:
    found = read_layout(path, array, CHECKS[needs])
    if found.shape[0] != samples.shape[0]:
        raise ValueError(f"{path}: array {array} has {shown(found.shape[0])} rows for {samples.shape[0]} samples")
    return found


def _is_text(path: str) -> bool:
    return Path(path).suffix.lower() == ".csv"


def _name(path: str, column: str | None, array: str | None) -> str:
    """What messages call the target."""
    return f"{path}: target_column {shown(column)}" if array is None else f"{path}: array {array}"
