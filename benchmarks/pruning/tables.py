"""What a run says at its end: a short table, this run against the same without pruning and against doing nothing."""

import math
from typing import Any

from evoprune.runs.state import RunResult
from evoprune.runs.table import text_table


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
