"""What a run of ``evoprune weights`` says at its end."""

from evoprune.runs.state import RunResult
from evoprune.runs.table import text_table


def table(result: RunResult) -> str:
    """This run beside the other methods at as many gradient steps, the mean sample, and the inputs themselves."""
    summary = result.summary
    runs = {f"this run ({summary['method']})": summary, **(summary["compared"] or {})}
    rows = [
        (name, f"{run['rmse_train']:.4f}", f"{run['rmse_test']:.4f}", _percent(run["accuracy_test"]))
        for name, run in runs.items()
    ]
    rows.append(("the mean training sample", "", f"{summary['trivial_rmse']:.4f}", ""))
    rows.append(("the inputs themselves", "", "", _percent(summary["accuracy_inputs"])))
    heads = (f"{summary['updates']} gradient steps each", "training RMSE", "held-out RMSE", "held-out accuracy")
    return text_table(heads, rows)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"
