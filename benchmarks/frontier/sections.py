"""The report of a frontier: for each data set its curves, the winner of each size, tests and ablations."""

from collections.abc import Iterator

import matplotlib.style
import pandas as pd

from evoprune.benchmarks.frontier import against
from evoprune.benchmarks.frontier.figure import LATENCY, MACS, WEIGHTS, Costs, plot
from evoprune.benchmarks.frontier.plan import BASELINE
from evoprune.benchmarks.frontier.runs import Measure, measure_of, points_of, rows_of, runs_of
from evoprune.benchmarks.frontier.summary import WINS, readable, summary_of, winners
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Part, Picture, Section, Table
from evoprune.benchmarks.report.tables import faults, overview

CURVES: dict[str, Costs] = {"weights": WEIGHTS, "macs": MACS, "latency": LATENCY}
"""What a network costs -> how it is drawn; also the ends of the names of the figures."""
BEYOND = 1.01
"""Times the size that was asked for, above which a network is said to be larger than that."""
AGAINST_MACS = "Multiply-accumulates are those of weights that are not zero, once dead units are taken out."
AGAINST_LATENCY = (
    "Latency is that of a batch of 256 on one thread, zeros included: of the network without its dead units, against "
    "the same with them, in turn. It is measured on one model a method and size, of the first seed."
)


def sections(results: Results, budget: int, latency: pd.DataFrame | None = None) -> list[Section]:
    """The report of a study of a frontier.

    :param budget: gradient steps of a run.
    :param latency: what :func:`evoprune.benchmarks.frontier.latency.latencies` measured; None to leave it out.
    :raises ValueError: for a study that is none of a frontier.
    """
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        first = [_section(results, data, budget, latency) for data in data_of(results)]
        speed = [] if latency is None else [Section("Latency", [Table("latency", latency, AGAINST_LATENCY)])]
        return [*first, *speed, overview(results), faults(results)]


def data_of(results: Results) -> list[str]:
    """The data sets of a frontier, in order."""
    return list(dict.fromkeys(point.data for point in points_of(results).values()))


def records(results: Results) -> list[dict[str, object]]:
    """The summaries as plain values: a record a data set, method and size, with whether it wins."""
    found: list[dict[str, object]] = []
    for data in data_of(results):
        summary = summary_of(runs_of(results, data))
        won = winners(summary, ablations_of(results, data))
        rows = rows_of(summary.astype(object).where(summary.notna(), None))
        found += [{"data": data, **row, "wins": row["method"] in won.get(row["size"], [])} for row in rows]
    return found


def ablations_of(results: Results, data: str) -> dict[str, str]:
    """Ablation -> its method, on some data."""
    points = points_of(results)
    return against.ablated({point: results.settings[name] for name, point in points.items() if point.data == data})


def _section(results: Results, data: str, budget: int, latency: pd.DataFrame | None) -> Section:
    runs, measure, ablations = runs_of(results, data), measure_of(results, data), ablations_of(results, data)
    if latency is not None:
        here = latency[latency["data"] == data].set_index(["method", "size"])["latency"]
        runs["latency"] = [here.get(key, float("nan")) for key in zip(runs["method"], runs["size"], strict=True)]
    return Section(f"The frontier: {data}", list(_parts(runs, measure, ablations, data, budget)))


def _parts(runs: pd.DataFrame, measure: Measure, ablations: dict[str, str], data: str, budget: int) -> Iterator[Part]:
    summary = summary_of(runs)
    if summary.empty:
        yield "No run has a finite value on the held-out data."
        return
    won = winners(summary, ablations)
    yield f"{_opening(runs, data, budget)} {_winners(won)}"
    methods = runs[~runs["method"].isin(ablations)]
    yield from _curves(methods, measure, data, budget, "frontier", CURVES)
    caption = f"{measure.caption}: mean ± standard deviation (runs). {WINS} has the lowest mean of its size."
    yield Table(f"frontier-{data}", readable(summary[~summary["method"].isin(ablations)], won), caption)
    yield from _sizes_missed(summary)
    yield from _tested(runs, data, [name for name in methods["method"].unique() if name != BASELINE])
    if ablations:
        yield from _ablated(runs, summary, measure, data, budget, ablations)
    yield Table(
        f"frontier-{data}-summary", summary, f"{measure.caption}: all figures, and means of what networks cost."
    )
    yield Table(f"frontier-{data}-runs", runs, "The runs, each with the network that was chosen on validation data.")


