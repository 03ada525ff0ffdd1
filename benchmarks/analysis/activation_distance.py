"""How differently two cells respond to the same samples, unit by unit."""

import numpy as np
import pandas as pd

from evoprune.benchmarks.analysis.between import by_layer
from evoprune.benchmarks.analysis.source import Data, Source
from evoprune.benchmarks.analysis.weight_distance import distances

COLUMNS = ("generation", "part", "layer", "cell", "other", "distance", "normalised")


def activation_distance(source: Source, data: Data = None, limit: int | None = 100) -> pd.DataFrame:
    """Distances between the activations of every two cells on the same samples.

    A decoder sees the codes of its own encoder, so its distances hold those of the codes. Unit k is compared with
    unit k: networks that learnt the same in another order lie far apart; for those see :func:`similarity`.

    :param data: samples; the validation split of the run by default. ``limit`` takes the first so many.
    :returns: a row a generation, part, layer and two cells (``cell`` < ``other``). ``distance`` is the root mean square
        over the samples of the Euclidean distance between activation vectors, ``|A - B| / sqrt(samples)`` in Frobenius
        norms; ``normalised`` is ``|A - B| / (|A| + |B|)``, from 0 to 1, NaN where both are zero. Both are NaN where the
        layers have different numbers of units.
    :raises ValueError: for a directory without networks, no data, or pairs that cannot take them.
    """
    return by_layer(source, data, limit, _per_sample, COLUMNS)


def _per_sample(stacked: np.ndarray, _key: object = None) -> dict[str, np.ndarray]:
    found = distances(stacked)
    return {**found, "distance": found["distance"] / np.sqrt(stacked.shape[1])}
