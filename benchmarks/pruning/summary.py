"""The final figures of a run: what ``summary.json`` says, and what to compare it with."""

import math
from collections.abc import Iterable
from typing import Any

from evoprune._version import __version__
from evoprune.benchmarks.problems.problem import Problem, trivial_l1
from evoprune.benchmarks.pruning.choices import ACTIVATION_SAMPLES
from evoprune.benchmarks.pruning.measured import example_of, first_samples, lowest, measured, of_constant
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.sizes import PRESERVED, sizes
from evoprune.data import samples_of
from evoprune.individuals import Network
from evoprune.metrics import ACCURACY, ERROR, L1, R2, Metric
from evoprune.runs.state import RunResult
from evoprune.runs.stored import check_kinds
from evoprune.runs.terminal import text_table
from evoprune.shrinking.counts import macs_left

ALWAYS = tuple(metric.key for metric in (L1, ERROR, ACCURACY, R2))
"""Metrics that every summary has, null where they mean nothing."""


def summarize(
    settings: Settings, metrics: dict[str, Any], updates: int, seconds: float, unpruned: dict[str, Any] | None
) -> dict[str, Any]:
    """The summary of a run.

    :param metrics: what :func:`measure` gave.
    :param updates: gradient steps of all cells together.
    :param unpruned: the metrics of the same run without pruning.
    """
    names = (
        "algorithm",
        "operator",
        "schedule",
        "semantics",
        "benchmark",
        "task",
        "loss",
        "seed",
        "generations",
        "cells",
    )
    problem, metric = settings.problem, settings.problem.metric
    trivial = {} if metric is L1 else {f"trivial_{metric.key}": _constant(problem, [metric])[0]}
    return {
        **{name: getattr(settings, name) for name in names},
        **metrics,
        "updates": updates,
        "seconds": seconds,
        "version": __version__,
        "unpruned": unpruned,
        "trivial_l1": trivial_l1(problem),
        **trivial,
        "noise_floor": problem.noise_floor,
    }


def measure(grid: list[Network], settings: Settings) -> tuple[dict[str, Any], int]:
    """Figures on the whole splits, means over the cells, and the cell that is best on the validation split.

    ``validation_l1``, or what the problem's metric is, is the log's: on the first ``ACTIVATION_SAMPLES`` validation
    samples. Cells whose loss is not finite, ``nonfinite`` of them, are left out of the means; NaN where none is left.
    """
    problem, loss = settings.problem, settings.loss
    first, shown = problem.metric, problem.metrics
    (validation,) = measured(grid, samples_of(problem, "validation"), [], loss)
    best = lowest(validation)
    *tests, test_loss = measured(grid, samples_of(problem, "test"), shown, loss)
    found: dict[str, Any] = {"train_l1": None}
    if not first.held_out:
        found[f"train_{first.key}"] = _mean(measured(grid, samples_of(problem, "train"), [first], loss)[0])
    for key in ALWAYS:
        found |= {f"test_{key}": None, f"best_test_{key}": None}
    for metric, values in zip(shown, tests, strict=True):
        found |= {f"test_{metric.key}": _mean(values), f"best_test_{metric.key}": values[best]}
    sample = first_samples(problem, "validation", ACTIVATION_SAMPLES)
    found |= {"validation_l1": None, f"validation_{first.key}": _mean(measured(grid, sample, [first], loss)[0])}
    shares = [sizes(network, settings.semantics) for network in grid]
    macs = [macs_left(network, example_of(problem)) for network in grid]
    preserved = {name: _mean([share[name] for share in shares]) if name in shares[0] else None for name in PRESERVED}
    return {
        **found,
        "test_loss": _mean(test_loss),
        "best_test_loss": test_loss[best],
        **preserved,
        "best_preserved": shares[best]["preserved"],
        "macs_kept": _mean(macs),
        "best_macs_kept": macs[best],
        "best_cell": best,
        "nonfinite": sum(map(math.isnan, test_loss)),
        "diverged": all(map(math.isnan, test_loss)),
    }, best


def check_figures(problem: Problem, unpruned: dict[str, Any] | None) -> None:
    """See that the stored figures of a run without pruning are numbers, and all there that a run's table shows.

    :raises ValueError: naming what is not.
    """
    if unpruned is not None:
        ones = ("test_loss", *(f"test_{metric.key}" for metric in problem.metrics), "preserved")
        check_kinds(unpruned, dict.fromkeys([*ones, *(f"best_{name}" for name in ones), *unpruned], float | None))


def baselines(summary: dict[str, Any], problem: Problem) -> dict[str, float]:
    """What to compare the log's validation metric with: the same samples by the best constant, the noise floor where it
    is known, and the run without pruning, where there was one that measured it (version 0.1 did not)."""
    metric = problem.metric
    (constant,) = of_constant(problem, first_samples(problem, "validation", ACTIVATION_SAMPLES), [metric])
    lines = {
        "constant": constant,
        "noise floor": summary["noise_floor"] if metric is L1 else None,
        "without pruning": (summary["unpruned"] or {}).get(f"validation_{metric.key}"),
    }
    return {name: value for name, value in lines.items() if value is not None}


def table(result: RunResult) -> str:
    """Held-out loss and metrics, and the share of weights kept."""
    summary, problem = result.summary, result.settings.problem
    shown = problem.metrics
    metrics = {"this run": summary, "without pruning": summary["unpruned"]}
    rows = [row for name, values in metrics.items() if values for row in _rows(shown, values, name, summary["cells"])]
    rows.append([problem.constant[0], "", *map(_text, shown, _constant(problem, shown)), "", ""])
    if problem.noise_floor is not None:
        floor = [_text(metric, problem.noise_floor) for metric in shown]
        rows.append(["noise floor: the data without their noise", "", *floor, "", ""])
    titles = [f"held-out {metric.title}" if metric is L1 else metric.title for metric in shown]
    return text_table(["", f"held-out {summary['loss']}", *titles, "weights kept", "MACs kept"], rows)


def _rows(shown: Iterable[Metric], values: dict[str, Any], name: str, cells: int) -> Iterable[list[str]]:
    words = [name] if cells == 1 else [f"{name}, mean of {cells} cells", f"{name}, best cell"]
    for line, prefix in zip(words, ("", "best_"), strict=False):
        figures = [_text(metric, values[f"{prefix}test_{metric.key}"]) for metric in shown]
        kept = [values.get(f"{prefix}{name}") for name in ("preserved", "macs_kept")]  # of version 0.1 the first
        yield [line, _number(values[f"{prefix}test_loss"]), *figures, *(_percent(share, 1) for share in kept)]


def _constant(problem: Problem, metrics: Iterable[Metric]) -> list[float]:
    return of_constant(problem, samples_of(problem, "test"), list(metrics))


def _mean(values: Iterable[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) if numbers else math.nan


def _text(metric: Metric, value: float | None) -> str:
    return _percent(value, 2) if metric.share else _number(value)


def _number(value: float | None) -> str:
    return "" if value is None else "not finite" if math.isnan(value) else f"{value:.4f}"


def _percent(value: float | None, digits: int) -> str:
    return "" if value is None else f"{100 * value:.{digits}f} %"
