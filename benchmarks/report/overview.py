"""What was run, and what is missing."""

from typing import Any

import pandas as pd

from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Section, Table
from evoprune.benchmarks.report.variants import SAME_RESULT, differing, effective

FACTS = {
    "algorithm": "algorithm",
    "operator": "operator",
    "schedule": "schedule",
    "semantics": "semantics",
    "benchmark": "problem",
    "n_clusters": "clusters",
    "n_samples": "samples",
    "n_dim": "bits a sample",
    "network": "network",
    "loss": "training loss",
    "generations": "generations",
    "cells": "cells",
}
FEW = 10


def overview(results: Results) -> Section:
    """The variants and their trials; what all have in common stands in a sentence."""
    runs = results.runs
    apart = differing([results.settings[v] for v in results.variants], (*SAME_RESULT, *FACTS))
    keys = FACTS | {key: key for key in apart}
    facts = {label: {v: _fact(results, v, key) for v in results.variants} for key, label in keys.items()}
    facts["version"] = {
        v: _joined(runs.loc[runs["variant"] == v, "version"]) for v in results.variants if "version" in runs
    }
    facts = {label: values for label, values in facts.items() if any(values.values())}
    common = {label: next(iter(values.values())) for label, values in facts.items() if len(set(values.values())) == 1}
    counts = runs["variant"].value_counts()
    table = pd.DataFrame(
        {
            "variant": results.variants,
            "trials": [int(counts[v]) for v in results.variants],
            "planned": pd.array([results.planned.get(v) for v in results.variants], dtype="Int64"),
            **{label: [values[v] for v in results.variants] for label, values in facts.items() if label not in common},
        }
    )
    if not results.planned:
        table = table.drop(columns="planned")
    parts: list[Any] = [_opening(results)]
    if common:
        parts.append("All have in common: " + ", ".join(f"{label} {value}" for label, value in common.items()) + ".")
    parts.append(Table("variants", table, "The variants: trials that ended, and in what the variants differ."))
    few = [v for v in results.variants if counts[v] < FEW]
    if few:
        parts.append(
            f"Fewer than {FEW} trials: {'all variants' if len(few) == len(results.variants) else ', '.join(few)}. "
            "Differences between so few runs may well be chance; "
            "intervals are wide and tests find little."
        )
    return Section("What was run", parts)


def faults(results: Results) -> Section:
    """Runs that failed, were not finished, are damaged or are not there."""
    problems = results.problems
    if problems.empty:
        return Section("What is missing", ["Nothing: every run that was planned is there and has ended."])
    counts = problems["status"].value_counts()
    words = ", ".join(f"{count} {status}" for status, count in counts.items())
    return Section(
        "What is missing",
        [
            f"The rest of this report is about the runs that ended. Listed here: {words}. A line may stand for several "
            "trials.",
            Table("problems", problems, "Runs that are missing, failed, unfinished or damaged."),
        ],
    )


def _opening(results: Results) -> str:
    runs, planned = len(results.runs), sum(results.planned.values())
    count = len(results.variants)
    text = f"{runs} run{'s' * (runs > 1)} of {'one variant' if count == 1 else f'{count} variants'}"
    text += f", of {planned} planned" if planned else ""
    text += "" if results.experiment == "run" else f", experiment {results.experiment}"
    silent = [v for v in results.settings if v not in results.variants]
    text += f". No run has ended of {', '.join(silent)}" if silent else ""
    logged = len(results.logs[["variant", "trial"]].drop_duplicates())
    text += f". {runs - logged} runs have no log and are not in the curves" if logged < runs else ""
    return text + "."


def _fact(results: Results, variant: str, key: str) -> str:
    settings = results.settings[variant]
    if key in settings:
        value = effective(settings).get(key)  # what has no effect is no fact
        return "" if value is None else str(value)
    if key in results.runs:
        return _joined(results.runs.loc[results.runs["variant"] == variant, key])
    return ""


def _joined(values: pd.Series) -> str:
    return ", ".join(sorted({f"{v:g}" if isinstance(v, float) else str(v) for v in values.dropna()}))
