"""Run a plan: on any engine, a directory and a row of ``results.csv`` a run, and on from where it was interrupted."""

import json
import platform
import re
import shutil
import tempfile
import traceback
from contextlib import closing
from operator import methodcaller
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from evoprune import folders
from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.sweeps.kernels import settled
from evoprune.benchmarks.sweeps.plan import Plan, Run, load_plan
from evoprune.engines import Engine
from evoprune.files import WriteError, read_json, write
from evoprune.folders import Folder
from evoprune.legacy import known
from evoprune.records import write_csv
from evoprune.runs.experiment import run_folder
from evoprune.runs.kernels import AUTO
from evoprune.training.kernel import Kernel, kernel_for

LEFT_OUT = ("checkpoint.pt",)
"""What a run of a sweep does not keep: an ended run has no use for it, and it is the largest file."""
TIMES = ("seconds",)
"""Columns that differ from one execution to the next: they go into ``times.csv``, so that ``results.csv`` does not."""

SCRATCH = ".scratch-"
"""How the folder of the runs at work begins."""
ENDS = ("summary.json", "error.txt")
"""What makes a directory that of a run that has ended or failed."""

Files = dict[str, bytes]


def sweep(
    plan: Plan, directory: str | Path, engine: Engine | None = None, bar: bool = False, retry_failed: bool = False
) -> pd.DataFrame:
    """Do the runs of a plan that have not been done yet, and return the table of all.

    What is in ``directory``: ``study.json``, ``results.csv`` (a row a run that ended or failed, in the order of the
    plan, the same bytes however often the sweep was interrupted), ``times.csv``, and ``runs/<variant>/<trial>/``.

    :param engine: where whole runs are done; in this process by default.
    :param retry_failed: do the runs that failed once more.
    :raises ValueError: for an engine whose tasks cannot be whole runs, and where the directory holds another study or
        something else, or another sweep is at work in it. A study may grow: more trials, or further variants after
        those that are there.
    :raises WriteError: where the disk is full; the runs that are in the directory are whole.
    """
    engine = engine or Engine()
    check_engine(engine)
    check_place(plan, Path(directory))
    if plan.kernels.keys() != plan.variants.keys():
        plan = settled(plan, directory)
    with study_folder(directory) as place:
        check_place(plan, place.path)  # another sweep may have ended there since
        _begin(plan, place, retry_failed)
        _tidy(place.path)
        with tempfile.TemporaryDirectory("", SCRATCH, place.path.resolve(), ignore_cleanup_errors=True) as scratch:
            Folder(scratch, folders.SCRATCH, shared=True).mark()
            return _run(plan, place, engine, Path(scratch), bar)


def study_folder(directory: str | Path) -> Folder:
    """The directory of a study, to be opened."""
    return Folder(directory, folders.STUDY, known(folders.STUDY))


def _begin(plan: Plan, place: Folder, retry_failed: bool) -> None:
    """Leave the plan before anything else, so that the directory is known for what it is whenever a sweep is killed."""
    for run in plan.runs if retry_failed else ():
        if (place.path / run.place / "error.txt").exists():
            with run_folder(place.path / run.place) as folder:
                folder.clear()
    for run in plan.runs:
        run_folder(place.path / run.place).look()  # a directory of the user's is found before the first run
    plan.save(place.file("study.json"))


def _run(plan: Plan, place: Folder, engine: Engine, scratch: Path, bar: bool) -> pd.DataFrame:
    runs = plan.runs
    rows = [_row(run, place.path) for run in runs]
    table = _tables(rows, place)
    left = [i for i, row in enumerate(rows) if row is None]
    tasks = [(plan.experiment, runs[i].settings, scratch, runs[i].kernel) for i in left]
    progress = tqdm(total=len(runs), initial=len(runs) - len(left), desc="sweep", unit="run", disable=not bar)
    with progress, closing(engine.as_completed(whole_run, tasks)) as ended:
        for number, files in ended:
            run = runs[left[number]]
            if isinstance(files, (OSError, ValueError)):
                raise files
            _keep(run, place.path, files if isinstance(files, dict) else _failure_files(run.settings, str(files)))
            rows[left[number]] = _row(run, place.path)
            table = _tables(rows, place)
            progress.update()
    return table


