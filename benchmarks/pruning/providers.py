"""What a run gives to its pruning operator, by the names of the operator's parameters."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from evoprune.activations import ActivationProbe
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.choices import ACTIVATION_SAMPLES
from evoprune.benchmarks.pruning.goals import GOALS, MEASURES
from evoprune.benchmarks.pruning.parts import REGISTRIES
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.data import samples_of, whole
from evoprune.individuals import Individual
from evoprune.losses import Loss
from evoprune.operators import ScheduledProbability, gated, mutCompact, sequence, towards
from evoprune.plugins import find
from evoprune.runs.takes import parameters
from evoprune.shrinking.counts import macs_alive
from evoprune.training.programs import gradients


def pruning(settings: Settings, probability: ScheduledProbability) -> Any:
    """The mutation that prunes with the scheduled probability, or None."""
    if settings.operator == "none":
        return None
    chosen: Callable[..., tuple[Any, ...]] = find("operator", settings.operator, REGISTRIES["operator"])
    takes = parameters(chosen, skip=1)
    persistent, problem = settings.semantics == "persistent", settings.problem
    # The paper's code probes the test samples; ours has no business there.
    probed = partial(getattr, problem, "validation" if persistent else "test")
    values = {
        "scope": settings.scope,
        "persistent": persistent,
        "threshold": settings.threshold,
        "loss": Loss(settings.loss),
        "activations": ActivationProbe(probed, ACTIVATION_SAMPLES, settings.semantics),
    }
    goal = next(name for name in GOALS if getattr(settings, name) is not None)
    values["measure"] = MEASURES[goal]
    if settings.amount is not None:
        values["amount"] = settings.amount
    recipes: dict[str, Callable[[Any], Any]] = {
        "samples": partial(validation_of, problem),
        "targets": partial(targets_of, problem),
        "rng": global_random,
        "gradients": Gradients(problem, settings.loss),
    }
    operator: Any = Provided(
        chosen,
        {name: value for name, value in values.items() if name in takes} | settings.operator_options,
        {name: recipe for name, recipe in recipes.items() if name in takes},
    )
    if "amount" in takes and goal != "amount":
        left = {"left": MacsLeft(problem)} if goal == "target_macs" else {}
        operator = towards(operator, getattr(settings, goal), probability, **left)
    prune = gated(operator, probability)
    return sequence(prune, Every(mutCompact, settings.compact_every, probability)) if settings.compact_every else prune


@dataclass(frozen=True)
class MacsLeft:
    """The share of an individual's multiply-accumulates that is left without its dead units."""

    problem: Problem

    def __call__(self, individual: Any) -> float:
        return macs_alive(individual, validation_of(self.problem, individual)[:2])


@dataclass(frozen=True, slots=True, eq=False)
class Every:
    """An operator in every so manieth generation, by the clock of a probability; it draws nothing."""

    operator: Callable[..., tuple[Any, ...]]
    every: int
    clock: ScheduledProbability

    def __call__(self, individual: Any) -> tuple[Any, ...]:
        return self.operator(individual) if (self.clock.t + 1) % self.every == 0 else (individual,)


@dataclass(frozen=True, slots=True, eq=False)
class Provided:
    """An operator with what it takes: values, and recipes that are asked where and when it prunes.

    A recipe is called with the individual. Where it has ``prepare``, that is called with all individuals that are about
    to be mutated, so that it can compute for all of them at once.
    """

    operator: Callable[..., tuple[Any, ...]]
    values: Mapping[str, Any]
    recipes: Mapping[str, Callable[[Any], Any]]

    def __call__(self, individual: Any, **more: Any) -> tuple[Any, ...]:
        made = {name: recipe(individual) for name, recipe in self.recipes.items()}
        return self.operator(individual, **{**self.values, **made, **more})

    def prepare(self, population: Sequence[Any]) -> None:
        """Tell the recipes who is about to be mutated."""
        for recipe in self.recipes.values():
            if hasattr(recipe, "prepare"):
                recipe.prepare(population)

    @property
    def __name__(self) -> str:
        return str(getattr(self.operator, "__name__", repr(self.operator)))


def validation_of(problem: Problem, individual: Any) -> Tensor:
    """The validation data; a worker loads them for itself."""
    return problem.validation


def targets_of(problem: Problem, individual: Any) -> Tensor:
    """What the validation data should become: themselves, their classes, or values."""
    return whole(samples_of(problem, "validation").targets)


def global_random(individual: Any) -> Any:
    """Python's ``random``, which is seeded for the cell and the generation; a module cannot be pickled."""
    return random


class Gradients:
    """Gradients of the loss on the validation data, computed for all that wait as soon as one of them is pruned."""

    def __init__(self, problem: Problem, loss: str) -> None:
        self.problem, self.loss = problem, loss
        self.prepare(())

    def prepare(self, population: Sequence[Individual]) -> None:
        """These wait; what others were told is forgotten."""
        self.waiting = population
        self.ready: dict[int, list[dict[str, Tensor]]] = {}

    def __call__(self, individual: Individual) -> list[dict[str, Tensor]]:
        if id(individual) not in self.ready:
            data = validation_of(self.problem, individual), targets_of(self.problem, individual)
            group = self.waiting if any(individual is one for one in self.waiting) else [individual]
            self.ready |= zip(map(id, group), gradients(group, *data, self.loss), strict=True)
            self.waiting = ()
        return self.ready.pop(id(individual))  # once: afterwards it has other weights

    def __reduce__(self) -> tuple[Any, ...]:
        return Gradients, (self.problem, self.loss)
