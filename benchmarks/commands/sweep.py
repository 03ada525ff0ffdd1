"""``evoprune sweep``: from a command line to a study directory."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from evoprune.benchmarks.commands.start import admit, layers_from
from evoprune.benchmarks.experiments import DEFAULT, EXPERIMENTS
from evoprune.benchmarks.sweeps.execute import check_engine, check_place, sweep
from evoprune.benchmarks.sweeps.kernels import settled
from evoprune.benchmarks.sweeps.plan import Plan, Run, load_plan, make_plan
from evoprune.checks import lookup
from evoprune.engines import Engine, make_engine
from evoprune.files import WriteError
from evoprune.memory import check_fits
from evoprune.runs.command import INTERRUPTED, launch_pool, wants_pool
from evoprune.runs.options import add_options, read

TRIALS = 10


def add_parser(commands: Any, quiet: Any, engine: Any, arguments: list[str]) -> None:
    """Add the command; its options are the settings of the experiment that ``arguments`` ask for."""
    parser = commands.add_parser(
        "sweep",
        parents=[quiet, engine],
        help="run variants of an experiment, several trials each",
        description="Run every preset at every point of the grid, several trials each; the same command goes on where "
        "it was interrupted. Trials of the same number share their seed across the variants.",
        allow_abbrev=False,
    )
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="variants by name, see evoprune list presets")
    parser.add_argument(
        "--grid", nargs="+", action="extend", default=[], metavar="NAME=V,V", help="axes: settings and their values"
    )
    parser.add_argument(
        "--trials", type=partial(read, int), default=TRIALS, metavar="N", help=f"runs a variant (default {TRIALS})"
    )
    parser.add_argument("--experiment", default=DEFAULT, metavar="NAME", help=f"what to run (default {DEFAULT})")
    add_plan_options(parser)
    parser.add_argument("--config", action="append", metavar="FILE.toml", help="settings for all variants from a file")
    parser.add_argument("--output", dest="directory", metavar="DIR", help="the study directory (default studies/...)")
    kind = asked_for(arguments)
    if kind in EXPERIMENTS:
        add_options(parser, EXPERIMENTS[kind].settings, EXPERIMENTS[kind].groups, EXPERIMENTS[kind].flags())
    parser.set_defaults(command=command, parser=parser)


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """The options of everything that does the runs of a plan."""
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="do only the I-th of N parts of the runs")
    parser.add_argument("--dry-run", action="store_true", help="print the runs and stop")
    parser.add_argument("--retry-failed", action="store_true", help="do the runs that failed once more")


def asked_for(arguments: list[str]) -> str:
    """The experiment that a command line names."""
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    peek.add_argument("--experiment", default=DEFAULT)
    return str(peek.parse_known_args(arguments)[0].experiment)


def command(options: argparse.Namespace) -> int:
    """``evoprune sweep``."""
    experiment = lookup("experiment", options.experiment, EXPERIMENTS)
    fixed: dict[str, Any] = {}
    for layer in layers_from(options, experiment):
        fixed |= layer
    seed = fixed.pop("seed", 0)
    plan = make_plan(options.presets, options.grid, fixed, options.trials, seed, options.experiment, options.shard)
    directory = Path(options.directory) if options.directory else default_directory(plan)
    return run_plan(plan, directory, options)


def continue_sweep(directory: Path, options: argparse.Namespace) -> int:
    """``evoprune resume`` of a study: do the runs that are left."""
    options.dry_run, options.retry_failed = False, False
    plan = load_plan(directory)
    experiment = EXPERIMENTS[plan.experiment]
    for values in plan.variants.values():
        admit(experiment.code(experiment.stored_settings(values)), directory, options.allow_code)
    return run_plan(plan, directory, options, kernel=options.kernel)


def run_plan(
    plan: Plan,
    directory: Path,
    options: argparse.Namespace,
    then: Callable[[], None] | None = None,
    kernel: str | None = None,
) -> int:
    """Say what will be done, do it, and say what came of it.

    :param then: follows where runs have ended.
    :param kernel: another one than the study was begun with.
    """
    check_place(plan, directory)
    check_data(plan)
    check_memory(plan, 1)
    plan = settled(plan, directory, kernel)
    if options.dry_run:
        print(listed(plan.runs, options.json))
    if wants_pool(options) and not options.dry_run:
        return launch_pool(options)
    with make_engine(options.engine, options.workers) as engine:
        check_engine(engine)
        if engine.here and engine.workers > 1:
            check_memory(plan, engine.workers)
        try:
            announce(plan, directory, engine, options.quiet or options.json)
            if options.dry_run:
                return 0
            table = sweep(plan, directory, engine, not (options.quiet or options.json), options.retry_failed)
        except KeyboardInterrupt:
            print(f"evoprune: interrupted; the same command goes on, its runs are in {directory}", file=sys.stderr)
            return INTERRUPTED
        except WriteError as error:
            goes_on = f"the runs in {directory} are intact, and the same command goes on"
            print(f"evoprune: error: {error}; {goes_on}", file=sys.stderr)
            return 1
    if then is not None and (table.status == "ended").any():
        then()
    failed = table[table.status == "failed"]
    for row in failed.itertuples():
        print(f"evoprune: failed: {row.variant}, trial {row.trial}: {row.error}", file=sys.stderr)
    diverged = table[table.diverged.eq(True)] if "diverged" in table else table[:0]
    for row in diverged.itertuples():
        print(f"evoprune: failed: {row.variant}, trial {row.trial}: everything diverged", file=sys.stderr)
    if options.json:
        print(table.to_json(orient="records", indent=2))
    elif not options.quiet:
        print(f"{len(table) - len(failed)} of {len(plan.runs)} runs have ended; the tables are in {directory}")
    return 1 if len(failed) or len(diverged) else 0


def check_data(plan: Plan) -> None:
    """Load the data of every variant and see that they fit its settings, before any work."""
    for settings in settings_of(plan):
        settings.check_data()


def check_memory(plan: Plan, workers: int) -> None:
    """See that as many runs at once as there are workers on this machine fit into its memory, before any work."""
    for settings in settings_of(plan):
        needs = {name: workers * bytes_ for name, bytes_ in settings.memory.items()}
        if workers > 1:  # else what is loaded here is what the run reads
            needs["data"] = workers * settings.problem.memory
        check_fits(needs, f"smaller networks, fewer of them, or fewer than {workers} runs at once")


def settings_of(plan: Plan) -> Iterator[Any]:
    """The settings of every variant."""
    return map(EXPERIMENTS[plan.experiment].stored_settings, plan.variants.values())


def announce(plan: Plan, directory: Path, engine: Engine, quiet: bool) -> None:
    """The number of runs, and about how long they will take."""
    if quiet:
        return
    from evoprune.benchmarks.sweeps.estimate import seconds_for, words

    left = [run for run in plan.runs if not (directory / run.place).exists()]
    text = f"{len(plan.runs)} runs: {len(plan.variants)} variants, {plan.trials} trials"
    text += f", part {plan.shard[0]} of {plan.shard[1]}" if plan.shard != (1, 1) else ""
    text += f"; {len(plan.runs) - len(left)} done before" if len(left) < len(plan.runs) else ""
    if plan.experiment == DEFAULT and left:
        workers = "one worker" if engine.workers == 1 else f"{engine.workers} workers"
        text += f"; {words(seconds_for(left, engine.workers))} on {workers}"
    print(f"{text}; in {directory}", file=sys.stderr)


def listed(runs: list[Run], as_json: bool) -> str:
    """A line a run, or all as JSON: variant, trial and seed."""
    if as_json:
        return json.dumps([run.name for run in runs], indent=2)
    width = max((len(run.variant) for run in runs), default=0)
    return "\n".join("{variant:{0}}  trial {trial:02d}  seed {seed}".format(width, **run.name) for run in runs)


def default_directory(plan: Plan) -> Path:
    """A name that the same command finds again: the first variant's, and a digest of the plan but for its trials."""
    values = plan.as_dict()
    del values["trials"], values["kernels"]
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]
    return Path("studies") / f"{next(iter(plan.variants)).split(',')[0]}-{digest}"
