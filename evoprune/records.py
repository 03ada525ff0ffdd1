"""What a run leaves behind: tables, JSON and checkpoints. Files appear whole or not at all."""

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

from evoprune.checks import shown

CHECKPOINT = "evoprune checkpoint 1"
REASON = 300
"""Characters of an error that a message shows."""
PART = r"\.{}\.[a-z0-9_]{{8}}\.part"
"""The name of a file that is being written, as a regular expression with a place for its final name."""


class WriteError(OSError):
    """A file could not be written: the disk is full, or what else the system says. What was there before is intact."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


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
    :raises WriteError: naming the file, where the system cannot write it.
    """
    path = Path(path)
    part = None
    try:
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(part, 0o644)  # mkstemp makes it private; a result is for others to read
        os.replace(part, path)
    except BaseException as error:
        if part is not None:
            Path(part).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise WriteError(error.errno, error.strerror or str(error), str(path)) from error
        raise


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON; NaN and infinity become null, which every reader knows."""
    text = json.dumps(_plain(value), indent=2, allow_nan=False) + "\n"
    write(path, lambda file: file.write(text.encode()))


def read_json(path: str | Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    :raises ValueError: naming the file, where it is missing, damaged or something else.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise ValueError("not a file")  # a pipe would keep us waiting
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deep to be a file of evoprune's") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as JSON ({reason(error)})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {shown(value)}")
    return value


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


@contextmanager
def fitting(path: Path, what: str = "") -> Iterator[None]:
    """Within the block every error is one of a file that holds something else: a ValueError that names it."""
    try:
        yield
    except Exception as error:  # whatever a foreign file makes it stumble over
        raise ValueError(f"{path}: {what}does not fit this version of evoprune: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What an error says, in one line and cut short where it is long."""
    text = f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else str(error)
    text = " ".join((getattr(error, "strerror", None) or text or type(error).__name__).split())
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[: REASON + 1])
    return text if len(text) <= REASON else f"{text[: REASON - 3]}..."


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    number = float(value)
    return number if abs(number) < float("inf") else None  # also false for NaN
