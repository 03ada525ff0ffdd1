"""What all measures do: take networks and samples, stack the cells that can be compared, lay values out in rows."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from evoprune.activations import ActivationProbe
from evoprune.benchmarks.experiments import DEFAULT, experiment_of
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.snapshots import load_snapshots, read_settings
from evoprune.checks import of_type
from evoprune.genome import Genome
from evoprune.individuals import ONE_PART, Individual, Network, genomes, names_of

Source = str | Path | Mapping[int, Sequence[Individual]] | Sequence[Individual]
"""A run directory, generation -> individuals, or those of one generation, which is then called 0."""

Data = Problem | Tensor | None
"""A problem, whose validation split is used; samples (samples, inputs); None for the run directory's own problem."""

Prepare = Callable[[np.ndarray], np.ndarray]
Measure = Callable[[np.ndarray, Any], dict[str, np.ndarray]]
"""Maps arrays of one shape, stacked to (cells, ...), and their key to matrices (cells, cells) by name."""


def grids(source: Source) -> dict[int, list[Any]]:
    """The individuals of each generation, in order.

    :raises ValueError: for a directory without networks, none at all, or individuals of different parts.
    :raises TypeError: for something that is no individual.
    """
    if isinstance(source, str | Path):
        check_cells(source)
        return load_snapshots(source)
    single = isinstance(source, Genome | Network)
    found: Any = source if isinstance(source, Mapping) else {0: [source] if single else source}
    made = {int(generation): list(individuals) for generation, individuals in sorted(found.items())}
    if not any(made.values()):
        raise ValueError("there are no networks to measure")
    for one in (one for individuals in made.values() for one in individuals):
        of_type("what is measured", one, Genome | Network, "networks: genomes, autoencoders, or others")
    if len(parts := {names_of(one) for individuals in made.values() for one in individuals}) > 1:
        raise ValueError(f"networks of different parts cannot be compared: {sorted(parts)}")
    return made


def parts_of(grids: Mapping[int, Sequence[Individual]]) -> tuple[str, ...]:
    """The names of the parts that the individuals have."""
    return names_of(next(one for individuals in grids.values() for one in individuals))


def samples_of(source: Source, data: Data = None, limit: int | None = None) -> Tensor:
    """The samples to look at, (samples, inputs), at most ``limit``, from the first on.

    :raises ValueError: where there are none: no data, and no run directory to take them from.
    """
    data = data_for(source, data)
    samples = data if isinstance(data, Tensor) else data.validation
    if len(samples) == 0 or (limit is not None and limit < 1):
        raise ValueError(f"at least one sample is needed, got {len(samples)} with limit {limit!r}")
    return samples[:limit]


def data_for(source: Source, data: Data) -> Problem | Tensor:
    """The data that were given, else the problem of the run.

    :raises ValueError: where there are neither.
    """
    if data is None and isinstance(source, str | Path):
        return run_settings(source).problem
    if data is None:
        raise ValueError("networks alone do not say what to show them: give data, a problem or a tensor")
    return data


def run_settings(directory: str | Path) -> Settings:
    """The settings of a run directory.

    :raises ValueError: where there are none that can be read, or the run is of an experiment without cells.
    """
    check_cells(directory)
    return read_settings(directory)


def check_cells(directory: str | Path) -> None:
    """See that the run in a directory has cells to compare.

    :raises ValueError: naming the experiment, where it has not.
    """
    name = experiment_of(directory).name
    if name != DEFAULT:
        raise ValueError(f"{directory}: runs of experiment {name} have no cells to compare")


def activations(individuals: Sequence[Individual], samples: Tensor) -> dict[tuple[str, str], list[np.ndarray | None]]:
    """Part and layer -> the activations of each cell, (samples, units) in double precision; None where it is missing.

    :raises ValueError: for an individual that cannot take the samples.
    """
    probe = ActivationProbe(samples)
    found: dict[tuple[str, str], list[np.ndarray | None]] = {}
    for cell, individual in enumerate(individuals):
        try:
            seen = probe(individual)
        except RuntimeError as error:
            shape = tuple(samples.shape)
            raise ValueError(f"cell {cell} cannot take samples of shape {shape}: {error}") from error
        tables = {ONE_PART[0]: seen} if isinstance(individual, Genome) else seen
        for part, layers in tables.items():
            for layer, values in layers.items():
                found.setdefault((part, layer), [None] * len(individuals))[cell] = values.double().cpu().numpy()
    return found


def by_part(
    source: Source, named: Callable[[Genome], dict[str, np.ndarray] | None], measure: Measure, columns: Sequence[str]
) -> pd.DataFrame:
    """A measure between the same parts of every two cells: between encoders, and between decoders.

    :param named: the arrays of a genome by name; those of the same names and shapes are compared, None with nothing.
    :param measure: gets them flat, end to end, and names with shapes as their key.
    """
    tables, all_of = [], grids(source)
    for generation, individuals in all_of.items():
        for i, part in enumerate(parts_of(all_of)):
            found = [named(genomes(individual)[i]) for individual in individuals]
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
    for generation, individuals in grids(source).items():
        for (part, layer), arrays in activations(individuals, samples).items():
            tables.append(tidy(among(arrays, measure, prepare=prepare), generation=generation, part=part, layer=layer))
    return joined(tables, columns)


def among(
    arrays: Sequence[np.ndarray | None],
    measure: Measure,
    keys: Sequence[Hashable] | None = None,
    prepare: Prepare | None = None,
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
