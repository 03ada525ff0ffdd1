"""``evoprune weights``: train a tied autoencoder by a GA, and say how it compares with gradient descent."""

import argparse
from typing import Any

from evoprune.benchmarks.commands.common import directory_for, engine_for, guarded, launch_pool, shows, wants_pool
from evoprune.benchmarks.runs.options import add_options, given, read_config
from evoprune.benchmarks.weights.run import EXPERIMENT, Result, start
from evoprune.benchmarks.weights.settings import WeightsSettings, make_settings


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
    parser.add_argument("--config", action="append", metavar="FILE.toml", help="settings from a file, a line each")
    parser.add_argument("--output", dest="directory", metavar="DIR", help="the run directory (default runs/...)")
    parser.add_argument("--force", action="store_true", help="replace another run in that directory")
    add_options(parser, WeightsSettings)
    parser.set_defaults(command=weights, parser=parser)


def weights(options: argparse.Namespace) -> int:
    """Run from parsed arguments; the exit code."""
    layers = [read_config(path, WeightsSettings) for path in options.config or []]
    settings = make_settings(*layers, given(options, WeightsSettings))
    settings.check_data()
    if wants_pool(options):
        return launch_pool(options)
    directory = directory_for(options, EXPERIMENT, settings.method, settings.benchmark, settings.seed)
    with engine_for(options, settings) as engine:
        return guarded(
            lambda: start(settings, directory, options.force, shows(options), engine), directory, options, table
        )


def table(result: Result) -> str:
    """This run beside the other methods at as many gradient steps, the mean sample, and the inputs themselves."""
    summary = result.summary
    runs = {f"this run ({summary['method']})": summary, **(summary["compared"] or {})}
    rows = [
        (name, _number(run["rmse_train"]), _number(run["rmse_test"]), _percent(run["accuracy_test"]))
        for name, run in runs.items()
    ]
    rows.append(("the mean training sample", "", _number(summary["trivial_rmse"]), ""))
    rows.append(("the inputs themselves", "", "", _percent(summary["accuracy_inputs"])))
    rows.insert(0, (f"{summary['updates']} gradient steps each", "training RMSE", "held-out RMSE", "held-out accuracy"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows)


def _number(value: float) -> str:
    return f"{value:.4f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"
