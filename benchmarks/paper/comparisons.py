"""The paper's comparison and what goes with it, at a chosen scale."""

from collections.abc import Sequence
from dataclasses import dataclass

from evoprune.benchmarks.pruning.presets import THRESHOLDS
from evoprune.benchmarks.sweeps import Plan, make_plan
from evoprune.checks import lookup

PAPER_GENERATIONS = 400
SPATIAL = ("spatial-none", "spatial-random-exponential", "spatial-conjunctive-final-n", "spatial-variance-population")
CANONICAL = (
    *("canonical-none", "canonical-conjunctive-exponential"),
    *("canonical-random-exponential", "canonical-variance-exponential"),
)


@dataclass(frozen=True)
class Comparison:
    """Variants, each a composed preset, that answer a question together."""

    line: str
    variants: tuple[str, ...]


COMPARISONS: dict[str, Comparison] = {
    "paper": Comparison(
        "the paper's variants, and those of Lipi-AE-S with masks that hold and a target size",
        (*SPATIAL, *CANONICAL, *(f"{name}-persistent" for name in SPATIAL)),
    ),
    "thresholds": Comparison(
        "the conjunctive operator's threshold, and random pruning, on the digits",
        (
            "spatial-none-digits",
            *(f"spatial-conjunctive-final-n-digits-threshold-{t}" for t in THRESHOLDS),
            "spatial-random-exponential-digits",
        ),
    ),
    "fair": Comparison(
        "the coevolution against the baseline with one difference taken away at a time",
        (
            *("spatial-none", "canonical-none", "spatial-random-exponential", "canonical-random-exponential"),
            *("canonical-none-walk", "canonical-random-exponential-walk"),
            *("spatial-none-isolated", "spatial-random-exponential-isolated"),
            *("spatial-none-constant-rate", "spatial-random-exponential-constant-rate"),
            "canonical-none-constant-rate",
            *("spatial-none-bce", "spatial-random-exponential-bce", "canonical-none-bce"),
        ),
    ),
}


@dataclass(frozen=True)
class Scale:
    """How much is run, and how long that takes on two cores."""

    line: str
    comparisons: tuple[str, ...]
    trials: int
    generations: int = PAPER_GENERATIONS


SCALES: dict[str, Scale] = {
    "quick": Scale("6 trials of 20 generations, to see that everything works; 4 minutes", ("paper",), 6, 20),
    "half": Scale("half of the paper's 30 trials; 4 hours", tuple(COMPARISONS), 15),
    "full": Scale("the paper's 30 trials of 400 generations; 8 hours", tuple(COMPARISONS), 30),
}


def plan_for(
    scale: str, only: Sequence[str] = (), trials: int | None = None, seed: int = 0, shard: str = "1/1"
) -> Plan:
    """The plan of a reproduction.

    :param only: names of :data:`COMPARISONS`; those of the scale by default.
    :param trials: instead of the scale's.
    :raises ValueError: for an unknown scale or comparison.
    """
    chosen = lookup("scale", scale, SCALES)
    names = [lookup("comparison", name, COMPARISONS).variants for name in only or chosen.comparisons]
    variants = dict.fromkeys(variant for group in names for variant in group)
    fixed = {"generations": chosen.generations, "snapshots": max(1, chosen.generations // 2)}
    trials = chosen.trials if trials is None else trials
    return make_plan(list(variants), fixed=fixed, trials=trials, seed=seed, shard=shard)
