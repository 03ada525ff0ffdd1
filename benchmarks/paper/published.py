"""The results of the paper (Jorgensen, Hemberg, Toutouh, O'Reilly, GECCO 2025, arXiv 2505.05138), and ours beside them.

The values are read off its plots: mean L1 on the training data at the last of 400 generations, 30 trials.
"""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evoprune.benchmarks.pruning.algorithms import PAPER_CANONICAL
from evoprune.benchmarks.pruning.choices import PAPER
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.report.results import Results
from evoprune.benchmarks.report.section import Part, Section, Table
from evoprune.benchmarks.report.variants import effective, flat
from evoprune.statistics import interval


@dataclass(frozen=True)
class Published:
    """What the paper says of a variant: loss (mean, median, box, whiskers) and share preserved; None: not shown."""

    mean: float
    median: float | None = None
    box: tuple[float, float] | None = None
    whiskers: tuple[float, float] | None = None
    preserved: float | None = None


PUBLISHED = {
    "spatial-none": Published(0.145, 0.144, (0.127, 0.158), (0.12, 0.195)),
    "spatial-random-exponential": Published(0.105, 0.085, (0.058, 0.144), preserved=0.87),
    "spatial-conjunctive-final-n": Published(0.152, preserved=0.80),
    "spatial-variance-population": Published(0.156, preserved=1.00),
    "canonical-none": Published(0.268),
    "canonical-conjunctive-exponential": Published(0.271, preserved=0.75),
    "canonical-random-exponential": Published(0.50, preserved=0.79),
    "canonical-variance-exponential": Published(0.50, preserved=0.43),
}

SWEEP = {
    "random": {"increase": 0.117, "final-n": 0.124, "population": 0.133, "fixed": 0.197, "decrease": 0.263},
    "conjunctive": {"population": 0.170, "increase": 0.174, "exponential": 0.185, "fixed": 0.280, "decrease": 0.282},
    "variance": {"exponential": 0.169, "increase": 0.177, "final-n": 0.185, "fixed": 0.191, "decrease": 0.499},
}
"""The means of the schedule sweep, by operator and schedule."""

PUBLISHED |= {
    f"spatial-{operator}-{schedule}": Published(mean)
    for operator, means in SWEEP.items()
    for schedule, mean in means.items()
}

CONDITIONS = (
    *("semantics", "loss", "optimizer", "learning_rate", "batch_size", "generations", "cells", "amount", "finetune"),
    *("rate_sigma", "radius", "benchmark", "n_clusters", "n_samples", "n_dim", "noise", "p_one", "network"),
    *("corruption", "rate_decay", "concept", "opponents", "pruning_order", "threshold"),
)
"""Settings that must be the paper's for a comparison."""

NOTHING = pd.Series(dtype=float)


def departures(settings: dict[str, Any]) -> str:
    """In what settings differ from the paper's, such as ``generations 20 (paper 400)``; empty where in nothing."""
    settings = effective(flat(settings))  # what has no effect is no departure
    wanted = flat(Settings().as_dict()) | PAPER
    wanted |= PAPER_CANONICAL if settings.get("algorithm") == "canonical" else {}
    missing = [key for key in ("semantics", "generations") if key not in settings]
    if missing:
        return f"{' and '.join(missing)} not known"
    apart = [key for key in CONDITIONS if key in settings and settings[key] != wanted[key]]
    return ", ".join(f"{key} {settings[key]} (paper {wanted[key]})" for key in apart)


def comparable(results: Results) -> dict[str, Published]:
    """The paper's values for the variants that ran under its conditions."""
    known = [variant for variant in results.variants if variant in PUBLISHED]
    return {variant: PUBLISHED[variant] for variant in known if not departures(results.settings[variant])}


def beside(results: Results) -> Section:
    """The paper's values and ours for every variant that the paper has."""
    title = "The paper's values beside ours"
    known = [variant for variant in results.variants if variant in PUBLISHED]
    if not known or "train_l1" not in results.numeric:
        reason = "no variant is one of the paper's" if not known else "no run has train_l1"
        return Section(title, [f"Skipped: {reason}. Its variants are {', '.join(PUBLISHED)}."])
    fits = comparable(results)
    parts: list[Part] = [
        "Loss is the mean L1 on the training data at the last generation (`train_l1`). The paper's values, of 30 "
        "trials, are read off its plots, so their last digit is uncertain. From and to are the ends of a bootstrap "
        "interval (95 %) of our mean, q1 and q3 our quartiles."
    ]
    why: dict[str, list[str]] = {}
    for variant in (variant for variant in known if variant not in fits):
        why.setdefault(departures(results.settings[variant]), []).append(variant)
    parts += [f"**Not comparable**: {', '.join(who)}: {reason}." for reason, who in why.items()]
    losses = results.by_variant("train_l1")
    table = pd.DataFrame([_row(variant, losses.get(variant, NOTHING), variant in fits) for variant in known])
    empty = [column for column in ("paper's box", "paper's whiskers") if not table[column].any()]
    parts.append(Table("paper", table.drop(columns=empty), "Loss at the last generation: the paper's and ours"))
    shares = [_share(variant, ours) for variant, ours in results.by_variant("preserved").items() if variant in known]
    if any(shares):
        parts.append(
            "The paper counts as preserved what is not zero right after the last pruning; so do we in reference "
            "semantics."
        )
        frame = pd.DataFrame([share for share in shares if share])
        parts.append(Table("paper-preserved", frame, "Share of weights preserved: the paper's and ours"))
    return Section(title, parts)


def _row(variant: str, ours: pd.Series, fits: bool) -> dict[str, Any]:
    published, found, (low, high) = PUBLISHED[variant], ours.describe(), interval(ours)
    q1, q3 = found["25%"], found["75%"]
    return {
        "variant": variant,
        "n": len(ours),
        "paper's mean": published.mean,
        "our mean": found["mean"],
        "from": low,
        "to": high,
        "paper's median": math.nan if published.median is None else published.median,
        "our median": ours.median(),
        "paper's box": _span(published.box),
        "paper's whiskers": _span(published.whiskers),
        "our q1": q1,
        "our q3": q3,
        "agreement": agreement(published, found["mean"], (low, high), (q1, q3)) if fits else "not comparable",
    }


def _share(variant: str, ours: pd.Series) -> dict[str, Any]:
    paper, found = PUBLISHED[variant].preserved, ours.describe()
    numbers = {"our mean": found["mean"], "our q1": found["25%"], "our q3": found["75%"]}
    return {} if paper is None else {"variant": variant, "n": len(ours), "paper": paper, **numbers}


def agreement(
    published: Published, mean: float, our_interval: tuple[float, float], quartiles: tuple[float, float]
) -> str:
    """Where our mean lies in the paper's spread; where the paper shows none, where its mean lies in ours."""
    if published.box and _within(mean, published.box):
        return "our mean is in the paper's box"
    if published.whiskers and _within(mean, published.whiskers):
        return "our mean is within the paper's whiskers"
    if published.box:
        return "our mean is outside the paper's " + ("whiskers" if published.whiskers else "box")
    if _within(published.mean, our_interval):
        return "the paper's mean is in our interval"
    if _within(published.mean, quartiles):
        return "the paper's mean is between our quartiles"
    return f"the paper's mean is outside our quartiles ({mean / published.mean - 1:+.0%} in ours)"


def _within(value: float, span: tuple[float, float]) -> bool:
    return span[0] <= value <= span[1]


def _span(span: tuple[float, float] | None) -> str:
    return f"{span[0]:g} to {span[1]:g}" if span else ""
