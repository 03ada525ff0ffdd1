"""A run of the main experiment: evolve and prune a grid of networks, then compare it with the same without pruning."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.pruning.ablation import ablated, trained_again
from evoprune.benchmarks.pruning.choices import GROUPS, UNPRUNED
from evoprune.benchmarks.pruning.effects import without_effect
from evoprune.benchmarks.pruning.experiment import device_of, generations, make_toolbox, training_of
from evoprune.benchmarks.pruning.measured import example_of
from evoprune.benchmarks.pruning.networks import first_individual, initial_grid
from evoprune.benchmarks.pruning.parts import problem_options
from evoprune.benchmarks.pruning.polish import check_polish, polish_best
from evoprune.benchmarks.pruning.presets import layers_of
from evoprune.benchmarks.pruning.providers import adaptive_of
from evoprune.benchmarks.pruning.recorder import Recorder, columns
from evoprune.benchmarks.pruning.settings import Settings, make_settings
from evoprune.benchmarks.pruning.snapshots import empty_individual, name_of, part_names, save_snapshot
from evoprune.benchmarks.pruning.summary import baselines, check_figures, measure, summarize, table
from evoprune.benchmarks.pruning.upgrade import OLD
from evoprune.benchmarks.pruning.worth import worth
from evoprune.checks import shown
from evoprune.cutting import expanded
from evoprune.engines import Engine
from evoprune.folders import Folder
from evoprune.individuals import Network
from evoprune.plugins import label
from evoprune.runs.experiment import DEFAULT, Experiment, Map
from evoprune.runs.kernels import Trained
from evoprune.runs.state import RunResult, RunState
from evoprune.runs.stored import (
    Columns,
    check_any_finite,
    check_fitness,
    check_kinds,
    check_rows,
    check_tensors,
    load_genome,
)
from evoprune.state import is_plain
from evoprune.training import train_epoch
from evoprune.training.optimizers import OPTIMIZERS

STORED = ("fitness", "learning_rate", "seed")
"""Of an individual, what has a place of its own in a checkpoint, or none."""


@dataclass
class PruningState(RunState):
    """A run of pruning: its grid, a row a cell and generation, and the metrics of its twin without pruning."""

    settings: Settings
    grid: list[Any]
    cells: list[dict[str, Any]] = field(default_factory=list)
    unpruned: dict[str, Any] | None = None
    adaptive: dict[str, Any] | None = None
    """What the run has learnt of its operators, where it chooses between several."""

    @property
    def label(self) -> str:
        names = [name for name in (self.settings.operator, self.settings.initial) if name != "none"]
        return str(label(names[0])) if names else "unpruned"

    @property
    def updates(self) -> int:
        """Gradient steps so far."""
        return int(self.log[-1]["updates"]) if self.log else 0


@dataclass(frozen=True)
class Result(RunResult):
    """What a run gave: also the cells' table and the networks of the grid, of which ``model`` is one."""

    settings: Settings
    cells: pd.DataFrame
    grid: list[Any]


