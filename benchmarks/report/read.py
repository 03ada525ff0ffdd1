"""A run directory as a record, whatever state the run was left in."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.find import Place
from evoprune.benchmarks.report.variants import flat
from evoprune.benchmarks.sweeps.execute import error_line

ENDED, FAILED, UNFINISHED, DAMAGED = "ended", "failed", "unfinished", "damaged"
UNDRAWN = "the run is in the tables but not in the curves"


@dataclass
class Record:
    """A run as found: its state, and what could be read of it."""

    place: str
    status: str
    message: str = ""
    directory: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    log: pd.DataFrame | None = None
    variant: str = ""
    trial: int = -1

    @property
    def seed(self) -> int | None:
        """The seed of the run, None where nothing says it."""
        seed = self.settings.get("seed", self.summary.get("seed"))
        return None if seed is None else int(seed)

    @property
    def plain(self) -> dict[str, Any]:
        """The summary without its tables."""
        return {key: value for key, value in self.summary.items() if not isinstance(value, dict | list)}


def read_run(place: Place) -> Record:
    """The run in a directory; a file that is missing or broken ends up in its status and message."""
    path = place.path
    record = Record(place.shown, ENDED, directory=path)
    try:
        if (path / "settings.json").exists():
            record.settings = flat(read_json(path / "settings.json"))
        if (path / "summary.json").exists():
            record.summary = read_json(path / "summary.json")
    except ValueError as error:
        return Record(place.shown, DAMAGED, str(error).removeprefix(f"{path}/"), path)
    record.log, broken = _read_log(path / "log.csv")
    record.status, record.message = _state(path, record, broken)
    return record


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    :raises ValueError: naming the file, where it is something else or half-written.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def read_table(path: Path) -> pd.DataFrame:
    """A CSV file with its seeds as whole numbers, however large.

    :raises ValueError: naming the file.
    """
    try:
        return pd.read_csv(path, converters={"seed": lambda text: int(text) if text else None})
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise ValueError(f"{path}: cannot be read as CSV ({error})") from error


def _state(folder: Path, record: Record, broken: str) -> tuple[str, str]:
    """The status of a run by the files that are there, and a message; ``broken`` says what its log lacks."""
    if (folder / "summary.json").exists():
        if not record.summary:
            return DAMAGED, "summary.json is empty"
        return (ENDED, broken) if record.settings else (DAMAGED, "settings.json is missing")
    if (folder / "error.txt").exists():
        return FAILED, error_line((folder / "error.txt").read_text(errors="replace"))
    if not record.settings:
        return DAMAGED, "neither settings.json nor summary.json"
    return UNFINISHED, "no summary.json" + ("" if record.log is None else f"; {len(record.log)} rows in the log")


def _read_log(path: Path) -> tuple[pd.DataFrame | None, str]:
    if not path.exists():
        return None, f"log.csv is missing: {UNDRAWN}"
    try:
        return read_table(path), ""
    except ValueError:
        return None, f"log.csv cannot be read: {UNDRAWN}"
