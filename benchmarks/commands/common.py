"""What the commands share: options, a SCOOP pool, a place for a run, and how a run ends for the one who typed it."""

import argparse
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import evoprune
from evoprune.benchmarks.runs.experiment import Experiment
from evoprune.benchmarks.runs.options import add_options, given, read_config
from evoprune.engines import Engine, WorkerError, make_engine, scoop_is_running

AnyExperiment = Experiment[Any, Any, Any, Any]

INTERRUPTED = 130  # what shells expect of a process that Ctrl-C ended


def add_run_options(parser: argparse.ArgumentParser, kind: type) -> None:
    """The options of every command that starts a run: its directory, files of settings, and an option a setting.

    :param kind: the settings dataclass.
    """
    parser.add_argument("--config", action="append", metavar="FILE.toml", help="settings from a file, a line each")
    parser.add_argument("--output", dest="directory", metavar="DIR", help="the run directory (default runs/...)")
    parser.add_argument("--force", action="store_true", help="replace another run in that directory")
    add_options(parser.add_argument_group("settings"), kind)


def start_run(options: argparse.Namespace, experiment: AnyExperiment, presets: Iterable[Mapping[str, Any]] = ()) -> int:
    """A run from a command line to a run directory: presets, then files, then options decide. The exit code."""
    kind, options_given = experiment.settings, given(options, experiment.settings)
    files = [read_config(path, kind) for path in options.config or []]
    settings = experiment.make_settings(*presets, *files, options_given)
    if wants_pool(options):
        settings.check_data()  # here too, so that no pool is started in vain
        return launch_pool(options)
    with engine_for(options, settings) as engine:
        experiment.check(settings, engine)
        directory = directory_for(options, *experiment.title(settings))
        for line in experiment.remarks(settings, options_given):
            print(f"evoprune: warning: {line}", file=sys.stderr)
        arguments = (settings, directory, options.force, shows(options), engine)
        return guarded(lambda: experiment.start(*arguments, checked=True), directory, options, experiment)


def resume_run(options: argparse.Namespace, experiment: AnyExperiment, directory: Path) -> int:
    """Continue an interrupted run; the exit code."""
    settings = experiment.load(directory).settings
    if (directory / "summary.json").exists():
        print(f"evoprune: the run in {directory} has ended already", file=sys.stderr)
        if options.json:
            print((directory / "summary.json").read_text(encoding="utf-8"), end="")
        return 0
    if wants_pool(options):
        return launch_pool(options)
    with engine_for(options, settings) as engine:
        return guarded(lambda: experiment.resume(directory, shows(options), engine), directory, options, experiment)


def wants_pool(options: argparse.Namespace) -> bool:
    """Whether a SCOOP pool has to be started for this command; in the pool the command runs again.

    :raises ValueError: for options of the scoop engine with another one.
    """
    for name in ("hostfile", "external_hostname"):
        if getattr(options, name) and options.engine != "scoop":
            what = name.replace("_", "-")
            raise ValueError(f"--{what} belongs to the scoop engine, got engine {options.engine or 'serial'}")
    return options.engine == "scoop" and not scoop_is_running()


def launch_pool(options: argparse.Namespace) -> int:
    """Run the same command line in a SCOOP pool; the exit code."""
    from evoprune.engines.launcher import launch

    program = Path(evoprune.__file__).resolve().with_name("__main__.py")
    return launch(program, options.arguments, options.workers, options.hostfile, options.external_hostname)


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
    name = "-".join(re.sub(r"[^\w.-]+", "-", str(word)) for word in (*words, time.strftime("%Y%m%d-%H%M%S")))
    places = (Path("runs") / (name if k == 0 else f"{name}-{k}") for k in range(1000))
    return next(place for place in places if not place.exists())


def guarded(work: Callable[[], Any], directory: Path, options: argparse.Namespace, experiment: AnyExperiment) -> int:
    """Do the work of a run and show its result, or say in a line why there is none; the exit code."""
    try:
        result = work()
    except KeyboardInterrupt:
        if (directory / "checkpoint.pt").exists():
            print(f"evoprune: interrupted; continue with: evoprune resume {directory}", file=sys.stderr)
        else:
            print("evoprune: interrupted before the first generation; nothing is kept", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"evoprune: error: {where}{error.strerror or error}; the last checkpoint is intact", file=sys.stderr)
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
    return 0
