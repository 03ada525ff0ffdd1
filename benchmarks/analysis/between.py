"""What all measures between cells do: stack the cells that can be compared, measure, and lay the values out in rows."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evoprune.benchmarks.analysis.source import PARTS, Data, Source, activations, grids, samples_of
from evoprune.genome import Genome

Arrays = Sequence[np.ndarray | None]
Prepare = Callable[[np.ndarray], np.ndarray]
Measure = Callable[[np.ndarray, Any], dict[str, np.ndarray]]
"""Maps arrays of one shape, stacked to (cells, ...), and their key to matrices (cells, cells) by name."""


def by_part(
    source: Source, named: Callable[[Genome], dict[str, np.ndarray] | None], measure: Measure, columns: Sequence[str]
) -> pd.DataFrame:
    """A measure between the encoders and between the decoders of every two cells.

    :param named: the arrays of a genome by name; those of the same names and shapes are compared, None with nothing.
    :param measure: gets them flat, end to end, and names with shapes as their key.
    """
    tables = []
    for generation, pairs in grids(source).items():
        for i, part in enumerate(PARTS):
            found = [named(pair[i]) for pair in pairs]
            flat = [one if one is None else _end_to_end(list(one.values())) for one in found]
            keys = [tuple((name, array.shape) for name, array in (one or {}).items()) for one in found]
            tables.append(tidy(among(flat, measure, keys), generation=generation, part=part))
    return joined(tables, columns)


def by_layer(
    source: Source,
    data: Data,
    limit: int | None,
    measure: Measure,
    columns: Sequence[str],
    prepare: Prepare | None = None,
) -> pd.DataFrame:
    """A measure between the activations of every two cells on the same samples, layer by layer; see :func:`among`."""
    samples = samples_of(source, data, limit)
    tables = []
    for generation, pairs in grids(source).items():
        for (part, layer), arrays in activations(pairs, samples).items():
            tables.append(tidy(among(arrays, measure, prepare=prepare), generation=generation, part=part, layer=layer))
    return joined(tables, columns)


def among(
    arrays: Arrays, measure: Measure, keys: Sequence[Hashable] | None = None, prepare: Prepare | None = None
) -> dict[str, np.ndarray]:
    """Matrices (cells, cells) of measures between arrays; NaN where they cannot be compared.

    :param arrays: an array a cell; None compares with nothing.
    :param keys: arrays are compared where their keys are equal; by default their shapes.
    :param prepare: makes of each array the one to measure.
    """
    if prepare is not None:
        arrays = [None if array is None else prepare(array) for array in arrays]
    keys = [None if array is None else array.shape for array in arrays] if keys is None else keys
    groups: dict[Hashable, list[int]] = {}
    for cell, (key, array) in enumerate(zip(keys, arrays, strict=True)):
        if array is not None:
            groups.setdefault(key, []).append(cell)
    made: dict[str, np.ndarray] = {}
    for key, cells in groups.items():
        for name, matrix in measure(np.stack([arrays[cell] for cell in cells]), key).items():  # type: ignore[misc]
            made.setdefault(name, np.full((len(arrays), len(arrays)), np.nan))[np.ix_(cells, cells)] = matrix
    return made


def tidy(matrices: Mapping[str, np.ndarray], **places: Any) -> pd.DataFrame:
    """A row for each two different cells, ``cell`` below ``other``, of symmetric matrices (cells, cells)."""
    count = len(next(iter(matrices.values()), ()))
    cell, other = np.triu_indices(count, 1)
    return pd.DataFrame({**places, "cell": cell, "other": other, **{n: m[cell, other] for n, m in matrices.items()}})


def joined(tables: Iterable[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """The tables below each other; with the columns named even where no row is left."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame({column: pd.Series(dtype=float) for column in columns})
    return pd.concat(filled, ignore_index=True)[list(columns)]


def _end_to_end(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.ravel() for array in arrays] or [np.empty(0)])
