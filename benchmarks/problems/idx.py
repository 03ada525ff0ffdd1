"""MNIST, and whatever else comes as its four IDX files, plain or gzipped."""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evoprune.benchmarks.problems.problem import Problem, Splits, check_whole

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
    split_seed: int = field(default=0, metadata={"help": "seed of the split into train and validation"})

    def __post_init__(self) -> None:
        check_whole(self, split_seed=0)

    @property
    def shape(self) -> tuple[int, int]:
        path = find_files(self.directory)[0]
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            head = file.read(16)
        if len(head) < 16 or head[:4] != b"\0\0\x08\x03":
            read_idx(path)  # which says what is wrong
            raise ValueError(f"{path}: not an IDX file of images")
        height, width = struct.unpack(">II", head[8:])
        return height, width

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

    :raises ValueError: naming all four where one is missing.
    """
    place = Path(directory)
    found = {name: path for name in FILES for path in (place / f"{name}.gz", place / name) if path.is_file()}
    missing = [name for name in FILES if name not in found]
    if missing:
        raise ValueError(
            f"{place}: {', '.join(missing)} not found; expected the four files {', '.join(FILES)}, plain or with .gz"
        )
    return list(found.values())


def read_idx(path: str | Path) -> np.ndarray:
    """The array of unsigned bytes in an IDX file, plain or gzipped, with the dimensions that its head names.

    :raises ValueError: for a file that is damaged, truncated, longer than its head says, or holds something else.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTES or not 1 <= content[3] <= 3:
        raise ValueError(
            f"{path}: not an IDX file of bytes: its magic number is 0x{content[:4].hex()}, "
            "expected 0x00000803 (images) or 0x00000801 (labels)"
        )
    head = 4 + 4 * content[3]
    if len(content) < head:
        raise ValueError(f"{path}: truncated: {len(content)} bytes, its head alone takes {head}")
    shape = struct.unpack(f">{content[3]}I", content[4:head])
    expected = head + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        what = "truncated" if len(content) < expected else "longer than its head says"
        raise ValueError(f"{path}: {what}: {len(content)} bytes, {expected} expected for {' x '.join(map(str, shape))}")
    return np.frombuffer(content, dtype=np.uint8, offset=head).reshape(shape)
