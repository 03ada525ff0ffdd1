"""The options of ``evoprune shrink`` and what it prints."""

import argparse
import sys
from functools import partial
from typing import Any

from evoprune.benchmarks.commands.start import add_leave, admit_data
from evoprune.benchmarks.experiments import stored_model
from evoprune.files import WriteError
from evoprune.runs.command import shows
from evoprune.runs.options import read


def add_parser(commands: Any, quiet: argparse.ArgumentParser) -> None:
    """Add ``shrink`` to the commands; ``quiet`` brings ``--quiet`` and ``--json``."""
    parser = commands.add_parser(
        "shrink",
        parents=[quiet],
        help="the network of a run without dead units, as files for torch and ONNX",
        description="Take the dead units out of the network that a run left, check on the held-out data that it "
        "computes the same, and write model.pt2, model.onnx, weights.safetensors and shrink.json, which need no "
        "evoprune.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="the directory of a run that has ended, or its model.pt")
    parser.add_argument("--output", metavar="DIR", help="where the files go (default shrunk/ in the run directory)")
    parser.add_argument(
        "--finetune",
        type=partial(read, int),
        default=0,
        metavar="N",
        help="first train for so many epochs more, as the run did; what is pruned stays pruned (default 0)",
    )
    add_leave(parser)
    parser.set_defaults(command=shrink_command, parser=parser)


def shrink_command(options: argparse.Namespace) -> int:
    """Shrink and print; the exit code is 1 where what was made does not compute the same."""
    from evoprune.benchmarks.shrinking import Differs, shrink, text  # slow to import

    found = stored_model(options.model)
    admit_data(found.experiment.code(found.settings), found.settings, found.path, options.allow_code)
    try:
        shrunk = shrink(found, options.output, options.finetune, bar=shows(options))
    except Differs as error:
        print(f"evoprune: error: {error}; nothing was written", file=sys.stderr)
        return 1
    except WriteError as error:
        print(f"evoprune: error: {error}; {found.path} is intact, what was made of it not complete", file=sys.stderr)
        return 1
    if options.json:
        print((shrunk.directory / "shrink.json").read_text(encoding="utf-8"), end="")
    elif not options.quiet:
        for name, why in shrunk.table["left_out"].items():
            print(f"evoprune: warning: {name} is left out: {why}", file=sys.stderr)
        print(text(shrunk.table, found.settings.problem.metrics))
        print(f"\n{', '.join([*shrunk.table['files'], 'shrink.json'])} are in {shrunk.directory}")
    return 0
