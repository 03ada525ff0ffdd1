"""What was run, and what is missing."""

import pandas as pd

from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Part, Section, Table
from evoprune.benchmarks.report.variants import SAME_RESULT, differing, effective
from evoprune.plugins import label

FACTS = (
    *("algorithm", "operator", "schedule", "semantics", "benchmark", "n_clusters", "n_samples", "n_dim"),
    *("network", "loss", "generations", "cells"),
)
LABELS = {
    "benchmark": "problem",
    "n_clusters": "clusters",
    "n_samples": "samples",
    "n_dim": "bits a sample",
    "loss": "training loss",
}
FEW = 10


def overview(results: Results) -> Section:
    """The variants and their trials; what all have in common stands in a sentence."""
    variants, counts = results.variants, results.counts
    apart = differing([results.settings[v] for v in variants], (*SAME_RESULT, *FACTS))
    facts = pd.DataFrame({key: [_fact(results, v, key) for v in variants] for key in (*FACTS, *apart, "version")})
    facts = facts.loc[:, (facts != "").any()].rename(columns=LABELS)
    common = [label for label in facts if facts[label].nunique() == 1]
    table = pd.DataFrame({"variant": variants, "trials": list(counts.values())})
    if results.planned:
        table["planned"] = pd.array([results.planned.get(v) for v in variants], dtype="Int64")
    parts: list[Part] = [_opening(results)]
    if common:
        parts.append("All have in common: " + ", ".join(f"{label} {facts[label].iloc[0]}" for label in common) + ".")
    caption = "The variants: trials that ended, and in what the variants differ."
    parts.append(Table("variants", table.join(facts.drop(columns=common)), caption))
    few = [v for v in variants if counts[v] < FEW]
    if few:
        parts.append(
            f"Fewer than {FEW} trials: {'all variants' if few == variants else ', '.join(few)}. Differences between so "
            "few runs may well be chance; intervals are wide and tests find little."
        )
    return Section("What was run", parts)


def faults(results: Results) -> Section:
    """Runs that failed, were not finished, are damaged or are not there."""
    problems = results.problems
    if problems.empty:
        return Section("What is missing", ["Nothing: every run that was planned is there and has ended."])
    counts = problems["status"].value_counts()
    words = ", ".join(f"{count} {status}" for status, count in counts.items())
    text = "The rest of this report is about the runs that ended. Listed here: {}. A line may stand for several trials."
    table = Table("problems", problems, "Runs that are missing, failed, unfinished or damaged.")
    return Section("What is missing", [text.format(words), table])


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
        return "" if value is None else str(label(value))
    values = results.runs.loc[results.runs["variant"] == variant].get(key, pd.Series(dtype=object)).dropna()
    return ", ".join(sorted({f"{v:g}" if isinstance(v, float) else str(v) for v in values}))
