"""What a run leaves behind: tables, and tensors with plain values."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from deap import tools
from torch import Tensor

from evoprune.checks import shown
from evoprune.files import reason, write
from evoprune.packing import pack, unpack

CHECKPOINT = "evoprune checkpoint 1"
COLUMNS = "columns of a table"
NUMBERS: dict[Any, torch.dtype] = {int: torch.int64, float: torch.float64}
PLAIN = {*NUMBERS, bool, str, type(None)}


def frame(logbook: tools.Logbook | list[dict[str, Any]]) -> pd.DataFrame:
    """A logbook as a DataFrame, a row a record; the chapters of a ``MultiStatistics`` become ``chapter_column``."""
    table = pd.DataFrame(list(logbook))
    for name, chapter in getattr(logbook, "chapters", {}).items():
        part = pd.DataFrame(list(chapter)).drop(columns=list(table.columns), errors="ignore")
        table = table.join(part.add_prefix(f"{name}_"))
    return table


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, numbers in full."""
    text = table.to_csv(index=False)
    write(path, lambda file: file.write(text.encode()))


def save_tensors(path: str | Path, value: Any) -> None:
    """Write tensors and plain values with ``torch.save``, zeros and masks as bits: see :mod:`evoprune.packing`."""
    packed = pack(value)
    write(path, lambda file: torch.save(packed, file))


def save_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint of tensors and plain values; tables, lists of rows, column by column."""
    save_tensors(path, {"format": CHECKPOINT, **{name: _by_column(value) for name, value in state.items()}})


def load_checkpoint(path: str | Path, what: str = "checkpoint", format: str = CHECKPOINT) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote, or another file with a ``format``, without unpickling code.

    :param what: what the messages call it.
    :raises ValueError: for a file that is missing, damaged or something else.
    """
    state = load_tensors(path, what)
    if state.get("format") != format:
        found = shown(state.get("format"))
        raise ValueError(f"{path}: not a {what} of this version (expected {format!r}, got {found})")
    try:
        return {name: _by_row(value) for name, value in state.items()}
    except ValueError as error:
        raise ValueError(f"{path}: damaged or not a {what} ({error})") from error


def load_tensors(path: str | Path, what: str) -> dict[str, Any]:
    """Read a dict that :func:`save_tensors` wrote, without unpickling code.

    :param what: what the messages call it.
    :raises ValueError: for a file that is missing, damaged or something else.
    """
    if not os.path.isfile(path):
        raise ValueError(f"{path}: there is no {what} here")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # whatever a damaged file makes the reader stumble over
        raise ValueError(f"{path}: damaged or not a {what} ({type(error).__name__})") from error
    try:
        state = unpack(state)
    except Exception as error:
        raise ValueError(f"{path}: damaged or not a {what} ({reason(error)})") from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ValueError(f"{path}: not a {what} (expected a dict of names, got {type(state).__name__})")
    return state


def _by_column(value: Any) -> Any:
    """A table, a list of rows with the same names and plain values, as columns; anything else as it is.

    Numbers as tensors: ``torch.save`` asks in Python about everything else that it writes.
    """
    if not isinstance(value, list) or not value or not isinstance(value[0], dict) or not value[0]:
        return value
    names = value[0].keys()
    if not all(isinstance(row, dict) and row.keys() == names for row in value):
        return value
    columns = {name: [row[name] for row in value] for name in names}
    kinds = {name: set(map(type, column)) for name, column in columns.items()}
    if not all(found <= PLAIN for found in kinds.values()):
        return value
    return {COLUMNS: {name: _tensor_of(column, kinds[name]) for name, column in columns.items()}}


def _tensor_of(column: list[Any], kinds: set[type]) -> Tensor | list[Any]:
    """Numbers of one kind as a tensor; anything else, and whole numbers that are too large, as it is."""
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    with suppress(KeyError, ValueError, RuntimeError):
        return torch.tensor(column, dtype=NUMBERS[kind])
    return column


def _by_row(value: Any) -> Any:
    """The rows of what :func:`_by_column` made; anything else as it is.

    :raises ValueError: for what is no table, and columns of different lengths.
    """
    if not isinstance(value, dict) or value.keys() != {COLUMNS}:
        return value
    columns = value[COLUMNS]
    if not isinstance(columns, dict) or not all(map(_is_column, columns.values())):
        raise ValueError(f"a table must have columns, got {shown(columns)}")
    lists = [column if isinstance(column, list) else column.tolist() for column in columns.values()]
    if len(set(map(len, lists))) > 1:
        raise ValueError(f"the columns of a table differ in length: {shown(list(columns))}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def _is_column(value: Any) -> bool:
    """A list, or a tensor that holds no more than its file: others could be larger than all memory."""
    if not isinstance(value, Tensor):
        return isinstance(value, list)
    return value.layout == torch.strided and value.dim() == 1 and value.is_contiguous()
