"""``evoprune weights``: train a tied autoencoder by a GA, and say how it compares with gradient descent."""

import argparse
from typing import Any

from evoprune.benchmarks.commands.common import add_run_options, start_run
from evoprune.benchmarks.weights.run import WEIGHTS


def add_parser(commands: Any, quiet: Any, engine: Any) -> None:
    """Add the command; its options are the settings of a run."""
    parser = commands.add_parser(
        "weights",
        parents=[quiet, engine],
        help="train a tied autoencoder layer by layer with a genetic algorithm",
        description="Train a tied autoencoder with a genetic algorithm or by gradient descent alone, fit a classifier "
        "on its codes, and leave a run directory.",
        allow_abbrev=False,
    )
    add_run_options(parser, WEIGHTS.settings)
    parser.set_defaults(command=weights, parser=parser)


def weights(options: argparse.Namespace) -> int:
    """Run from parsed arguments; the exit code."""
    return start_run(options, WEIGHTS)
