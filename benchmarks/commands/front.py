"""The options of ``evoprune front`` and what it prints."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from evoprune.benchmarks.commands.start import add_leave, admit_data
from evoprune.files import WriteError
from evoprune.runs.command import shows
from evoprune.runs.options import read


def add_parser(commands: Any, quiet: argparse.ArgumentParser) -> None:
    """Add ``front`` to the commands; ``quiet`` brings ``--quiet`` and ``--json``."""
    parser = commands.add_parser(
        "front",
        parents=[quiet],
        help="the networks of a run that no other one beats in loss and size, as table, plot and files",
        description="Compare the networks that a run kept, those of all snapshots or of its last generation, on the "
        "validation data, and write those that no other one beats in loss and size, with their figures on the "
        "held-out data: front.csv, front.png, front.json and networks/*.pt, which are read as any model.pt.",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", help="the directory of a run of evoprune run that has ended")
    parser.add_argument("--output", metavar="DIR", help="where the files go (default front/ in the run directory)")
    parser.add_argument(
        "--by",
        default="weights",
        metavar="NAME",
        help="the size: weights that are kept, or macs, multiply-accumulates of weights that are not zero "
        "(default weights)",
    )
    parser.add_argument(
        "--most",
        type=partial(read, int),
        default=20,
        metavar="N",
        help="save at most so many, evenly over the sizes and both ends among them (default 20)",
    )
    add_leave(parser)
    parser.set_defaults(command=front_command, parser=parser)


def front_command(options: argparse.Namespace) -> int:
    """Compare, write and print; the exit code."""
    from evoprune.benchmarks.fronts import front, settings_of, text  # slow to import

    settings = settings_of(options.run)
    admit_data(settings.code, settings, Path(options.run), options.allow_code)
    try:
        found = front(options.run, options.output, options.by, options.most, bar=shows(options))
    except WriteError as error:
        print(f"evoprune: error: {error}; the run {options.run} is intact, its front not complete", file=sys.stderr)
        return 1
    if options.json:
        print((found.directory / "front.json").read_text(encoding="utf-8"), end="")
    elif not options.quiet:
        print(text(found.table, found.candidates, settings.problem, settings.loss))
        if not settings.snapshots:
            print("\nOf a run with --snapshots N networks of earlier generations are compared too")
        print(f"\nfront.csv, front.png, front.json and networks/ are in {found.directory}")
    return 0
