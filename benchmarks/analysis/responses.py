"""What activations tell: units that never fire, and networks that represent samples alike, by debiased linear CKA."""

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

SIMILAR = ("generation", "part", "layer", "cell", "other", "cka")
OVER_TIME = ("generation", "later", "part", "layer", "cell", "cka")
COVERAGE = ("generation", "part", "layer", "cell", "units", "dead", "share", "constant")
FEWEST = 4
QUIET = 1e-3


def similarity(source: Source, data: Data = None, limit: int | None = 500) -> pd.DataFrame:
    """Debiased linear CKA between the activations of every two cells, layer by layer; see :func:`cka`.

    :param data: samples; the first 500 of the run's validation split by default.
    :returns: a row a generation, part, layer and two cells (``cell`` < ``other``), with ``cka``.
    :raises ValueError: for a directory without networks, fewer than 4 samples, or networks that cannot take them.
    """
    return by_layer(source, data, limit, _aligned, SIMILAR, u_centred)


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
    return joined(tables, OVER_TIME)


def cka(activations: Sequence[np.ndarray]) -> np.ndarray:
    """Debiased linear CKA between all the given representations of the same samples, (representations, same).

    Centred kernel alignment is HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with linear kernels K = X X' and L = Y Y'
    (Kornblith et al. 2019, arXiv 1905.00414), and the unbiased estimator of HSIC of Song et al. 2012 (JMLR 13, equation
    5), as Nguyen et al. 2021 (arXiv 2010.15327) use it. It is 1 for what differs by a rotation, a shift and one scale,
    about 0 for independent representations and, being unbiased, may fall below 0.

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


def unit_coverage(source: Source, data: Data = None, limit: int | None = None, quiet: float = QUIET) -> pd.DataFrame:
    """The units that never fire on the samples, counted for each layer of each cell.

    A unit is dead where its activation, after the nonlinearity, is at most 0 on every sample, in a layer whose least
    activation is exactly 0, as a ReLU's is. In any other layer a unit is dead where its activation stays within
    ``quiet`` of 0. A dead unit adds nothing to the next layer beyond that.

    :param data: samples; the validation split of the run by default, all of it unless ``limit`` says how many.
    :returns: a row a generation, part, layer and cell: ``units``, ``dead`` (a count), ``share`` = dead / units, and
        ``constant``, the units whose activations differ by no more than ``quiet`` over the samples, dead ones included:
        they may be on, but tell nothing. Activations that are not finite are neither.
    :raises ValueError: for a directory without networks, no data, or networks that cannot take them.
    """
    samples = samples_of(source, data, limit)
    rows = []
    for generation, pairs in grids(source).items():
        for (part, layer), arrays in activations(pairs, samples).items():
            for cell, array in enumerate(arrays):
                if array is not None:
                    rows.append((generation, part, layer, cell, *_counts(array, quiet)))
    return joined([pd.DataFrame(rows, columns=list(COVERAGE))], COVERAGE)


def _counts(array: np.ndarray, quiet: float) -> tuple[int, int, float, int]:
    units = array.shape[1]
    bound = 0.0 if array.min() == 0 else quiet
    dead = np.abs(array).max(axis=0) <= bound
    with np.errstate(invalid="ignore"):
        constant = dead | (np.ptp(array, axis=0) <= quiet)
    return units, int(dead.sum()), float(dead.mean()), int(constant.sum())
