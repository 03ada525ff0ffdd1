"""Tables in comma-separated text, row by row, so that a cell takes eight bytes and no objects."""

import csv
import os
from array import array
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from evoprune.benchmarks.problems import columns
from evoprune.benchmarks.problems.paths import readable
from evoprune.checks import shown

SAMPLE = 2**16  # bytes by which a file is judged
NUMBER = 14
"""Bytes that a number takes, about: eight, as many as a list keeps free beside them, and a copy in float32."""
TARGET = 40
"""Bytes that the target of a row takes beside that, about: as a class it is a wide number three times."""
CELL = 100
"""Bytes that a cell takes of the row that is being read: a text."""
WHAT = "not a comma-separated table"


@dataclass(frozen=True, eq=False)
class TextTable:
    """What a file holds: float64 (rows, columns), and float64 (rows,) of the column that was left out of these."""

    numbers: np.ndarray
    target: np.ndarray
    column: int | None
    """The number of the column that was left out."""


def csv_memory(path: str, target: bool = False) -> float:
    """Bytes that reading a file takes, about, by its length and how dense the numbers at its beginning are.

    :param target: whether a column is the target.
    :raises ValueError: where it cannot be read.
    """
    with readable(path), open(path, "rb") as file:
        head, length = file.read(SAMPLE), os.fstat(file.fileno()).st_size
    whole = length / max(len(head), 1)
    lines = head.count(b"\n")
    cells = whole * (head.count(b",") + lines)
    row = head.partition(b"\n")[0].count(b",") if lines else cells / 5  # there have to be five
    return NUMBER * cells + CELL * row + target * TARGET * whole * lines


def read_csv(path: str, target: str | None = None, number_of: Callable[[str], float] | None = None) -> TextTable:
    """The numbers of a file. A first line without any number is a header, and one with the name of the target.

    :param target: a column that is left out of the numbers, by its name in the header or its number.
    :param number_of: what makes a number of a cell of that column, which it takes without blanks around it, or raises a
        ValueError with words on it; without, nobody looks into the column.
    :raises ValueError: naming the file, and the place of what is no number.
    """
    numbers, targets, rows, count = array("d"), array("d"), 0, 0
    header, column = None, None
    with closing(_rows(path)) as lines:
        for line, cells in enumerate(lines):
            if line == 0 and _is_header(cells, target):
                header = [cell.strip() for cell in cells]
                continue
            if not rows:
                count = len(cells)
                column = None if target is None else columns.find_column(path, target, count, header)
            if len(cells) != count:
                found = f"row {rows} (counted from 0) has {len(cells)} columns, row 0 has {count}"
                raise ValueError(f"{path}: {WHAT}: {found}")
            inputs = cells
            if column is not None:
                inputs = cells[:column] + cells[column + 1 :]
                if number_of is not None:
                    targets.append(_target(path, cells, rows, column, number_of))
            try:
                numbers.extend(map(float, inputs))
            except ValueError:
                wrong = next(k for k, cell in enumerate(cells) if k != column and not _is_number(cell))
                words = f"{shown(cells[wrong])} {_place(rows, wrong)} is not a number"
                raise ValueError(f"{path}: {WHAT}: {words}") from None
            rows += 1
    if not rows:
        raise ValueError(f"{path}: {WHAT}: expected a row of numbers a sample, found none")
    table = np.frombuffer(numbers, dtype=np.float64).reshape(rows, -1)
    return TextTable(table, np.array(targets), column)


def _rows(path: str) -> Generator[list[str]]:
    """The cells of each line that has some."""
    # Excel puts a byte-order mark in front, which utf-8-sig takes away.
    with readable(path, WHAT), open(path, newline="", encoding="utf-8-sig") as file:
        yield from filter(None, csv.reader(file))


def _is_header(cells: list[str], target: str | None) -> bool:
    named = target is not None and not columns.is_numbered(target) and target in (cell.strip() for cell in cells)
    return named or not any(map(_is_number, cells))


def _target(path: str, cells: list[str], row: int, column: int, number_of: Callable[[str], float]) -> float:
    try:
        return number_of(cells[column].strip())
    except ValueError as error:
        raise ValueError(f"{path}: target {shown(cells[column])} {_place(row, column)} {error}") from None


def _place(row: int, column: int) -> str:
    return f"in row {row}, column {column} (counted from 0)"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
