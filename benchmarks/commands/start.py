"""The commands that start a run of an experiment, and the one that continues it."""

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from evoprune.benchmarks.experiments import EXPERIMENTS, AnyExperiment
from evoprune.plugins import allow, fingerprint
from evoprune.runs.command import directory_for, engine_for, guarded, launch_pool, shows, wants_pool
from evoprune.runs.options import add_options, read_config, settings_among


def add_parser(commands: Any, name: str, quiet: Any, engine: Any) -> None:
    """Add the command that starts a run of the experiment ``name``; its options are the settings of a run."""
    experiment = EXPERIMENTS[name]
    words = "[PRESET ...] " * (experiment.presets is not None)
    parser = commands.add_parser(
        name,
        parents=[quiet, engine],
        usage=f"evoprune {name} {words}[options]",
        help=experiment.line,
        description=experiment.description,
        allow_abbrev=False,
    )
    if experiment.presets is not None:
        parser.add_argument("presets", nargs="*", metavar="PRESET", help="named settings, see evoprune list presets")
    parser.add_argument("--config", action="append", metavar="FILE.toml", help="settings from a file, a line each")
    parser.add_argument("--output", dest="directory", metavar="DIR", help="the run directory (default runs/...)")
    parser.add_argument("--force", action="store_true", help="replace another run in that directory")
    add_options(parser, experiment.settings, experiment.groups, experiment.flags())
    parser.set_defaults(command=lambda options: start(options, experiment), parser=parser)


def start(options: argparse.Namespace, experiment: AnyExperiment) -> int:
    """A run from a command line to a run directory: presets, then files, then options decide. The exit code."""
    presets = [layer for name in getattr(options, "presets", ()) for layer in (experiment.presets or list)(name)]
    *files, options_given = layers_from(options, experiment)
    settings = experiment.make_settings(*presets, *files, options_given)
    if wants_pool(options):
        experiment.check(settings)  # here too, so that no pool is started in vain
        experiment.kernel_of(settings)
        return launch_pool(options)
    with engine_for(options, settings) as engine:
        experiment.check(settings, engine)
        kernel = experiment.kernel_of(settings)
        directory = directory_for(options, *experiment.title(settings))
        for line in experiment.remarks(settings, options_given):
            print(f"evoprune: warning: {line}", file=sys.stderr)
        where = (directory, options.force, shows(options), engine)
        work = partial(experiment.start, settings, *where, checked=True, kernel=kernel)
        return guarded(work, directory, options, experiment)


def layers_from(options: argparse.Namespace, experiment: AnyExperiment) -> list[dict[str, Any]]:
    """The settings of each file that was given, then those among the options."""
    kind, flags = experiment.settings, experiment.flags()
    files = [read_config(path, kind, (*experiment.old_names, *flags)) for path in options.config or []]
    return [*files, settings_among(options, kind, flags)]


def admit(code: Mapping[str, Mapping[str, str]], directory: Path, allowed: bool) -> None:
    """Import the code outside of evoprune that a directory names, if that was allowed.

    :param code: name -> what it was; see :func:`evoprune.plugins.fingerprint`.
    :raises ValueError: where it was not allowed, cannot be found, or has changed.
    """
    for name, known in code.items():
        if not allowed:
            raise ValueError(f"{directory} needs code outside of evoprune, {name}; allow it with --allow-code")
        if fingerprint(name)["sha256"] != known.get("sha256"):
            raise ValueError(f"{name}: {known.get('path')} has changed since the run began; undo that, or start anew")
        allow(name)


def add_leave(parser: argparse.ArgumentParser) -> None:
    """The option of what reads a run's data again; :func:`admit_data` asks for it."""
    parser.add_argument(
        "--allow-code", action="store_true", help="run the code outside of evoprune that makes its data"
    )


def admit_data(code: Mapping[str, Mapping[str, str]], settings: Any, directory: Path, allowed: bool) -> None:
    """:func:`admit` the code that makes the data of a run; that of its operator is not needed."""
    admit(
        {name: known for name, known in code.items() if name == getattr(settings, "benchmark", None)},
        directory,
        allowed,
    )


def resume(options: argparse.Namespace, experiment: AnyExperiment, directory: Path) -> int:
    """Continue an interrupted run; the exit code."""
    if (directory / "summary.json").exists():
        print(f"evoprune: the run in {directory} has ended already", file=sys.stderr)
        if options.json:
            print((directory / "summary.json").read_text(encoding="utf-8"), end="")
        return 0
    settings = experiment.settings_in(directory)
    admit(experiment.code(settings), directory, options.allow_code)
    if wants_pool(options):
        return launch_pool(options)
    with engine_for(options, settings) as engine:
        work = partial(experiment.resume, directory, shows(options), engine, kernel=options.kernel)
        return guarded(work, directory, options, experiment)
