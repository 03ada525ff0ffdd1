"""An operator that chooses among operators and learns which of them to choose.

    operators = [partial(mutPruneMagnitude, amount=0.1), partial(mutPruneRandom, amount=0.1)]
    adaptive = AdaptiveOperator(operators, rule="pursuit", credit="extreme")
    toolbox.register("mutate", sequence(mutTrain, adaptive))
    stats = tools.Statistics()
    stats.register("operators", adaptive.observe)

What was tried and what came of it travels with the individuals; what is learned stays with the object that observes.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import fields
from typing import Any

from evoprune.checks import has, listed, lookup, of_type, shown, two
from evoprune.operators.combine import Draws, Operator, Wrapper, applied, check_callable, name_of, prepare
from evoprune.operators.learner import Learner
from evoprune.operators.rules import RULES, Rule
from evoprune.operators.trials import Record, begin, collect, open_draws, settle, taken, weighted, weights_of

MOST_TRIED = 10_000
"""How many mutated individuals are remembered until the next `observe`, for the sake of who never calls it."""


class AdaptiveOperator(Wrapper):
    """A DEAP mutation that applies one of `operators`, by probabilities that follow what each has earned.

    What a trial earns is the improvement of the first objective, in the direction of the fitness's weights, from the
    fitness that the individual has when the operator is called to that of the next evaluation, for each weight removed
    (of individuals without weights: for each call). Who removes nothing earns nothing, less than any loss: otherwise
    not to prune would win. A fitness that is not finite earns nothing either, and no more is learned from a call on an
    individual without a valid fitness, as after a crossover. Give the operators the same amount, since small changes
    cost least for each weight, and use it where pruning is persistent.

    Register `observe` in exactly one Statistics over the individuals, without a key. It collects what trials earned,
    also those of offspring that did not survive, and updates the probabilities, once a generation.

    Each call draws exactly one number, from `rng` or Python's global `random`. Arguments are passed on, so that
    :func:`towards` and :func:`gated` take it, and it takes them. A copy, as one sent to a worker, keeps the
    probabilities of the generation it was made in.

    :param operators: DEAP mutations, or pairs of a name and one; doubles of a name get a number.
    :param rule: `"pursuit"` (adaptive pursuit) or `"matching"` (probability matching; Thierens 2005, "An adaptive
        pursuit strategy for allocating operator probabilities", GECCO), or `"ucb"` (a bandit on ranks; Fialho,
        Schoenauer and Sebag 2010, "Toward comparison-based adaptive operator selection", GECCO).
    :param credit: `"extreme"`, the best in an operator's window (Fialho et al. 2008, "Extreme value based adaptive
        operator selection", PPSN), or `"mean"`; not for `"ucb"`, which ranks.
    :param window: how many trials are remembered, of each operator; for `"ucb"` of all together, and it must be those
        of several generations.
    :param parameters: of the rule, by the papers' names: `p_min` and `alpha`, for `"pursuit"` `beta` too, for `"ucb"`
        `C` and `D`; see :mod:`evoprune.operators.rules`.
    :raises ValueError: for no operators, unknown rules, credits and parameters, and numbers out of range.
    """

    __slots__ = ("_learner", "_tried", "names", "operators", "rng", "rule")  # as the other wrappers have them

    def __init__(
        self,
        operators: Iterable[Operator | tuple[str, Operator]],
        rule: str = "pursuit",
        credit: str = "extreme",
        window: int = 50,
        rng: Draws | None = None,
        **parameters: Any,
    ) -> None:
        named = _named(operators)
        kind = lookup("rule", rule, RULES)
        known = {field.name for field in fields(kind)} - {field.name for field in fields(Rule)}
        for name in parameters:
            lookup(f"parameter of the rule {rule}", name, dict.fromkeys(known))
        if rng is not None:
            has("rng", rng, "random", "random.Random, a numpy Generator or None")
        self.names = tuple(named)
        self.operators = tuple(named.values())
        self.rule: Rule = kind(len(named), credit, window, **parameters)
        self.rng = rng
        self.reset()

    def __call__(self, individual: Any, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        draw = float(random.random() if self.rng is None else self.rng.random())
        number, before = self._learner.choice(draw), weights_of(individual)
        (made,) = applied(self.operators[number], individual, *args, **kwargs)
        after = weights_of(made)
        removed = 1 if before is None or after is None else before - after
        record = begin(individual, made, repr(self), (number, draw, removed))
        if record is not None:
            self._tried.append((record, made.fitness))
        return (made,)

    def prepare(self, population: Sequence[Any]) -> None:
        for operator in self.operators:
            prepare(operator, population)

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The operators' probabilities now, in the order of `names`."""
        return tuple(self._learner.probabilities)

    def observe(self, population: Iterable[Any]) -> tuple[float, ...]:
        """Learn from the trials of the generation that just ended; for the log, the probabilities that it had.

        :param population: the individuals.
        :returns: in the order of `names`, rounded to four digits, as a row of a Logbook is read.
        :raises TypeError: for what is no individual, as where the Statistics has a key.
        """
        used = tuple(round(probability, 4) for probability in self._learner.probabilities)
        individuals = {id(one): one for one in listed("population", population, "individuals")}.values()
        for one in individuals:
            if not hasattr(one, "fitness"):
                key = "a Statistics without a key, as a member of a MultiStatistics beside others that have one"
                raise TypeError(
                    f"observe needs the individuals of a population, got {shown(one)}; register it in {key}"
                )
        # A clone carries what its original does: outcomes that are the same in all are one.
        outcomes = dict.fromkeys(outcome for one in individuals for outcome in collect(one, repr(self)))
        waiting = {draw for one in individuals for draw in open_draws(one, repr(self))}
        for record, fitness in self._tried:  # of which those that did not survive are left
            if fitness.valid and not any(draw in waiting for _, draw, _ in record["open"]):
                settle(record, weighted(fitness))
            outcomes |= dict.fromkeys(taken(record))
        self._tried.clear()
        self._learner.add((number, gain) for number, _, gain in outcomes)
        return used

    def reset(self) -> None:
        """Back to equal probabilities, as new, for another run."""
        self._learner = Learner(self.rule)
        self._tried: deque[tuple[Record, Any]] = deque(maxlen=MOST_TRIED)

    def state(self) -> dict[str, Any]:
        """What was learned, as plain values; trials that are open yet are in the individuals' `trials`."""
        return {"names": list(self.names), **self._learner.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave, for the same operators.

        :raises ValueError: for anything else; nothing has changed then.
        """
        of_type("state", state, Mapping, "what state() gave")
        if state.get("names") != list(self.names):
            raise ValueError(f"the state must be of the operators {list(self.names)}, got {shown(state.get('names'))}")
        self._learner.load_state(state)
        self._tried.clear()

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "_tried"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._tried = deque(maxlen=MOST_TRIED)
        for name, value in state.items():
            setattr(self, name, value)
        self._learner = copy(self._learner)  # what a copy learns is its own

    def __repr__(self) -> str:
        return f"AdaptiveOperator({', '.join(self.names)})"


def _named(operators: Iterable[Operator | tuple[str, Operator]]) -> dict[str, Operator]:
    """The operators by name, in order."""
    named: dict[str, Operator] = {}
    for entry in listed("operators", operators, "a list of operators"):
        name, operator = two("an operator with its name", entry) if isinstance(entry, tuple) else (None, entry)
        check_callable(operator)
        if name is None:
            name = name_of(operator)
        of_type("the name of an operator", name, str, "text")
        double, number = name, 1
        while name in named:
            number += 1
            name = f"{double}-{number}"
        named[name] = operator
    if not named:
        raise ValueError("AdaptiveOperator needs at least one operator, got none")
    return named
