"""What a run gives to its pruning operator, by the names of the operator's parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from evoprune.activations import ActivationProbe
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.choices import ACTIVATION_SAMPLES, ENOUGH
from evoprune.benchmarks.pruning.evidence import (
    BatchGradients,
    Gradients,
    first_of,
    global_random,
    targets_of,
    validation_of,
)
from evoprune.benchmarks.pruning.goals import GOALS, MEASURES
from evoprune.benchmarks.pruning.parts import REGISTRIES, known
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.several import in_turn
from evoprune.individuals import genomes
from evoprune.losses import Loss
from evoprune.operators import (
    AdaptiveOperator,
    ScheduledProbability,
    exchange,
    gated,
    mutCompact,
    mutRegrow,
    rewind,
    sequence,
    towards,
)
from evoprune.operators.combine import Wrapper
from evoprune.plugins import find, names_in
from evoprune.runs.takes import parameters
from evoprune.shrinking.counts import macs_alive


def pruning(settings: Settings, probability: ScheduledProbability, adaptive: AdaptiveOperator | None = None) -> Any:
    """The mutation that prunes with the scheduled probability, or None.

    :param adaptive: what chooses between several operators, of :func:`adaptive_of`.
    """
    if settings.operator == "none":
        return None
    operator: Any = adaptive or in_turn(operators_of(settings, probability))
    goal = goal_of(settings)
    if settings.takes("amount") and goal != "amount":
        target, course = getattr(settings, goal), None if settings.course == "expected" else settings.course
        if settings.regrow != "none" and course is not None:
            regrow = regrowth(settings, probability)
            operator = exchange(operator, regrow, target, probability, settings.regrow_share, course)
        else:
            left = {"left": MacsLeft(settings.problem)} if goal == "target_macs" else {}
            operator = towards(operator, target, probability, course=course, **left)
    prune = gated(operator, probability)
    if settings.rewind:
        prune = Rewinding(prune, settings.rewind, probability)
    return sequence(prune, Every(mutCompact, settings.compact_every, probability)) if settings.compact_every else prune


def adaptive_of(settings: Settings, probability: ScheduledProbability) -> AdaptiveOperator | None:
    """What chooses between the operators of a run by what they earn, where its settings ask for that."""
    if not settings.chooses:
        return None
    named = list(zip(names_in(settings.operator), operators_of(settings, probability), strict=True))
    return AdaptiveOperator(named, rule=settings.operator_choice)


def operators_of(settings: Settings, probability: ScheduledProbability) -> list[Any]:
    """The operators of a run with what they take."""
    chosen = [find("operator", name, REGISTRIES["operator"]) for name in names_in(settings.operator)]
    return [provided(settings, one, probability, settings.operator_options) for one in chosen]


def initial_of(settings: Settings) -> Any:
    """The mutation that prunes to the target before any training, or None."""
    if settings.initial == "none":
        return None
    chosen = provided(settings, known("operator", settings.initial), settings.scheduled, {})
    return partial(chosen, amount=1 - getattr(settings, goal_of(settings)))


def goal_of(settings: Settings) -> str:
    """The setting that says how much is pruned."""
    return next(name for name in GOALS if getattr(settings, name) is not None)


def provided(
    settings: Settings,
    operator: Callable[..., tuple[Any, ...]],
    probability: ScheduledProbability,
    options: Mapping[str, Any],
) -> Any:
    """An operator with what its signature asks for."""
    takes = parameters(operator, skip=1)
    persistent, problem = settings.semantics == "persistent", settings.problem
    # The paper's code probes the test samples; ours has no business there.
    probed = partial(getattr, problem, "validation" if persistent else "test")
    values = {
        "scope": settings.scope,
        "persistent": persistent,
        "threshold": settings.threshold,
        "loss": Loss(settings.loss),
        "activations": ActivationProbe(probed, ACTIVATION_SAMPLES, settings.semantics),
        "limit": ENOUGH,
        "measure": MEASURES[goal_of(settings)],
    }
    if settings.amount is not None:
        values["amount"] = settings.amount
    recipes: dict[str, Callable[[Any], Any]] = {
        "samples": partial(first_of if "limit" in takes else validation_of, problem),
        "targets": partial(targets_of, problem),
        "rng": global_random,
        "gradients": Gradients(problem, settings.loss),
        "batch_gradients": BatchGradients(problem, settings.loss, settings.batch_size, settings.seed, probability),
    }
    return Provided(
        operator,
        {name: value for name, value in (values | dict(options)).items() if name in takes},
        {name: recipe for name, recipe in recipes.items() if name in takes},
        "amount" in takes,
    )


def regrowth(settings: Settings, probability: ScheduledProbability) -> Any:
    """The operator that lets weights come back."""
    values = {"score": settings.regrow, "scope": settings.scope}
    if settings.regrow == "random":
        return Provided(mutRegrow, values, {"rng": global_random})
    evidence = BatchGradients(settings.problem, settings.loss, settings.batch_size, settings.seed, probability)
    return Provided(mutRegrow, values, {"batch_gradients": evidence})


@dataclass(frozen=True, slots=True, eq=False)
class Rewinding(Wrapper):
    """A pruning operator after which the weights that are kept are those of an early generation again."""

    operator: Callable[..., tuple[Any, ...]]
    generation: int
    clock: ScheduledProbability

    def __call__(self, individual: Any) -> tuple[Any, ...]:
        parts = genomes(individual)
        if self.clock.t + 1 == self.generation:
            for genome in parts:  # plain values, which copies and checkpoints carry
                state = genome.state()
                vars(genome)["early"] = {name: state[name] for name in ("weights", "moments", "steps")}
        before = individual.preserved
        (individual,) = self.operator(individual)
        early = [getattr(genome, "early", None) for genome in genomes(individual)]
        if individual.preserved < before and None not in early:
            rewind(individual, early)
        return (individual,)


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
    sized: bool = True
    """Whether it takes an amount."""

    def __call__(self, individual: Any, **more: Any) -> tuple[Any, ...]:
        if not self.sized:
            more.pop("amount", None)  # of several operators others take it
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
