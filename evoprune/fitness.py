"""A fitness that minimizes and that no NaN can win."""

import math
from collections.abc import Iterable, Sequence

from deap import base

from evoprune.checks import shown

WORST = 1e39
"""The loss that stands for NaN and infinity: finite, so that statistics stay finite, and above any float32."""
_LIMIT = WORST / 2  # beyond it a value counts as infinite; above any float32 as well


def finite(value: float) -> float:
    """``value``, or :data:`WORST` where it is NaN, infinite or beyond the range of float32."""
    value = float(value)
    return value if abs(value) < _LIMIT else WORST


def finite_values(values: Iterable[float], weights: Sequence[float]) -> tuple[float, ...]:
    """Values for a fitness with these weights; where one is not finite all are the worst, :data:`WORST` or -WORST."""
    given = tuple(float(value) for value in values)
    if _any_nonfinite(given) and len(given) == len(weights):
        return tuple(-math.copysign(WORST, weight) for weight in weights)
    return given


class MinimizeLoss(base.Fitness):
    """DEAP fitness that minimizes; NaN and infinite values become the finite worst.

    DEAP compares weighted values with ``>``, and NaN ends up first in its sorted selections. Here such a value is
    stored as :data:`WORST` (its negative where an objective is maximized), and :attr:`nonfinite` says that it happened.

    For several objectives subclass it: ``class LossAndSize(MinimizeLoss): weights = (-1.0, -1.0)``. If one value is not
    finite, all become the worst: otherwise a broken network that is small would stand on the Pareto front.
    """

    weights: tuple[float, ...] = (-1.0,)

    def _set(self, values: Sequence[float]) -> None:
        try:
            given = finite_values(values, self.weights)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise TypeError(f"fitness values must be a sequence such as (loss,), got {shown(values)}") from error
        base.Fitness.setValues(self, given)

    values = property(base.Fitness.getValues, _set, base.Fitness.delValues, base.Fitness.values.__doc__)

    @property
    def nonfinite(self) -> bool:
        """True when a value assigned was NaN or infinite."""
        return _any_nonfinite(self.values)


class MinimizeLossAndSize(MinimizeLoss):
    """DEAP fitness of two objectives to minimize: the loss, and the share of weights kept."""

    weights = (-1.0, -1.0)


class MaximizeScore(MinimizeLoss):
    """DEAP fitness that maximizes; NaN and infinite values become the finite worst, which is negative here."""

    weights = (1.0,)


def _any_nonfinite(values: Iterable[float]) -> bool:
    return any(not abs(value) < _LIMIT for value in values)  # this way round NaN counts
