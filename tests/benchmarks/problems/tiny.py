"""CIFAR-10's files as small as they get."""

from pathlib import Path

import numpy as np

from evoprune.benchmarks.problems.cifar10 import FILES


def record(label: int, shade: int) -> bytes:
    """A label, and a picture whose red values are all a shade, the green ones 253 and the blue ones 0."""
    return bytes([label]) + bytes([shade]) * 1024 + bytes([253]) * 1024 + bytes(1024)


def write_cifar10(place: Path, batch: int = 4, test: int = 6) -> Path:
    """CIFAR-10's six files, ``batch`` records in each of the first five: number k has shade k and label k % 10."""
    place.mkdir(parents=True, exist_ok=True)
    starts = np.cumsum([0, *[batch] * 5, test])
    for name, start, stop in zip(FILES, starts[:-1], starts[1:], strict=True):
        (place / name).write_bytes(b"".join(record(k % 10, k) for k in range(start, stop)))
    return place
