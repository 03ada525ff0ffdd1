"""Operators made of operators: one that is applied with a probability, and several in a row.

    prune = gated(partial(mutPruneRandom, amount=0.1), ScheduledProbability(Exponential(0.5), generations=400))
    toolbox.register("mutate", sequence(mutTrain, prune))

Mutation only: an operator here takes one individual, changes it in place, and returns it in a tuple of one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

from evoprune.checks import has, in_unit_interval, shown
from evoprune.operators.probability import ScheduledProbability

Operator: TypeAlias = Callable[..., tuple[Any, ...]]


class Draws(Protocol):
    """What draws uniformly from [0, 1): `random.Random`, the module `random`, `numpy.random.Generator`."""

    def random(self) -> float: ...


def gated(operator: Operator, probability: float | ScheduledProbability, rng: Draws | None = None) -> Operator:
    """An operator that applies `operator` with `probability`, and otherwise returns the individual as it is.

    A plain probability must be in [0, 1] (`ValueError`, at once). Every call draws exactly one number, also where the
    probability is 0 or 1, so that runs which differ only in it keep their random streams in step. It is drawn from
    `rng`, or from Python's global `random`, as DEAP's own operators do.
    """
    check_callable(operator)
    if not isinstance(probability, ScheduledProbability):
        if callable(probability):
            raise ValueError(
                f"probability must be a number in [0, 1], got {shown(probability)}; "
                "wrap a schedule: ScheduledProbability(schedule, generations)"
            )
        in_unit_interval("probability", probability)
    if rng is not None:
        has("rng", rng, "random", "random.Random, a numpy Generator or None")
    return _Gated(operator, probability, rng)


def sequence(*operators: Operator) -> Operator:
    """An operator that applies `operators` one after the other, each to the individual that the one before returned."""
    if not operators:
        raise ValueError("sequence needs at least one operator, got none")
    for operator in operators:
        check_callable(operator)
    return _Sequence(operators)


# Classes at module level, because a closure cannot be pickled; with slots, because Toolbox.register copies an instance
# dictionary into the partial it makes.
class Wrapper:
    """An operator made of another one, which it tells who is about to be mutated; its ``repr`` is its name."""

    __slots__ = ()
    operator: Operator

    def prepare(self, population: Sequence[Any]) -> None:
        prepare(self.operator, population)

    @property
    def __name__(self) -> str:
        return repr(self)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Gated(Wrapper):
    operator: Operator
    probability: float | ScheduledProbability
    rng: Draws | None

    def __call__(self, individual: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        draw = random.random() if self.rng is None else self.rng.random()
        return applied(self.operator, individual, *args, **kwargs) if draw < self.probability else (individual,)

    def __repr__(self) -> str:
        return f"gated({name_of(self.operator)}, {self.probability})"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Sequence(Wrapper):
    operators: tuple[Operator, ...]

    def __call__(self, individual: Any) -> tuple[Any, ...]:
        for operator in self.operators:
            (individual,) = applied(operator, individual)
        return (individual,)

    def prepare(self, population: Sequence[Any]) -> None:
        for operator in self.operators:
            prepare(operator, population)

    def __repr__(self) -> str:
        return f"sequence({', '.join(map(name_of, self.operators))})"


def prepare(operator: Any, population: Sequence[Any]) -> None:
    """Tell an operator who is about to be mutated, if it wants to know: it may compute for all of them at once."""
    while isinstance(operator, partial):  # Toolbox.register makes one
        operator = operator.func
    if hasattr(operator, "prepare"):
        operator.prepare(population)


def name_of(operator: Operator) -> str:
    """What to call an operator in a message: its name, or that of the function inside a partial."""
    if isinstance(operator, partial) and "__name__" not in vars(operator):  # DEAP's partials do have a name
        return name_of(operator.func)
    return str(getattr(operator, "__name__", None) or repr(operator))


def applied(operator: Operator, individual: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """What an operator returns for an individual, seen to be a tuple of one; a `TypeError` for anything else."""
    result = operator(individual, *args, **kwargs)
    # An individual may itself be a list, which would unpack without complaint or with a puzzling one.
    if not (isinstance(result, tuple) and len(result) == 1):
        raise TypeError(f"{name_of(operator)} must return a tuple of one individual, got {type(result).__name__}")
    return result


def check_callable(operator: object) -> None:
    """Raise `TypeError` for what cannot be an operator."""
    if not callable(operator):
        raise TypeError(f"operator must be callable as operator(individual), got {shown(operator)}")
