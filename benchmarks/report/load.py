"""From folders to results: studies and runs read, merged, named, and compared with what was planned."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.find import find, study_above
from evoprune.benchmarks.report.read import ENDED, Record, read_run
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.study import Study, read_study
from evoprune.benchmarks.report.variants import SAME_RESULT, describe, differing, effective, name_of

TIMES = ("seconds", "version")
"""What may differ between two copies of a run that ended alike."""


def load(paths: str | Path | Sequence[str | Path]) -> Results:
    """Read every study and run in the given folders.

    :param paths: study directories, run directories, or folders that hold some at any depth.
    :raises ValueError: where nothing is there, nothing has ended, or the folders do not belong together: different
        experiments, a variant with different settings, a run that is there twice with different results.
    """
    study_places, run_places = find([paths] if isinstance(paths, str | Path) else paths)
    studies = [read_study(place) for place in study_places]
    single = [read_run(place) for place in run_places]
    everything = [*(record for study in studies for record in study.records), *single]
    experiment = _experiment(studies, everything)
    _check_studies(studies)
    _name(single)
    settings = _settings(studies, everything)
    records = _unique(everything)
    rank = {variant: i for i, variant in enumerate(settings)}
    records.sort(key=lambda record: (rank.get(record.variant, len(rank)), record.trial))
    ended = [record for record in records if record.status == ENDED]
    planned = {
        variant: max(s.trials for s in studies if variant in s.variants) for s in studies for variant in s.variants
    }
    problems = pd.DataFrame([*_missing(studies, records, planned), *_faults(records)], columns=list(PROBLEM))
    if not ended:
        first = f": {problems.iloc[0]['place']}: {problems.iloc[0]['message']}" if len(problems) else ""
        raise ValueError(f"no run has ended in {', '.join(p.shown for p in [*study_places, *run_places][:3])}{first}")
    return Results(experiment, _runs(ended), _logs(ended), problems, settings, planned)


PROBLEM = ("variant", "trial", "status", "message", "place")


def _check_studies(studies: list[Study]) -> None:
    """Studies may share a variant only if it has the same settings in both."""
    for i, one in enumerate(studies):
        for other in studies[:i]:
            for variant in one.variants.keys() & other.variants.keys():
                mine, theirs = one.variants[variant], other.variants[variant]
                missing = sorted(effective(mine).keys() ^ effective(theirs).keys())
                what = describe(mine, theirs) or (f"only one of them sets {', '.join(missing)}" if missing else "")
                if what:
                    raise ValueError(f"{one.place} and {other.place} are different studies: {variant} has {what}")
                if one.seed != other.seed:
                    raise ValueError(
                        f"{one.place} and {other.place} are different studies: {variant} starts from "
                        f"seed {one.seed} and {other.seed}"
                    )


def _name(records: list[Record]) -> None:
    """Give runs outside a study a variant and a trial."""
    free = []
    for record in records:
        above = record.directory and study_above(record.directory)
        if above and record.directory and record.directory.name.isdigit():
            record.variant, record.trial = record.directory.resolve().parent.name, int(record.directory.name)
        elif record.settings:
            free.append(record)
    keys = differing([record.settings for record in free])
    for record in free:
        record.variant = name_of(record.settings, keys)
    seeds = sorted({record.seed for record in free if record.seed is not None})
    for record in free:
        record.trial = seeds.index(record.seed) if record.seed is not None else -1


def _unique(records: Iterable[Record]) -> list[Record]:
    """Every run once; the copy that ended where there are several."""
    kept: dict[tuple[str, int, str], Record] = {}
    for record in records:
        key = (record.variant, record.trial, "" if record.variant and record.trial >= 0 else record.place)
        other = kept.setdefault(key, record)
        if other is record:
            continue
        if record.status == ENDED and other.status == ENDED:
            _check_copies(record, other)
        if record.status == ENDED and (other.status != ENDED or (other.log is None and record.log is not None)):
            kept[key] = record
    return list(kept.values())


def _check_copies(one: Record, other: Record) -> None:
    where = f"{one.place} and {other.place} are both trial {one.trial} of {one.variant}"
    if one.seed != other.seed:
        raise ValueError(f"{where}, but have seeds {one.seed} and {other.seed}")
    apart = [
        f"{key} {one.plain[key]!r} and {other.plain[key]!r}"
        for key in one.plain.keys() & other.plain.keys()
        if key not in TIMES and not _alike(one.plain[key], other.plain[key])
    ]
    if apart:
        raise ValueError(f"{where} with seed {one.seed}, but their results differ: {', '.join(sorted(apart)[:3])}")


def _alike(one: Any, other: Any) -> bool:
    return one == other or (pd.isna(one) and pd.isna(other))


def _experiment(studies: list[Study], records: list[Record]) -> str:
    found = {study.experiment: study.place for study in studies}
    for record in records:
        if record.settings:
            found.setdefault(str(record.settings.get("experiment", "run")), record.place)
    if len(found) > 1:
        names = " and ".join(f"{name!r} ({place})" for name, place in sorted(found.items()))
        raise ValueError(f"a report is about one experiment, but these folders hold {names}")
    return next(iter(found), "run")


def _settings(studies: list[Study], records: list[Record]) -> dict[str, dict[str, Any]]:
    """Variant -> settings: the order of the studies first; the runs' own settings, which are complete, over theirs."""
    order = dict.fromkeys(variant for study in studies for variant in study.variants)
    named = sorted({record.variant for record in records} - {""})
    planned = {variant: settings for study in studies for variant, settings in study.variants.items()}
    found: dict[str, dict[str, Any]] = {variant: planned.get(variant, {}) for variant in [*order, *named]}
    whole: dict[str, Record] = {}
    for record in records:
        if not record.settings:
            continue
        first = whole.setdefault(record.variant, record)
        apart = differing([first.settings, record.settings])
        if apart:
            raise ValueError(
                f"{first.place} and {record.place} are both called {record.variant}, but have "
                f"{describe(first.settings, record.settings)}: leave one of them out"
            )
        kept = {key: value for key, value in first.settings.items() if key not in SAME_RESULT}
        found[record.variant] = found[record.variant] | kept
    return found


