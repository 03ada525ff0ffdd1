"""``evoprune frontier``: methods of pruning at several sizes under one budget, and the report about them."""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

from evoprune.benchmarks.commands.sweep import add_plan_options, run_plan
from evoprune.benchmarks.experiments import DEFAULT, EXPERIMENTS
from evoprune.benchmarks.frontier import BUDGET, DATA_SETS, TRIALS, grown, plan_for
from evoprune.benchmarks.sweeps import load_plan
from evoprune.checks import shown
from evoprune.runs.command import shows
from evoprune.runs.options import add_options, read, settings_among

EXPERIMENT = EXPERIMENTS[DEFAULT]


def add_parser(commands: Any, quiet: Any, engine: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "frontier",
        parents=[quiet, engine],
        usage="evoprune frontier [METHOD ...] [options]",
        help="methods of pruning at several sizes under one budget, and the report about them",
        description="Prune by every method, at every size, from several seeds, with the same budget of gradient steps "
        "for each run, and write a report: curves against weights, arithmetic and latency, the winner of each size, "
        "tests. The same command goes on where it was interrupted.",
        allow_abbrev=False,
        conflict_handler="resolve",  # --data names data sets here
    )
    parser.add_argument("presets", nargs="*", metavar="METHOD", help="presets (default: all methods of the field)")
    parser.add_argument("--sizes", metavar="X,X", help="shares of the weights to keep (default: those of the data)")
    parser.add_argument(
        "--trials", type=partial(read, int), default=TRIALS, metavar="N", help=f"seeds (default {TRIALS})"
    )
    parser.add_argument(
        "--budget",
        type=partial(read, int),
        default=BUDGET,
        metavar="UPDATES",
        help=f"gradient steps of a run, all its networks together (default {BUDGET})",
    )
    parser.add_argument("--no-latency", dest="latency", action="store_false", help="do not measure latencies")
    add_plan_options(parser)
    parser.add_argument("--output", dest="directory", metavar="DIR", help="default studies/frontier-UPDATES")
    add_options(parser, EXPERIMENT.settings, EXPERIMENT.groups, EXPERIMENT.flags())
    lines = "; ".join(f"{name}: {known.line}" for name, known in DATA_SETS.items())
    parser.add_argument("--data", dest="data_set", nargs="+", default=[], metavar="NAME", help=f"on what. {lines}")
    parser.set_defaults(command=command, parser=parser)


def command(options: argparse.Namespace) -> int:
    """``evoprune frontier``."""
    given = settings_among(options, EXPERIMENT.settings, EXPERIMENT.flags())
    seed = given.pop("seed", 0)
    asked = (options.presets, options.data_set, sizes_in(options.sizes), options.budget)
    plan = plan_for(*asked, options.trials, seed, options.shard, given)
    part = f"-{plan.shard[0]}-of-{plan.shard[1]}" if plan.shard[1] > 1 else ""
    directory = Path(options.directory or f"studies/frontier-{options.budget}{part}")
    if (directory / "study.json").exists():  # one study, whichever methods were asked for first
        plan = grown(plan, load_plan(directory), options.budget, directory)
    silent = argparse.Namespace(**vars(options))
    if options.json and not options.dry_run:  # what is printed is the table of the report
        silent.quiet, silent.json = True, False
    return run_plan(plan, directory, silent, partial(report, directory, options))


def sizes_in(text: str | None) -> list[float]:
    """The shares that a text such as ``0.2,0.1`` names.

    :raises ValueError: for anything else.
    """
    try:
        return [float(size) for size in text.split(",")] if text is not None else []
    except ValueError:
        raise ValueError(f"sizes must be shares of the weights such as 0.2,0.1; got {shown(text)}") from None


def report(directory: Path, options: argparse.Namespace) -> None:
    """Measure latencies, write the report of a study, and say where it is, or print the table."""
    from evoprune.benchmarks.frontier.latency import known_latencies, latencies, models_of  # slow to import
    from evoprune.benchmarks.frontier.sections import records, sections
    from evoprune.benchmarks.report import load, save

    results, place, latency = load([directory]), directory / "report", None
    if options.latency:
        latency = latencies(models_of(results), known_latencies(place), shows(options))
    written = save(sections(results, options.budget, latency), place, f"The frontier: {options.budget:,} updates")
    if options.json:
        print(json.dumps(records(results), indent=2))
    elif not options.quiet:
        print(f"The report is {written[-1]}")
