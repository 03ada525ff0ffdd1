"""Several operators under one name, such as ``activation+magnitude``: what they take together, and which one prunes."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from evoprune.operators.combine import name_of, prepare


class Several:
    """What several operators take, as one signature: those who ask what an operator takes need not know of them."""

    def __init__(self, operators: Sequence[Callable[..., Any]]) -> None:
        self.operators = operators
        found: dict[str, inspect.Parameter] = {}
        for operator in operators:
            for parameter in list(inspect.signature(operator).parameters.values())[1:]:
                found.setdefault(parameter.name, parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        first = inspect.Parameter("individual", inspect.Parameter.POSITIONAL_ONLY)
        self.__signature__ = inspect.Signature([first, *found.values()])

    def __call__(self, individual: Any, **_: Any) -> tuple[Any, ...]:
        raise TypeError("several operators are not called as one: a run chooses between them")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class InTurn:
    """A mutation that takes the operator of the individual's cell: cells have operators in turn.

    An individual of an algorithm without cells keeps the number of the place where its line began.
    """

    operators: tuple[Callable[..., tuple[Any, ...]], ...]

    def __call__(self, individual: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return self.operators[individual.cell % len(self.operators)](individual, *args, **kwargs)

    def prepare(self, population: Sequence[Any]) -> None:
        """Tell each operator of the individuals that it is about to change."""
        for number, operator in enumerate(self.operators):
            prepare(operator, [one for one in population if one.cell % len(self.operators) == number])

    @property
    def __name__(self) -> str:
        return "+".join(map(name_of, self.operators))


def in_turn(operators: Sequence[Callable[..., Any]]) -> Callable[..., Any]:
    """The only operator there is, or the mutation that gives several to cells in turn."""
    return operators[0] if len(operators) == 1 else InTurn(tuple(operators))
