"""The learning rate as a gene: a random step of it is a mutation."""

import math
import random
from typing import Any

from evoprune.checks import at_least, has, of_type, shown, two
from evoprune.genome import Genome
from evoprune.individuals import IndividualT, Network

SIGMA = 1e-5
BOUNDS = (1e-9, 10.0)


def next_rate(rate: float, sigma: float = SIGMA, bounds: tuple[float, float] = BOUNDS, rng: Any = None) -> float:
    """``rate`` after a normal step of standard deviation ``sigma``, within ``bounds``.

    :param rng: has ``gauss``; Python's global ``random`` by default.
    """
    return min(max(rate + (rng or random).gauss(0.0, sigma), bounds[0]), bounds[1])


def mutLearningRate(
    individual: IndividualT, sigma: float = SIGMA, bounds: tuple[float, float] = BOUNDS, rng: Any = None
) -> tuple[IndividualT]:
    """Move an individual's own learning rate by a normal step, in place: what cells of Lipi-AE-S do every generation.

    :param individual: a Genome, an Autoencoder or another Network whose ``learning_rate`` is a number.
    :param sigma: standard deviation of the step.
    :param bounds: least and largest rate.
    :param rng: has ``gauss``; Python's global ``random`` by default.
    :returns: ``(individual,)``.
    :raises TypeError: for anything else, and an ``rng`` that has no ``gauss``.
    :raises ValueError: for one without a learning rate of its own, a sigma that is negative or not finite, and
        bounds that are not two numbers in order.
    """
    of_type("individual", individual, Genome | Network, "a Genome, an Autoencoder or another Network")
    at_least("sigma", sigma, 0, finite=True)
    least, largest = two("bounds", bounds)
    at_least("the lower of the bounds", least, 0, finite=True)
    at_least("the upper of the bounds", largest, least, finite=True)
    if rng is not None:
        has("rng", rng, "gauss", "random.Random or None")
    if individual.learning_rate is None or not math.isfinite(individual.learning_rate):
        raise ValueError(f"the individual needs a learning_rate of its own, got {shown(individual.learning_rate)}")
    individual.learning_rate = next_rate(individual.learning_rate, sigma, bounds, rng)
    return (individual,)
