"""The sections of a report, in order."""

from collections.abc import Iterable, Sequence

import matplotlib.style

from evoprune.benchmarks.report.figures import figures
from evoprune.benchmarks.report.results import Results, choose
from evoprune.benchmarks.report.section import Marks, Section
from evoprune.benchmarks.report.tables import comparisons, faults, over_data_sets, overview, summaries


def build(
    results: Results,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    extra: Iterable[Section] = (),
    first: Iterable[Section] = (),
    marks: Marks | None = None,
) -> list[Section]:
    """Make the report of what was loaded.

    :param metrics: columns of the summaries; by default train_l1, test_l1, test_error, those of the runs' tasks,
        preserved and seconds.
    :param baseline: compare all variants with this one instead of all with all.
    :param extra: sections to put at the end; of a generator they are made after everything was checked.
    :param first: sections to put behind what was run and what is missing, likewise.
    :param marks: values to draw beside ours in a box plot.
    :raises ValueError: for a metric or a baseline that is not there.
    """
    chosen = choose(results, metrics)
    if baseline is not None and baseline not in results.variants:
        raise ValueError(f"unknown baseline {baseline!r}; the variants are {', '.join(results.variants)}")
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        return [
            *(overview(results), faults(results)),
            *first,
            *figures(results, chosen, marks),
            *(summaries(results, chosen), comparisons(results, chosen, baseline), over_data_sets(results, chosen)),
            *extra,
        ]
