"""``evoprune architectures``: search for an autoencoder's architecture, and say what was found."""

import argparse
from typing import Any

from evoprune.benchmarks.architectures.run import EXPERIMENT, Result, start
from evoprune.benchmarks.architectures.settings import ArchitectureSettings, make_settings
from evoprune.benchmarks.commands.common import directory_for, engine_for, guarded, launch_pool, shows, wants_pool
from evoprune.benchmarks.runs.options import add_options, given, read_config


def add_parser(commands: Any, quiet: Any, engine: Any) -> None:
    """Add the command; its options are the settings of a search."""
    parser = commands.add_parser(
        "architectures",
        parents=[quiet, engine],
        help="search for the architecture of an autoencoder",
        description="Search for an architecture with a genetic algorithm, train the best one in full, and leave a run "
        'directory. evoprune run --network "from DIR" prunes what was found.',
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="append", metavar="FILE.toml", help="settings from a file, a line each")
    parser.add_argument("--output", dest="directory", metavar="DIR", help="the run directory (default runs/...)")
    parser.add_argument("--force", action="store_true", help="replace another run in that directory")
    add_options(parser, ArchitectureSettings)
    parser.set_defaults(command=architectures, parser=parser)


def architectures(options: argparse.Namespace) -> int:
    """Run a search from parsed arguments; the exit code."""
    layers = [read_config(path, ArchitectureSettings) for path in options.config or []]
    settings = make_settings(*layers, given(options, ArchitectureSettings))
    settings.check_data()
    if wants_pool(options):
        return launch_pool(options)
    directory = directory_for(options, EXPERIMENT, settings.method, settings.benchmark, settings.seed)
    with engine_for(options, settings) as engine:
        code = guarded(
            lambda: start(settings, directory, options.force, shows(options), engine), directory, options, table
        )
    if code == 0 and shows(options):
        print(f'Prune it with: evoprune run --benchmark {_problem(settings)} --network "from {directory}"')
    return code


def table(result: Result) -> str:
    """What was found, beside the best of as many random architectures where they were asked for, and a constant."""
    summary = result.summary
    rows = [(f"best found ({summary['method']})", summary)]
    if summary["random"]:
        rows.append((f"best of {summary['random']['trained']} random ones", summary["random"]))
    heads = ("", f"validation {summary['loss']}", f"held-out {summary['loss']}", "held-out L1", "parameters", "trained")
    lines: list[tuple[str, ...]] = [heads]
    for name, found in rows:
        losses = (f"{found[key]:.5f}" for key in ("validation_loss", "test_loss", "test_l1"))
        lines.append((name, *losses, f"{found['parameters']:,}", str(found["trained"])))
    constant = (f"{summary[key]:.5f}" for key in ("trivial_loss", "trivial_l1"))
    lines.append(("the best constant image", "", *constant, "", ""))
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
    return "\n".join([*text, "", *(f"{name}: {found['architecture']}" for name, found in rows)])


def _problem(settings: ArchitectureSettings) -> str:
    """The options with which ``evoprune run`` reads the same data."""
    text = settings.benchmark
    text += f" --data {settings.data}" if settings.data is not None else ""
    size = settings.image_size if settings.resize else 0
    text += f" --image-size {size}" if size is not None else ""
    return f"{text} --data-seed {settings.data_seed}"  # without it evoprune run would split in another way
