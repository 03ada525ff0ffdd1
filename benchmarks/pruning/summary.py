"""The final figures of a run: what ``summary.json`` says, and what to compare it with."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from torch import Tensor

from evoprune._version import __version__
from evoprune.benchmarks.problems.problem import Problem, trivial_l1
from evoprune.benchmarks.pruning.choices import ACTIVATION_SAMPLES
from evoprune.benchmarks.pruning.experiment import PRESERVED, sizes
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.evaluation import loss_of, reconstruct, wrong_share
from evoprune.fitness import WORST
from evoprune.individuals import Autoencoder
from evoprune.runs.state import RunResult
from evoprune.runs.terminal import text_table


def summarize(
    settings: Settings, metrics: dict[str, Any], updates: int, seconds: float, unpruned: dict[str, Any] | None
) -> dict[str, Any]:
    """The summary of a run.

    :param metrics: what :func:`measure` gave.
    :param updates: gradient steps of all cells together.
    :param unpruned: the metrics of the same run without pruning.
    """
    what = ("algorithm", "operator", "schedule", "semantics", "benchmark", "loss", "seed", "generations", "cells")
    return {
        **{name: getattr(settings, name) for name in what},
        **metrics,
        "updates": updates,
        "seconds": seconds,
        "version": __version__,
        "unpruned": unpruned,
        "trivial_l1": trivial_l1(settings.problem),
        "noise_floor": settings.problem.noise_floor,
    }


def measure(grid: list[Autoencoder], settings: Settings) -> tuple[dict[str, Any], int]:
    """Figures on the whole splits, means over the cells, and the cell that is best on the validation split.

    ``validation_l1`` is the log's: on the first ``ACTIVATION_SAMPLES`` validation samples.
    Cells whose loss is not finite, ``nonfinite`` of them, are left out of the means; NaN where none is left.
    """
    problem, loss = settings.problem, settings.loss
    l1, own = partial(_loss, loss="l1"), partial(_loss, loss=loss)
    (train,) = _figures(grid, problem.train, l1)
    (validation,) = _figures(grid, problem.validation, own)
    (sample,) = _figures(grid, problem.validation[:ACTIVATION_SAMPLES], l1)
    test, held_out, *errors = _figures(grid, problem.test, l1, own, *[wrong_share] * problem.binary)
    best = min(range(len(grid)), key=lambda cell: math.inf if math.isnan(validation[cell]) else validation[cell])
    shares = [sizes(pair, settings.semantics) for pair in grid]
    return {
        "train_l1": _mean(train),
        "test_l1": _mean(test),
        "best_test_l1": test[best],
        "validation_l1": _mean(sample),
        "test_loss": _mean(held_out),
        "best_test_loss": held_out[best],
        "test_error": _mean(errors[0]) if errors else None,
        "best_test_error": errors[0][best] if errors else None,
        **{name: _mean([share[name] for share in shares]) for name in PRESERVED},
        "best_preserved": shares[best]["preserved"],
        "best_cell": best,
        "nonfinite": sum(map(math.isnan, test)),
        "diverged": all(map(math.isnan, test)),
    }, best


def baselines(summary: dict[str, Any], problem: Problem) -> dict[str, float]:
    """What to compare a ``validation_l1`` with: the same samples' error by the best constant, the noise floor where it
    is known, and the run without pruning, where there was one that measured it (version 0.1 did not)."""
    sample, constant = problem.validation[:ACTIVATION_SAMPLES], problem.train.median()
    lines = {
        "constant": (sample - constant).abs().mean().item(),
        "noise floor": summary["noise_floor"],
        "without pruning": (summary["unpruned"] or {}).get("validation_l1"),
    }
    return {name: value for name, value in lines.items() if value is not None}


def _figures(
    grid: Iterable[Autoencoder], data: Tensor, *figures: Callable[[Tensor, Tensor], float]
) -> list[tuple[float, ...]]:
    """Figures of a split: for each of them a number a cell. What a cell makes of the data is computed once."""
    outputs = (reconstruct(pair, data) for pair in grid)
    return list(zip(*([figure(output, data) for figure in figures] for output in outputs), strict=True))


def _loss(output: Tensor, data: Tensor, loss: str) -> float:
    value = loss_of(output, data, loss)
    return value if value < WORST else math.nan


def _mean(values: Iterable[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) if numbers else math.nan


def table(result: RunResult) -> str:
    """Held-out error, wrong bits where the data are binary, and the share of weights kept."""
    summary, problem = result.summary, result.settings.problem
    metrics = {"this run": summary, "without pruning": summary["unpruned"]}
    rows = [row for name, values in metrics.items() if values for row in _rows(values, name, summary["cells"])]
    constant = float(problem.train.median())
    wrong = float(((problem.test >= 0.5) != (constant >= 0.5)).float().mean())
    rows.append((f"always {constant:g} (the training median)", None, summary["trivial_l1"], wrong, None))
    if problem.noise_floor is not None:
        rows.append(("noise floor: the data without their noise", None, problem.noise_floor, problem.noise_floor, None))
    lines = [("", f"held-out {summary['loss']}", "held-out L1", "wrong bits", "weights kept")]
    for name, loss, l1, error, kept in rows:
        lines.append((name, _number(loss), _number(l1), _percent(error, 2), _percent(kept, 1)))
    heads, *cells = lines if problem.binary else [(*line[:3], line[4]) for line in lines]
    return text_table(heads, cells)


def _rows(metrics: dict[str, Any], name: str, cells: int) -> list[tuple[Any, ...]]:
    mean = [metrics[key] for key in ("test_loss", "test_l1", "test_error", "preserved")]
    best = [metrics[key] for key in ("best_test_loss", "best_test_l1", "best_test_error", "best_preserved")]
    if cells == 1:
        return [(name, *mean)]
    return [(f"{name}, mean of {cells} cells", *mean), (f"{name}, best cell", *best)]


def _number(value: float | None) -> str:
    return "" if value is None else "not finite" if math.isnan(value) else f"{value:.4f}"


def _percent(value: float | None, digits: int) -> str:
    return "" if value is None else f"{100 * value:.{digits}f} %"
