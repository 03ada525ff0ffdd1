"""The learning rate as a gene: a random step of it is a mutation."""

import math
import random
from typing import Any

from evoprune.checks import at_least
from evoprune.genome import Autoencoder

SIGMA = 1e-5
BOUNDS = (1e-9, 10.0)


def next_rate(rate: float, sigma: float = SIGMA, bounds: tuple[float, float] = BOUNDS, rng: Any = None) -> float:
    """``rate`` after a normal step of standard deviation ``sigma``, within ``bounds``.

    :param rng: has ``gauss``; Python's global ``random`` by default.
    """
    return min(max(rate + (rng or random).gauss(0.0, sigma), bounds[0]), bounds[1])


def mutLearningRate(
    individual: Autoencoder, sigma: float = SIGMA, bounds: tuple[float, float] = BOUNDS, rng: Any = None
) -> tuple[Autoencoder]:
    """Move a pair's own learning rate by a normal step, in place: what the cells of Lipi-AE-S do every generation.

    :param individual: an Autoencoder whose ``learning_rate`` is a number.
    :param sigma: standard deviation of the step.
    :param bounds: least and largest rate.
    :param rng: has ``gauss``; Python's global ``random`` by default.
    :returns: ``(individual,)``.
    :raises ValueError: for a pair without a learning rate of its own, or a sigma below 0.
    """
    at_least("sigma", sigma, 0)
    if individual.learning_rate is None or not math.isfinite(individual.learning_rate):
        raise ValueError(f"the pair needs a learning_rate of its own, got {individual.learning_rate!r}")
    individual.learning_rate = next_rate(individual.learning_rate, sigma, bounds, rng)
    return (individual,)
