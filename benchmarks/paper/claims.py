"""What the paper claims, and what remains of it once one difference after another between the systems is taken away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Part, Section, Table
from evoprune.benchmarks.report.tables import without_empty_notes
from evoprune.statistics import LEVEL, compare

SUFFIXES = {
    "persistent": "pruned weights stay pruned",
    "constant-rate": "the same constant learning rate for both",
    "bce": "binary cross-entropy in place of L1",
    "walk": "the baseline with the learning-rate walk and the optimizer of the cells",
    "isolated": "ten cells that do not see each other: the same gradient steps, no coevolution",
}
"""What a variant with this behind its name changes."""


@dataclass(frozen=True)
class Control:
    """Another pair of variants for the same claim, and what it takes away."""

    removes: str
    better: str
    worse: str


@dataclass(frozen=True)
class Claim:
    """``better`` has lower values of ``metric`` than ``worse``; each control takes one other difference away.

    The suffixes change both variants in the same way. A ``weak`` claim says only that ``worse`` is not lower.
    """

    text: str
    better: str
    worse: str
    suffixes: tuple[str, ...]
    controls: tuple[Control, ...] = ()
    weak: bool = False
    metric: str = "train_l1"

    @property
    def pairs(self) -> list[Control]:
        """The claim's own pair, as the paper compares it, and the controls."""
        both = (Control(SUFFIXES[s], f"{self.better}-{s}", f"{self.worse}-{s}") for s in self.suffixes)
        return [Control("as in the paper", self.better, self.worse), *self.controls, *both]


CLAIMS = (
    Claim(
        "Coevolution reaches a lower loss than the canonical baseline.",
        "spatial-none",
        "canonical-none",
        ("constant-rate", "bce"),
        (
            Control(SUFFIXES["walk"], "spatial-none", "canonical-none-walk"),
            Control(SUFFIXES["isolated"], "spatial-none", "spatial-none-isolated"),
        ),
    ),
    Claim(
        "Random pruning with the exponential schedule lowers the loss of the coevolution.",
        "spatial-random-exponential",
        "spatial-none",
        ("constant-rate", "bce", "persistent", "isolated"),
    ),
    Claim(
        "Pruning harms the canonical baseline.",
        "canonical-none",
        "canonical-random-exponential",
        ("walk",),
    ),
    Claim(
        "Conjunctive pruning (final-n) does not lower the loss of the coevolution.",
        "spatial-none",
        "spatial-conjunctive-final-n",
        ("persistent",),
        weak=True,
    ),
    Claim(
        "Variance pruning (population) does not lower the loss of the coevolution.",
        "spatial-none",
        "spatial-variance-population",
        ("persistent",),
        weak=True,
    ),
)

COLUMNS = {
    **{"control": "control", "a": "should be lower", "b": "should be higher", "n": "n"},
    **{"median_a": "median (lower)", "median_b": "median (higher)", "a12": "A12", "effect": "effect"},
    **{"p_holm": "p (Holm)", "verdict": "verdict", "note": "note"},
}
"""What a column of a comparison is called in the table of a claim."""

HOLDS, REVERSED, OPEN = "holds", "reversed", "not distinguishable"
AS_COMPARED = {
    HOLDS: "The claim holds as the paper compares it",
    REVERSED: "As the paper compares it the claim is reversed",
    OPEN: "As the paper compares it the two cannot be told apart with these trials",
}
WITH = {HOLDS: "It holds", REVERSED: "It is reversed", OPEN: "The two cannot be told apart"}
SILENCE = ", which agrees with the claim and does not prove it"


def present(name: str, runs: Mapping[str, int]) -> str | None:
    """The variant of that name, or the same one by another name that has more runs.

    They are the same without pruning, where nothing can stay pruned.

    :param runs: variant -> its number of runs.
    """
    same = name.removesuffix("-persistent") if "none" in name.split("-") else name
    best = max(name, same, key=lambda one: runs.get(one, 0))  # the first where they have as many
    return best if best in runs else None


def claims(results: Results) -> Section:
    """A table and a sentence for each claim of which some pair was run."""
    title = "What remains of each claim"
    tested = [(claim, table) for claim in CLAIMS if len(table := evaluate(results, claim))]
    if not tested:
        return Section(title, ["Skipped: no pair of variants that one of the paper's claims is about is here."])
    family = sum(len(table) for _, table in tested)
    parts: list[Part] = [
        "Each claim is tested on the pair of variants that the paper compares and on controls, pairs from which one "
        f"other difference was removed; p is corrected by Holm over the rows of a claim ({family} rows in all). "
        "**Holds**: the loss differs at the 5 % level in the direction of the claim; **reversed**: in the other "
        "direction; **not distinguishable**: these trials do not tell, which does not show that there is no "
        "difference. A12 is how often a run of the first lies above one of the second."
    ]
    for i, (claim, table) in enumerate(tested, 1):
        parts.append(Table(f"claim-{i}", table, f"**{claim.text}** Medians of `{claim.metric}`"))
        parts.append(sentence(claim, table, results.counts))
    return Section(title, parts)


def evaluate(results: Results, claim: Claim) -> pd.DataFrame:
    """A row a pair of the claim that was run: what it removes, medians, A12, p, verdict."""
    if claim.metric not in results.numeric:
        return pd.DataFrame()
    runs = results.counts
    found = [(c.removes, present(c.better, runs), present(c.worse, runs)) for c in claim.pairs]
    rows = [(removes, better, worse) for removes, better, worse in found if better and worse]
    tests = compare(results.values(claim.metric), "value", pairs=[(better, worse) for _, better, worse in rows])
    unpaired = tests["n_a"].astype(str) + " and " + tests["n_b"].astype(str)
    table = tests.assign(
        control=[removes for removes, _, _ in rows],
        n=tests["n_a"].astype(str).where(tests["test"] == "Wilcoxon", unpaired),
        verdict=[word(test) for test in tests.itertuples()],
    )
    return without_empty_notes(table.rename(columns=COLUMNS)[list(COLUMNS.values())])


def word(test: Any) -> str:
    """The verdict on a test whose first variant should lie lower."""
    if not test.p_holm < LEVEL or test.sign == 0:
        return OPEN
    return HOLDS if test.sign < 0 else REVERSED


def sentence(claim: Claim, table: pd.DataFrame, runs: Mapping[str, int]) -> str:
    """What the table says of the claim, and which pairs were not run; ``runs`` as in :func:`present`."""
    own, controls = table.iloc[0], table
    text = "The pair that the paper compares was not run. "
    if own["control"] == claim.pairs[0].removes:
        text = AS_COMPARED[str(own["verdict"])]
        text += SILENCE if claim.weak and own["verdict"] == OPEN else ""
        text += f" (medians {own['median (lower)']:.3g} and {own['median (higher)']:.3g}). "
        controls = table.iloc[1:]
    for verdict, phrase in WITH.items():
        found = controls.loc[controls["verdict"] == verdict, "control"]
        if len(found):
            text += f"{phrase} with: {'; '.join(found)}. "
    absent = [c for c in claim.pairs if not (present(c.better, runs) and present(c.worse, runs))]
    if absent:
        text += "Not run: " + "; ".join(f"{c.better} against {c.worse}" for c in absent) + "."
    return text.strip()
