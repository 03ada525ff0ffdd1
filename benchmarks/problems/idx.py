"""MNIST, and whatever else comes as its four IDX files, plain or gzipped."""

import gzip
import math
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, seed_of, task_of
from evoprune.memory import FLOAT, check_fits

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
"""What MNIST's directory holds, each perhaps with ``.gz`` at its end."""
UNSIGNED_BYTES = 0x08  # the third byte of the magic number; the fourth is the number of dimensions
HELD_OUT = 6  # one training image in so many is for validation, 10,000 of MNIST's 60,000


@dataclass(frozen=True)
class IdxImages(Problem):
    """Grey images from a directory with MNIST's four files, bytes divided by 255 into [0, 1].

    One in six of the training images, drawn by ``split_seed``, is the validation split. Format: LeCun, Cortes and
    Burges, "The MNIST database of handwritten digits".
    """

    name = "idx"
    directory: str = field(metadata={"help": "where the four IDX files are"})
    split_seed: int = seed_of("the split into train and validation", 0)
    task: str = task_of("reconstruction", "classification")

    def __post_init__(self) -> None:
        check_recipe(self)
        object.__setattr__(self, "directory", str(absolute(self.directory)))

    @property
    def shape(self) -> tuple[int, int]:
        path = find_files(self.directory)[0]
        shape = read_shape(path)
        if len(shape) != 3:
            raise ValueError(f"{path}: not an IDX file of images")
        return shape[1], shape[2]

    @property
    def memory(self) -> float:
        images, labels, test, test_labels = (math.prod(read_shape(path)) for path in find_files(self.directory))
        # The bytes and a copy of them in their order; floats, and these divided. Labels are wide, their order as well.
        return (images + test) * (2 + 2 * FLOAT) + (labels + test_labels) * 25

    @property
    def inputs(self) -> int:
        return math.prod(self.shape)

    def load(self) -> Splits:
        train, labels, test, test_labels = (read_idx(path) for path in find_files(self.directory))
        for images, classes, what in ((train, labels, "training"), (test, test_labels, "test")):
            if images.ndim != 3 or classes.ndim != 1 or len(images) != len(classes):
                raise ValueError(
                    f"{self.directory}: {what} images must be (samples, height, width) with a label each, "
                    f"got {images.shape} and labels {classes.shape}"
                )
        if train.shape[1:] != test.shape[1:] or train.size == 0 or test.size == 0:
            raise ValueError(f"{self.directory}: training images are {train.shape}, test images {test.shape}")
        order = np.random.default_rng(self.split_seed).permutation(len(train))
        held_out, kept = np.split(order, [max(len(order) // HELD_OUT, 1)])
        if len(kept) == 0:
            raise ValueError(f"{self.directory}: {len(train)} training images cannot be split into two sets")
        pixels = [part.reshape(len(part), -1).astype(np.float32) for part in (train[kept], train[held_out], test)]
        digits = [part.astype(np.int64) for part in (labels[kept], labels[held_out], test_labels)]
        return Splits(*(torch.from_numpy(part / 255) for part in pixels), *map(torch.from_numpy, digits))


def find_files(directory: str | Path) -> list[Path]:
    """The four files of a directory, each as it is or gzipped.

    :raises ValueError: naming all four where one is missing, and for a directory that cannot be read.
    """
    place = Path(directory)
    with readable(place):
        found = {name: path for name in FILES for path in (place / f"{name}.gz", place / name) if path.is_file()}
    missing = [name for name in FILES if name not in found]
    if missing:
        raise ValueError(
            f"{place}: {', '.join(missing)} not found; expected the four files {', '.join(FILES)}, plain or with .gz"
        )
    return list(found.values())


def read_idx(path: str | Path) -> np.ndarray:
    """The array of unsigned bytes in an IDX file, plain or gzipped, with the dimensions that its head names.

    :raises ValueError: for a file that is damaged, truncated, longer than its head says, larger than the memory that is
        free, or holds something else.
    """
    path = Path(path)
    shape = read_shape(path)
    expected = _length(shape)
    check_fits({str(path): expected}, "take less data")
    content = _first(path, expected + 1)
    _compare(path, shape, len(content))
    return np.frombuffer(content, dtype=np.uint8, offset=_head(shape)).reshape(shape)


def read_shape(path: str | Path) -> tuple[int, ...]:
    """The dimensions that the head of an IDX file names; of a plain file also whether it is as long as that.

    :raises ValueError: for a file that is damaged, or holds something else than bytes.
    """
    path = Path(path)
    content = _first(path, _head((0, 0, 0)))
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTES or not 1 <= content[3] <= 3:
        raise ValueError(
            f"{path}: not an IDX file of bytes: its magic number is 0x{content[:4].hex()}, "
            "expected 0x00000803 (images) or 0x00000801 (labels)"
        )
    head = 4 + 4 * content[3]
    if len(content) < head:
        raise ValueError(f"{path}: truncated: {len(content)} bytes, its head alone takes {head}")
    shape = struct.unpack(f">{content[3]}I", content[4:head])
    if path.suffix != ".gz":
        _compare(path, shape, os.path.getsize(path))
    return shape


def _first(path: Path, count: int) -> bytes:
    """The first bytes of a file, unpacked if it is gzipped, and no more of it: it may unpack to a thousand times."""
    with readable(path), (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        return bytes(file.read(count))


def _head(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape)


def _length(shape: tuple[int, ...]) -> int:
    return _head(shape) + math.prod(shape)


def _compare(path: Path, shape: tuple[int, ...], found: int) -> None:
    expected = _length(shape)
    if found != expected:
        what = "truncated" if found < expected else "longer than its head says"
        more = " or more" if found > expected and path.suffix == ".gz" else ""
        dimensions = " x ".join(map(str, shape))
        raise ValueError(f"{path}: {what}: {found} bytes{more}, {expected} expected for {dimensions}")
