"""What a front says in a terminal: a row a network, and how many there were."""

import pandas as pd

from evoprune.benchmarks.problems.problem import Problem
from evoprune.runs.terminal import text_table


def text(table: pd.DataFrame, candidates: pd.DataFrame, problem: Problem, loss: str) -> str:
    """The networks that were saved, smallest first, below a line that counts.

    :param table: of :class:`evoprune.benchmarks.fronts.Front`, as the next.
    :param problem: of the run, whose metrics are shown.
    :param loss: the name of the loss.
    """
    heads = ["generation", "cell", "weights kept", "effective MACs", f"validation {loss}", f"held-out {loss}"]
    rows = []
    for row in table.to_dict("records"):
        sizes = [f"{row['kept']:,} ({row['preserved']:.1%})", f"{row['effective_macs']:,}"]
        losses = [f"{row[name]:.6f}" for name in ("validation_loss", "test_loss")]
        metrics = [(metric, row[f"test_{metric.key}"]) for metric in problem.metrics]
        shown = [f"{value:.2%}" if metric.share else f"{value:.6f}" for metric, value in metrics]
        rows.append([str(row["generation"]), str(row["cell"]), *sizes, *losses, *shown])
    heads += [f"held-out {metric.title}" for metric in problem.metrics]
    return f"{_line(table, candidates)}\n\n{text_table(heads, rows)}"


def _line(table: pd.DataFrame, candidates: pd.DataFrame) -> str:
    generations, on_it = candidates["generation"].nunique(), int(candidates["front"].sum())
    of = "the last generation" if generations == 1 else f"{generations:,} generations"
    are = "is" if on_it == 1 else "are"
    saved = "" if len(table) == on_it else f", of which {len(table):,} are saved"
    return f"Of {len(candidates):,} networks of {of} {on_it:,} {are} on the front{saved}"
