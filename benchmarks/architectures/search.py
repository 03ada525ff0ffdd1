"""The search itself: DEAP's parts around a cache of everything that was trained."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from deap import base

from evoprune.architecture import Architecture
from evoprune.benchmarks.architectures.settings import ArchitectureSettings, selection
from evoprune.benchmarks.architectures.training import Weights, measure
from evoprune.fitness import WORST, MinimizeLoss
from evoprune.operators.architecture import cxOnePointLayers, mutArchitecture, random_architecture
from evoprune.runs.experiment import Map
from evoprune.runs.state import RunState
from evoprune.seeds import Stream, seeded
from evoprune.training.kernel import Kernel

ATTEMPTS = 50  # draws for each new architecture, after which the space counts as used up

Child = tuple[Architecture, str | None]
"""A new architecture and its parent's text."""


class LossAndSize(MinimizeLoss):
    """Two objectives: validation loss and number of parameters, both minimized."""

    weights = (-1.0, -1.0)


@dataclass
class Search(RunState):
    """A search in progress or ended.

    ``trained`` has an entry for every architecture that was trained, by its text: ``loss``, ``parameters`` and ``gen``.
    ``weights`` are those of the population, kept only where children inherit them. ``known`` are fitnesses of
    architectures measured elsewhere under the same settings, which are not trained again. ``random`` is the search at
    random that this one is compared with.
    """

    settings: ArchitectureSettings
    population: list[Architecture] = field(default_factory=list)
    trained: dict[str, dict[str, Any]] = field(default_factory=dict)
    weights: dict[str, Weights] = field(default_factory=dict)
    exhausted: bool = False
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    random: "Search | None" = None

    due = True
    """Always: a generation takes long."""

    @property
    def best(self) -> str:
        """The architecture with the lowest validation loss; of equal ones the smallest."""
        return min(self.trained, key=lambda text: (self.trained[text]["loss"], self.trained[text]["parameters"], text))

    @property
    def stale(self) -> int:
        """Generations since the best loss got better."""
        losses = [row["best_loss"] for row in self.log]
        return len(losses) - 1 - losses.index(losses[-1]) if losses else 0

    @property
    def stopped_early(self) -> bool:
        """Whether the best has not improved for as long as the patience goes, or the space is used up."""
        patience = self.settings.patience
        return self.exhausted or (patience > 0 and self.stale >= patience)

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to search."""
        return super().ended or (self.generation >= 0 and self.stopped_early)


def make_toolbox(settings: ArchitectureSettings, kernel: Kernel | None = None) -> base.Toolbox:
    """The toolbox of a search: what a DEAP user would register by hand.

    :param kernel: what the setting has come to, perhaps on another machine.
    """
    space = settings.space
    toolbox = base.Toolbox()
    toolbox.register("individual", random_architecture, space)
    toolbox.register("mate", cxOnePointLayers, space=space)
    toolbox.register("mutate", mutArchitecture, space=space)
    select, options = selection(settings)
    toolbox.register("select", select, **options)
    toolbox.register("evaluate", measure, settings=settings, kernel=kernel)
    return toolbox


def generations(search: Search, map_: Map) -> Iterator[dict[str, Any]]:
    """The generations that are left, which change ``search`` in place; yields the log's rows."""
    toolbox, settings = make_toolbox(search.settings, search.kernel), search.settings
    while not search.ended:
        number = search.generation + 1
        with seeded(Stream.CHILDREN.seed(settings.seed, number)):
            wanted = settings.offspring if number else settings.population
            genetic = settings.method == "genetic" and number > 0
            children, again = _new(search, toolbox, wanted, genetic)
        _evaluate(search, toolbox, children, number, map_)
        with seeded(Stream.SURVIVAL.seed(settings.seed, number)):
            everyone = search.population + [child for child, _ in children]
            # NSGA-II and truncation give each survivor once; a tournament may give it several times, so clones.
            chosen = toolbox.select(everyone, min(settings.population, len(everyone)))
            search.population = [toolbox.clone(individual) for individual in chosen]
        alive = {individual.text for individual in search.population}
        search.weights = {text: kept for text, kept in search.weights.items() if text in alive}
        search.exhausted = len(children) < wanted
        search.generation = number
        search.log.append(_row(search, len(children), again))
        yield search.log[-1]


def fitness(entry: dict[str, Any], settings: ArchitectureSettings) -> MinimizeLoss:
    """What was measured, as the objectives want it."""
    made = LossAndSize() if settings.objectives == "loss-size" else MinimizeLoss()
    made.values = (entry["loss"], float(entry["parameters"]))[: len(made.weights)]
    return made


def _new(search: Search, toolbox: base.Toolbox, wanted: int, genetic: bool) -> tuple[list[Child], int]:
    """Architectures that were never trained, and how often a known one came up."""
    found: dict[str, Child] = {}
    draws = 0
    while len(found) < wanted and draws < wanted * ATTEMPTS:
        draws += 1
        child, parent = _child(search, toolbox) if genetic else (toolbox.individual(), None)
        if child.text not in search.trained:
            found.setdefault(child.text, (child, parent))
    return list(found.values()), draws - len(found)


def _child(search: Search, toolbox: base.Toolbox) -> Child:
    """A child and the parent whose head it has; draws from Python's global ``random``, as DEAP's own operators do."""
    first, second = (random.choice(search.population) for _ in range(2))
    child = toolbox.clone(first)
    if random.random() < search.settings.crossover:
        child, _ = toolbox.mate(child, toolbox.clone(second))
    (child,) = toolbox.mutate(child)
    return child, first.text


def _evaluate(search: Search, toolbox: base.Toolbox, children: list[Child], number: int, map_: Map) -> None:
    """Measure the children in parallel, and keep what came out."""
    new = {child.text: search.weights.get(parent or "") for child, parent in children if child.text not in search.known}
    measured = dict(zip(new, map_(toolbox.evaluate, list(new), list(new.values())), strict=True))
    for child, _ in children:
        entry = measured.get(child.text) or search.known[child.text]
        search.trained[child.text] = {name: entry[name] for name in ("loss", "parameters")} | {"gen": number}
        if entry.get("weights") is not None:
            search.weights[child.text] = entry["weights"]
        child.fitness = fitness(entry, search.settings)


def _row(search: Search, new: int, again: int) -> dict[str, Any]:
    """A row of the log. Of ``loss`` the mean leaves out networks that diverged."""
    best = search.trained[search.best]
    losses = [search.trained[individual.text]["loss"] for individual in search.population]
    finite = [loss for loss in losses if loss < WORST]
    return {
        "gen": search.generation,
        "nevals": new,
        "trained": len(search.trained),
        "known_again": again,
        "best_loss": best["loss"],
        "best_parameters": best["parameters"],
        "loss": sum(finite) / len(finite) if finite else WORST,
        "nonfinite": len(losses) - len(finite),
        "best": search.best,
    }
