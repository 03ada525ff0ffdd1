"""The options of ``evoprune bench`` and what it prints."""

import argparse
import dataclasses
import json
from functools import partial
from typing import Any

from evoprune.benchmarks.bench import levels, speed
from evoprune.benchmarks.bench.scaling import measure_scaling
from evoprune.benchmarks.bench.table import scaling_table, speed_table
from evoprune.engines.limits import check_room, check_workers
from evoprune.runs.options import read


def add_parser(commands: Any) -> None:
    """Add the command ``bench``."""
    figures = commands.add_parser(
        "bench",
        help="measure what training costs on this machine",
        description="Print a table: speed (gradient steps on one core, a minute or five) or scaling (several workers).",
        allow_abbrev=False,
    )
    figures.add_argument("what", nargs="?", choices=("speed", "scaling"), default="speed", help="default speed")
    figures.add_argument(
        "--workers", type=partial(read, int), default=2, metavar="N", help="scaling: worker processes (default 2)"
    )
    figures.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    figures.add_argument("--json", action="store_true", help="print the measurements as JSON and nothing else")
    figures.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    figures.set_defaults(command=bench, parser=figures)


def bench(options: argparse.Namespace) -> int:
    """Measure and print; the exit code is 1 where ``--check`` is given and a target is missed."""
    check_workers(options.workers)
    if options.what == "scaling":
        check_room(options.workers)
        work = dataclasses.replace(levels.QUICK if options.quick else levels.FULL, workers=options.workers)
        report = measure_scaling(work)
        text = scaling_table(report)
    else:
        report = speed.measure_speed(speed.QUICK if options.quick else speed.FULL)
        text = speed_table(report)
    print(json.dumps(report, indent=2) if options.json else text)
    return int(options.check and not all(target["met"] for target in report["targets"]))
