"""The figures of a report: which there are for these runs, and what their captions say."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from evoprune.benchmarks.paper.published import comparable
from evoprune.benchmarks.plots.curves import numbers
from evoprune.benchmarks.report.boxes import plot_boxes, plot_schedules
from evoprune.benchmarks.report.comparable import groups
from evoprune.benchmarks.report.curves import Curves, over_trials, plot_curves, plot_sizes
from evoprune.benchmarks.report.metrics import KNOWN, Metric, metric
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.scatter import plot_during_after
from evoprune.benchmarks.report.section import Part, Picture, Section
from evoprune.benchmarks.report.sweeps import schedule_sweeps

LAST = 0.05  # share of the generations, at the end, over which the training loss is averaged
COUNTERS = (
    *("gen", "nevals", "updates", "trial", "mutpb", "nonfinite", "loss_min", "loss_max", "learning_rate"),
    *("layer", "newcomers"),
)
ONE_BATCH = "The log of {} has no loss over the epoch: shown is the loss on one batch."
BAND = "The line is the median over the trials, the band their interquartile range."


def figures(results: Results, metrics: list[Metric]) -> list[Section]:
    """The sections that hold figures; one without data says why."""
    sections = [
        Section("Over the generations", list(_generations(results))),
        Section("At the end", list(_ends(results, metrics))),
    ]
    if results.experiment == "run":  # the others have neither schedules nor epochs of training
        sections.append(Section("Schedules", list(_schedules(results))))
        sections.append(Section("During and after training", list(_during_after(results))))
    return sections


def _generations(results: Results) -> Iterator[Part]:
    logs = results.logs
    if "gen" not in logs:
        yield "Skipped: no run has a log with a column `gen`."
        return
    if results.experiment == "run":
        for group in groups(results, by_loss=True):
            curves, note = _training(results, group.variants)
            if curves:
                yield Picture(
                    f"training-loss-{group.slug}",
                    plot_curves(curves, f"training loss ({group.loss})"),
                    f"Training loss ({group.loss}) over the generations{group.on}, the mean over an epoch and the "
                    f"cells. {BAND}{note}",
                )
        for group in groups(results, by_loss=False):
            curves = _curves(results, "validation_l1", group.variants)
            if curves:
                yield Picture(
                    "-".join(["validation-l1", group.slug]).rstrip("-"),
                    plot_curves(curves, "mean absolute error, validation data"),
                    f"Mean absolute error on validation data over the generations{group.on}. {BAND}",
                )
    else:
        for column in _numeric(logs):
            curves = _curves(results, column, results.variants)
            if curves:
                known = metric(column)
                yield Picture(
                    f"curve-{column}",
                    plot_curves(curves, known.label, known.scale),
                    f"`{column}` by generation. {BAND}",
                )
    yield from _sizes(results)


def _sizes(results: Results) -> Iterator[Part]:
    encoder = _curves(results, "preserved_encoder", results.variants)
    decoder = _curves(results, "preserved_decoder", results.variants)
    pruned = [
        variant
        for variant in encoder
        if variant in decoder and min(encoder[variant]["q1"].min(), decoder[variant]["q1"].min()) < 1
    ]
    if not pruned:
        yield "No figure of the sizes of encoder and decoder: no log has them below 100 %."
        return
    whole = [variant for variant in encoder if variant not in pruned]
    rest = f" Not shown, because all weights stay: {', '.join(whole)}." if whole else ""
    yield Picture(
        "sizes",
        plot_sizes({v: encoder[v] for v in pruned}, {v: decoder[v] for v in pruned}),
        f"Weights kept in encoder and decoder over the generations, means over the cells. {BAND}{rest}",
    )


def _ends(results: Results, metrics: list[Metric]) -> Iterator[Part]:
    paper = (
        {variant: value.mean for variant, value in comparable(results).items()} if results.experiment == "run" else {}
    )
    for one in metrics:
        values = _by_variant(results, one.name, one.scale)
        if not values:
            continue
        marks = paper if one.name == "train_l1" else {}
        diamonds = " Diamonds are the means that the paper reports." if set(marks) & set(values) else ""
        yield Picture(
            f"box-{one.name}",
            plot_boxes(values, one.label, marks),
            f"{one.title} (`{one.name}`): a point a trial; box and line are quartiles and median, whiskers reach to "
            f"the last value within 1.5 boxes.{diamonds}",
        )


def _schedules(results: Results) -> Iterator[Part]:
    variants = {variant: results.settings[variant] for variant in results.variants}
    name = "train_l1" if "train_l1" in results.numeric else "test_l1"
    values = _by_variant(results, name, 1.0)
    found = False
    for i, sweep in enumerate(schedule_sweeps({v: s for v, s in variants.items() if v in values})):
        found = True
        boxes = {operator: {s: values[v] for s, v in group.items()} for operator, group in sweep.operators.items()}
        without = dict.fromkeys(boxes, values[sweep.without].median()) if sweep.without else {}
        yield Picture(
            f"schedules-{i + 1}",
            plot_schedules(boxes, KNOWN[name].label, without),
            f"Schedules by operator{f', {sweep.name}' if sweep.name else ''}: `{name}` at the end, a point a trial.",
        )
    if not found:
        yield "Skipped: no two variants differ in nothing but the schedule."


def _during_after(results: Results) -> Iterator[Part]:
    if "gen" not in results.logs or "train_loss" not in results.logs:
        yield "Skipped: it needs `train_loss` in the logs."
        return
    during = _last(results.logs)
    found = False
    for group in groups(results, by_loss=True):
        after = "test_loss" if "test_loss" in results.numeric else "test_l1"
        if after == "test_l1" and (group.loss != "l1" or "test_l1" not in results.numeric):
            continue
        points = {}
        for variant in group.variants:
            rows = results.runs["variant"] == variant
            table = pd.DataFrame(
                {
                    "during": [during.get((variant, trial)) for trial in results.runs.loc[rows, "trial"]],
                    "after": numbers(results.runs, after)[rows].to_list(),
                },
                dtype=float,
            ).dropna()
            if len(table):
                points[variant] = table
        if points:
            found = True
            yield Picture(
                f"during-after-{group.slug}",
                plot_during_after(points, group.loss),
                f"A point a run{group.on}: the training loss ({group.loss}) over the last {LAST:.0%} of the "
                "generations, measured while the pairs train and before they are pruned, against the loss on held-out "
                "data at the end, both means over the cells. Above the dashed line held-out data are worse."
                + _training(results, list(points))[1],
            )
    if not found:
        yield "Skipped: no run has both a training loss in its log and a held-out loss in its summary."


def _training(results: Results, variants: list[str]) -> tuple[Curves, str]:
    """Curves of the training loss, and a note on the variants whose log has it for one batch only."""
    epoch = _curves(results, "train_loss", variants)
    batch = _curves(results, "loss", [variant for variant in variants if variant not in epoch])
    found = epoch | batch
    note = f" {ONE_BATCH.format(', '.join(batch))}" if batch else ""
    return {variant: found[variant] for variant in variants if variant in found}, note


def _curves(results: Results, column: str, variants: list[str]) -> Curves:
    if column not in results.logs or "gen" not in results.logs:
        return {}
    logs = dict(list(results.logs.groupby("variant", sort=False)))
    curves = {variant: over_trials(logs[variant], column) for variant in variants if variant in logs}
    return {variant: curve for variant, curve in curves.items() if len(curve)}


def _by_variant(results: Results, name: str, scale: float) -> dict[str, pd.Series]:
    if name not in results.numeric:
        return {}
    known = results.values(name).dropna(subset=["value"])
    found = {str(variant): values * scale for variant, values in known.groupby("variant")["value"]}
    return {variant: found[variant] for variant in results.variants if variant in found}


def _last(logs: pd.DataFrame) -> dict[Any, float]:
    """Variant and trial -> the mean training loss over the last generations, of one batch where no other is logged."""
    ends = logs.groupby(["variant", "trial"])["gen"].transform("max")
    late = logs["gen"] > ends * (1 - LAST)
    keys = [logs["variant"], logs["trial"]]
    epoch, batch = (numbers(logs, name).where(late).groupby(keys).mean() for name in ("train_loss", "loss"))
    return {key: float(value) for key, value in epoch.fillna(batch).dropna().items()}


def _numeric(logs: pd.DataFrame) -> list[str]:
    """The columns of other experiments' logs that are worth a curve."""
    columns = [str(c) for c in logs.select_dtypes("number").columns]
    return [c for c in columns if c not in COUNTERS and c not in ("preserved_encoder", "preserved_decoder")]
