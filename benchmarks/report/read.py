"""Studies and runs on disk: where they are, and a run directory as a record, whatever state the run was left in."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.variants import flat
from evoprune.benchmarks.sweeps.execute import error_line
from evoprune.benchmarks.sweeps.plan import FORMAT, Plan

STUDY = "study.json"
MARKS = ("settings.json", "summary.json", "error.txt")
ENDED, FAILED, UNFINISHED, DAMAGED = "ended", "failed", "unfinished", "damaged"
UNDRAWN = "the run is in the tables but not in the curves"


@dataclass(frozen=True)
class Place:
    """A folder as found, and as it is shown: without what lies above the path that was given."""

    path: Path
    shown: str


def find(paths: Sequence[str | Path]) -> tuple[list[Place], list[Place]]:
    """The study directories and the run directories outside of them, each once, sorted within each path.

    :raises ValueError: for a path that is not there or no directory, and where nothing is found.
    """
    studies: dict[Path, Place] = {}
    runs: dict[Path, Place] = {}
    given = [Path(path) for path in paths]
    for path in given:
        if not path.is_dir():
            raise ValueError(f"{path}: {'not a directory' if path.exists() else 'there is no such directory'}")
    names = Counter(path.resolve().name for path in {path.resolve(): path for path in given}.values())
    for path in given:
        top = Path(path.resolve().name)
        top = path if names[top.name] > 1 else top
        for folder, below, files in os.walk(path):
            here = Path(folder)
            place = Place(here, str(top / here.relative_to(path)))
            if STUDY in files:
                studies.setdefault(here.resolve(), place)
            elif any(mark in files for mark in MARKS):
                runs.setdefault(here.resolve(), place)
            else:
                below.sort()
                continue
            below.clear()
    if not studies and not runs:
        raise ValueError(
            f"{', '.join(map(str, paths))}: no study (study.json) and no run (settings.json) here or in a folder below"
        )
    inside = {path for path in runs if any(path.is_relative_to(study) for study in studies)}
    return list(studies.values()), [place for path, place in runs.items() if path not in inside]


def study_above(run: Path) -> Path | None:
    """The study to which a run directory ``STUDY/runs/<variant>/<trial>`` belongs."""
    above = run.resolve().parents
    return above[2] if len(above) > 2 and above[1].name == "runs" and (above[2] / STUDY).is_file() else None


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


@dataclass
class Study:
    """A study: what was planned, and the runs that are there."""

    place: str
    plan: Plan
    records: list[Record]


def read_study(place: Place) -> Study:
    """The study in a directory, with its runs; a run whose folder is gone comes from ``results.csv``.

    :raises ValueError: for a ``study.json`` that is damaged or of another format.
    """
    path = place.path / STUDY
    values = read_json(path)
    if values.get("format") != FORMAT:
        raise ValueError(f"{path}: expected format {FORMAT!r}, got {values.get('format')!r}")
    try:
        kind = str(values.get("experiment", Plan.experiment))
        variants = {name: flat(settings, kind) for name, settings in values["variants"].items()}
        i, n = values.get("shard") or (1, 1)
        plan = Plan(variants, values["trials"], values["seed"], kind, (i, n))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a study ({type(error).__name__}: {error})") from error
    found: dict[tuple[str, int], Record] = {}
    for record in [*_folders(place, plan), *_rows(place, plan)]:
        found.setdefault((record.variant, record.trial), record)
    return Study(place.shown, plan, list(found.values()))


def _folders(place: Place, plan: Plan) -> Iterator[Record]:
    for variant in plan.variants:
        for folder in sorted((place.path / "runs" / variant).glob("*")):
            if folder.is_dir() and folder.name.isdigit():
                record = read_run(Place(folder, f"{place.shown}/runs/{variant}/{folder.name}"))
                record.variant, record.trial = variant, int(folder.name)
                yield record


def _rows(place: Place, plan: Plan) -> list[Record]:
    """The runs in the study's table, with their times; none where it cannot be read."""
    shown = f"{place.shown}/results.csv"
    if not (place.path / "results.csv").exists():
        return []
    try:
        table = read_table(place.path / "results.csv")
        if (place.path / "times.csv").exists():
            times = read_table(place.path / "times.csv")[["variant", "trial", "seconds"]]
            table = times.merge(table, "right", ["variant", "trial"])
        table = table[table["variant"].isin(list(plan.variants))]
        records = []
        for row in table.astype(object).where(table.notna(), None).to_dict("records"):
            record = Record(shown, ENDED, variant=str(row.pop("variant")), trial=int(row.pop("trial")))
            status, error = row.pop("status"), row.pop("error", None)
            if status == ENDED:
                record.summary = {str(name): value for name, value in row.items()}
            else:
                record.status, record.message = FAILED, str(error or "no error was recorded")
            records.append(record)
    except (KeyError, ValueError, TypeError) as error:
        return [Record(shown, DAMAGED, f"cannot be used ({error})")]
    return records
