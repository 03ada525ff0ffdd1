"""Do two cells keep the same weights?"""

from typing import Any

import numpy as np
import pandas as pd

from evoprune.benchmarks.analysis.source import PARTS, Source, among, grids, joined, tidy
from evoprune.genome import Genome

COLUMNS = ("generation", "part", "cell", "other", "jaccard", "expected", "kept", "kept_other")


def mask_overlap(source: Source) -> pd.DataFrame:
    """The Jaccard index of the masks of every two cells: weights that both keep, over weights that either keeps.

    Beside it the value for independent random masks that keep as many weights in each tensor. With a and b of n weights
    kept they share a b / n on average; ``expected`` is the sum of that over the tensors, over what either then keeps:
    the ratio of the means, which for more than some hundred weights is the mean of the ratio to three digits.

    Runs in reference semantics have no masks: what they prune grows again, and every index is 1.

    :returns: a row a generation, part (encoder, decoder) and two cells (``cell`` < ``other``): ``jaccard`` from 0 to 1,
        ``expected``, and the shares of prunable weights that the two have ``kept``. NaN for parts of different
        structure; no row where no cell has prunable weights.
    :raises ValueError: for a directory without networks.
    """
    tables = []
    for generation, pairs in grids(source).items():
        for i, part in enumerate(PARTS):
            genomes = [pair[i] for pair in pairs]
            matrices = among([_flat(genome) for genome in genomes], _overlaps, [_shapes(genome) for genome in genomes])
            tables.append(tidy(matrices, generation=generation, part=part))
    return joined(tables, COLUMNS)


def _overlaps(stacked: np.ndarray, shapes: Any) -> dict[str, np.ndarray]:
    sizes = np.array([np.prod(shape, dtype=int) for _, shape in shapes])
    starts = np.cumsum(sizes) - sizes
    counts = np.add.reduceat(stacked, starts, axis=1, dtype=float)  # kept of each tensor
    kept = counts.sum(axis=1)
    together = kept[:, None] + kept
    values = stacked.astype(np.float32)  # counts are exact up to 2^24 weights
    share = np.broadcast_to(kept / sizes.sum(), together.shape)
    return {
        "jaccard": _index((values @ values.T).astype(float), together),
        "expected": _index((counts / sizes) @ counts.T, together),
        "kept": share.T,
        "kept_other": share,
    }


def _index(both: np.ndarray, together: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # two empty masks
        return both / (together - both)


def _flat(genome: Genome) -> np.ndarray | None:
    masks = [mask.cpu().numpy().ravel() for mask in genome.masks.values()]
    return np.concatenate(masks) if masks else None


def _shapes(genome: Genome) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((name, tuple(mask.shape)) for name, mask in genome.masks.items())
