"""How far the weights of two cells lie apart."""

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from evoprune.benchmarks.analysis.between import by_part
from evoprune.benchmarks.analysis.source import Source
from evoprune.genome import Genome

COLUMNS = ("generation", "part", "cell", "other", "distance", "normalised")


def weight_distance(source: Source) -> pd.DataFrame:
    """Distances between the weights of every two cells, pruned weights as the zeros that they are.

    :returns: a row a generation, part (encoder, decoder) and two cells (``cell`` < ``other``). ``distance`` is the
        Euclidean norm of the difference of all parameters, ``|a - b|``; ``normalised`` is ``|a - b| / (|a| + |b|)``,
        from 0 for equal to 1 for opposite weights, NaN where both are zero. Both are NaN for parts of different
        structure.
    :raises ValueError: for a directory without networks.
    """
    return by_part(source, _parameters, distances, COLUMNS)


def distances(stacked: np.ndarray, _key: object = None) -> dict[str, np.ndarray]:
    """``distance`` and ``normalised``, (cells, cells), between arrays (cells, ...)."""
    flat = stacked.reshape(len(stacked), -1)
    distance = squareform(pdist(flat)) if len(flat) > 1 else np.zeros((1, 1))
    sizes = np.linalg.norm(flat, axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as documented
        return {"distance": distance, "normalised": distance / (sizes[:, None] + sizes)}


def _parameters(genome: Genome) -> dict[str, np.ndarray]:
    return {name: value.detach().double().cpu().numpy() for name, value in genome.module.named_parameters()}
