"""Tables of the metrics, and tests between the variants."""

import pandas as pd

from evoprune.benchmarks.report.groups import blocks, designs, groups, same_data
from evoprune.benchmarks.report.metrics import Metric
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Part, Section, Table
from evoprune.benchmarks.report.statistics import LEVEL, compare, friedman, least_p, summarize, verdict

SUMMARY = {"mean_low": "mean from", "mean_high": "to"}
PAIRS = {
    "n_a": "n (a)",
    "n_b": "n (b)",
    "median_a": "median a",
    "median_b": "median b",
    "a12": "A12",
    "p_holm": "p (Holm)",
}


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
    pairs = None if baseline else same_data(results)
    several = len(groups(results, by_loss=False)) > 1
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
        parts.append(Table(f"tests-{metric.name}", shown_tests(table), metric.caption))
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


def shown_tests(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table of tests that a reader wants, with a verdict in words."""
    verdicts = [verdict(row) for row in table.itertuples()]
    shown = table.drop(columns=["metric", "sign", "note"]).assign(result=verdicts, note=table["note"])
    return without_empty_notes(shown.rename(columns=PAIRS))


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
