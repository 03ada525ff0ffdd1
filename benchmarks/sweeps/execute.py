"""Run a plan: on any engine, a directory and a row of ``results.csv`` a run, and on from where it was interrupted."""

import fcntl
import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.sweeps.plan import Plan, Run, load_plan
from evoprune.engines import Engine
from evoprune.records import write_csv

LEFT_OUT = ("checkpoint.pt",)
"""What a run of a sweep does not keep: an ended run has no use for it, and it is the largest file."""
TIMES = ("seconds",)
"""Columns that differ from one execution to the next: they go into ``times.csv``, so that ``results.csv`` does not."""

SCRATCH = ".scratch-"
LEFTOVERS = (f"{SCRATCH}*", ".desk", "runs/*/.*.part")
"""What a killed sweep leaves, of version 0.1 too: the folder of the runs at work, and runs that were being kept."""

Files = dict[str, bytes]


def sweep(
    plan: Plan, directory: str | Path, engine: Engine | None = None, bar: bool = False, retry_failed: bool = False
) -> pd.DataFrame:
    """Do the runs of a plan that have not been done yet, and return the table of all.

    What is in ``directory``: ``study.json``, ``results.csv`` (a row a run that ended or failed, in the order of the
    plan, the same bytes however often the sweep was interrupted), ``times.csv``, and ``runs/<variant>/<trial>/``.

    :param engine: where whole runs are done; in this process by default.
    :param retry_failed: do the runs that failed once more.
    :raises ValueError: where the directory holds another study, or another sweep is at work in it. A study may grow:
        more trials, or further variants after those that are there.
    """
    place = Path(directory)
    check_place(plan, place)
    try:
        (place / "runs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{place}: cannot write there ({error.strerror or error})") from error
    with _alone(place), tempfile.TemporaryDirectory("", SCRATCH, place.resolve(), ignore_cleanup_errors=True) as folder:
        runs = plan.runs
        for run in runs if retry_failed else ():
            if (place / run.place / "error.txt").exists():
                shutil.rmtree(place / run.place)
        plan.save(place)
        rows = [_row(run, place) for run in runs]
        table = _tables(rows, place)
        left = [i for i, row in enumerate(rows) if row is None]
        tasks = [(plan.experiment, runs[i].settings, Path(folder)) for i in left]
        progress = tqdm(total=len(runs), initial=len(runs) - len(left), desc="sweep", unit="run", disable=not bar)
        with progress, closing((engine or Engine()).as_completed(whole_run, tasks)) as ended:
            for number, files in ended:
                run = runs[left[number]]
                _keep(run, place, files if isinstance(files, dict) else _failure_files(run.settings, str(files)))
                rows[left[number]] = _row(run, place)
                table = _tables(rows, place)
                progress.update()
        return table


def whole_run(task: tuple[str, dict[str, Any], Path]) -> Files:
    """A run from its settings to the files that it leaves, as bytes: a worker may share no disk with us.

    It works in the study's scratch folder where it finds it, so that what a killed worker leaves goes with the folder.
    An exception of the run is one of its files, ``error.txt``.
    """
    name, settings, scratch = task
    experiment = EXPERIMENTS[name]
    with tempfile.TemporaryDirectory(prefix="evoprune-", dir=scratch if scratch.is_dir() else None) as folder:
        place = Path(folder) / "run"
        try:
            experiment.start(experiment.make_settings(settings), place, plots=False)
        except Exception:
            return _failure_files(settings, traceback.format_exc())
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in sorted(place.rglob("*"))
            if path.is_file() and path.name not in LEFT_OUT
        }


def _failure_files(settings: dict[str, Any], text: str) -> Files:
    return {"settings.json": json.dumps(settings, indent=2).encode() + b"\n", "error.txt": text.encode()}


def check_place(plan: Plan, place: Path) -> None:
    """See that the directory is free or holds this study, perhaps with fewer trials or variants.

    :raises ValueError: where it is not.
    """
    if (place / "study.json").exists():
        there = load_plan(place)
        if difference := _difference(there, plan):
            raise ValueError(f"{place} holds another study: {difference}")
        if there.trials > plan.trials:
            raise ValueError(f"{place} holds a study of {there.trials} trials, and {plan.trials} were asked for")
    elif place.exists() and any(path.name != ".lock" for path in place.iterdir()):
        raise ValueError(f"{place} holds something else than a study: choose another directory")


def _difference(there: Plan, plan: Plan) -> str | None:
    """The first thing in which a study is another one; it may grow, save for a part: what is in it depends on all."""
    for name in ("experiment", "seed", "shard"):
        if getattr(there, name) != getattr(plan, name):
            return f"its {name} is {getattr(there, name)}, not {getattr(plan, name)}"
    names = list(there.variants)
    if list(plan.variants)[: len(names)] != names or (plan.shard[1] > 1 and len(plan.variants) > len(names)):
        return f"its variants are {', '.join(names)}; not {', '.join(plan.variants)}"
    for name, old in there.variants.items():
        new = plan.variants[name]
        for setting in old | new:
            if old.get(setting) != new.get(setting):
                return f"{name} has {setting} {old.get(setting)!r}, not {new.get(setting)!r}"
    return None


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One sweep at a time in a directory, and nothing there that a killed one left."""
    with open(place / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"another sweep is at work in {place}") from None
        for leftover in (path for pattern in LEFTOVERS for path in place.glob(pattern)):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def _keep(run: Run, place: Path, files: Files) -> None:
    """The files of a run as its directory, all of them or none."""
    final = place / run.place
    part = final.with_name(f".{final.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(final, ignore_errors=True)  # half a run of an older time
    for name, content in files.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.replace(part, final)


def _row(run: Run, place: Path) -> dict[str, Any] | None:
    """A run that ended or failed as a row; None for one that is to do, which a damaged one is too."""
    folder = place / run.place
    if (folder / "error.txt").exists():
        return run.name | {"status": "failed", "error": error_line((folder / "error.txt").read_text())}
    try:
        summary = dict(json.loads((folder / "summary.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    plain = {name: value for name, value in summary.items() if not isinstance(value, (dict, list))}
    return run.name | {"status": "ended", "error": None} | plain


def error_line(text: str) -> str:
    """The line of a traceback in which the exception begins; its message may go on below it."""
    lines = text.strip().splitlines() or ["no error was recorded"]
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    after = lines[starts[-1] + 1 :] if starts else lines[-1:]
    return next((line for line in after if line and not line[0].isspace()), lines[-1])


def _tables(rows: list[dict[str, Any] | None], place: Path) -> pd.DataFrame:
    """Write both tables, whole, in the order of the plan."""
    table = pd.DataFrame([row for row in rows if row])
    if table.empty:
        table = pd.DataFrame(columns=["variant", "trial", "seed", "status", "error"])
    times = [name for name in TIMES if name in table]
    write_csv(place / "results.csv", table.drop(columns=times))
    write_csv(place / "times.csv", table[["variant", "trial", *times]])
    return table