def _opening(runs: pd.DataFrame, data: str, budget: int) -> str:
    return (
        f"Every run on {data} has a budget of {budget:,} gradient steps, all its networks together, from "
        f"{_seeds(runs)}. Of the networks of a run the one with the lowest loss on validation data counts; all that "
        "follows was measured on held-out data, which decided nothing."
    )


def _winners(won: dict[float, list[str]]) -> str:
    said = [f"{100 * size:g} %: {' and '.join(methods)}" for size, methods in won.items()]
    return f"**The lowest mean at {'; '.join(said)}.**" if said else ""


def _seeds(runs: pd.DataFrame) -> str:
    counts = runs.groupby(["method", "size"]).size()
    fewest, most = int(counts.min()), int(counts.max())
    return f"{most} seed{'s' * (most > 1)}" if fewest == most else f"{fewest} to {most} seeds"


def _curves(
    runs: pd.DataFrame, measure: Measure, data: str, budget: int, slug: str, curves: dict[str, Costs]
) -> Iterator[Part]:
    title = f"{data}: {budget:,} updates a run, {_seeds(runs)}; mean, lowest to highest"
    notes = {"macs": f" {AGAINST_MACS}", "latency": f" {AGAINST_LATENCY}"}
    for end, costs in curves.items():
        if costs.column not in runs or runs[[costs.column, "value"]].dropna().empty:
            continue
        name = f"{slug}-{data}-{end}"
        figure, titles = plot(runs, costs, measure, title, name)
        caption = (
            f"{measure.caption}, against {costs.label} on {data}: {budget:,} gradient steps a run, {_seeds(runs)}. The "
            "line is the mean over the seeds, the band or bar reaches from the lowest run to the highest, a faint "
            f"point is a run.{notes.get(end, '')}"
        )
        yield Picture(name, figure, caption, titles)


def _sizes_missed(summary: pd.DataFrame) -> Iterator[Part]:
    missed = summary[summary["kept"] > BEYOND * summary["size"]]
    if len(missed):
        said = [
            f"{row['method']} {100 * row['kept']:.3g} % instead of {100 * row['size']:g} %" for row in rows_of(missed)
        ]
        yield f"Kept more than they were to: {', '.join(said)}."


def _tested(runs: pd.DataFrame, data: str, others: list[str]) -> Iterator[Part]:
    if BASELINE not in set(runs["method"]):
        yield f"No tests: {BASELINE}, which methods are compared with, is not among them."
        return
    table = against.compared(runs, [(other, BASELINE) for other in others])
    if table.empty:
        return
    if note := against.power(table):
        yield note
    caption = (
        f"Every method against {BASELINE} at the same size on {data}: runs from the same seed are paired (Wilcoxon, "
        "two-sided), others not (Mann-Whitney). p (Holm) is corrected for the tests of a size. A12 is how often the "
        "method is above."
    )
    yield Table(f"frontier-{data}-tests", against.readable(table), caption)


def _ablated(
    runs: pd.DataFrame, summary: pd.DataFrame, measure: Measure, data: str, budget: int, ablations: dict[str, str]
) -> Iterator[Part]:
    names = list(dict.fromkeys([*ablations.values(), *ablations]))
    yield (
        "Ablations keep the masks that a method comes to and train once more from the start, with masks shuffled "
        "within their tensors or with other first weights (Frankle et al. 2021). The training that found the masks is "
        "not in their budget."
    )
    chosen = runs[runs["method"].isin(names)]
    yield from _curves(chosen, measure, data, budget, "ablations", {"weights": WEIGHTS})
    caption = f"Ablations beside their method: {measure.label}, mean ± standard deviation (runs)."
    beside = readable(summary[summary["method"].isin(names)], {})
    yield Table(f"ablations-{data}", beside[beside["method"] != "winner"], caption)
    table = against.compared(chosen, list(ablations.items()))
    if len(table):
        caption = (
            "Every ablation against its method, from the same seeds; p (Holm) is corrected for the tests of a size."
        )
        yield Table(f"ablations-{data}-tests", against.readable(table), caption)
