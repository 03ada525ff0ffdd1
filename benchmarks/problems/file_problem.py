"""A user's own data, read from a file."""

import csv
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evoprune.benchmarks.problems.problem import Problem, Splits, check_whole, random_split, require_finite


@dataclass(frozen=True)
class FileProblem(Problem):
    """A table of numbers, a sample a row, split at random into 60 % training, 20 % validation and 20 % test.

    Reads `.npy`, `.npz` (one array, or the one called "data") and comma-separated `.csv` (a first line without any
    number is taken as a header). Values are not scaled. The recipe holds the absolute path, so workers have to see the
    file there; a file that changes later in the same process is not read again.

    :raises FileNotFoundError: where no file is at `path`.
    :raises ValueError: for another kind of file, a negative seed; and when the data are first asked for: not
        two-dimensional, fewer than five rows, no columns, or a value that is not a finite number (the message has its
        place).
    """

    name = "file"
    path: str = field(metadata={"help": "a .npy, .npz or .csv file, a sample a row"})
    split_seed: int = field(default=0, metadata={"help": "seed of the split into train, validation and test"})

    def __post_init__(self) -> None:
        check_whole(self, split_seed=0)
        path = Path(self.path).expanduser().absolute()
        if path.suffix.lower() not in READERS:
            raise ValueError(f"{self.path}: data must be one of {', '.join(READERS)}")
        if not path.is_file():
            raise FileNotFoundError(f"{self.path}: no such file")
        object.__setattr__(self, "path", str(path))

    @property
    def binary(self) -> bool:
        return all(bool(((part == 0) | (part == 1)).all()) for part in (self.train, self.validation, self.test))

    def load(self) -> Splits:
        table = READERS[Path(self.path).suffix.lower()](self.path)
        if table.ndim != 2 or table.shape[1] == 0 or table.dtype.kind not in "biuf":
            raise ValueError(f"{self.path}: expected real numbers (samples, inputs), got {table.dtype} {table.shape}")
        if len(table) < 5:
            raise ValueError(f"{self.path}: a split into 60/20/20 % needs at least 5 rows, got {len(table)}")
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes an infinity, which is reported
            data = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
        require_finite(self.path, data)
        return random_split(data, self.split_seed)


def _read_arrays(path: str) -> np.ndarray:
    try:
        # Pickled objects could run code, and would be no table of numbers anyway.
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as arrays:
            names = arrays.files
            if len(names) != 1 and "data" not in names:
                raise ValueError(f'it needs one array, or one called "data", and has {", ".join(names) or "none"}')
            return arrays[names[0] if len(names) == 1 else "data"]
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not a file of numpy arrays that can be read: {error}") from error


def _read_csv(path: str) -> np.ndarray:
    try:
        # Excel puts a byte-order mark in front, which utf-8-sig takes away.
        with open(path, newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a comma-separated text file: {error}") from error
    rows = [[_number(cell) for cell in line] for line in lines]
    if rows and all(value is None for value in rows[0]):
        del lines[0], rows[0]
    for row, values in enumerate(rows):
        if len(values) != len(rows[0]):
            raise ValueError(f"{path}: row {row} (counted from 0) has {len(values)} columns, row 0 has {len(rows[0])}")
        if None in values:
            column = values.index(None)
            place = f"row {row}, column {column} (counted from 0)"
            raise ValueError(f"{path}: {lines[row][column]!r} in {place} is not a number")
    return np.array(rows, dtype=np.float64)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


READERS = {".npy": _read_arrays, ".npz": _read_arrays, ".csv": _read_csv}
