"""Which user took which item, in the files of Liang et al.: how the Million Song Dataset comes."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoprune.benchmarks.problems.documents import count_lines
from evoprune.benchmarks.problems.paths import readable
from evoprune.benchmarks.problems.sparse_rows import SparseRows, ones_at
from evoprune.checks import shown
from evoprune.memory import check_fits

ITEMS = "unique_sid.txt"
FILES = (ITEMS, "train.csv", "validation_tr.csv", "validation_te.csv", "test_tr.csv", "test_te.csv")
"""What the folder holds: the items, and for each split who took what; of users who are held out, what a network is
shown (tr) and what it is to find (te)."""
FOLDER = "pro_sg"
"""Where the authors' scripts put the files, below the data."""
HEADER = "uid,sid"
READING = 6
"""Bytes that a byte of text takes at the peak of reading, about: numbers of eight bytes, and sparse tables of them."""


@dataclass(frozen=True)
class UserItems:
    """1 where a user has taken an item, (users, items). Users are in one split only, items are the same in all."""

    train: SparseRows
    validation: SparseRows
    validation_targets: SparseRows
    test: SparseRows
    test_targets: SparseRows


def find_files(path: str | Path) -> list[Path]:
    """The six files of a folder, or of its ``pro_sg``, in the order of :data:`FILES`.

    :raises ValueError: naming all six where one is missing, for one that is no regular file, and for a folder that
        cannot be read.
    """
    place = Path(path)
    with readable(place):
        below = place / FOLDER
        place = below if below.is_dir() and not (place / ITEMS).exists() else place
        missing = [name for name in FILES if not (place / name).is_file()]
    if missing:
        raise ValueError(f"{place}: {', '.join(missing)} not found; expected the six files {', '.join(FILES)}")
    return [place / name for name in FILES]


def reading_memory(path: str | Path) -> float:
    """Bytes that reading a folder takes at its peak, about, by the sizes of its files.

    :raises ValueError: as :func:`find_files`.
    """
    size = 0
    for file in find_files(path):
        with readable(file):
            size += file.stat().st_size
    return float(READING * size)


def read_user_items(path: str) -> UserItems:
    """The tables of a folder, sparse; what stands there twice counts once.

    :raises ValueError: naming the file, where one is missing, has another header or what is no whole number, an item
        that is none of those named, users whose numbers leave one out, or who are in two splits, or who are to be
        tested without anything to show of them; and where they do not fit into the memory that is free.

    Format: https://github.com/dawenl/vae_cf, of Liang et al. 2018 (arXiv 1802.05814).
    """
    check_fits({f"the data in {path}": reading_memory(path)}, "take less data")
    items, train_file, *held_out = find_files(path)
    with readable(items):
        n_items = count_lines(items)
        if n_items == 0:
            raise ValueError("expected the name of an item a line, found none")
    train = _read(train_file, n_items)
    n_train = _count(train_file, train, first=0)
    tables = [ones_at(train[:, 0], train[:, 1], (n_train, n_items))]
    taken = [(0, n_train, train_file)]  # numbers of users, from and up to, and the file that has them
    for shown_file, wanted_file in zip(held_out[::2], held_out[1::2], strict=True):
        seen, wanted = _read(shown_file, n_items), _read(wanted_file, n_items)
        first = int(seen[:, 0].min())
        count = _count(shown_file, seen, first)
        for low, high, other in taken:
            if first < high and low < first + count:
                raise ValueError(f"{shown_file}: uid {max(first, low)} is a user of {other.name} already")
        taken.append((first, first + count, shown_file))
        alone = (wanted[:, 0] < first) | (wanted[:, 0] >= first + count)
        if alone.any():
            raise ValueError(f"{wanted_file}: uid {wanted[alone.argmax(), 0]} has no items in {shown_file.name}")
        tables += [ones_at(part[:, 0] - first, part[:, 1], (count, n_items)) for part in (seen, wanted)]
    return UserItems(*tables)


def _read(file: Path, n_items: int) -> np.ndarray:
    """Users and items by their numbers, int64 (rows, 2)."""
    with readable(file, "not a table of users and items"):
        with open(file, encoding="utf-8-sig") as opened:
            header = opened.readline(100).rstrip("\n")
        if header != HEADER:
            raise ValueError(f"its first line must be {HEADER}, got {shown(header)}")
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # before its version 2 numpy takes 2.5 for 2 and only warns of it
            warnings.filterwarnings("ignore", message=".*no data")
            numbers = np.loadtxt(
                file, np.int64, comments=None, delimiter=",", skiprows=1, ndmin=2, encoding="utf-8-sig"
            )
        if not numbers.size:
            raise ValueError("expected a user and an item a row, found none")
        if numbers.shape[1] != 2:
            raise ValueError(f"expected two columns, found {numbers.shape[1]}")
        low, high = numbers < 0, numbers >= [np.iinfo(np.int64).max, n_items]
        if (low | high).any():
            row, column = np.argwhere(low | high)[0]
            what = ("a uid is a whole number from 0", f"{ITEMS} names {n_items} items, from 0 to {n_items - 1}")[column]
            raise ValueError(f"{numbers[row, column]} in row {row}, column {column} (counted from 0): {what}")
    return numbers


def _count(file: Path, numbers: np.ndarray, first: int) -> int:
    """How many users there are, whose numbers have to follow on ``first`` one by one."""
    users = np.unique(numbers[:, 0])
    left_out = np.flatnonzero(users != np.arange(first, first + len(users)))
    if left_out.size:
        raise ValueError(f"{file}: uid {first + left_out[0]} is left out: users are numbered one by one from {first}")
    return len(users)
