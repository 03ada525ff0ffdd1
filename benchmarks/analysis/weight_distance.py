"""How far the weights of two cells lie apart."""

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from evoprune.benchmarks.analysis.source import PARTS, Source, among, grids, joined, tidy
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
    tables = []
    for generation, pairs in grids(source).items():
        for i, part in enumerate(PARTS):
            genomes = [pair[i] for pair in pairs]
            matrices = among([_flat(genome) for genome in genomes], distances, [_shapes(genome) for genome in genomes])
            tables.append(tidy(matrices, generation=generation, part=part))
    return joined(tables, COLUMNS)


def distances(stacked: np.ndarray, _key: object = None) -> dict[str, np.ndarray]:
    """``distance`` and ``normalised``, (cells, cells), between arrays (cells, ...)."""
    flat = stacked.reshape(len(stacked), -1)
    distance = squareform(pdist(flat)) if len(flat) > 1 else np.zeros((1, 1))
    sizes = np.linalg.norm(flat, axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as documented
        return {"distance": distance, "normalised": distance / (sizes[:, None] + sizes)}


def _flat(genome: Genome) -> np.ndarray:
    parameters = [parameter.detach().double().cpu().numpy().ravel() for parameter in genome.module.parameters()]
    return np.concatenate([*parameters, np.empty(0)])


def _shapes(genome: Genome) -> tuple[object, ...]:
    return tuple((name, tuple(parameter.shape)) for name, parameter in genome.module.named_parameters())
