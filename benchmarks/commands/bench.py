"""The options of ``evoprune bench`` and what it prints."""

import argparse
import dataclasses
import json
from functools import partial
from typing import Any

from evoprune.benchmarks.bench import growth, parts
from evoprune.benchmarks.bench.peers import check_peers
from evoprune.benchmarks.bench.scope import FULL, QUICK, Scope
from evoprune.checks import lookup
from evoprune.devices import check_device
from evoprune.engines.limits import check_room, check_workers
from evoprune.runs.options import read

DESCRIPTION = """Print tables: speed (an update by every kernel, a plain loop, floors), kept (what pruning does to it),
growth (more cells, more inputs), run (whole runs, and what in them is not training), scaling (several workers); all of
them in some ten minutes."""


def add_parser(commands: Any) -> None:
    """Add the command ``bench``."""
    figures = commands.add_parser(
        "bench", help="measure what training costs on this machine", description=DESCRIPTION, allow_abbrev=False
    )
    figures.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(parts.PARTS)}, not all")
    figures.add_argument("--workers", type=partial(read, int), default=2, metavar="N", help="of scaling (default 2)")
    figures.add_argument("--peers", action="store_true", help="speed: measure the same epochs in JAX as well")
    figures.add_argument(
        "--device", default="cpu", metavar="NAME", help="cuda: torch programs against the plain loop there"
    )
    figures.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    figures.add_argument("--json", action="store_true", help="print the measurements as JSON and nothing else")
    figures.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    figures.set_defaults(command=bench, parser=figures)


def bench(options: argparse.Namespace) -> int:
    """Measure and print; the exit code is 1 where ``--check`` is given and a target is missed."""
    names, scope = _asked(options)
    if options.json:
        report = parts.measure(names, scope)
        print(json.dumps(report, indent=2))
    else:
        report = parts.measure(names, scope, partial(print, flush=True))
    return int(options.check and not all(target["met"] for target in report["targets"]))


def _asked(options: argparse.Namespace) -> tuple[list[str], Scope]:
    """The parts and how much of them, checked before anything is measured."""
    check_workers(options.workers)
    for name in options.parts:  # not by argparse, of which no part at all is none of the choices
        lookup("part", name, parts.PARTS)
    names = list(dict.fromkeys(options.parts)) or [*parts.PARTS]
    if options.device != "cpu":
        check_device(options.device)
        if options.parts or options.peers:
            raise ValueError(f"device {options.device} is measured by itself: leave out parts and --peers")
        names = [*parts.CARD]
    if "scaling" in names:
        check_room(options.workers)
    if options.peers:
        if "speed" not in names:
            raise ValueError(f"--peers belongs to speed, and only {', '.join(names)} is asked for")
        check_peers()
    scope = QUICK if options.quick else FULL
    work = dataclasses.replace(scope.work, workers=options.workers)
    scope = dataclasses.replace(scope, work=work, peers=options.peers, device=options.device)
    if "growth" in names:
        growth.check_memory(scope)
    return names, scope
