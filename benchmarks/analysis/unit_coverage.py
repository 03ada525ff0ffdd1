"""Units that never fire: how much of a network is in use."""

import numpy as np
import pandas as pd

from evoprune.benchmarks.analysis.between import Data, Source, activations, grids, joined, samples_of

COLUMNS = ("generation", "part", "layer", "cell", "units", "dead", "share", "constant")
QUIET = 1e-3


def unit_coverage(source: Source, data: Data = None, limit: int | None = None, quiet: float = QUIET) -> pd.DataFrame:
    """The units that never fire on the samples, counted for each layer of each cell.

    A unit is dead where its activation, after the nonlinearity, is at most 0 on every sample, in a layer whose least
    activation is exactly 0, as a ReLU's is. In any other layer a unit is dead where its activation stays within
    ``quiet`` of 0. A dead unit adds nothing to the next layer beyond that.

    :param data: samples; the validation split of the run by default, all of it unless ``limit`` says how many.
    :returns: a row a generation, part, layer and cell: ``units``, ``dead`` (a count), ``share`` = dead / units, and
        ``constant``, the units whose activations differ by no more than ``quiet`` over the samples, dead ones included:
        they may be on, but tell nothing. Activations that are not finite are neither.
    :raises ValueError: for a directory without networks, no data, or pairs that cannot take them.
    """
    samples = samples_of(source, data, limit)
    rows = []
    for generation, pairs in grids(source).items():
        for (part, layer), arrays in activations(pairs, samples).items():
            for cell, array in enumerate(arrays):
                if array is not None:
                    rows.append((generation, part, layer, cell, *_counts(array, quiet)))
    return joined([pd.DataFrame(rows, columns=list(COLUMNS))], COLUMNS)


def _counts(array: np.ndarray, quiet: float) -> tuple[int, int, float, int]:
    units = array.shape[1]
    bound = 0.0 if array.min() == 0 else quiet
    dead = np.abs(array).max(axis=0) <= bound
    with np.errstate(invalid="ignore"):
        constant = dead | (np.ptp(array, axis=0) <= quiet)
    return units, int(dead.sum()), float(dead.mean()), int(constant.sum())
