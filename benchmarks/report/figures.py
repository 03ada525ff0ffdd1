"""The figures of a report: which there are for these runs, and what their captions say."""

from collections.abc import Iterable, Iterator

import pandas as pd

from evoprune.benchmarks.plots.curves import numbers
from evoprune.benchmarks.report.curves import Curves, over_trials, plot_curves, plot_sizes
from evoprune.benchmarks.report.ends import plot_boxes, plot_during_after, plot_schedules
from evoprune.benchmarks.report.groups import groups, schedule_sweeps
from evoprune.benchmarks.report.results import Metric, Results, metric
from evoprune.benchmarks.report.section import Marks, Part, Picture, Section, anchor

VALIDATION = "validation_"
L1 = "mean absolute error, validation data"
ENDS = ("train_l1", "test_l1", "train_accuracy", "test_accuracy", "train_r2", "test_r2", "test_loss")
LAST = 0.05  # share of the generations, at the end, over which the training loss is averaged
COUNTERS = (
    *("gen", "nevals", "updates", "trial", "mutpb", "nonfinite", "loss_min", "loss_max", "learning_rate"),
    *("layer", "newcomers", "preserved_encoder", "preserved_decoder"),
)
"""Columns of other experiments' logs that are not worth a curve, or have a figure of their own."""

BAND = "The line is the median over the trials, the band their interquartile range."


def figures(results: Results, metrics: list[Metric], marks: Marks | None = None) -> list[Section]:
    """The sections that hold figures; one without data says why."""
    sections = [
        _section("Over the generations", _generations(results), "no run has a log with a column `gen`."),
        Section("At the end", list(_ends(results, metrics, marks))),
    ]
    if results.experiment == "run":  # the others have neither schedules nor epochs of training
        why = "no run has both a training loss in its log and a held-out loss in its summary."
        sections += [
            _section("Schedules", _schedules(results), "no two variants differ in nothing but the schedule."),
            _section("During and after training", _during_after(results), why),
        ]
    return sections


def _section(title: str, parts: Iterable[Part], without: str) -> Section:
    return Section(title, list(parts) or [f"Skipped: {without}"])


def _generations(results: Results) -> Iterator[Part]:
    if "gen" not in results.logs:
        return
    if results.experiment == "run":
        yield from _losses(results)
    else:
        columns = [str(column) for column in results.logs.select_dtypes("number") if column not in COUNTERS]
        for column, known in ((column, metric(column)) for column in columns):
            if curves := _curves(results, column, results.variants):
                figure = plot_curves(curves, known.label, known.scale)
                yield Picture(f"curve-{column}", figure, f"`{column}` by generation. {BAND}")
    yield _sizes(results)


def _losses(results: Results) -> Iterator[Part]:
    for group in groups(results, by_loss=True):
        curves, note = _training(results, group.variants)
        if curves:
            yield Picture(
                f"training-loss-{group.slug}",
                plot_curves(curves, f"training loss ({group.loss})"),
                f"Training loss ({group.loss}) over the generations{group.on}, the mean over an epoch and the "
                f"cells. {BAND}{note}",
            )
    for column in (str(name) for name in results.logs if str(name).startswith(VALIDATION)):
        key = column.removeprefix(VALIDATION)
        known, scale = metric(f"test_{key}"), metric(f"test_{key}").scale
        name = "mean absolute error" if key == "l1" else key
        for group in groups(results, by_loss=False):
            if curves := _curves(results, column, group.variants):
                yield Picture(
                    "-".join([f"validation-{anchor(key)}", group.slug]).rstrip("-"),
                    plot_curves(curves, known.label.replace("held-out", "validation") if key != "l1" else L1, scale),
                    f"{name[:1].upper()}{name[1:]} on validation data over the generations{group.on}. {BAND}",
                )


def _sizes(results: Results) -> Part:
    if "preserved_encoder" not in results.logs:
        return _whole_sizes(results)
    encoder, decoder = (_curves(results, f"preserved_{part}", results.variants) for part in ("encoder", "decoder"))
    lowest = {v: min(encoder[v]["q1"].min(), decoder[v]["q1"].min()) for v in encoder if v in decoder}
    pruned = [variant for variant, least in lowest.items() if least < 1]
    if not pruned:
        return "No figure of the sizes of encoder and decoder: no log has them below 100 %."
    whole = [variant for variant in encoder if variant not in pruned]
    rest = f" Not shown, because all weights stay: {', '.join(whole)}." if whole else ""
    return Picture(
        "sizes",
        plot_sizes({v: encoder[v] for v in pruned}, {v: decoder[v] for v in pruned}),
        f"Weights kept in encoder and decoder over the generations, means over the cells. {BAND}{rest}",
    )


