"""Do two cells keep the same weights?"""

from typing import Any

import numpy as np
import pandas as pd

from evoprune.benchmarks.analysis.between import by_part
from evoprune.benchmarks.analysis.source import Source
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
    return by_part(source, _masks, _overlaps, COLUMNS)


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


def _masks(genome: Genome) -> dict[str, np.ndarray] | None:
    return {name: mask.cpu().numpy() for name, mask in genome.masks.items()} or None
