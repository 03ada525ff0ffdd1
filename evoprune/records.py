"""What a run leaves behind: tables, and tensors with plain values."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from deap import tools

from evoprune.checks import shown
from evoprune.files import write

CHECKPOINT = "evoprune checkpoint 1"


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
    """Write tensors and plain values with ``torch.save``; they load with ``torch.load(path, weights_only=True)``."""
    write(path, lambda file: torch.save(value, file))


def save_checkpoint(path: str | Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint of tensors and plain values."""
    save_tensors(path, {"format": CHECKPOINT, **state})


def load_checkpoint(path: str | Path, what: str = "checkpoint", format: str = CHECKPOINT) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote, or another file with a ``format``, without unpickling code.

    :param what: what the messages call it.
    :raises ValueError: for a file that is missing, damaged or something else.
    """
    state = load_tensors(path, what)
    if state.get("format") != format:
        found = shown(state.get("format"))
        raise ValueError(f"{path}: not a {what} of this version (expected {format!r}, got {found})")
    return state


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
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ValueError(f"{path}: not a {what} (expected a dict of names, got {type(state).__name__})")
    return state
