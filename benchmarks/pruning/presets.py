"""Named settings: what to lay over the defaults, for every experiment of the paper and of its code.

Presets compose, later ones over earlier ones: as words of a command, or joined by hyphens in one name, such as
``spatial-random-exponential`` or ``canonical-none-walk``.
"""

from typing import Any

from evoprune.benchmarks.pruning.algorithms import PAPER_CANONICAL
from evoprune.benchmarks.pruning.choices import PAPER
from evoprune.benchmarks.pruning.fields import DEFAULT_TARGET
from evoprune.benchmarks.pruning.methods import METHODS, POLISHED
from evoprune.checks import lookup
from evoprune.operators import OPERATORS, SCHEDULES

Preset = tuple[str, dict[str, Any]]

ALGORITHM_PRESETS: dict[str, Preset] = {
    "spatial": ("Lipi-AE-S at the paper's settings, without pruning", PAPER | {"operator": "none"}),
    "canonical": (
        "the paper's baseline, without pruning: one pair, Adam with a falling rate",
        PAPER | PAPER_CANONICAL | {"operator": "none"},
    ),
    "all-vs-all": (
        "coevolution without space at the paper's settings, without pruning",
        PAPER | {"algorithm": "all-vs-all", "operator": "none"},
    ),
    "prune-before": ("prune an offspring before its evaluation", {"prune": "before"}),
    "selected-and-random": ("Lipi-AE: selected encoders train against random decoders", {"opponents": "random"}),
}
OPERATOR_PRESETS: dict[str, Preset] = {
    "none": ("no pruning", {"operator": "none"}),
    **{name: (f"{name} pruning", {"operator": name}) for name in sorted(OPERATORS)},
}
SCHEDULE_PRESETS: dict[str, Preset] = {name: (f"the {name} schedule", {"schedule": name}) for name in sorted(SCHEDULES)}
FAIR_PRESETS: dict[str, Preset] = {
    "walk": (
        "canonical: the cells' learning-rate walk, and optimizer state thrown away as in the cells",
        {"rate_decay": "walk", "optimizer": "adam-anew"},
    ),
    "constant-rate": ("a learning rate that stays", {"rate_sigma": 0.0, "rate_decay": "constant"}),
    "state-kept": ("optimizer state that belongs to the individual", {"optimizer": "adam-0.5"}),
    "state-thrown-away": ("Adam built anew for every batch", {"optimizer": "adam-anew"}),
    "persistent": (
        f"pruned weights stay pruned; a target of {DEFAULT_TARGET:.0%}, or what can be reached, instead of an amount",
        {"semantics": "persistent", "amount": None},
    ),
    "bce": ("binary cross-entropy as the loss", {"loss": "bce"}),
    "isolated": ("cells that do not see each other: the same gradient steps without coevolution", {"radius": 0}),
}
SIZES = (1, 2, 5, 10, 20)
THRESHOLDS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
SHAPES = ((10, 1000), (50, 1000), (10, 4000), (50, 4000))

PRESETS: dict[str, Preset] = {
    "default": ("the default settings, chosen by experiment", {}),
    "quick": ("20 generations of 4 cells, to see that everything works", {"generations": 20, "cells": 4}),
    "paper": ("Lipi-AE-S as in the paper, random pruning, exponential schedule", {"semantics": "reference"}),
    "paper-none": ("Lipi-AE-S as in the paper, without pruning", {"semantics": "reference", "operator": "none"}),
    "paper-canonical": (
        "the paper's canonical baseline with random pruning, exponential schedule",
        {"semantics": "reference", "algorithm": "canonical"},
    ),
    **ALGORITHM_PRESETS,
    **OPERATOR_PRESETS,
    **SCHEDULE_PRESETS,
    "variance-population": (
        "variance pruning, the population schedule up to 0.1 as in the paper",
        {"operator": "variance", "schedule": "population", "probability": 0.1},
    ),
    **FAIR_PRESETS,
    **METHODS,
    "polished": POLISHED,
    "small": ("a code of 2 units", {"network": "small"}),
    "large": ("two hidden layers on each side", {"network": "large"}),
    "plain": ("an autoencoder without corruption or sampling", {"corruption": 0.0}),
    "variational": ("a variational autoencoder", {"network": "variational"}),
    "denoising": ("a denoising autoencoder: a tenth of the inputs is set to zero", {"corruption": 0.1}),
    **{f"cells-{n}": (f"{n} cell{'s' if n > 1 else ''}", {"cells": n, "radius": min(1, n // 2)}) for n in SIZES},
    **{
        f"{clusters}x{bits}": (
            f"binary clustering, {clusters} clusters of {bits} bits",
            {"benchmark": "binary-clustering", "n_clusters": clusters, "n_dim": bits},
        )
        for clusters, bits in SHAPES
    },
    "digits": ("the digits of scikit-learn", {"benchmark": "digits"}),
    **{f"threshold-{t}": (f"conjunctive: units below {t} are inactive", {"threshold": t}) for t in THRESHOLDS},
    "shuffled": ("samples in a new order every epoch", {"shuffle": True}),
    "fixed-order": ("samples in the same order every epoch", {"shuffle": False}),
}
"""Name -> a line about it, and its settings."""


def layers_of(name: str) -> list[dict[str, Any]]:
    """The layers of settings that a name stands for: a preset, or several joined by hyphens, the longest first.

    :raises ValueError: for a name, or a part of one, that no preset has.
    """
    words, layers = name.split("-"), []
    while words:
        heads = ["-".join(words[:end]) for end in range(len(words), 0, -1)]
        found = next((head for head in heads if head in PRESETS), heads[0])
        try:
            layers.append(lookup("preset", found, PRESETS)[1])
        except ValueError as error:
            raise ValueError(str(error) if found == name else f"preset {name!r}: {error}") from None
        words = words[found.count("-") + 1 :]
    return layers
