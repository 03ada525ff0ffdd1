"""The sections that hold tables: what was run, what is missing, the metrics, and tests between the variants."""

import itertools

import pandas as pd

from evoprune.benchmarks.report.groups import blocks, data_names, designs
from evoprune.benchmarks.report.results import Metric, Results
from evoprune.benchmarks.report.section import Part, Section, Table
from evoprune.benchmarks.report.variants import SAME_RESULT, differing, effective
from evoprune.plugins import label
from evoprune.statistics import LEVEL, compare, friedman, least_p, summarize, verdict

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
SUMMARY = {"mean_low": "mean from", "mean_high": "to"}
PAIRS = {
    "n_a": "n (a)",
    "n_b": "n (b)",
    "median_a": "median a",
    "median_b": "median b",
    "a12": "A12",
    "p_holm": "p (Holm)",
}


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


def summaries(results: Results, metrics: list[Metric]) -> Section:
    """A table a metric: mean with its interval, sd, median, quartiles."""
    parts: list[Part] = [
        "n counts trials with a finite value. The interval is a 95 % bootstrap interval of the mean (BCa, 9,999 "
        "resamples, fixed seed); sd is the sample standard deviation; half of the trials lie between q1 and q3."
    ]
    for metric in metrics:
        table = without_empty_notes(summarize(results.values(metric.name), "value").rename(columns=SUMMARY))
        parts.append(Table(f"summary-{metric.name}", table, metric.caption))
    return Section("Tables", parts)


def comparisons(results: Results, metrics: list[Metric], baseline: str | None = None) -> Section:
    """A table a metric: every pair of variants, or every variant with the baseline."""
    title = "Tests between variants"
    if len(results.variants) < 2:
        only = results.variants[0]
        return Section(title, [f"Skipped: there is only one variant, {only}, and nothing to compare it with."])
    data = data_names(results)
    pairs = None if baseline else [(a, b) for a, b in itertools.combinations(data, 2) if data[a] == data[b]]
    several = len(set(data.values())) > 1
    against = f"every variant with {baseline}" if baseline else "every pair of variants" + " on the same data" * several
    if pairs == []:
        return Section(title, ["Skipped: no two variants ran on the same data."])
    parts: list[Part] = [
        f"Compared is {against}. Trials with a shared seed are paired and compared by Wilcoxon's signed-rank test "
        "(differences of 0 are dropped), others by the Mann-Whitney U test, both two-sided. p is corrected by Holm "
        "over the rows of a table, and a difference is called one below 0.05. A12 (Vargha and Delaney) is how often a "
        "run of a lies above one of b: 0.5 is no difference, from 0.56 or 0.44 on it is small, from 0.64 or 0.36 "
        "medium, from 0.71 or 0.29 large."
    ]
    for i, metric in enumerate(metrics):
        table = compare(results.values(metric.name), "value", baseline, pairs)
        if not i and (note := power(table, baseline is None)):
            parts.append(note)
        verdicts = [verdict(row) for row in table.itertuples()]
        shown = table.drop(columns=["metric", "sign", "note"]).assign(result=verdicts, note=table["note"])
        parts.append(Table(f"tests-{metric.name}", without_empty_notes(shown.rename(columns=PAIRS)), metric.caption))
    return Section(title, parts)


def power(table: pd.DataFrame, all_pairs: bool = True) -> str:
    """A warning where no pair can reach the level after the correction, whatever the runs gave."""
    tested = table[table["n_a"] > 0].to_dict("records")
    least = min((least_p(row["test"], row["n_a"], row["n_b"]) for row in tested), default=1.0)
    corrected = least * len(table)
    if corrected <= LEVEL:
        return ""
    instead = ", or compare with one variant only (`--baseline`)" if all_pairs and len(table) > 1 else ""
    return (
        f"**No pair can come out as different here**: with so many trials the smallest p of a test is {least:.2g}, and "
        f"Holm's correction for {len(table)} makes it {min(corrected, 1):.2g}. Run more trials{instead}."
    )


def without_empty_notes(table: pd.DataFrame) -> pd.DataFrame:
    """The table without its column ``note`` where that says nothing."""
    return table if not len(table) or table["note"].any() else table.drop(columns="note")


def over_data_sets(results: Results, metrics: list[Metric]) -> Section:
    """Friedman's test where at least 3 designs ran on each of at least 3 data sets."""
    title = "Over data sets"
    grid = designs({variant: results.settings[variant] for variant in results.variants})
    sizes = f"{len(grid.index)} data sets and {len(grid.columns)} designs"
    if min(grid.shape) < 3:
        needed = "Friedman's test needs 3 designs that ran on 3 data sets"
        return Section(title, [f"Skipped: {needed}, and there are {sizes}."])
    grid = blocks(grid)
    if min(grid.shape) < 3:
        return Section(title, [f"Skipped: of {sizes} fewer than 3 designs ran on all of 3 data sets."])
    parts: list[Part] = [
        "Friedman's test over data sets: a block is a data set, its values are the medians over the trials. Rank 1 is "
        "the lowest value."
    ]
    for metric in metrics:
        medians = results.values(metric.name).groupby("variant")["value"].median()
        table = grid.map(lambda variant, medians=medians: medians.get(variant, float("nan")))
        if table.isna().to_numpy().any():
            parts.append(f"`{metric.name}` is not known for all of them.")
            continue
        statistic, p, ranks = friedman(table)
        found = ", ".join(f"{name} {rank:.2f}" for name, rank in ranks.items())
        parts.append(f"`{metric.name}`: statistic {statistic:.3g}, p {p:.3g}; mean ranks: {found}.")
        shown = table.rename_axis("data set").reset_index()
        mean = pd.DataFrame([{"data set": "mean rank", **ranks}])
        caption = f"{metric.caption}: medians over the trials, and mean ranks"
        parts.append(Table(f"friedman-{metric.name}", pd.concat([shown, mean], ignore_index=True), caption))
    return Section(title, parts)


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
