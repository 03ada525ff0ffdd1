"""The analysis of networks as a section of a report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import pandas as pd

from evoprune.benchmarks.analysis.collect import SAMPLES, TRIALS, Collected, collect
from evoprune.benchmarks.analysis.figures import matrix, plot_matrices, plot_over_time, quartiles
from evoprune.benchmarks.analysis.pairing_loss import own_decoder
from evoprune.benchmarks.report.section import Part, Picture, Section, Table

TITLE = "The networks"
TOGETHER = 2  # variants that one panel compares; of more, each gets a panel
BAND = "Lines are medians over the pairs of cells, bands interquartile ranges"
OVER_CELLS = "; medians and quartiles over the cells"


@dataclass(frozen=True)
class Curve:
    """A measure over the generations: its column, the name of that in figures, and what the caption says.

    ``note`` stands behind the caption of the figure; ``expected`` is the column of what chance gives; ``table`` says
    whether the last generation stands in a table, too.
    """

    measure: str
    column: str
    label: str
    caption: str
    note: str = ""
    expected: str | None = None
    low: float | None = 0.0
    table: bool = True


CURVES = (
    Curve(
        *("weight-distance", "normalised", "distance of weights"),
        "Distance between the weights of two cells, |a - b| / (|a| + |b|)",
    ),
    Curve(
        *("activation-distance", "normalised", "distance of activations"),
        "Distance between the activations of two cells on the same samples, |A - B| / (|A| + |B|)",
    ),
    Curve(
        *("similarity", "cka", "debiased CKA"),
        "Similarity of the representations of two cells, debiased linear CKA",
        low=None,
    ),
    Curve(
        *("mask-overlap", "jaccard", "Jaccard index"),
        "Overlap of the masks of two cells, Jaccard index",
        ", and, dotted, what independent random masks of the same sizes would have",
        "expected",
    ),
    Curve(
        *("unit-coverage", "dead units (%)", "dead units (%)"),
        "Units that never fire on the samples, share of a layer's units in per cent",
        OVER_CELLS,
    ),
    Curve(
        *("similarity-over-time", "cka", "debiased CKA with the end"),
        "Similarity of each cell to what stands in it in the last generation, debiased linear CKA",
        OVER_CELLS,
        low=None,
        table=False,
    ),
)


def section(runs: Sequence[tuple[str, int, Path]]) -> Section | None:
    """Compare the networks of variants: distances, dead units, pairing losses, similarity and overlap of masks.

    It looks at the first three trials of each variant that have networks and at 200 validation samples, and says so.

    :param runs: variant, trial and run directory of each run.
    :returns: None where there are no runs; where none can be read, a section that says why.
    """
    found = collect(runs)
    skipped = "; ".join(f"{variant}, trial {trial}: {why}" for variant, trial, why in found.skipped)
    parts: list[Part] = [f"**Not looked at:** {skipped}."] if skipped else []
    if not found.losses:
        return Section(TITLE, parts) if parts else None
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        curves = (part for curve in CURVES for part in _curve(found, curve))
        return Section(TITLE, [_scope(found), *parts, *curves, *_matrices(found)])


def _scope(found: Collected) -> str:
    runs = len(found.tables["unit-coverage"][["variant", "trial"]].drop_duplicates())
    text = f"From the snapshots of {runs} run{'' if runs == 1 else 's'}, on the first {SAMPLES} samples of the "
    text += f"validation split. {BAND}, of all trials looked at."
    if found.left_out:
        text += f" The first {TRIALS} trials of each variant stand for all; {found.left_out} more were left out."
    return text


def _curve(found: Collected, curve: Curve) -> Iterator[Part]:
    table = found.tables[curve.measure]
    if curve.measure == "mask-overlap":
        least = table.groupby("variant", sort=False)[["kept", "kept_other"]].min().min(axis=1)
        whole = [str(variant) for variant in least.index[least == 1]]
        if whole:
            yield f"No masks to compare, nothing is pruned for good: {', '.join(whole)}."
        table = table[~table["variant"].isin(whole)]
    elif curve.measure == "unit-coverage":
        table = table.assign(**{curve.column: 100 * table["share"]})
    elif curve.measure == "similarity-over-time":
        table = table[table["later"] == table.groupby(["variant", "trial"])["later"].transform("max")]
    if not table[curve.column].notna().any():
        return
    table = _placed(table)
    # Few variants as lines in a panel a place; many with a panel each and the places as lines.
    panels, lines = ("place", "variant") if table["variant"].nunique() <= TOGETHER else ("variant", "place")
    figure = plot_over_time(table, curve.column, curve.label, panels, lines, curve.expected, curve.low)
    yield Picture(f"networks-{curve.measure}", figure, f"{curve.caption}{curve.note}.")
    if curve.table:
        yield _table(curve.measure, table, curve.column, curve.caption)


def _matrices(found: Collected) -> Iterator[Part]:
    """Pairing losses and similarities of the codes, for the first trial of each variant in its last generation."""
    losses = found.tables["pairing-loss"]
    own = own_decoder(losses)
    if not own["advantage"].notna().any():
        return
    kinds = list(dict.fromkeys(found.losses.values()))
    for loss in kinds:
        same = losses[losses["variant"].map(found.losses) == loss]
        shown = {v: m for v, m in _first(same, "loss").items() if len(m) > 1}
        if shown:
            figure = plot_matrices(shown, f"validation loss ({loss})", "encoder of cell", "decoder of cell")
            text = "Loss of every encoder with every decoder, first trial, last generation; own pairs are framed."
            yield Picture("networks-pairing" if len(kinds) == 1 else f"networks-pairing-{loss}", figure, text)
    caption = "How much lower the loss of an encoder is with its own decoder than with the others, on average"
    yield _table("own-decoder", own, "advantage", caption)
    codes = found.tables["similarity"].query("part == 'encoder'")
    codes = codes[codes["layer"] == codes.groupby("variant")["layer"].transform("last")]
    shown = {v: m for v, m in _first(codes, "cka").items() if m.notna().any(axis=None)}
    if shown:
        figure = plot_matrices(shown, "debiased CKA of the codes", low=0.0, high=1.0)
        text = "Similarity of the codes of every two cells, first trial, last generation."
        yield Picture("networks-codes", figure, text)


def _table(name: str, table: pd.DataFrame, column: str, caption: str) -> Table:
    last = table[table["generation"] == table.groupby(["variant", "trial"])["generation"].transform("max")]
    by = ["variant", "generation", *(["place"] if "place" in table else [])]
    return Table(f"networks-{name}", quartiles(last, column, by), f"{caption}, in the last generation.")


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column ``place``: the part, and which layer of it where layers are told apart."""
    if "layer" not in table:
        return table.assign(place=table["part"])
    layers = table[["variant", "part", "layer"]].drop_duplicates()
    layers["place"] = layers["part"] + " layer " + (layers.groupby(["variant", "part"]).cumcount() + 1).astype(str)
    return table.merge(layers, on=["variant", "part", "layer"], how="left")


def _first(table: pd.DataFrame, value: str) -> dict[str, pd.DataFrame]:
    """Variant -> the matrix of its first trial in the last generation."""
    groups = table.groupby("variant", sort=False)
    return {str(variant): matrix(rows[rows["trial"] == rows["trial"].iloc[0]], value) for variant, rows in groups}
