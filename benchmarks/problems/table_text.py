"""Tables in comma-separated text, row by row, so that a cell takes eight bytes and no objects."""

import csv
from array import array

import numpy as np

from evoprune.benchmarks.problems.paths import readable
from evoprune.checks import shown

BYTES = 10
"""Memory that a byte of text takes, about: two, such as ``1,``, make a number of eight with its copies, and the row
that is being read is objects."""


def read_csv(path: str) -> np.ndarray:
    """The numbers of a file, float64 (rows, columns); a first line without any number is taken as a header.

    :raises ValueError: naming the file, and the place of what is no number.
    """
    numbers, rows, columns = array("d"), 0, 0
    # Excel puts a byte-order mark in front, which utf-8-sig takes away.
    with readable(path, "not a comma-separated table"), open(path, newline="", encoding="utf-8-sig") as file:
        for line, cells in enumerate(filter(None, csv.reader(file))):
            values = [_number(cell) for cell in cells]
            if line == 0 and all(value is None for value in values):
                continue
            columns = columns if rows else len(values)
            if len(values) != columns:
                raise ValueError(f"row {rows} (counted from 0) has {len(values)} columns, row 0 has {columns}")
            for column, value in enumerate(values):
                if value is None:
                    place = f"row {rows}, column {column} (counted from 0)"
                    raise ValueError(f"{shown(cells[column])} in {place} is not a number")
            numbers.extend(value for value in values if value is not None)
            rows += 1
    return np.frombuffer(numbers, dtype=np.float64).reshape(rows, columns)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
