"""Studies and runs on disk: where they are, and a run directory as a record, whatever state the run was left in."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.experiments import DEFAULT, EXPERIMENTS
from evoprune.benchmarks.report.checks import (
    check_number,
    check_settings,
    check_summary,
    numeric,
    read_log,
    read_settings,
    read_table,
    whole,
)
from evoprune.benchmarks.sweeps.execute import error_line
from evoprune.benchmarks.sweeps.plan import Plan, check_stored
from evoprune.checks import lookup
from evoprune.files import fitting, read_json, reason

STUDY = "study.json"
MARKS = ("settings.json", "summary.json", "error.txt")
ENDED, FAILED, UNFINISHED, DAMAGED = "ended", "failed", "unfinished", "damaged"
DIGITS = 10
"""Fewer are in the number of a trial."""
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
        if not os.path.isdir(path):
            raise ValueError(f"{path}: {'not a directory' if os.path.lexists(path) else 'there is no such directory'}")
    names = Counter(path.resolve().name for path in {path.resolve(): path for path in given}.values())
    for path in given:
        top = Path(path.resolve().name)
        top = path if names[top.name] > 1 else top
        for folder, below, files in os.walk(path, onerror=_refuse):
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


def _refuse(error: OSError) -> None:
    """A folder that cannot be listed is no empty one."""
    raise ValueError(f"{error.filename}: cannot be read ({reason(error)})") from error


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
        if os.path.lexists(path / "settings.json"):
            record.settings = read_settings(path / "settings.json")
        if os.path.lexists(path / "summary.json"):
            record.summary = read_json(path / "summary.json")
            with fitting(path / "summary.json"):
                check_summary(record.summary)
    except ValueError as error:
        return Record(place.shown, DAMAGED, str(error).removeprefix(f"{path}/"), path)
    record.log, broken = _read_log(path, str(record.settings.get("experiment", DEFAULT)))
    record.status, record.message = _state(path, record, broken)
    return record


def _state(folder: Path, record: Record, broken: str) -> tuple[str, str]:
    """The status of a run by the files that are there, and a message; ``broken`` says what its log lacks."""
    if os.path.lexists(folder / "summary.json"):
        if not record.summary:
            return DAMAGED, "summary.json is empty"
        return (ENDED, broken) if record.settings else (DAMAGED, "settings.json is missing")
    if os.path.lexists(folder / "error.txt"):
        return FAILED, _error(folder / "error.txt")
    if not record.settings:
        return DAMAGED, "neither settings.json nor summary.json"
    return UNFINISHED, "no summary.json" + ("" if record.log is None else f"; {len(record.log)} rows in the log")


def _error(path: Path) -> str:
    """What made a run fail, in a line."""
    try:
        if not path.is_file():
            raise ValueError("not a file")
        return reason(ValueError(error_line(path.read_text(encoding="utf-8", errors="replace"))))
    except (OSError, ValueError) as error:
        return f"error.txt cannot be read ({reason(error)})"


def _read_log(folder: Path, experiment: str) -> tuple[pd.DataFrame | None, str]:
    path = folder / "log.csv"
    if not os.path.lexists(path):
        return None, f"log.csv is missing: {UNDRAWN}"
    texts = tuple(name for name, kind in EXPERIMENTS[experiment].log.items() if kind is str)
    try:
        return read_log(path, texts), ""
    except ValueError as error:
        return None, f"{str(error).removeprefix(f'{folder}/')}: {UNDRAWN}"


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
    with fitting(path, "not a study: it "):
        check_stored(values)
        kind = values.get("experiment", Plan.experiment)
        variants = {name: check_settings(settings, kind) for name, settings in values["variants"].items()}
        i, n = values.get("shard") or (1, 1)
        plan = Plan(variants, values["trials"], values["seed"], kind, (i, n))
    found: dict[tuple[str, int], Record] = {}
    for record in [*_folders(place, plan), *_rows(place, plan)]:
        found.setdefault((record.variant, record.trial), record)
    return Study(place.shown, plan, list(found.values()))


def _folders(place: Place, plan: Plan) -> Iterator[Record]:
    for variant in plan.variants:
        folder = place.path / "runs" / variant
        for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
            if (folder / name).is_dir() and name.isdecimal() and name.isascii() and len(name) < DIGITS:
                record = read_run(Place(folder / name, f"{place.shown}/runs/{variant}/{name}"))
                record.variant, record.trial = variant, int(name)
                yield record


def _rows(place: Place, plan: Plan) -> Iterator[Record]:
    """The runs in the study's table, with their times; a row or a table that cannot be used is damaged."""
    path, shown = place.path / "results.csv", f"{place.shown}/results.csv"
    if not os.path.lexists(path):
        return
    times: dict[tuple[str, int], float] = {}
    try:
        table, wrong = numeric(_with_columns(path, "variant", "trial", "seed", "status"))
    except ValueError as error:
        yield Record(shown, DAMAGED, str(error).removeprefix(f"{path}: "))
        return
    try:
        times = _times(place.path / "times.csv")
    except ValueError as error:
        message = str(error).removeprefix(f"{place.path}/times.csv: ")
        yield Record(f"{place.shown}/times.csv", DAMAGED, f"{message}: the runs are in the tables without their times")
    for number, row in enumerate(table.astype(object).where(table.notna(), None).to_dict("records")):
        if row["variant"] in plan.variants:
            try:
                yield _record(shown, row, wrong.get(number, ""), times)
            except ValueError as error:
                yield Record(shown, DAMAGED, f"row {number + 1}: {error}", variant=row["variant"])


def _record(shown: str, row: dict[Any, Any], wrong: str, times: dict[tuple[str, int], float]) -> Record:
    """A row of the study's table as a record.

    :param wrong: what is wrong with it.
    :raises ValueError: where its trial or its state cannot be read.
    """
    record = Record(shown, ENDED, variant=row.pop("variant"), trial=whole("trial", row.pop("trial")))
    status, error = row.pop("status"), row.pop("error", None)
    lookup("status", status, dict.fromkeys((ENDED, FAILED)))
    if status == FAILED:
        record.status, record.message = FAILED, reason(ValueError(error or "no error was recorded"))
        return record
    summary = {str(name): value for name, value in row.items()}
    if (record.variant, record.trial) in times:
        summary["seconds"] = times[record.variant, record.trial]
    try:
        if wrong:
            raise ValueError(wrong)
        check_summary(summary)
        record.summary = summary
    except ValueError as problem:
        record.status, record.message = DAMAGED, str(problem)
    return record


def _times(path: Path) -> dict[tuple[str, int], float]:
    """The seconds of each run by variant and trial; none where there is no such table.

    :raises ValueError: naming the file, and the column that is missing or wrong.
    """
    if not os.path.lexists(path):
        return {}
    table, wrong = numeric(_with_columns(path, "variant", "trial", "seconds"))
    if wrong:
        raise ValueError(f"{path}: {next(iter(wrong.values()))}")
    rows = table.dropna(subset=["variant", "trial", "seconds"]).to_dict("records")
    with fitting(path):
        for row in rows:
            check_number("seconds", row["seconds"])
        return {(str(row["variant"]), whole("trial", row["trial"])): float(row["seconds"]) for row in rows}


def _with_columns(path: Path, *columns: str) -> pd.DataFrame:
    """A table that has some columns.

    :raises ValueError: naming the file, and those that it has not.
    """
    table = read_table(path)
    missing = [name for name in columns if name not in table]
    if missing:
        raise ValueError(f"{path}: the columns {', '.join(missing)} are missing")
    return table
