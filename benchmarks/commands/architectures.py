"""``evoprune architectures``: search for an autoencoder's architecture, and say what was found."""

import argparse
from typing import Any

from evoprune.benchmarks.architectures.run import ARCHITECTURES
from evoprune.benchmarks.commands.common import add_run_options, start_run


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
    add_run_options(parser, ARCHITECTURES.settings)
    parser.set_defaults(command=architectures, parser=parser)


def architectures(options: argparse.Namespace) -> int:
    """Run from parsed arguments; the exit code."""
    return start_run(options, ARCHITECTURES)
