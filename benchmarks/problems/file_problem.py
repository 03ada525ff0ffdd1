"""A user's own data, read from a file."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from evoprune.benchmarks.problems.arrays import check_table, read_array, read_layout
from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, random_split, require_finite
from evoprune.benchmarks.problems.table_text import csv_memory, read_csv
from evoprune.memory import FLOAT
from evoprune.runs.settings import SEEDS

READERS = {".npy": read_array, ".npz": read_array, ".csv": read_csv}


@dataclass(frozen=True)
class FileProblem(Problem):
    """A table of numbers, a sample a row, split at random into 60 % training, 20 % validation and 20 % test.

    Reads `.npy`, `.npz` (one array, or the one called "data") and comma-separated `.csv` (a first line without any
    number is taken as a header). Values are not scaled. The recipe holds the absolute path, so workers have to see the
    file there; a file that changes later in the same process is not read again.

    :raises FileNotFoundError: where nothing is at `path`.
    :raises ValueError: for another kind of file, a negative seed; and when the data are first asked for: a damaged
        file, a table that is not two-dimensional, fewer than five rows, no columns, or a value that is not a finite
        number (the message has its place).
    """

    name = "file"
    path: str = field(metadata={"help": "a .npy, .npz or .csv file, a sample a row"})
    split_seed: int = field(
        default=0, metadata={"help": "seed of the split into train, validation and test", "least": 0, "most": SEEDS}
    )

    def __post_init__(self) -> None:
        check_recipe(self)
        path = absolute(self.path)
        if path.suffix.lower() not in READERS:
            raise ValueError(f"{self.path}: data must be one of {', '.join(READERS)}")
        with readable(self.path):
            path.stat()
            if not path.is_file():  # but a folder, or a pipe, which would be waited for without end
                raise ValueError("it is no regular file")
        object.__setattr__(self, "path", str(path))

    @property
    def binary(self) -> bool:
        return all(bool(((part == 0) | (part == 1)).all()) for part in (self.train, self.validation, self.test))

    @property
    def memory(self) -> float:
        if Path(self.path).suffix.lower() == ".csv":
            return csv_memory(self.path)
        layout = read_layout(self.path)
        # The table beside its float32 copy; later that beside its splits, or beside what looks for infinities.
        return math.prod(layout.shape) * max(layout.dtype.itemsize + FLOAT, 3 * FLOAT)

    def load(self) -> Splits:
        data = self._table()
        require_finite(self.path, data)
        return random_split(data, self.split_seed)

    def _table(self) -> torch.Tensor:
        table = READERS[Path(self.path).suffix.lower()](self.path)
        check_table(self.path, table.shape, table.dtype)
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes an infinity, which is reported
            return torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
