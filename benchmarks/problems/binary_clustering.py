"""The binary clustering problem of the paper: noisy copies of a few random bit strings."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, seed_of, task_of
from evoprune.memory import FLOAT, check_fits

# Keeps the data apart from the streams of a run that was given the same seed.
_STREAM = 0xB17C
COUNT = {"least": 1, "most": 10**12}
"""Bounds of a count; what fits into memory is less by far."""


@dataclass(frozen=True)
class BinaryClustering(Problem):
    """Random centroids, and samples that are a centroid with each bit flipped with probability `noise`.

    Source: the binary clustering benchmark of Lipi-AE-S (arXiv 2505.05138). Each split has `n_samples` samples and its
    own noise. Sample i belongs to cluster i modulo `n_clusters` in every split, so each slice is balanced and clusters
    differ by at most one sample; shuffling is the trainer's work. Centroids do not depend on `n_samples` or `noise`.
    The class of a sample is its cluster. With the defaults the constant 1 has an L1 of 0.25 * 0.95 + 0.75 * 0.05 =
    0.275, and the true centroid 0.05.

    :raises ValueError: for a count below 1 or not whole, more clusters than samples, noise outside [0, 0.5], `p_one`
        outside [0, 1], a negative seed.
    """

    name = "binary-clustering"
    binary = True

    n_clusters: int = field(default=10, metadata={"help": "number of centroids", **COUNT})
    n_samples: int = field(default=1000, metadata={"help": "samples in each of train, validation and test", **COUNT})
    n_dim: int = field(default=1000, metadata={"help": "bits a sample", **COUNT})
    # At 0.5 nothing of the centroid is left.
    noise: float = field(
        default=0.05, metadata={"help": "probability that a bit is flipped, 0 to 0.5", "least": 0, "most": 0.5}
    )
    p_one: float = field(default=0.75, metadata={"help": "probability that a bit of a centroid is 1", "share": True})
    seed: int = seed_of("the data", 1)
    task: str = task_of("reconstruction", "classification")

    def __post_init__(self) -> None:
        check_recipe(self)
        if self.n_clusters > self.n_samples:
            raise ValueError(f"n_clusters {self.n_clusters} is larger than n_samples {self.n_samples}")

    @property
    def inputs(self) -> int:
        return self.n_dim

    @property
    def noise_floor(self) -> float:
        """The expected L1 of the true centroid: the noise itself."""
        return self.noise

    @property
    def centroids(self) -> Tensor:
        """The bit strings without noise, float32 (n_clusters, n_dim).

        :raises ValueError: where they do not fit into the memory that is free.
        """
        check_fits({f"the centroids of {self}": self.n_clusters * self.n_dim * 9}, "take fewer or smaller ones")
        bits = self._generators()[0].random((self.n_clusters, self.n_dim)) < self.p_one
        return torch.from_numpy(bits.astype(np.float32))

    @property
    def memory(self) -> float:
        # At the end there are three splits of floats beside three of bits, and the bits without noise; labels besides.
        return self.n_samples * (self.n_dim * (3 * FLOAT + 4) + 16)

    def load(self) -> Splits:
        labels = np.arange(self.n_samples) % self.n_clusters
        clean = self.centroids.bool().numpy()[labels]
        splits = [clean ^ (rng.random(clean.shape) < self.noise) for rng in self._generators()[1:]]
        return Splits(*(torch.from_numpy(bits.astype(np.float32)) for bits in splits), *[torch.from_numpy(labels)] * 3)

    def _generators(self) -> list[np.random.Generator]:
        """Four fresh streams: centroids, train, validation, test."""
        return [np.random.default_rng(child) for child in np.random.SeedSequence([_STREAM, self.seed]).spawn(4)]
