"""The data that methods are compared on, with the networks, and the sizes that tell them apart there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DataSet:
    """A problem and a network for it: their settings, and shares of the weights to keep, from large to small."""

    line: str
    settings: Mapping[str, Any]
    sizes: tuple[float, ...]


DATA_SETS: dict[str, DataSet] = {
    # A code of one unit a cluster needs 6.2 % of the weights: below that methods have to find others.
    "binary-clustering": DataSet(
        "an autoencoder of ten clusters of a thousand bits",
        {"benchmark": "binary-clustering", "network": "default"},
        (0.5, 0.2, 0.1, 0.08, 0.07, 0.06, 0.05),
    ),
    "digits": DataSet(
        "an autoencoder of handwritten digits",
        {"benchmark": "digits", "task": "reconstruction", "network": "30-10", "loss": "mse"},
        (0.5, 0.2, 0.1, 0.05),
    ),
    "digits-classifier": DataSet(
        "a classifier of handwritten digits",
        {"benchmark": "digits", "task": "classification", "network": "64-100-10"},
        (0.5, 0.2, 0.1, 0.05, 0.02),
    ),
    "photographs": DataSet(
        "an autoencoder of patches of two photographs, 16 pixels a side, in colour",
        {"benchmark": "photographs", "network": "64-16", "loss": "mse"},
        (0.5, 0.2, 0.1, 0.05, 0.02),
    ),
}
"""Name -> what is run under it."""
