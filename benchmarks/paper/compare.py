"""The whole report: what any study has, with the paper beside it and the networks behind it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from evoprune.benchmarks.analysis import section
from evoprune.benchmarks.paper.claims import claims
from evoprune.benchmarks.paper.published import beside, comparable
from evoprune.benchmarks.report.build import build
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Marks, Section


def build_beside_paper(
    results: Results, metrics: Sequence[str] | None = None, baseline: str | None = None
) -> list[Section]:
    """The report that the commands write: :func:`evoprune.benchmarks.report.build` with what the paper says, and with
    what the snapshots of the networks show, where some were kept.

    :raises ValueError: for a metric or a baseline that is not there, before any work.
    """
    networks = _networks(results)
    if results.experiment != "run":  # of which the paper says nothing
        return build(results, metrics, baseline, networks)
    means = {variant: published.mean for variant, published in comparable(results).items()}
    marks = Marks("train_l1", means, "the paper's mean", "Diamonds are the means that the paper reports.")
    sections = (made(results) for made in (claims, beside))
    return build(results, metrics, baseline, networks, sections, marks)


def _networks(results: Results) -> Iterator[Section]:
    places = results.runs[["variant", "trial", "directory"]].itertuples(index=False, name=None)
    runs = [(str(variant), int(trial), Path(directory)) for variant, trial, directory in places if directory]
    found = section([run for run in runs if any((run[2] / "snapshots").glob("*.pt"))])
    if found is not None:
        yield found
