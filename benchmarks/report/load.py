"""From folders to results: studies and runs read, merged, named, and compared with what was planned."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.read import ENDED, Record, Study, find, read_run, read_study, study_above
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.variants import SAME_RESULT, describe, differing, effective, names_of

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
    rank = {variant: i for i, variant in enumerate(settings)}
    records = sorted(_unique(everything), key=lambda record: (rank.get(record.variant, len(rank)), record.trial))
    ended = [record for record in records if record.status == ENDED]
    planned: dict[str, int] = {}
    for plan in (study.plan for study in studies):
        planned |= {variant: max(plan.trials, planned.get(variant, 0)) for variant in plan.variants}
    columns = ["variant", "trial", "status", "message", "place"]
    problems = pd.DataFrame([*_missing(studies, records, planned), *_faults(records)], columns=columns)
    if not ended:
        first = f": {problems.iloc[0]['place']}: {problems.iloc[0]['message']}" if len(problems) else ""
        raise ValueError(f"no run has ended in {', '.join(p.shown for p in [*study_places, *run_places][:3])}{first}")
    return Results(experiment, _runs(ended), _logs(ended), problems, settings, planned)


def _check_studies(studies: list[Study]) -> None:
    """Studies may share a variant only if it has the same settings in both."""
    for other, one in itertools.combinations(studies, 2):
        apart = f"{one.place} and {other.place} are different studies"
        for variant in one.plan.variants.keys() & other.plan.variants.keys():
            mine, theirs = one.plan.variants[variant], other.plan.variants[variant]
            missing = sorted(effective(mine).keys() ^ effective(theirs).keys())
            what = describe(mine, theirs) or (f"only one of them sets {', '.join(missing)}" if missing else "")
            if what:
                raise ValueError(f"{apart}: {variant} has {what}")
            if one.plan.seed != other.plan.seed:
                raise ValueError(f"{apart}: {variant} starts from seed {one.plan.seed} and {other.plan.seed}")


def _name(records: list[Record]) -> None:
    """Give runs outside a study a variant and a trial."""
    free = []
    for record in records:
        above = record.directory and study_above(record.directory)
        if above and record.directory and record.directory.name.isdigit():
            record.variant, record.trial = record.directory.resolve().parent.name, int(record.directory.name)
        elif record.settings:
            free.append(record)
    seeds = sorted({record.seed for record in free if record.seed is not None})
    for record, name in zip(free, names_of([record.settings for record in free]), strict=True):
        record.variant = name
        record.trial = seeds.index(record.seed) if record.seed is not None else -1


def _unique(records: Iterable[Record]) -> list[Record]:
    """Every run once; the copy that ended where there are several."""
    kept: dict[tuple[str, int, str], Record] = {}
    for record in records:
        key = (record.variant, record.trial, "" if record.variant and record.trial >= 0 else record.place)
        other = kept.setdefault(key, record)
        if other is record or record.status != ENDED:
            continue
        if other.status == ENDED:
            _check_copies(record, other)
        if other.status != ENDED or (other.log is None and record.log is not None):
            kept[key] = record
    return list(kept.values())


def _check_copies(one: Record, other: Record) -> None:
    where = f"{one.place} and {other.place} are both trial {one.trial} of {one.variant}"
    if one.seed != other.seed:
        raise ValueError(f"{where}, but have seeds {one.seed} and {other.seed}")
    shared = (one.plain.keys() & other.plain.keys()) - {*TIMES}
    both = ((key, one.plain[key], other.plain[key]) for key in shared)
    apart = [f"{key} {a!r} and {b!r}" for key, a, b in both if a != b and not (pd.isna(a) and pd.isna(b))]
    if apart:
        raise ValueError(f"{where} with seed {one.seed}, but their results differ: {', '.join(sorted(apart)[:3])}")


def _experiment(studies: list[Study], records: list[Record]) -> str:
    found = {study.plan.experiment: study.place for study in studies}
    for record in (record for record in records if record.settings):
        found.setdefault(str(record.settings.get("experiment", "run")), record.place)
    if len(found) > 1:
        names = " and ".join(f"{name!r} ({place})" for name, place in sorted(found.items()))
        raise ValueError(f"a report is about one experiment, but these folders hold {names}")
    return next(iter(found), "run")


def _settings(studies: list[Study], records: list[Record]) -> dict[str, dict[str, Any]]:
    """Variant -> settings: the order of the studies first; the runs' own settings, which are complete, over theirs."""
    found = {variant: settings for study in studies for variant, settings in study.plan.variants.items()}
    found |= {variant: {} for variant in sorted({record.variant for record in records} - {"", *found})}
    whole: dict[str, Record] = {}
    for record in (record for record in records if record.settings):
        first = whole.setdefault(record.variant, record)
        if differing([first.settings, record.settings]):
            raise ValueError(
                f"{first.place} and {record.place} are both called {record.variant}, but have "
                f"{describe(first.settings, record.settings)}: leave one of them out"
            )
        kept = {key: value for key, value in first.settings.items() if key not in SAME_RESULT}
        found[record.variant] = found[record.variant] | kept
    return found


def _missing(studies: list[Study], records: list[Record], planned: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    """A row a variant that has fewer runs, in any state, than was planned."""
    shards = {study.plan.shard for study in studies}
    count = max((n for _, n in shards), default=1)
    absent = ", ".join(str(i) for i in range(1, count + 1) if i not in {shard[0] for shard in shards})
    hint = f"; shard {absent} of {count} is not among the folders" if absent else ""
    there = Counter(record.variant for record in records)
    for variant, trials in planned.items():
        if there[variant] < trials:
            places = ", ".join(sorted({study.place for study in studies if variant in study.plan.variants}))
            message = f"{trials - there[variant]} of {trials} trials were not run{hint}"
            yield variant, "", "missing", message, places


def _faults(records: list[Record]) -> Iterator[tuple[Any, ...]]:
    for record in (record for record in records if record.message):
        trial = record.trial if record.trial >= 0 else ""
        status = "no log" if record.status == ENDED else record.status
        yield record.variant, trial, status, record.message, record.place


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
    logs = [each.log.assign(variant=each.variant, trial=each.trial) for each in records if each.log is not None]
    return pd.concat(logs, ignore_index=True) if logs else pd.DataFrame(columns=["variant", "trial"])
