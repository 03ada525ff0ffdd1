"""The sections of a report, in order."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.style

from evoprune.benchmarks.paper.claims import claims
from evoprune.benchmarks.paper.published import beside
from evoprune.benchmarks.report.figures import figures
from evoprune.benchmarks.report.measures import comparisons, over_data_sets, summaries
from evoprune.benchmarks.report.metrics import choose
from evoprune.benchmarks.report.overview import faults, overview
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Section


def build(
    results: Results,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    extra: Sequence[Section] = (),
) -> list[Section]:
    """Make the report of what was loaded.

    :param metrics: columns of the summaries; by default train_l1, test_l1, test_error, preserved and seconds.
    :param baseline: compare all variants with this one instead of all with all.
    :param extra: sections to put at the end.
    :raises ValueError: for a metric or a baseline that is not there.
    """
    chosen = choose(results, metrics)
    if baseline is not None and baseline not in results.variants:
        raise ValueError(f"unknown baseline {baseline!r}; the variants are {', '.join(results.variants)}")
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        sections = [overview(results), faults(results)]
        if results.experiment == "run":
            sections += [claims(results), beside(results)]
        sections += [
            *figures(results, chosen),
            summaries(results, chosen),
            comparisons(results, chosen, baseline),
            over_data_sets(results, chosen),
        ]
        networks = _networks(results)
    return [*sections, *([networks] if networks else []), *extra]


def _networks(results: Results) -> Section | None:
    """What the snapshots of the networks show, where some were kept."""
    kept = [
        (str(row["variant"]), int(row["trial"]), Path(row["directory"]))
        for row in results.runs[["variant", "trial", "directory"]].to_dict("records")
        if row["directory"] and any(Path(row["directory"], "snapshots").glob("*.pt"))
    ]
    if not kept:
        return None
    from evoprune.benchmarks.analysis import section

    found: Section | None = section(kept)
    return found
