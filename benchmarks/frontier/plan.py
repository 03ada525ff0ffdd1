"""What a frontier will run: every method at every size on every data set, with as much training for each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from warnings import warn

from evoprune.benchmarks.frontier.budget import generations_of, steps_at_end, steps_of, total_of
from evoprune.benchmarks.frontier.data_sets import DATA_SETS
from evoprune.benchmarks.frontier.points import Point, point_of
from evoprune.benchmarks.pruning.methods import METHODS
from evoprune.benchmarks.pruning.presets import layers_of
from evoprune.benchmarks.pruning.settings import Settings, make_settings
from evoprune.benchmarks.sweeps.plan import PER_RUN, Plan, make_plan
from evoprune.checks import MOST, at_least, lookup, shown

BUDGET = 40_000
"""Gradient steps of a run: what the default problem needs for 200 epochs of one network."""
TRIALS = 5
DATA = "binary-clustering"
BASELINE, RECIPE = "agp", "frontier"
"""The method that all others are compared with, and the best that was found."""

ALONE: dict[str, Any] = {"algorithm": "canonical", "cells": 1}
"""How a method runs that says nothing of a grid: one network, from one start."""
GRID = ("algorithm", "cells", "radius")
"""The settings by which a method says that it is about several networks."""
DECIDED = {
    **{"generations": "the budget", "target_preserved": "sizes", "target_macs": "sizes", "amount": "sizes"},
    **{"operator": "the method", "initial": "the method", "benchmark": "data", "task": "data", "data": "data"},
}
"""Settings that nobody gives a frontier, and what decides them."""


class TooSmall(ValueError):
    """A budget that does not reach for what a method needs."""


def plan_for(
    methods: Sequence[str] = (),
    data: Sequence[str] = (),
    sizes: Sequence[float] = (),
    budget: int = BUDGET,
    trials: int = TRIALS,
    seed: int = 0,
    shard: str = "1/1",
    given: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of a frontier: a variant a data set, method and size.

    :param methods: names of presets; by default those of :data:`evoprune.benchmarks.pruning.methods.METHODS` that the
        budget reaches for, and a warning names the others.
    :param data: names of :data:`DATA_SETS`; binary clustering by default.
    :param sizes: shares of the weights to keep; those of each data set by default.
    :param budget: gradient steps of a run, all its networks together.
    :param shard: ``"i/n"``.
    :param given: settings of all runs, over those of the methods and of the data.
    :raises ValueError: for unknown names, sizes outside of (0, 1] or twice there, a setting that is decided otherwise,
        and a budget that does not reach for what a method needs that was named, or for any.
    """
    at_least("budget", budget, 1, whole=True, most=MOST)
    given = dict(given or {})
    for name in given:
        if name in DECIDED:
            raise ValueError(f"{name} {shown(given[name])} cannot be given to a frontier: {DECIDED[name]} says it")
    for size in sizes:
        if not 0 < size <= 1:
            raise ValueError(f"sizes must be shares of the weights in (0, 1], got {shown(size)}")
    variants: dict[str, dict[str, Any]] = {}
    left_out: list[TooSmall] = []
    for name in data or [DATA]:
        for method in methods or METHODS:
            try:
                points = list(_points(name, method, sizes, budget, given))
            except TooSmall as error:
                if methods:
                    raise
                left_out.append(error)
                continue
            for point, settings in points:
                if point.name in variants:
                    raise ValueError(f"two variants are called {point.name!r}: name each once")
                variants[point.name] = {key: value for key, value in settings.as_dict().items() if key not in PER_RUN}
    if not variants:
        raise left_out[0]
    for why in left_out:
        warn(f"a method is left out: {why}", stacklevel=2)
    return replace(make_plan(trials=trials, seed=seed, shard=shard), variants=variants)


def grown(plan: Plan, there: Plan, budget: int, directory: Path) -> Plan:
    """The plan together with the variants and the trials of a study that is there already.

    :raises ValueError: where that is no frontier, or one of another budget.
    """
    for variant, values in there.variants.items():
        if point_of(variant) is None:
            raise ValueError(f"{directory} holds another study: its variant {variant} is none of a frontier")
        settings = Settings.stored(values)
        if settings.generations != generations_of(budget, settings):
            raise ValueError(
                f"{directory} holds a frontier of another budget: {variant} takes {total_of(settings)} updates, which "
                f"is not what --budget {budget} comes to"
            )
    return replace(plan, variants=there.variants | plan.variants, trials=max(plan.trials, there.trials))


def _points(
    data: str, method: str, sizes: Sequence[float], budget: int, given: Mapping[str, Any]
) -> Iterator[tuple[Point, Settings]]:
    known = lookup("data set", data, DATA_SETS)
    own = layers_of(method)
    alone = {} if any(name in layer for layer in own for name in GRID) else ALONE
    layers = [alone, *own, known.settings, {"compare": False}, given]
    draft = make_settings(*layers)
    generations = generations_of(budget, draft)
    if not generations:
        end = f", and its end {steps_at_end(draft)}" if steps_at_end(draft) else ""
        needs = f"a generation takes {steps_of(draft)} updates{end}"
        raise TooSmall(f"budget {budget} is too small for {method} on {data}: {needs}")
    for size in (sizes or known.sizes) if draft.prunes else (1.0,):
        goal = {"target_preserved": size} if draft.prunes else {}
        try:
            yield Point(data, method, size), make_settings(*layers, goal, {"generations": generations})
        except ValueError as error:
            where = f"budget {budget}, which is generations {generations} of {method} on {data}, size {size:g}"
            raise TooSmall(f"{where}: {error}") from error
