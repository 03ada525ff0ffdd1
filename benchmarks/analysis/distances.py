"""How far two cells lie apart: weights, responses to the same samples unit by unit, and which weights are kept."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from evoprune.benchmarks.analysis.between import Data, Source, by_layer, by_part
from evoprune.genome import Genome

WEIGHTS = ("generation", "part", "cell", "other", "distance", "normalised")
ACTIVATIONS = ("generation", "part", "layer", "cell", "other", "distance", "normalised")
MASKS = ("generation", "part", "cell", "other", "jaccard", "expected", "kept", "kept_other")


def weight_distance(source: Source) -> pd.DataFrame:
    """Distances between the weights of every two cells, pruned weights as the zeros that they are.

    :returns: a row a generation, part (encoder, decoder ...) and two cells (``cell`` < ``other``). ``distance`` is the
        Euclidean norm of the difference of all parameters, ``|a - b|``; ``normalised`` is ``|a - b| / (|a| + |b|)``,
        from 0 for equal to 1 for opposite weights, NaN where both are zero. Both are NaN for parts of different
        structure.
    :raises ValueError: for a directory without networks.
    """
    return by_part(source, _parameters, distances, WEIGHTS)


def activation_distance(source: Source, data: Data = None, limit: int | None = 100) -> pd.DataFrame:
    """Distances between the activations of every two cells on the same samples.

    A decoder sees the codes of its own encoder, so its distances hold those of the codes. Unit k is compared with
    unit k: networks that learnt the same in another order lie far apart; for those see :func:`similarity`.

    :param data: samples; the validation split of the run by default. ``limit`` takes the first so many.
    :returns: a row a generation, part, layer and two cells (``cell`` < ``other``). ``distance`` is the root mean square
        over the samples of the Euclidean distance between activation vectors, ``|A - B| / sqrt(samples)`` in Frobenius
        norms; ``normalised`` is ``|A - B| / (|A| + |B|)``, from 0 to 1, NaN where both are zero. Both are NaN where the
        layers have different numbers of units.
    :raises ValueError: for a directory without networks, no data, or networks that cannot take them.
    """
    return by_layer(source, data, limit, _per_sample, ACTIVATIONS)


def distances(stacked: np.ndarray, _key: object = None) -> dict[str, np.ndarray]:
    """``distance`` and ``normalised``, (cells, cells), between arrays (cells, ...)."""
    flat = stacked.reshape(len(stacked), -1)
    distance = squareform(pdist(flat)) if len(flat) > 1 else np.zeros((1, 1))
    sizes = np.linalg.norm(flat, axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN, as documented
        return {"distance": distance, "normalised": distance / (sizes[:, None] + sizes)}


def _parameters(genome: Genome) -> dict[str, np.ndarray]:
    return {name: value.detach().double().cpu().numpy() for name, value in genome.module.named_parameters()}


def _per_sample(stacked: np.ndarray, _key: object = None) -> dict[str, np.ndarray]:
    found = distances(stacked)
    return {**found, "distance": found["distance"] / np.sqrt(stacked.shape[1])}


def mask_overlap(source: Source) -> pd.DataFrame:
    """The Jaccard index of the masks of every two cells: weights that both keep, over weights that either keeps.

    Beside it the value for independent random masks that keep as many weights in each tensor. With a and b of n weights
    kept they share a b / n on average; ``expected`` is the sum of that over the tensors, over what either then keeps:
    the ratio of the means, which for more than some hundred weights is the mean of the ratio to three digits.

    Runs in reference semantics have no masks: what they prune grows again, and every index is 1.

    :returns: a row a generation, part (such as encoder, decoder) and two cells (``cell`` < ``other``): ``jaccard`` from
        0 to 1, ``expected``, and the shares of prunable weights that the two have ``kept``. NaN for parts of different
        structure; no row where no cell has prunable weights.
    :raises ValueError: for a directory without networks.
    """
    return by_part(source, _masks, _overlaps, MASKS)


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
