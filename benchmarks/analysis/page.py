"""The analysis of networks as a section of a report."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
import pandas as pd
from matplotlib.figure import Figure

from evoprune.benchmarks.analysis.collect import SAMPLES, TRIALS, Collected, collect
from evoprune.benchmarks.analysis.matrices import matrix, plot_matrices
from evoprune.benchmarks.analysis.over_time import plot_over_time, quartiles
from evoprune.benchmarks.analysis.pairing_loss import own_decoder
from evoprune.benchmarks.report.section import Part, Picture, Section, Table

TITLE = "The networks"
TOGETHER = 2  # variants that one panel compares; of more, each gets a panel
BAND = "Lines are medians over the pairs of cells, bands interquartile ranges"

# Measure, its column, label, caption.
CURVES = [
    (
        "weight-distance",
        "normalised",
        "distance of weights",
        "Distance between the weights of two cells, |a - b| / (|a| + |b|)",
    ),
    (
        "activation-distance",
        "normalised",
        "distance of activations",
        "Distance between the activations of two cells on the same samples, |A - B| / (|A| + |B|)",
    ),
    ("similarity", "cka", "debiased CKA", "Similarity of the representations of two cells, debiased linear CKA"),
    ("mask-overlap", "jaccard", "Jaccard index", "Overlap of the masks of two cells, Jaccard index"),
]


def section(runs: Sequence[tuple[str, int, Path]]) -> Section | None:
    """Compare the networks of variants: distances, dead units, pairing losses, similarity and overlap of masks.

    It looks at the first three trials of each variant that have networks and at 200 validation samples, and says so.

    :param runs: variant, trial and run directory of each run.
    :returns: None where there are no runs; where none can be read, a section that says why.
    """
    found = collect(runs)
    if not found.losses:
        return Section(TITLE, _skipped(found)) if found.skipped else None
    with matplotlib.style.context("default"):  # not what a user's own matplotlibrc asks for
        return Section(TITLE, [*_scope(found), *_curves(found), *_coverage(found), *_change(found), *_matrices(found)])


def _scope(found: Collected) -> list[Part]:
    runs = found.tables["unit-coverage"][["variant", "trial"]].drop_duplicates()
    text = f"From the snapshots of {_count(len(runs), 'run')}, on the first {SAMPLES} samples of the validation split. "
    text += f"{BAND}, of all trials looked at."
    if found.left_out:
        text += f" The first {TRIALS} trials of each variant stand for all; {found.left_out} more were left out."
    return [text, *_skipped(found)]


def _skipped(found: Collected) -> list[Part]:
    named = "; ".join(f"{variant}, trial {trial}: {why}" for variant, trial, why in found.skipped)
    return [f"**Not looked at:** {named}."] if named else []


def _curves(found: Collected) -> list[Part]:
    parts: list[Part] = []
    for name, column, label, caption in CURVES:
        table = _placed(found.tables[name])
        if name == "mask-overlap":
            whole = _unpruned(table)
            table = table[~table["variant"].isin(whole)]
            if whole:
                parts.append(f"No masks to compare, nothing is pruned for good: {', '.join(whole)}.")
        if table[column].notna().any():
            chance = "expected" if name == "mask-overlap" else None
            note = ", and, dotted, what independent random masks of the same sizes would have" if chance else ""
            figure = _figure(table, column, label, chance, 0.0 if name != "similarity" else None)
            parts += [Picture(f"networks-{name}", figure, f"{caption}{note}."), _table(name, table, column, caption)]
    return parts


def _coverage(found: Collected) -> list[Part]:
    table = _placed(found.tables["unit-coverage"])
    table["dead units (%)"] = 100 * table["share"]
    caption = "Units that never fire on the samples, share of a layer's units in per cent"
    figure = _figure(table, "dead units (%)", "dead units (%)", low=0.0)
    return [
        Picture("networks-unit-coverage", figure, f"{caption}; medians and quartiles over the cells."),
        _table("unit-coverage", table, "dead units (%)", caption),
    ]


def _change(found: Collected) -> list[Part]:
    """Each cell against itself in the last generation."""
    table = found.tables["similarity-over-time"]
    last = table.groupby(["variant", "trial"])["later"].transform("max")
    table = _placed(table[table["later"] == last])
    if not table["cka"].notna().any():
        return []
    caption = "Similarity of each cell to what stands in it in the last generation, debiased linear CKA"
    text = f"{caption}; medians and quartiles over the cells."
    return [Picture("networks-similarity-over-time", _figure(table, "cka", "debiased CKA with the end"), text)]


def _matrices(found: Collected) -> list[Part]:
    """Pairing losses and similarities of the codes, for the first trial of each variant in its last generation."""
    losses = found.tables["pairing-loss"]
    own = own_decoder(losses)
    if not own["advantage"].notna().any():
        return []
    parts: list[Part] = []
    for loss in dict.fromkeys(found.losses.values()):
        same = losses[losses["variant"].map(found.losses) == loss]
        shown = {v: m for v, m in _first(same, "loss").items() if len(m) > 1}
        if shown:
            name = "networks-pairing" if len(set(found.losses.values())) == 1 else f"networks-pairing-{loss}"
            figure = plot_matrices(
                shown, f"validation loss ({loss})", rows="encoder of cell", columns="decoder of cell"
            )
            text = "Loss of every encoder with every decoder, first trial, last generation; own pairs are framed."
            parts.append(Picture(name, figure, text))
    caption = "How much lower the loss of an encoder is with its own decoder than with the others, on average"
    parts.append(_table("own-decoder", own, "advantage", caption))
    codes = found.tables["similarity"]
    codes = codes[codes["part"] == "encoder"]
    last = codes.groupby("variant")["layer"].transform("last")
    shown = {v: m for v, m in _first(codes[codes["layer"] == last], "cka").items() if m.notna().any(axis=None)}
    if shown:
        figure = plot_matrices(shown, "debiased CKA of the codes", low=0.0, high=1.0)
        text = "Similarity of the codes of every two cells, first trial, last generation."
        parts.append(Picture("networks-codes", figure, text))
    return parts


def _figure(
    table: pd.DataFrame, column: str, label: str, expected: str | None = None, low: float | None = None
) -> Figure:
    """Few variants as lines in a panel a place; many with a panel each and the places as lines."""
    panels, lines = ("place", "variant") if table["variant"].nunique() <= TOGETHER else ("variant", "place")
    return plot_over_time(table, column, label, panels, lines, expected, low)


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


def _unpruned(table: pd.DataFrame) -> list[str]:
    """Variants in which every mask is whole."""
    least = table.groupby("variant", sort=False)[["kept", "kept_other"]].min().min(axis=1)
    return [str(variant) for variant in least.index[least == 1]]


def _first(table: pd.DataFrame, value: str) -> dict[str, pd.DataFrame]:
    """Variant -> the matrix of its first trial in the last generation."""
    made = {}
    for variant, rows in table.groupby("variant", sort=False):
        made[str(variant)] = matrix(rows[rows["trial"] == rows["trial"].iloc[0]], value)
    return made


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