def whole_run(task: tuple[str, dict[str, Any], Path, Kernel | None]) -> Files | OSError | ValueError:
    """A run from its settings to the files that it leaves, as bytes: a worker may share no disk with us.

    It works in the study's scratch folder where it finds it, so that what a killed worker leaves goes with the folder.
    An exception of the run is one of its files, ``error.txt``; a full disk, or a kernel that is not here, is none of
    the run's.
    """
    name, settings, scratch, kernel = task
    experiment = EXPERIMENTS[name]
    try:
        kernel_for(kernel or "auto")
    except ValueError as error:
        return ValueError(f"the worker on {platform.node()} cannot do the runs: {error}")
    with tempfile.TemporaryDirectory(prefix="evoprune-", dir=scratch if scratch.is_dir() else None) as folder:
        place = Path(folder) / "run"
        try:
            experiment.start(experiment.make_settings(settings), place, plots=False, kernel=kernel)
        except WriteError as error:
            return error
        except Exception:
            return _failure_files(settings, traceback.format_exc())
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in sorted(place.rglob("*"))
            if path.is_file() and path.name not in LEFT_OUT and path != place / folders.MANIFEST
        }


def _failure_files(settings: dict[str, Any], text: str) -> Files:
    return {"settings.json": json.dumps(settings, indent=2).encode() + b"\n", "error.txt": text.encode()}


def check_engine(engine: Engine) -> None:
    """See that an engine's tasks may be whole runs.

    :raises ValueError: where they share what a process has only once.
    """
    if not engine.whole_runs:
        raise ValueError(f"the {engine.name} engine shares out the cells of one run, a sweep whole runs: use processes")


def check_place(plan: Plan, place: Path) -> None:
    """See that the directory is free or holds this study, perhaps with fewer trials or variants.

    :raises ValueError: where it is not.
    """
    folder = study_folder(place)
    folder.look()
    if folder.has("study.json"):
        there = load_plan(place)
        if difference := _difference(there, plan):
            raise ValueError(f"{place} holds another study: {difference}")
        if there.trials > plan.trials:
            raise ValueError(f"{place} holds a study of {there.trials} trials, and {plan.trials} were asked for")


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
            any_will_do = setting == "kernel" and new.get(setting) == AUTO
            if old.get(setting) != new.get(setting) and not any_will_do:
                return f"{name} has {setting} {old.get(setting)!r}, not {new.get(setting)!r}"
    return None


def _tidy(place: Path) -> None:
    """Remove the folders of the runs at work that killed sweeps left."""
    for left in place.iterdir():
        ours = re.fullmatch(re.escape(SCRATCH) + "[a-z0-9_]{8}", left.name) and left.is_dir() and not left.is_symlink()
        new = ours and all(folders.is_part(path.name, folders.MANIFEST) for path in left.iterdir())
        if ours and (new or folders.holds(left, folders.SCRATCH)):
            shutil.rmtree(left, ignore_errors=True)


def _keep(run: Run, place: Path, files: Files) -> None:
    """The files of a run as its directory; what makes it one that has ended or failed comes last."""
    with run_folder(place / run.place) as folder:
        folder.clear()  # half a run of an older time
        names = sorted(files, key=ENDS.__contains__)
        for path, name in zip(folder.claim(names), names, strict=True):
            write(path, methodcaller("write", files[name]))


def _row(run: Run, place: Path) -> dict[str, Any] | None:
    """A run that ended or failed as a row; None for one that is to do, which a damaged one is too."""
    folder = place / run.place
    if (folder / "error.txt").exists():
        return run.name | {"status": "failed", "error": error_line((folder / "error.txt").read_text())}
    try:
        summary = read_json(folder / "summary.json")
    except ValueError:
        return None
    plain = {name: value for name, value in summary.items() if not isinstance(value, (dict, list))}
    return run.name | {"status": "ended", "error": None} | plain


def error_line(text: str) -> str:
    """The line of a traceback in which the exception begins; its message may go on below it."""
    lines = text.strip().splitlines() or ["no error was recorded"]
    starts = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    after = lines[starts[-1] + 1 :] if starts else lines[-1:]
    return next((line for line in after if line and not line[0].isspace()), lines[-1])


def _tables(rows: list[dict[str, Any] | None], place: Folder) -> pd.DataFrame:
    """Write both tables, whole, in the order of the plan."""
    table = pd.DataFrame([row for row in rows if row])
    if table.empty:
        table = pd.DataFrame(columns=["variant", "trial", "seed", "status", "error"])
    times = [name for name in TIMES if name in table]
    write_csv(place.file("results.csv"), table.drop(columns=times))
    write_csv(place.file("times.csv"), table[["variant", "trial", *times]])
    return table
