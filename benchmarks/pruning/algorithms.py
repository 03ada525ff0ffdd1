"""The algorithms by name, and what a run has to know of each: the one place that knows them."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deap import algorithms, base, tools

from evoprune.algorithms import (
    Generation,
    all_vs_all_generations,
    canonical_generations,
    ring,
    spatial_generations,
    stock_generations,
    torus,
)
from evoprune.algorithms.topologies import Neighbourhoods
from evoprune.fitness import MinimizeLoss, MinimizeLossAndSize

ORDERS = {"after-evaluation": "after", "before-evaluation": "before"}
"""When an offspring is pruned -> what the algorithms call it."""
PAPER_CANONICAL: dict[str, Any] = {"algorithm": "canonical", "cells": 1, "optimizer": "adam-0.5", "rate_decay": "step"}
"""What differs in the paper's canonical baseline from its other settings."""
CHILDREN = ("rate_decay", "offspring", "crossover")
"""What only algorithms with children use."""


@dataclass(frozen=True)
class Algorithm:
    """A loop and what it needs.

    ``generations(settings, grid, toolbox, start)`` changes the grid in place and yields a generation at a time.
    ``reads(settings)`` are for every cell the cells that an offspring's parents may come from, in the order in which
    the loop counts them. ``uses`` are those settings that only some algorithms use. A ``stock`` algorithm is one of
    DEAP's: it has no train slot, so training is part of its mutation; ``select`` is its selection. ``pairs`` is how
    many it evolves, None for any. ``children`` is how many it has for each by default, None where it has no such
    setting; these are evaluated on the whole validation split, and where it ``overlaps`` compared with their parents.
    ``fitness`` is the class of an individual's fitness: of the loss, and where it has two objectives of the size.
    ``paper`` are the paper's settings for it, where they differ from those for the others.
    """

    line: str
    generations: Callable[[Any, list[Any], base.Toolbox, int], Iterator[Generation]]
    reads: Callable[[Any], Neighbourhoods]
    uses: tuple[str, ...] = ()
    stock: bool = False
    select: Callable[..., list[Any]] = tools.selBest
    pairs: int | None = None
    children: int | None = None
    overlaps: bool = True
    fitness: type[MinimizeLoss] = MinimizeLoss
    paper: Mapping[str, Any] = field(default_factory=dict)


def _spatial(settings: Any, grid: list[Any], toolbox: base.Toolbox, start: int) -> Iterator[Generation]:
    options = {"update": settings.update_order, "opponents": settings.opponents, "chunk": settings.cells_a_task}
    options |= {"migrate_every": settings.migrate_every, "migrate_after": settings.migrate_after}
    return spatial_generations(
        grid, toolbox, settings.generations, settings.neighbourhoods, **_common(settings, start), **options
    )


def _all_vs_all(settings: Any, grid: list[Any], toolbox: base.Toolbox, start: int) -> Iterator[Generation]:
    return all_vs_all_generations(grid, toolbox, settings.generations, **_common(settings, start))


def _canonical(settings: Any, grid: list[Any], toolbox: base.Toolbox, start: int) -> Iterator[Generation]:
    return canonical_generations(grid, toolbox, settings.generations, seed=settings.seed, start=start)


def _plus(settings: Any, population: list[Any], toolbox: base.Toolbox, start: int) -> Iterator[Generation]:
    return _children(algorithms.eaMuPlusLambda, settings, population, toolbox, start)


def _comma(settings: Any, population: list[Any], toolbox: base.Toolbox, start: int) -> Iterator[Generation]:
    return _children(algorithms.eaMuCommaLambda, settings, population, toolbox, start)


def _children(
    algorithm: Callable[..., Any], settings: Any, population: list[Any], toolbox: base.Toolbox, start: int
) -> Iterator[Generation]:
    sizes = {"mu": settings.cells, "lambda_": settings.offspring}
    chances = {"cxpb": settings.crossover, "mutpb": 1 - settings.crossover}
    common = {"seed": settings.seed, "start": start}
    return stock_generations(algorithm, population, toolbox, settings.generations, **common, **sizes, **chances)


def _common(settings: Any, start: int) -> dict[str, Any]:
    order = {"concept": settings.concept, "prune": ORDERS[settings.pruning_order]}
    return {**order, "rate_sigma": settings.rate_sigma, "seed": settings.seed, "start": start}


def _everyone(settings: Any) -> Neighbourhoods:
    return [list(range(settings.cells))] * settings.cells


def _neighbours(settings: Any) -> Neighbourhoods:
    """On the ring, or on a torus as square as the number of cells allows."""
    if settings.topology == "ring":
        return ring(settings.cells, settings.radius)
    rows = max(d for d in range(1, math.isqrt(settings.cells) + 1) if settings.cells % d == 0)
    return torus(rows, settings.cells // rows, settings.radius)


ALGORITHMS: dict[str, Algorithm] = {
    "spatial": Algorithm(
        "Lipi-AE-S: cells on a grid coevolve encoders and decoders with their neighbours",
        _spatial,
        _neighbours,
        (
            *("update_order", "opponents", "topology", "radius", "concept", "pruning_order", "chunk"),
            *("migrate_every", "migrate_after"),
        ),
    ),
    "all-vs-all": Algorithm(
        "coevolution without space: every encoder meets every decoder",
        _all_vs_all,
        _everyone,
        ("concept", "pruning_order"),
    ),
    "canonical": Algorithm(
        "DEAP's eaSimple on one pair: training and pruning as its mutation",
        _canonical,
        _everyone,
        ("rate_decay",),
        stock=True,
        pairs=1,
        paper=PAPER_CANONICAL,
    ),
    "mu-plus-lambda": Algorithm(
        "DEAP's eaMuPlusLambda: the best of parents and children go on",
        _plus,
        _everyone,
        CHILDREN,
        stock=True,
        children=1,
    ),
    "mu-comma-lambda": Algorithm(
        "DEAP's eaMuCommaLambda: the best of the children go on",
        _comma,
        _everyone,
        CHILDREN,
        stock=True,
        children=2,
        overlaps=False,
    ),
    "nsga2": Algorithm(
        "DEAP's eaMuPlusLambda with selNSGA2: a Pareto front of loss and weights kept",
        _plus,
        _everyone,
        CHILDREN,
        stock=True,
        select=tools.selNSGA2,
        children=1,
        fitness=MinimizeLossAndSize,
    ),
}
