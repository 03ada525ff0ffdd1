"""Tables in comma-separated text, row by row, so that a cell takes eight bytes and no objects."""

import csv
import os
from array import array

import numpy as np

from evoprune.benchmarks.problems.paths import readable
from evoprune.checks import shown

SAMPLE = 2**16  # bytes by which a file is judged
NUMBER = 14
"""Bytes that a number takes, about: eight, as many as a list keeps free beside them, and a copy in float32."""
CELL = 100
"""Bytes that a cell takes of the row that is being read: a text."""


def csv_memory(path: str) -> float:
    """Bytes that reading a file takes, about, by its length and how dense the numbers at its beginning are.

    :raises ValueError: where it cannot be read.
    """
    with readable(path), open(path, "rb") as file:
        head, length = file.read(SAMPLE), os.fstat(file.fileno()).st_size
    cells = length * (head.count(b",") + head.count(b"\n")) / max(len(head), 1)
    row = head.partition(b"\n")[0].count(b",") if b"\n" in head else cells / 5  # there have to be five
    return NUMBER * cells + CELL * row


def read_csv(path: str) -> np.ndarray:
    """The numbers of a file, float64 (rows, columns); a first line without any number is taken as a header.

    :raises ValueError: naming the file, and the place of what is no number.
    """
    numbers, rows, columns = array("d"), 0, 0
    # Excel puts a byte-order mark in front, which utf-8-sig takes away.
    with readable(path, "not a comma-separated table"), open(path, newline="", encoding="utf-8-sig") as file:
        for line, cells in enumerate(filter(None, csv.reader(file))):
            if line == 0 and not any(map(_is_number, cells)):
                continue
            columns = columns if rows else len(cells)
            if len(cells) != columns:
                raise ValueError(f"row {rows} (counted from 0) has {len(cells)} columns, row 0 has {columns}")
            try:
                numbers.extend(map(float, cells))
            except ValueError:
                column = next(k for k, cell in enumerate(cells) if not _is_number(cell))
                place = f"row {rows}, column {column} (counted from 0)"
                raise ValueError(f"{shown(cells[column])} in {place} is not a number") from None
            rows += 1
        if not rows:
            raise ValueError("expected a row of numbers a sample, found none")
    return np.frombuffer(numbers, dtype=np.float64).reshape(rows, columns)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
