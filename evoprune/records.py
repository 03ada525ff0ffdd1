"""What a run leaves behind: tables, checkpoints and the directory that holds them. Files appear whole or not at all."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd
import torch
from deap import tools

CHECKPOINT = "evoprune checkpoint 1"
FILES = ("settings.json", "summary.json", "log.csv", "cells.csv", "checkpoint.pt", "model.pt")


def frame(logbook: tools.Logbook | list[dict[str, Any]]) -> pd.DataFrame:
    """A logbook as a DataFrame, a row a record; the chapters of a ``MultiStatistics`` become ``chapter_column``."""
    table = pd.DataFrame(list(logbook))
    for name, chapter in getattr(logbook, "chapters", {}).items():
        part = pd.DataFrame(list(chapter)).drop(columns=list(table.columns), errors="ignore")
        table = table.join(part.add_prefix(f"{name}_"))
    return table


def write(path: str | Path, writer: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, then rename it into it: a failure leaves what was there before.

    :param writer: gets the open binary file.
    """
    path = Path(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp makes it private; a result is for others to read
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON; NaN and infinity become null, which every reader knows."""
    text = json.dumps(_plain(value), indent=2, allow_nan=False) + "\n"
    write(path, lambda file: file.write(text.encode()))


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
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no {what} here")
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # whatever a damaged file makes the reader stumble over
        raise ValueError(f"{path}: damaged or not a {what} ({type(error).__name__})") from error
    if not isinstance(state, dict) or state.get("format") != format:
        found = state.get("format") if isinstance(state, dict) else type(state).__name__
        raise ValueError(f"{path}: not a {what} of this version (expected {format!r}, got {found!r})")
    return state


@contextmanager
def fitting(path: Path, what: str = "") -> Iterator[None]:
    """Within the block every error is one of a file that holds something else: a ValueError that names it."""
    try:
        yield
    except Exception as error:  # whatever a foreign file makes it stumble over
        raise ValueError(f"{path}: {what}does not fit this version of evoprune: {error}") from error


def open_directory(path: str | Path, force: bool = False) -> Path:
    """A directory for a new run.

    :param force: remove the files of a run that is there; others stay.
    :raises ValueError: if another run is there, or the place cannot be written.
    """
    path = Path(path)
    present = [name for name in FILES if (path / name).exists()]
    if present and not force:
        raise ValueError(f"{path} holds another run ({', '.join(present)}): choose another directory or use --force")
    try:
        path.mkdir(parents=True, exist_ok=True)
        for name in present:
            (path / name).unlink()
        for made in (*path.glob("plots/*.png"), *path.glob("snapshots/*.pt")):
            made.unlink()
        write(path / ".writable", lambda file: None)
        (path / ".writable").unlink()
    except OSError as error:
        raise ValueError(f"{path}: cannot write there ({error.strerror or error})") from error
    return path


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    number = float(value)
    return number if abs(number) < float("inf") else None  # also false for NaN
