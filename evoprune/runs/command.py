"""What the commands share: a SCOOP pool to run in, a place for a run, and how a run ends for the one who typed it."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import evoprune
from evoprune.engines import Engine, WorkerError, make_engine, scoop_is_running
from evoprune.files import WriteError
from evoprune.plugins import label

INTERRUPTED = 130  # what shells expect of a process that Ctrl-C ended


def wants_pool(options: argparse.Namespace) -> bool:
    """Whether a SCOOP pool has to be started for this command; in the pool the command runs again.

    :raises ValueError: for options of the scoop engine with another one, or of a hostfile without one.
    """
    allow = getattr(options, "allow_missing_hosts", False)
    if allow and options.hostfile is None:
        raise ValueError("--allow-missing-hosts needs the hosts of a --hostfile")
    for name in ("hostfile", "external_hostname"):
        if getattr(options, name) is not None and options.engine != "scoop":
            what = name.replace("_", "-")
            raise ValueError(f"--{what} belongs to the scoop engine, got engine {options.engine or 'serial'}")
    return options.engine == "scoop" and not scoop_is_running()


def launch_pool(options: argparse.Namespace) -> int:
    """Run the same command line in a SCOOP pool; the exit code."""
    from evoprune.engines.launcher import launch

    program = Path(evoprune.__file__).resolve().with_name("__main__.py")
    hosts = (options.hostfile, options.external_hostname, options.allow_missing_hosts)
    return launch(program, options.arguments, options.workers, *hosts)


def shows(options: argparse.Namespace) -> bool:
    """Whether a command shows its progress and its result in words."""
    return not (options.quiet or options.json)


def engine_for(options: argparse.Namespace, settings: Any) -> Engine:
    """The engine asked for; without a word SCOOP's pool where the program runs in one and has use for it."""
    if options.engine is None and not settings.parallel:
        return Engine()
    return make_engine(options.engine, options.workers)


def directory_for(options: argparse.Namespace, *words: object) -> Path:
    """The run directory asked for, else a place under ``runs/`` that no run has: its name says what ran and when."""
    if options.directory:
        return Path(options.directory)
    name = "-".join(str(label(word)) for word in (*words, time.strftime("%Y%m%d-%H%M%S")))
    places = (Path("runs") / (name if k == 0 else f"{name}-{k}") for k in range(1000))
    return next(place for place in places if not place.exists())


def guarded(work: Callable[[], Any], directory: Path, options: argparse.Namespace, experiment: Any) -> int:
    """Do the work of a run and show its result, or say in a line why there is none; the exit code."""
    try:
        result = work()
    except KeyboardInterrupt:
        print(f"evoprune: interrupted{_kept(directory)}", file=sys.stderr)
        return INTERRUPTED
    except WriteError as error:
        intact = "the last checkpoint is intact" if _has_checkpoint(directory) else "there is no checkpoint yet"
        print(f"evoprune: error: {error}; {intact}{_kept(directory)}", file=sys.stderr)
        return 1
    except WorkerError as error:
        print(f"evoprune: error: {error}", file=sys.stderr)
        return 1
    if options.json:
        print((directory / "summary.json").read_text(encoding="utf-8"), end="")
    elif not options.quiet:
        print(f"\n{experiment.table(result)}")
        print(f"\nThe tables, the model and the plots are in {directory}")
        print(experiment.hint(result), end="")
    if result.summary["diverged"]:
        print(f"evoprune: failed: everything diverged, no loss is finite; see {directory}", file=sys.stderr)
        return 1
    return 0


def _has_checkpoint(directory: Path) -> bool:
    from evoprune.runs.experiment import CHECKPOINT  # slow to import

    return (directory / CHECKPOINT).exists()


def _kept(directory: Path) -> str:
    """What can be done with what a run that stopped has left."""
    if (directory / "settings.json").exists():
        return f"; continue with: evoprune resume {directory}"
    return "; nothing was begun"