def _whole_sizes(results: Results) -> Part:
    curves = _curves(results, "preserved", results.variants)
    shown = {variant: curve for variant, curve in curves.items() if curve["q1"].min() < 1}
    if not shown:
        return "No figure of the sizes: no log has them below 100 %."
    figure = plot_curves(shown, "weights kept (%)", 100)
    return Picture("sizes", figure, f"Weights kept over the generations, means over the cells. {BAND}")


def _ends(results: Results, metrics: list[Metric], marks: Marks | None) -> Iterator[Part]:
    for one in metrics:
        values = {variant: sample * one.scale for variant, sample in results.by_variant(one.name).items()}
        if not values:
            continue
        here = marks if marks and marks.metric == one.name and set(marks.values) & set(values) else None
        yield Picture(
            f"box-{one.name}",
            plot_boxes(values, one.label, here.values, here.label) if here else plot_boxes(values, one.label),
            f"{one.caption}: a point a trial; box and line are quartiles and median, whiskers reach to "
            f"the last value within 1.5 boxes.{f' {here.sentence}' if here else ''}",
        )


def _schedules(results: Results) -> Iterator[Part]:
    name = next((name for name in ENDS if name in results.numeric), ENDS[0])
    values = results.by_variant(name)
    for i, sweep in enumerate(schedule_sweeps({variant: results.settings[variant] for variant in values}), 1):
        boxes = {operator: {s: values[v] for s, v in group.items()} for operator, group in sweep.operators.items()}
        without = dict.fromkeys(boxes, values[sweep.without].median()) if sweep.without else {}
        yield Picture(
            f"schedules-{i}",
            plot_schedules(boxes, metric(name).label, without),
            f"Schedules by operator{f', {sweep.name}' if sweep.name else ''}: `{name}` at the end, a point a trial.",
        )


def _during_after(results: Results) -> Iterator[Part]:
    if "gen" not in results.logs or "train_loss" not in results.logs:
        yield "Skipped: it needs `train_loss` in the logs."
        return
    during = _last(results.logs)
    for group in groups(results, by_loss=True):
        after = "test_loss" if "test_loss" in results.numeric else "test_l1" if group.loss == "l1" else ""
        if after not in results.numeric:
            continue
        ends = results.runs[["variant", "trial"]].assign(after=numbers(results.runs, after))
        ends = ends.join(during, on=["variant", "trial"]).dropna()
        tables = {variant: ends[ends["variant"] == variant] for variant in group.variants}
        points = {variant: table[["during", "after"]] for variant, table in tables.items() if len(table)}
        if points:
            yield Picture(
                f"during-after-{group.slug}",
                plot_during_after(points, group.loss),
                f"A point a run{group.on}: the training loss ({group.loss}) over the last {LAST:.0%} of the "
                "generations, measured while the pairs train and before they are pruned, against the loss on held-out "
                "data at the end, both means over the cells. Above the dashed line held-out data are worse."
                + _training(results, list(points))[1],
            )


def _training(results: Results, variants: list[str]) -> tuple[Curves, str]:
    """Curves of the training loss, and a note on the variants whose log has it for one batch only."""
    epoch = _curves(results, "train_loss", variants)
    batch = _curves(results, "loss", [variant for variant in variants if variant not in epoch])
    found = epoch | batch
    note = f" The log of {', '.join(batch)} has no loss over the epoch: shown is the loss on one batch."
    return {variant: found[variant] for variant in variants if variant in found}, note if batch else ""


def _curves(results: Results, column: str, variants: list[str]) -> Curves:
    if column not in results.logs:
        return {}
    logs = dict(list(results.logs.groupby("variant", sort=False)))
    curves = {variant: over_trials(logs[variant], column) for variant in variants if variant in logs}
    return {variant: curve for variant, curve in curves.items() if len(curve)}


def _last(logs: pd.DataFrame) -> pd.Series:
    """By variant and trial the mean training loss over the last generations, of one batch where no other is logged."""
    ends = logs.groupby(["variant", "trial"])["gen"].transform("max")
    late = logs["gen"] > ends * (1 - LAST)
    keys = [logs["variant"], logs["trial"]]
    epoch, batch = (numbers(logs, name).where(late).groupby(keys).mean() for name in ("train_loss", "loss"))
    return epoch.fillna(batch).rename("during")
