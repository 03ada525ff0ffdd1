"""A study directory, as ``evoprune sweep`` leaves it."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.find import STUDY, Place
from evoprune.benchmarks.report.read import DAMAGED, ENDED, FAILED, Record, read_json, read_run, read_table

FORMAT = "evoprune study 1"


@dataclass
class Study:
    """A study: what was planned, and the runs that are there."""

    place: str
    experiment: str
    seed: int
    trials: int
    variants: dict[str, dict[str, Any]]
    shard: tuple[int, int] | None = None
    records: list[Record] = field(default_factory=list)


def read_study(place: Place) -> Study:
    """The study in a directory, with its runs; a run whose folder is gone comes from ``results.csv``.

    :raises ValueError: for a ``study.json`` that is damaged or of another format.
    """
    plan = read_json(place.path / STUDY)
    if plan.get("format") != FORMAT:
        raise ValueError(f"{place.path / STUDY}: expected format {FORMAT!r}, got {plan.get('format')!r}")
    try:
        shard = tuple(int(part) for part in plan["shard"]) if plan.get("shard") else None
        study = Study(
            place.shown,
            str(plan.get("experiment", "run")),
            int(plan["seed"]),
            int(plan["trials"]),
            {str(name): dict(settings) for name, settings in plan["variants"].items()},
            (shard[0], shard[1]) if shard else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ValueError(f"{place.path / STUDY}: not a study ({type(error).__name__}: {error})") from error
    found = {(record.variant, record.trial): record for record in _folders(place, study)}
    for record in _rows(place, study):
        if (record.variant, record.trial) not in found:
            found[record.variant, record.trial] = record
    study.records = list(found.values())
    return study


def _folders(place: Place, study: Study) -> list[Record]:
    records = []
    for variant in study.variants:
        above = place.path / "runs" / variant
        for folder in sorted(above.iterdir()) if above.is_dir() else []:
            if not (folder.is_dir() and folder.name.isdigit()):
                continue
            record = read_run(Place(folder, f"{place.shown}/runs/{variant}/{folder.name}"))
            record.variant, record.trial = variant, int(folder.name)
            records.append(record)
    return records


def _rows(place: Place, study: Study) -> list[Record]:
    """The runs in the study's table, with their times; none where it cannot be read."""
    path = place.path / "results.csv"
    if not path.exists():
        return []
    shown = f"{place.shown}/results.csv"
    try:
        table = read_table(path)
        rows: list[dict[Any, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
        seconds = _seconds(place)
        records = []
        for row in rows:
            if row["variant"] not in study.variants:
                continue
            key = (str(row.pop("variant")), int(row.pop("trial")))
            status, error = row.pop("status"), row.pop("error", None)
            record = Record(shown, ENDED if status == ENDED else FAILED, variant=key[0], trial=key[1])
            if status == ENDED:
                record.summary = {"seconds": seconds.get(key), **row}
            else:
                record.message = str(error or "no error was recorded")
            records.append(record)
    except (KeyError, ValueError, TypeError) as error:
        return [Record(shown, DAMAGED, f"cannot be used ({error})")]
    return records


def _seconds(place: Place) -> dict[tuple[str, int], float]:
    path = place.path / "times.csv"
    if not path.exists():
        return {}
    table = read_table(path)
    return {
        (str(row["variant"]), int(row["trial"])): float(row["seconds"])
        for row in table.to_dict("records")
        if not pd.isna(row["seconds"])
    }
