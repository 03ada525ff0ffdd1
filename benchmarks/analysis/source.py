"""What is measured: grids of pairs by generation, from run directories or from memory, and the samples they see."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from evoprune.activations import ActivationProbe
from evoprune.benchmarks.experiments.registry import DEFAULT, experiment_of
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.snapshots import load_snapshots, read_settings
from evoprune.genome import Autoencoder

Source = str | Path | Mapping[int, Sequence[Autoencoder]] | Sequence[Autoencoder]
"""A run directory, generation -> pairs, or the pairs of one generation, which is then called 0."""

Data = Problem | Tensor | None
"""A problem, whose validation split is used; samples (samples, inputs); None for the run directory's own problem."""

PARTS = ("encoder", "decoder")


def grids(source: Source) -> dict[int, list[Autoencoder]]:
    """The pairs of each generation, in order.

    :raises ValueError: for a directory without networks, or no pairs at all.
    :raises TypeError: for something that is no pair.
    """
    if isinstance(source, str | Path):
        check_cells(source)
        return load_snapshots(source)
    found = source if isinstance(source, Mapping) else {0: [source] if isinstance(source, Autoencoder) else source}
    made = {int(generation): list(pairs) for generation, pairs in sorted(found.items())}
    if not any(made.values()):
        raise ValueError("there are no pairs to measure")
    for pair in (pair for pairs in made.values() for pair in pairs):
        if not isinstance(pair, Autoencoder):
            raise TypeError(f"expected pairs (Autoencoder), got {pair!r}")
    return made


def samples_of(source: Source, data: Data = None, limit: int | None = None) -> Tensor:
    """The samples to look at, (samples, inputs), at most ``limit``, from the first on.

    :raises ValueError: where there are none: no data, and no run directory to take them from.
    """
    if data is None and isinstance(source, str | Path):
        data = run_settings(source).problem
    if data is None:
        raise ValueError("pairs alone do not say what to show them: give data, a problem or a tensor")
    samples = data if isinstance(data, Tensor) else data.validation
    if len(samples) == 0 or (limit is not None and limit < 1):
        raise ValueError(f"at least one sample is needed, got {len(samples)} with limit {limit!r}")
    return samples[:limit]


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


def activations(pairs: Sequence[Autoencoder], samples: Tensor) -> dict[tuple[str, str], list[np.ndarray | None]]:
    """Part and layer -> the activations of each cell, (samples, units) in double precision; None where it is missing.

    :raises ValueError: for a pair that cannot take the samples.
    """
    probe = ActivationProbe(samples)
    found: dict[tuple[str, str], list[np.ndarray | None]] = {}
    for cell, pair in enumerate(pairs):
        try:
            seen = probe(pair)
        except RuntimeError as error:
            shape = tuple(samples.shape)
            raise ValueError(f"cell {cell} cannot take samples of shape {shape}: {error}") from error
        for part in PARTS:
            for layer, values in seen[part].items():
                found.setdefault((part, layer), [None] * len(pairs))[cell] = values.double().cpu().numpy()
    return found
