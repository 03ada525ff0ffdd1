"""Folders of CIFAR-10's files that are damaged in every way we know of, the same ones each time."""

import os
import pickle
from pathlib import Path

from evoprune.benchmarks.problems.cifar10 import FILES, NAMES, PICKLED, RECORD, UNPACKED
from tests.benchmarks.problems.tiny import record, write_cifar10
from tests.damaged_tables import Content, Maker, table


def cifar10_folder(name: str, content: Content | None) -> Maker:
    """Writes the six files, of which one is something else, or missing."""

    def make(folder: Path) -> Path:
        write_cifar10(folder)
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content())
        return folder

    return make


def python_version(below: str) -> Maker:
    """Writes the pickles that CIFAR-10's Python version has."""

    def make(folder: Path) -> Path:
        (folder / below).mkdir(exist_ok=True)
        for name in FILES:
            (folder / below / name.removesuffix(".bin")).write_bytes(pickle.dumps({b"labels": [0]}))
        return folder

    return make


def pipe(folder: Path) -> Path:
    write_cifar10(folder)
    (folder / FILES[0]).unlink()
    os.mkfifo(folder / FILES[0])
    return folder


def sparse(folder: Path) -> Path:
    """More bytes than any memory has, which take no place on the disk."""
    write_cifar10(folder)
    os.truncate(folder / FILES[1], 10**8 * RECORD)
    return folder


def half_unpacked(folder: Path) -> Path:
    write_cifar10(folder / UNPACKED)
    (folder / UNPACKED / FILES[-1]).unlink()
    return folder


GOOD = record(3, 5)
WORDS = b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\n"
CIFAR10: dict[str, Maker] = {
    "cifar10: a batch is missing": cifar10_folder(FILES[2], None),
    "cifar10: the test batch is missing": cifar10_folder(FILES[5], None),
    "cifar10: the test batch is missing below": half_unpacked,
    "cifar10: an empty file": cifar10_folder(FILES[4], b""),
    "cifar10: a byte less": cifar10_folder(FILES[0], (GOOD * 3)[:-1]),
    "cifar10: a byte more": cifar10_folder(FILES[5], GOOD + b"x"),
    "cifar10: a label alone": cifar10_folder(FILES[0], b"\5"),
    "cifar10: records without labels": cifar10_folder(FILES[1], GOOD[1:] * 4),
    "cifar10: CIFAR-100's records": cifar10_folder(FILES[1], (b"\1" + GOOD) * 4),
    "cifar10: a label of 10": cifar10_folder(FILES[3], GOOD * 2 + record(10, 0) + GOOD),
    "cifar10: a label of 255": cifar10_folder(FILES[5], record(255, 0)),
    "cifar10: text": cifar10_folder(FILES[0], b"no record"),
    "cifar10: 300 gigabytes": sparse,
    "cifar10: a pipe": pipe,
    "cifar10: nine names": cifar10_folder(NAMES, WORDS),
    "cifar10: names that are none": cifar10_folder(NAMES, WORDS + b"\xff\xfe"),
    "cifar10: names with odd signs": cifar10_folder(NAMES, WORDS + b"tr\0ck"),
    "cifar10: the Python version": python_version("."),
    "cifar10: the Python version below": python_version(PICKLED),
    "cifar10: an empty folder": lambda folder: folder,
    "cifar10: a file": table("cifar-10-binary.tar.gz", GOOD),
    "cifar10: not there": lambda folder: folder / "nowhere",
}
"""For ``run --benchmark cifar10 --data DIR``."""
