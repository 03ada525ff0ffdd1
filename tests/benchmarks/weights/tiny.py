"""Settings of runs that take a fraction of a second, and IDX files as small as they get."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

from evoprune.benchmarks.problems.idx import FILES

TINY: dict[str, Any] = {
    "layers": "6-3",
    "samples": 60,
    "batch_size": 20,
    "generations": 3,
    "epochs": 1,
    "population": 6,
    "compare": False,
    "checkpoint_every": 100,
}


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as an IDX file."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def write_mnist(place: Path, train: int = 60, test: int = 20, side: int = 5, zipped: bool = False) -> Path:
    """MNIST's four files with random images: of class k the pixel k is white."""
    rng = np.random.default_rng(0)
    place.mkdir(parents=True, exist_ok=True)
    for count, names in ((train, FILES[:2]), (test, FILES[2:])):
        labels = np.arange(count) % 10
        images = rng.integers(0, 50, (count, side * side))
        images[np.arange(count), labels] = 255
        for name, array in zip(names, (images.reshape(count, side, side), labels), strict=True):
            content = idx(array)
            (place / f"{name}{'.gz' if zipped else ''}").write_bytes(gzip.compress(content) if zipped else content)
    return place
