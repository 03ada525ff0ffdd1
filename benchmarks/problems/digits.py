"""Handwritten digits of 8 x 8 pixels, which come with scikit-learn and need no download."""

from dataclasses import dataclass

import numpy as np
import torch

from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, seed_of, task_of

SAMPLES = 1797
HELD_OUT = 300  # samples in each of validation and test; the other 1,197 are for training


@dataclass(frozen=True)
class Digits(Problem):
    """The test part of the UCI "Optical Recognition of Handwritten Digits": 16 grey levels, divided by 16 into [0, 1].

    1,197 training, 300 validation and 300 test samples, each split with every digit in its share of the whole.

    :raises ValueError: for an unknown task, or a negative seed.
    """

    name = "digits"
    shape = (8, 8)
    inputs = 64
    split_seed: int = seed_of("the split into train, validation and test", 0)
    task: str = task_of("reconstruction", "classification")

    def __post_init__(self) -> None:
        check_recipe(self)

    @property
    def memory(self) -> float:
        return SAMPLES * self.inputs * 32  # as doubles, divided, and as floats, besides what reads them from a text

    def load(self) -> Splits:
        from sklearn.datasets import load_digits  # slow to import, and only this problem needs it

        pixels, labels = load_digits(return_X_y=True)
        rng = np.random.default_rng(self.split_seed)
        order = rng.permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]  # by digit, shuffled within a digit
        order, test = _every_nth(order, HELD_OUT)
        train, validation = _every_nth(order, HELD_OUT)
        parts = [rng.permutation(part) for part in (train, validation, test)]
        images = [torch.from_numpy((pixels[part] / 16).astype(np.float32)) for part in parts]
        classes = [torch.from_numpy(labels[part].astype(np.int64)) for part in parts]
        return Splits(*images, *classes)


def _every_nth(items: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """What is left and what is taken when `count` evenly spaced items go; of items sorted by class, a fair share."""
    taken = np.arange(count) * len(items) // count
    return np.delete(items, taken), items[taken]