def _missing(studies: list[Study], records: list[Record], planned: dict[str, int]) -> list[dict[str, Any]]:
    """A row a variant that has fewer runs, in any state, than was planned."""
    shards = {study.shard for study in studies if study.shard}
    absent = sorted(set(range(1, max(n for _, n in shards) + 1)) - {i for i, _ in shards}) if shards else []
    hint = (
        f"; shard {', '.join(map(str, absent))} of {max(n for _, n in shards)} is not among the folders"
        if absent
        else ""
    )
    rows = []
    for variant, trials in planned.items():
        left = trials - sum(record.variant == variant for record in records)
        if left > 0:
            places = ", ".join(sorted({study.place for study in studies if variant in study.variants}))
            message = f"{left} of {trials} trials were not run{hint}"
            rows.append(dict(zip(PROBLEM, (variant, "", "missing", message, places), strict=True)))
    return rows


def _faults(records: list[Record]) -> list[dict[str, Any]]:
    return [
        dict(
            zip(
                PROBLEM,
                (
                    record.variant,
                    record.trial if record.trial >= 0 else "",
                    _state(record),
                    record.message,
                    record.place,
                ),
                strict=True,
            )
        )
        for record in records
        if record.message
    ]


def _state(record: Record) -> str:
    return "no log" if record.status == ENDED else record.status


def _runs(records: list[Record]) -> pd.DataFrame:
    fixed = pd.DataFrame(
        {
            "variant": [record.variant for record in records],
            "trial": [record.trial for record in records],
            "seed": pd.Series([record.seed for record in records], dtype=object),
            "directory": [str(record.directory or "") for record in records],
        }
    )
    summaries = pd.DataFrame([record.plain for record in records])
    return fixed.join(summaries.drop(columns=list(fixed.columns), errors="ignore"))


def _logs(records: list[Record]) -> pd.DataFrame:
    logs = [
        record.log.assign(variant=record.variant, trial=record.trial) for record in records if record.log is not None
    ]
    return pd.concat(logs, ignore_index=True) if logs else pd.DataFrame(columns=["variant", "trial"])
