"""``evoprune reproduce``: the paper's comparison at a chosen scale, and the report about it."""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from evoprune.benchmarks.commands.sweep import add_plan_options, run_plan
from evoprune.benchmarks.paper.comparisons import COMPARISONS, SCALES, plan_for
from evoprune.benchmarks.sweeps import Plan, load_plan
from evoprune.engines import scoop_is_running
from evoprune.runs.options import read


def add_parser(commands: Any, quiet: Any, engine: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "reproduce",
        parents=[quiet, engine],
        help="the paper's comparison at a chosen scale, and the report about it",
        description="Run the paper's comparison and write a report with the paper's values beside ours. On all cores "
        "unless an engine is chosen; the same command goes on where it was interrupted.",
        allow_abbrev=False,
    )
    scales = "; ".join(f"{name}: {scale.line}" for name, scale in SCALES.items())
    parser.add_argument("--scale", default="quick", metavar="NAME", help=f"{scales} (default quick)")
    kinds = "; ".join(f"{name}: {comparison.line}" for name, comparison in COMPARISONS.items())
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help=f"some of the comparisons. {kinds}")
    parser.add_argument("--trials", type=partial(read, int), metavar="N", help="instead of the scale's")
    parser.add_argument("--seed", type=partial(read, int), default=0, metavar="INT", help="of the sweep (default 0)")
    add_plan_options(parser)
    parser.add_argument("--output", dest="directory", metavar="DIR", help="default studies/reproduce-SCALE")
    parser.set_defaults(command=command, parser=parser)


def command(options: argparse.Namespace) -> int:
    """``evoprune reproduce``."""
    from evoprune.benchmarks.paper.compare import build_beside_paper
    from evoprune.benchmarks.report import load, save

    plan = plan_for(options.scale, options.only, options.trials, options.seed, options.shard)
    part = f"-{plan.shard[0]}-of-{plan.shard[1]}" if plan.shard[1] > 1 else ""
    directory = Path(options.directory or f"studies/reproduce-{options.scale}{part}")
    if (directory / "study.json").exists():  # one study, whichever comparisons were asked for first
        there = load_plan(directory)
        plan = Plan(there.variants | plan.variants, max(plan.trials, there.trials), plan.seed, shard=plan.shard)
    if options.engine is None and not scoop_is_running():
        options.engine = "processes"

    def report() -> None:
        save(build_beside_paper(load([directory])), directory / "report")
        if not (options.quiet or options.json):
            print(f"The report is {directory / 'report' / 'report.html'}")

    return run_plan(plan, directory, options, report)
