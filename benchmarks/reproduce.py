"""``evoprune reproduce``: the paper's comparison and what goes with it, at a chosen scale, and the report about it."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evoprune.benchmarks.presets import THRESHOLDS
from evoprune.benchmarks.sweeps import Plan, load_plan, make_plan
from evoprune.engines import scoop_is_running
from evoprune.names import lookup

PAPER_GENERATIONS = 400
SPATIAL = ("spatial-none", "spatial-random-exponential", "spatial-conjunctive-final-n", "spatial-variance-population")
CANONICAL = (
    *("canonical-none", "canonical-conjunctive-exponential"),
    *("canonical-random-exponential", "canonical-variance-exponential"),
)


@dataclass(frozen=True)
class Comparison:
    """Variants, each a composed preset, that answer a question together."""

    line: str
    variants: tuple[str, ...]


COMPARISONS: dict[str, Comparison] = {
    "paper": Comparison(
        "the paper's variants, and those of Lipi-AE-S with masks that hold and a target size",
        (*SPATIAL, *CANONICAL, *(f"{name}-persistent" for name in SPATIAL)),
    ),
    "thresholds": Comparison(
        "the conjunctive operator's threshold, and random pruning, on the digits",
        (
            "spatial-none-digits",
            *(f"spatial-conjunctive-final-n-digits-threshold-{t}" for t in THRESHOLDS),
            "spatial-random-exponential-digits",
        ),
    ),
    "fair": Comparison(
        "the coevolution against the baseline with one difference taken away at a time",
        (
            *("spatial-none", "canonical-none", "spatial-random-exponential", "canonical-random-exponential"),
            *("canonical-none-walk", "canonical-random-exponential-walk"),
            *("spatial-none-isolated", "spatial-random-exponential-isolated"),
            *("spatial-none-constant-rate", "spatial-random-exponential-constant-rate"),
            "canonical-none-constant-rate",
            *("spatial-none-bce", "spatial-random-exponential-bce", "canonical-none-bce"),
        ),
    ),
}


@dataclass(frozen=True)
class Scale:
    """How much is run, and how long that takes on two cores."""

    line: str
    comparisons: tuple[str, ...]
    trials: int
    generations: int = PAPER_GENERATIONS


SCALES: dict[str, Scale] = {
    "quick": Scale("6 trials of 20 generations, to see that everything works; 4 minutes", ("paper",), 6, 20),
    "half": Scale("half of the paper's 30 trials; 4 hours", tuple(COMPARISONS), 15),
    "full": Scale("the paper's 30 trials of 400 generations; 8 hours", tuple(COMPARISONS), 30),
}


def plan_for(
    scale: str, only: Sequence[str] = (), trials: int | None = None, seed: int = 0, shard: str = "1/1"
) -> Plan:
    """The plan of a reproduction.

    :param only: names of :data:`COMPARISONS`; those of the scale by default.
    :param trials: instead of the scale's.
    :raises ValueError: for an unknown scale or comparison.
    """
    chosen = lookup("scale", scale, SCALES)
    names = [lookup("comparison", name, COMPARISONS).variants for name in only or chosen.comparisons]
    variants = dict.fromkeys(variant for group in names for variant in group)
    fixed = {"generations": chosen.generations, "snapshots": max(1, chosen.generations // 2)}
    trials = chosen.trials if trials is None else trials
    return make_plan(list(variants), fixed=fixed, trials=trials, seed=seed, shard=shard)


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
    parser.add_argument("--trials", type=int, metavar="N", help="instead of the scale's")
    parser.add_argument("--seed", type=int, default=0, metavar="INT", help="of the sweep (default 0)")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="do only the I-th of N parts of the runs")
    parser.add_argument("--dry-run", action="store_true", help="print the runs and stop")
    parser.add_argument("--retry-failed", action="store_true", help="do the runs that failed once more")
    parser.add_argument("--output", dest="directory", metavar="DIR", help="default studies/reproduce-SCALE")
    parser.set_defaults(command=command, parser=parser)


def command(options: argparse.Namespace) -> int:
    """``evoprune reproduce``."""
    from evoprune.benchmarks.report import build, load, save
    from evoprune.benchmarks.sweeps.command import run_plan

    plan = plan_for(options.scale, options.only, options.trials, options.seed, options.shard)
    part = f"-{plan.shard[0]}-of-{plan.shard[1]}" if plan.shard[1] > 1 else ""
    directory = Path(options.directory or f"studies/reproduce-{options.scale}{part}")
    if (directory / "study.json").exists():  # one study, whichever comparisons were asked for first
        there = load_plan(directory)
        plan = Plan(there.variants | plan.variants, max(plan.trials, there.trials), plan.seed, shard=plan.shard)
    if options.engine is None and not scoop_is_running():
        options.engine = "processes"

    def report() -> None:
        save(build(load([directory])), directory / "report")
        if not (options.quiet or options.json):
            print(f"The report is {directory / 'report' / 'report.html'}")

    return run_plan(plan, directory, options, report)
