"""A probability that follows a schedule, to be given wherever DEAP takes a number.

    p = ScheduledProbability(Exponential(0.5), generations=400)
    stats.register("mutpb", p.observe)
    algorithms.eaMuPlusLambda(population, toolbox, mu, lambda_, cxpb=0.2, mutpb=p, ngen=400, stats=stats)

DEAP's algorithms only ever compare a probability or add it to another, and they compile the statistics once a
generation: the object answers the first with its current value, and takes the second as its clock.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from evoprune.checks import MOST, at_least
from evoprune.operators.schedules import check_schedule, probability_at


def _left(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: operation(self.value, other)


def _right(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: operation(other, self.value)


class ScheduledProbability:
    """`schedule(t, generations - 1)` as a number that moves on, from t = 0, by one with every `observe`.

    It stands for `mutpb` or `cxpb` in eaSimple, eaMuPlusLambda and eaMuCommaLambda, for `indpb` in an operator, and for
    the gate in `gated`, also inside the generator of eaGenerateUpdate. Use as a number (comparing, calculating,
    `float`, `bool`, `.value`) is a *read*; one past the last generation is a `RuntimeError`. `repr`, `str` and `format`
    only look.

    Register `observe` in exactly one Statistics (of a MultiStatistics, in one of its members): each call is a tick, and
    without any it stays at t = 0.

    It is deliberately not a float: `random() < p` with a subclass of float compares the frozen base value. A copy keeps
    its own time and shares the schedule, so one sent to another process stays in the generation it was sent in.
    """

    # numpy then leaves `array < p` to the methods below instead of building an array of objects.
    __array_ufunc__: ClassVar[None] = None

    def __init__(self, schedule: Callable[[int, int], float], generations: int) -> None:
        check_schedule(schedule)
        at_least("generations", generations, 1, whole=True, most=MOST)
        self.schedule = schedule
        self.generations = generations
        self._course: np.ndarray | None = None
        self.reset()

    @property
    def t(self) -> int:
        """The generation now, from 0; equal to `generations` or more once the schedule is used up."""
        return self._t

    @property
    def value(self) -> float:
        """The probability in this generation; counts as a read."""
        self._started = True
        return self._look()

    @property
    def coming(self) -> np.ndarray:
        """The probabilities of the generations after this one; no read."""
        return self._all()[self._t + 1 :]

    @property
    def last(self) -> int:
        """The last generation whose probability is above 0, the last of all where none is; no read."""
        above = np.flatnonzero(self._all())
        return int(above[-1]) if len(above) else self.generations - 1

    def observe(self, population: object = None) -> float:
        """The value of the generation that just ended, for the log; then move on to the next. `population` is not used.

        eaSimple, eaMuPlusLambda and eaMuCommaLambda record the initial population before they vary anything. So the
        very first call, if nothing was read before, is that record: it returns 0.0, since nothing was used, and does
        not tick. A generator for eaGenerateUpdate that may not read in its first generation needs `seek(0)` beforehand,
        as that algorithm makes no such record. Past the end, observing ticks and returns 0.0; only reading is an error.
        """
        if not self._started:
            self._started = True
            return 0.0
        used = 0.0 if self._value is None else self._value
        self._move(self._t + 1)
        return used

    def seek(self, t: int) -> None:
        """Jump to generation `t`, to resume or to follow a run from a worker; the next `observe` ticks.

        To resume at t > 0 in an algorithm that records before it varies, seek t - 1: that record is then the tick to t.
        """
        at_least("t", t, 0, whole=True)
        self._move(t)
        self._started = True

    def reset(self) -> None:
        """Back to generation 0, as new, for another run."""
        self._move(0)
        self._started = False

    def _all(self) -> np.ndarray:
        """The probabilities of all generations; the schedule is asked for them once."""
        if self._course is None:
            self._course = np.array([self.schedule(t, self.generations - 1) for t in range(self.generations)])
        return self._course

    def _move(self, t: int) -> None:
        # The value is worked out once a generation, as indpb is compared once for every gene.
        self._t = t
        self._value = None if t >= self.generations else probability_at(self.schedule, t, self.generations - 1)

    def _look(self) -> float:
        if self._value is None:
            raise RuntimeError(
                f"used up: generation {self._t + 1} of {self.generations} was asked for (counted from 1) of {self!r}; "
                "give it the generations of the run, reset() it between runs, and register observe only once"
            )
        return self._value

    __lt__, __le__ = _left(operator.lt), _left(operator.le)
    __gt__, __ge__ = _left(operator.gt), _left(operator.ge)
    __eq__, __ne__ = _left(operator.eq), _left(operator.ne)
    __add__, __radd__ = _left(operator.add), _right(operator.add)
    __sub__, __rsub__ = _left(operator.sub), _right(operator.sub)
    __mul__, __rmul__ = _left(operator.mul), _right(operator.mul)
    __truediv__, __rtruediv__ = _left(operator.truediv), _right(operator.truediv)
    __floordiv__, __rfloordiv__ = _left(operator.floordiv), _right(operator.floordiv)
    __mod__, __rmod__ = _left(operator.mod), _right(operator.mod)
    __pow__, __rpow__ = _left(operator.pow), _right(operator.pow)
    # Equal by a value that changes: such a thing cannot be a key.
    __hash__ = None  # type: ignore[assignment]

    def __float__(self) -> float:
        return self.value

    __pos__ = __abs__ = __float__  # in [0, 1]

    def __bool__(self) -> bool:
        return self.value != 0

    def __neg__(self) -> float:
        return -self.value

    def __round__(self, ndigits: int | None = None) -> float:
        return round(self.value, ndigits)

    def __format__(self, spec: str) -> str:
        return format(self._look(), spec) if spec else str(self)

    def __repr__(self) -> str:
        now = "used up" if self._value is None else f"{self._value:.6g}"
        return f"<ScheduledProbability {self.schedule!r}: {now} at t={self._t} of 0..{self.generations - 1}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> ScheduledProbability:
        return copy.copy(self)