class Pruning(Experiment[Settings, PruningState, Result, Any]):
    """The main experiment."""

    name = DEFAULT
    line = "evolve and prune networks: autoencoders, or for classes and values"
    description = (
        "Run an experiment, without arguments the default one, and leave a run directory. Presets, then settings "
        "files, then options decide."
    )
    settings = Settings
    groups = GROUPS
    old_names = tuple(OLD)
    presets = staticmethod(layers_of)
    titles = ("algorithm", "operator", "benchmark", "seed")
    why_serial = "algorithm {algorithm} with a {update_order} update goes step by step"
    make_settings = staticmethod(make_settings)
    stored_settings = staticmethod(Settings.stored)
    flags = staticmethod(problem_options)
    remarks = staticmethod(without_effect)
    table = staticmethod(table)

    def code(self, settings: Settings) -> Mapping[str, Mapping[str, str]]:
        return settings.code

    def check(self, settings: Settings, engine: Engine | None = None) -> None:
        super().check(settings, engine)
        device_of(settings.device)
        if settings.polish:
            check_polish(settings, first_individual(settings))

    def columns(self, settings: Settings) -> Columns:
        return columns(settings)[0]

    def trained(self, settings: Settings) -> Trained:
        device, opponents = device_of(settings.device), settings.opponents == "random"
        return Trained(first_individual(settings), settings.loss, settings.optimizer, device, opponents)

    def begin(self, settings: Settings) -> PruningState:
        if settings.ablation == "none":
            return PruningState(settings, initial_grid(settings))
        found = self.begin(dataclasses.replace(settings, ablation="none"))
        for _ in self.generations(found, map, None):
            pass
        return PruningState(settings, ablated(settings, list(map(expanded, found.grid))))

    def generations(self, state: PruningState, map_: Map, place: Folder | None) -> Iterator[str]:
        settings, probability = trained_again(state.settings), state.settings.scheduled
        if state.generation >= 0:
            probability.seek(state.generation)
        adaptive = adaptive_of(settings, probability)
        if adaptive is not None and state.adaptive is not None:
            adaptive.load_state(state.adaptive)
        recorder = Recorder(settings, probability, state.kernel, state.updates, adaptive)
        toolbox = make_toolbox(settings, probability, state.kernel, adaptive)
        toolbox.register("map", map_)
        for generation in generations(settings, state.grid, toolbox, max(state.generation, 0)):
            if generation.number == settings.generations and settings.polish:
                train = partial(train_epoch, **training_of(settings, state.kernel))
                recorder.count(polish_best(state.grid, settings, train))
            row, cells = recorder.rows(generation, state.grid)
            state.log.append(row)
            state.cells.extend(cells)
            state.generation = generation.number
            state.adaptive = None if adaptive is None else adaptive.state()
            if place is not None and saved(state.generation, settings):
                save_snapshot(place, state.generation, list(map(expanded, state.grid)))
            yield f"loss {row['loss']:.4f}, {row['preserved']:.0%} kept"

    def tables(self, state: PruningState) -> dict[str, pd.DataFrame]:
        return super().tables(state) | {"cells.csv": pd.DataFrame(state.cells)}

    def stored(self, state: PruningState) -> dict[str, Any]:
        grid = [
            {part: genome.state() for part, genome in zip(one.names, one, strict=True)}
            | {"learning_rate": one.learning_rate, "fitness": list(one.fitness.values), "own": own_values(one)}
            for one in state.grid
        ]
        return {"grid": grid, "cells": state.cells, "unpruned": state.unpruned, "adaptive": state.adaptive}

    def restored(self, settings: Settings, stored: Mapping[str, Any], **common: Any) -> PruningState:
        check_kinds(stored, {"grid": list, "cells": list, "unpruned": dict | None})
        if len(stored["grid"]) != settings.cells:  # before so many are made
            raise ValueError(f"grid must have {settings.cells} networks, got {len(stored['grid'])}")
        check_rows("cells", stored["cells"], columns(settings)[1], (common["generation"] + 1) * settings.cells)
        if [(row["gen"], row["cell"]) for row in stored["cells"]] != [
            (row["gen"], cell) for row in common["log"] for cell in range(settings.cells)
        ]:
            raise ValueError("cells must have every cell of every generation in order")
        check_figures(settings.problem, stored["unpruned"])
        if common["generation"] < 1:  # the algorithms go on after a generation, or begin
            return self.begin(settings)
        check_kinds({"adaptive": None, **stored}, {"adaptive": dict | None})
        grid = [first_individual(settings, cell) for cell in range(settings.cells)]
        state = PruningState(settings, grid, stored["cells"], stored["unpruned"], stored.get("adaptive"), **common)
        for number, (one, kept) in enumerate(zip(state.grid, stored["grid"], strict=True)):
            try:
                _restore(one, kept, OPTIMIZERS[settings.optimizer].moments)
            except ValueError as error:
                raise ValueError(f"grid, cell {number}: {error}") from error
        check_any_finite([genome.module for genome in one] for one in state.grid)
        return state

    def twins(self, state: PruningState) -> Iterator[PruningState]:
        settings = state.settings
        if settings.compare and settings.prunes and state.unpruned is None:
            yield (twin := self.begin(dataclasses.replace(settings, **UNPRUNED, ablation="none", polish=0)))
            state.unpruned = measure(twin.grid, twin.settings)[0]

    def finish(self, state: PruningState, directory: Path | None, map_: Map) -> Result:
        settings = state.settings
        grid = list(map(expanded, state.grid))
        metrics, best = measure(grid, settings)
        # The paper's code keeps cell 0, whatever the cells are worth.
        kept = 0 if settings.semantics == "reference" else best
        summary = summarize(settings, metrics, state.updates, state.seconds, state.unpruned)
        summary |= {"model_cell": kept, "cost": worth(grid[kept], example_of(settings.problem))}
        log, cells = self.tables(state).values()
        return Result(settings, summary, log, grid[kept], directory, cells, grid)

    def model(self, stored: dict[str, Any]) -> Network:
        settings = self._settings(stored["settings"])
        check_kinds(stored, {"masks": dict} | dict.fromkeys(part_names(settings), dict))
        network = empty_individual(settings, stored)
        for part, genome in zip(network.names, network, strict=True):
            check_tensors(part, stored[part], genome.module.state_dict())
            check_tensors(f"masks, {part}", stored["masks"].get(part), genome.masks)
            genome.module.load_state_dict(stored[part])
            for parameter, mask in stored["masks"][part].items():
                genome.prune(parameter, mask)
        return network

    def leaves(self, settings: Settings) -> Iterator[str]:
        from evoprune.benchmarks.plots.save import PLOTS  # slow to import

        yield "cells.csv"
        yield from (f"plots/{name}.png" for name in PLOTS)
        numbers = range(0, settings.generations + 1, max(settings.snapshots, 1))
        yield from (name_of(n) for n in (*numbers, settings.generations) if saved(n, settings))

    def plot(self, result: Result, place: Folder) -> None:
        from evoprune.benchmarks.plots import save_plots  # slow to import

        summary, problem = result.summary, result.settings.problem
        lines = baselines(summary, problem)
        save_plots(place, result.log, result.cells, result.model, problem, summary, lines)


