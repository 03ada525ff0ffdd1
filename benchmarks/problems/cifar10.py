"""CIFAR-10 in its binary version: six files of records, each a label and a small picture in colour."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evoprune.benchmarks.problems.images import ImageProblem
from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Splits, check_recipe, seed_of, task_of
from evoprune.memory import FLOAT

FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
"""Five files of training images and one of test images."""
UNPACKED = "cifar-10-batches-bin"
"""The folder that the archive unpacks to."""
PICKLED = "cifar-10-batches-py"
"""That of the Python version, whose files have no suffix."""
NAMES = "batches.meta.txt"
HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
IMAGE = (3, 32, 32)
PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS
CLASSES = 10
HELD_OUT = 10  # one training image in so many is for validation, 5,000 of the 50,000
CHUNK = 256
"""Records that are read at a time, so that only these are in memory as bytes."""


@dataclass(frozen=True)
class Cifar10(ImageProblem):
    """Photographs of 32 x 32 pixels in colour from a directory with CIFAR-10's six binary files, in ten classes.

    A record is a label from 0 to 9, then 1,024 bytes each of red, green and blue, row by row; bytes are divided by 255
    into [0, 1]. One in ten of the training images, drawn by ``split_seed``, is the validation split. The files may lie
    in the directory or in ``cifar-10-batches-bin`` below it. The recipe holds the absolute path, so workers have to see
    it there. Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    :raises ValueError: for an unknown task, a negative seed; and when the data are first asked for: a file that is
        missing, empty, no whole number of records, or has a label above 9.
    """

    name = "cifar10"
    image = IMAGE
    classes = 10
    directory: str = field(metadata={"help": "where the six files of CIFAR-10's binary version are"})
    split_seed: int = seed_of("the split into train and validation", 0)
    task: str = task_of("reconstruction", "classification")

    def __post_init__(self) -> None:
        check_recipe(self)
        object.__setattr__(self, "directory", str(absolute(self.directory)))

    @property
    def memory(self) -> float:
        # Floats, and beside them what looks for infinities; wide labels, their order, and where each goes.
        return sum(map(count_records, find_files(self.directory))) * (PIXELS * (2 * FLOAT + 2) + 3 * 8)

    def load(self) -> Splits:
        *batches, test_batch = find_files(self.directory)
        names = read_names(batches[0].with_name(NAMES))
        order = np.random.default_rng(self.split_seed).permutation(sum(map(count_records, batches)))
        # By where each record goes it is read right into its split: sorted afterwards, all would be there twice.
        images, labels = _read(batches, np.argsort(order))
        test, test_labels = _read([test_batch], np.arange(count_records(test_batch)))
        held_out = max(len(order) // HELD_OUT, 1)
        parts = images[held_out:], images[:held_out], test, labels[held_out:], labels[:held_out], test_labels
        return Splits(*map(torch.from_numpy, parts), class_names=names)


def find_files(directory: str | Path) -> list[Path]:
    """The six files of a directory, or of the folder below it that the archive unpacks to.

    :raises ValueError: naming what is missing, and for a directory that cannot be read.
    """
    place = Path(directory)
    with readable(place):
        found = [[path for name in FILES if (path := folder / name).is_file()] for folder in (place, place / UNPACKED)]
        pickled = [path for folder in (place, place / PICKLED) if (path := folder / "data_batch_1").is_file()]
    files = found[0] or found[1]
    expected = f"the six files {', '.join(FILES)} of CIFAR-10's binary version, which is at {HOME}"
    if not files and pickled:
        raise ValueError(f"{place}: {pickled[0].name} is of the Python version, a pickle; expected {expected}")
    if not files:
        raise ValueError(f"{place}: expected {expected}, here or in {UNPACKED}, and found none")
    missing = [name for name in FILES if name not in {path.name for path in files}]
    if missing:
        raise ValueError(f"{files[0].parent}: {', '.join(missing)} not found; expected {expected}")
    return files


def count_records(path: Path) -> int:
    """How many records a file holds, by its length.

    :raises ValueError: for none, or no whole number.
    """
    with readable(path):
        length = os.path.getsize(path)
    if length == 0 or length % RECORD:
        what = "empty" if length == 0 else f"{length} bytes are no whole number of records"
        raise ValueError(f"{path}: {what}; expected records of {RECORD} bytes, a label and 3 x 32 x 32 pixels")
    return length // RECORD


def read_names(path: Path) -> tuple[str, ...]:
    """The names of the ten classes, one a line; empty where there is no such file.

    :raises ValueError: for anything else in it.
    """
    with readable(path):
        if not path.is_file():
            return ()
        with open(path, encoding="utf-8") as file:
            text = file.read(RECORD)  # ten words take less
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(names) != CLASSES or not all(name.isprintable() for name in names):
        raise ValueError(f"{path}: expected the names of {CLASSES} classes, one a line, found {len(names)} lines")
    return names


def _read(paths: Sequence[Path], places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (samples, 3072) in [0, 1] and labels of the records of files, each in the row that ``places`` says."""
    images, labels = np.empty((len(places), PIXELS), np.float32), np.empty(len(places), np.int64)
    start = 0
    for path in paths:
        for records in _chunks(path):
            rows = places[start : start + len(records)]
            labels[rows] = records[:, 0]
            images[rows] = np.divide(records[:, 1:], 255, dtype=np.float32)
            start += len(records)
    return images, labels


def _chunks(path: Path) -> Iterator[np.ndarray]:
    """The records of a file, bytes (records, 3073), a few at a time.

    :raises ValueError: for a label that is none, and a file that has become shorter meanwhile.
    """
    count = count_records(path)
    for start in range(0, count, CHUNK):
        length = min(CHUNK, count - start) * RECORD
        with readable(path), open(path, "rb") as file:
            file.seek(start * RECORD)
            content = file.read(length)
        if len(content) < length:
            raise ValueError(f"{path}: truncated: expected {count} records of {RECORD} bytes")
        records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
        if (wrong := np.flatnonzero(records[:, 0] >= CLASSES)).size:
            place = f"record {start + wrong[0]} (counted from 0)"
            raise ValueError(f"{path}: label {records[wrong[0], 0]} in {place}; expected 0 to {CLASSES - 1}")
        yield records
