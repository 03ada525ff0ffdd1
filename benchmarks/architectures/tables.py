"""What an architecture search says at its end."""

from typing import Any

from evoprune.benchmarks.architectures.settings import ArchitectureSettings
from evoprune.runs.state import RunResult
from evoprune.runs.terminal import text_table


def table(result: RunResult) -> str:
    """What was found, beside the best of as many random architectures where they were asked for, and a constant."""
    summary = result.summary
    found = {f"best found ({summary['method']})": summary}
    if summary["random"]:
        found[f"best of {summary['random']['trained']} random ones"] = summary["random"]
    heads = ("", f"validation {summary['loss']}", f"held-out {summary['loss']}", "held-out L1", "parameters", "trained")
    rows = []
    for name, best in found.items():
        losses = (f"{best[key]:.5f}" for key in ("validation_loss", "test_loss", "test_l1"))
        rows.append((name, *losses, f"{best['parameters']:,}", str(best["trained"])))
    constant = (f"{summary[key]:.5f}" for key in ("trivial_loss", "trivial_l1"))
    rows.append(("the best constant image", "", *constant, "", ""))
    texts = (f"{name}: {best['architecture']}" for name, best in found.items())
    return "\n".join([text_table(heads, rows), "", *texts])


def pruning_command(result: RunResult) -> str:
    """How to prune what was found, with the same data."""
    settings: ArchitectureSettings = result.settings
    given: dict[str, Any] = {"benchmark": settings.benchmark, "data": settings.data}
    given["image-size"] = settings.image_size if settings.resize else 0
    given["data-seed"] = settings.data_seed  # without it evoprune run would split in another way
    options = " ".join(f"--{name} {value}" for name, value in given.items() if value is not None)
    return f'Prune it with: evoprune run {options} --network "from {result.directory}"\n'