def _restore(network: Network, kept: Any, moments: int) -> None:
    """Take over what a checkpoint holds of a network.

    :raises ValueError: naming what does not fit.
    """
    check_kinds(kept, dict.fromkeys(network.names, dict) | {"learning_rate": float | None, "fitness": list})
    rate = kept["learning_rate"]
    if (rate is None) != (network.learning_rate is None) or not (rate is None or 0 < rate < math.inf):
        expected = "none" if network.learning_rate is None else "a finite number above 0"
        raise ValueError(f"learning_rate must be {expected}, got {rate!r}")
    own = kept.get("own", {})  # version 0.1 has none
    check_kinds({"own": own}, {"own": dict})
    _check_own(network, own)
    check_fitness(network, kept["fitness"])
    for part, genome in zip(network.names, network, strict=True):
        try:
            load_genome(genome, kept[part], moments)
        except ValueError as error:
            raise ValueError(f"{part}: {error}") from error
    vars(network).update(own)
    network.learning_rate = rate
    if kept["fitness"]:
        network.fitness.values = kept["fitness"]


def own_values(one: Network) -> dict[str, Any]:
    """What an individual carries beside its parts: its cell, its last loss, what an operator notes on it."""
    return {name: value for name, value in vars(one).items() if name not in STORED and is_plain(value)}


def _check_own(network: Network, own: dict[str, Any]) -> None:
    """See that stored values are those that :func:`own_values` gives.

    :raises ValueError: naming what is none.
    """
    check_kinds({**dict.fromkeys(("cell", "train_loss")), **own}, {"cell": int | None, "train_loss": float | None})
    taken = {*dir(type(network)), *STORED}.difference(("cell", "train_loss"))
    if strange := [name for name in own if not isinstance(name, str) or name in taken]:
        raise ValueError(f"own must be what was noted on a network, got {shown(strange[0])}")


def saved(generation: int, settings: Settings) -> bool:
    """Whether a generation leaves a snapshot."""
    every = settings.snapshots
    return every > 0 and (generation % every == 0 or generation == settings.generations)


PRUNING = Pruning()
start, resume, load_run, load_model = PRUNING.start, PRUNING.resume, PRUNING.load, PRUNING.load_model
