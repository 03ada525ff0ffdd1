"""Do two networks represent samples alike? Debiased linear centred kernel alignment (CKA)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evoprune.benchmarks.analysis.between import (
    Data,
    Source,
    activations,
    among,
    by_layer,
    grids,
    joined,
    samples_of,
    tidy,
)

COLUMNS = ("generation", "part", "layer", "cell", "other", "cka")
TIME_COLUMNS = ("generation", "later", "part", "layer", "cell", "cka")
FEWEST = 4


def similarity(source: Source, data: Data = None, limit: int | None = 500) -> pd.DataFrame:
    """Debiased linear CKA between the activations of every two cells, layer by layer; see :func:`cka`.

    :param data: samples; the first 500 of the run's validation split by default.
    :returns: a row a generation, part, layer and two cells (``cell`` < ``other``), with ``cka``.
    :raises ValueError: for a directory without networks, fewer than 4 samples, or pairs that cannot take them.
    """
    return by_layer(source, data, limit, _aligned, COLUMNS, u_centred)


def similarity_over_time(source: Source, data: Data = None, limit: int | None = 500) -> pd.DataFrame:
    """Debiased linear CKA between each cell and itself in later generations. Parameters as in :func:`similarity`.

    :returns: a row a part, layer, cell and two generations (``generation`` < ``later``), with ``cka``. A cell is a
        place: what stands in it later may descend from a neighbour.
    """
    samples = samples_of(source, data, limit)
    seen = {generation: activations(pairs, samples) for generation, pairs in grids(source).items()}
    generations = np.array(list(seen))
    tables = []
    for part, layer in dict.fromkeys(place for layers in seen.values() for place in layers):
        columns = [layers.get((part, layer), []) for layers in seen.values()]
        for cell in range(max(map(len, columns))):
            arrays = [column[cell] if cell < len(column) else None for column in columns]
            table = tidy(among(arrays, _aligned, prepare=u_centred), part=part, layer=layer)
            table["generation"], table["later"] = generations[table["cell"]], generations[table["other"]]
            tables.append(table.assign(cell=cell))
    return joined(tables, TIME_COLUMNS)


def cka(activations: Sequence[np.ndarray]) -> np.ndarray:
    """Debiased linear CKA between all the given representations of the same samples, (representations, same).

    CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with linear kernels K = X X' and L = Y Y' (Kornblith et al. 2019,
    arXiv 1905.00414), and the unbiased estimator of HSIC of Song et al. 2012 (JMLR 13, equation 5), as Nguyen et al.
    2021 (arXiv 2010.15327) use it. It is 1 for what differs by a rotation, a shift and one scale, about 0 for
    independent representations and, being unbiased, may fall below 0.

    :param activations: (samples, units) each, of any numbers of units.
    :returns: values in [-1, 1]; NaN where a representation is the same for all samples or not finite.
    :raises ValueError: for fewer than 4 samples, which the estimator needs.
    """
    return _aligned(np.stack([u_centred(array) for array in activations]))["cka"]


def u_centred(array: np.ndarray) -> np.ndarray:
    """The linear kernel of (samples, units), U-centred (Szekely and Rizzo 2014, arXiv 1310.2926): (samples, samples).

    The sum of the products of two such matrices is n (n - 3) times the unbiased HSIC, so that all pairs of
    representations are one matrix product. All zero for a constant representation.
    """
    n = len(array)
    if n < FEWEST:
        raise ValueError(f"debiased CKA needs at least {FEWEST} samples, got {n}")
    with np.errstate(invalid="ignore", over="ignore"):  # what is not finite becomes NaN
        shifted = array.astype(float) - array.mean(axis=0)  # changes nothing but the rounding
        shifted[:, np.ptp(array, axis=0) == 0] = 0.0
        kernel = shifted @ shifted.T
        np.fill_diagonal(kernel, 0.0)
        rows = kernel.sum(axis=0) / (n - 2)
        kernel += rows.sum() / (n - 1) - rows[:, None] - rows
        np.fill_diagonal(kernel, 0.0)
    return kernel


def _aligned(kernels: np.ndarray, _key: object = None) -> dict[str, np.ndarray]:
    flat = kernels.reshape(len(kernels), -1)
    products = flat @ flat.T
    sizes = np.sqrt(np.diag(products))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # 0 / 0 is NaN, as documented
        return {"cka": products / (sizes[:, None] * sizes)}
