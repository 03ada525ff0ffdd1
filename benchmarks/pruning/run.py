"""One run from settings to a run directory: evolve, record, checkpoint, compare, plot."""

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from deap import tools

from evoprune._version import __version__
from evoprune.benchmarks.pruning.experiment import (
    Recorder,
    device_of,
    generations,
    initial_grid,
    make_toolbox,
)
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.snapshots import save_snapshot
from evoprune.benchmarks.pruning.summary import baselines, measure, summarize
from evoprune.benchmarks.runs.progress import progress_bar
from evoprune.engines import Engine
from evoprune.genome import Autoencoder, Decoder, Encoder
from evoprune.interrupts import Deferred
from evoprune.records import (
    frame,
    load_checkpoint,
    open_directory,
    save_checkpoint,
    save_tensors,
    write_csv,
    write_json,
)

KINDS = {"generation": int, "seconds": float, "log": list, "cells": list, "grid": list, "unpruned": dict | None}
"""What a checkpoint holds beside the settings."""


@dataclass
class Run:
    """A run in progress or ended: what a checkpoint holds."""

    settings: Settings
    grid: list[Autoencoder]
    generation: int = -1  # -1: the initial grid has not been evaluated yet
    log: tools.Logbook = field(default_factory=tools.Logbook)
    cells: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    unpruned: dict[str, Any] | None = None

    @property
    def ended(self) -> bool:
        """True when all generations are done, and the comparison where one was asked for."""
        return self.evolved and (self.unpruned is not None or not _compares(self.settings))

    @property
    def evolved(self) -> bool:
        """True when all generations are done."""
        return self.generation >= self.settings.generations

    @property
    def updates(self) -> int:
        """Gradient steps so far."""
        return int(self.log[-1]["updates"]) if len(self.log) else 0


@dataclass(frozen=True)
class Result:
    """What a run gave: the summary, the tables, the pairs of the grid and the one that ``model.pt`` holds."""

    settings: Settings
    summary: dict[str, Any]
    log: pd.DataFrame
    cells: pd.DataFrame
    grid: list[Autoencoder]
    model: Autoencoder
    directory: Path | None


def start(
    settings: Settings,
    directory: str | Path | None = None,
    force: bool = False,
    bar: bool = False,
    engine: Engine | None = None,
    plots: bool = True,
) -> Result:
    """Run an experiment.

    :param directory: where to leave the run directory; None keeps everything in memory.
    :param force: replace another run in that directory.
    :param bar: show a progress bar.
    :param engine: where the cells of a generation are computed; in this process by default. The result is the same.
    :param plots: also draw the plots, which takes about a second.
    :raises ValueError: for data, settings, a directory or an engine that do not fit, before any work.
    """
    settings.check_data()
    device_of(settings.device)
    _check_engine(settings, engine)
    place = None if directory is None else open_directory(directory, force)
    if place is not None:
        write_json(place / "settings.json", settings.as_dict())
    return _carry_on(Run(settings, initial_grid(settings)), place, bar, engine, plots)


def resume(directory: str | Path, bar: bool = False, engine: Engine | None = None) -> Result:
    """Continue an interrupted run from its last checkpoint, to the same result to the bit.

    :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
    """
    place = Path(directory)
    run = load_run(place)
    run.settings.check_data()
    _check_engine(run.settings, engine)
    if run.generation < 1:  # the algorithms go on after a generation, or begin
        run = Run(run.settings, initial_grid(run.settings))
    return _carry_on(run, place, bar, engine)


def load_run(directory: str | Path) -> Run:
    """The run that the checkpoint in a run directory holds."""
    path = Path(directory) / "checkpoint.pt"
    state = load_checkpoint(path)
    try:
        for name, kind in KINDS.items():
            if not isinstance(state[name], kind):
                raise TypeError(f"{name} is {state[name]!r}")
        settings = Settings.stored(state["settings"])
        grid = initial_grid(settings)
        if len(grid) != len(state["grid"]):
            raise ValueError(f"it has {len(state['grid'])} pairs for {len(grid)} cells")
        for pair, stored in zip(grid, state["grid"], strict=True):
            pair.encoder.load_state(stored["encoder"])
            pair.decoder.load_state(stored["decoder"])
            pair.learning_rate = stored["learning_rate"]
            if stored["fitness"]:
                pair.fitness.values = stored["fitness"]
        log = tools.Logbook()
        log.extend(state["log"])
        run = Run(settings, grid, state["generation"], log, state["cells"], state["seconds"], state["unpruned"])
        run.updates  # noqa: B018  rows of something else
        return run
    except Exception as error:  # whatever a foreign file makes it stumble over
        raise ValueError(f"{path}: the checkpoint does not fit this version of evoprune: {error}") from error


def checkpoint(run: Run, directory: Path) -> None:
    """Write the run's tables and its checkpoint; the checkpoint last, so that it never runs ahead of them."""
    write_csv(directory / "log.csv", frame(run.log))
    write_csv(directory / "cells.csv", pd.DataFrame(run.cells))
    save_checkpoint(
        directory / "checkpoint.pt",
        {
            "settings": run.settings.as_dict(),
            "generation": run.generation,
            "grid": [
                {
                    "encoder": pair.encoder.state(),
                    "decoder": pair.decoder.state(),
                    "learning_rate": pair.learning_rate,
                    "fitness": list(pair.fitness.values),
                }
                for pair in run.grid
            ],
            "log": list(run.log),
            "cells": run.cells,
            "seconds": run.seconds,
            "unpruned": run.unpruned,
        },
    )


def load_model(path: str | Path) -> Autoencoder:
    """The autoencoder that a run left in ``model.pt``, with its masks.

    :raises ValueError: for a file that is missing, damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no model here")
    try:
        stored = torch.load(path, weights_only=True, map_location="cpu")
        settings = Settings.stored(stored["settings"])
        pair = Autoencoder([part(module) for part, module in zip((Encoder, Decoder), _build(settings), strict=True)])
        for name, genome in (("encoder", pair.encoder), ("decoder", pair.decoder)):
            genome.module.load_state_dict(stored[name])
            for parameter, mask in stored["masks"][name].items():
                genome.prune(parameter, mask)
    except Exception as error:
        raise ValueError(f"{path}: damaged or not a model of evoprune ({type(error).__name__}: {error})") from error
    return pair


def _build(settings: Settings) -> tuple[Any, Any]:
    return settings.architecture.build(settings.problem.inputs)


def _compares(settings: Settings) -> bool:
    return settings.compare and settings.operator != "none"


def _check_engine(settings: Settings, engine: Engine | None) -> None:
    if engine is not None and engine.name != "serial" and not settings.parallel:
        raise ValueError(
            f"the {engine.name} engine has nothing to share out: algorithm {settings.algorithm} with a "
            f"{settings.update_order} update goes step by step; use the serial engine"
        )


def _carry_on(run: Run, place: Path | None, bar: bool, engine: Engine | None, plots: bool = True) -> Result:
    settings = run.settings
    _evolve(run, place, progress_bar(settings.generations, run.generation, settings.operator, bar), engine)
    if not run.ended:
        unpruned = dataclasses.replace(settings, operator="none")
        twin = Run(unpruned, initial_grid(unpruned))
        _evolve(twin, None, progress_bar(settings.generations, -1, "unpruned", bar), engine)
        run.unpruned = measure(twin.grid, unpruned)[0]
    return _finish(run, place, plots)


def _evolve(run: Run, place: Path | None, bar: Any, engine: Engine | None) -> None:
    """Run the generations that are left, with a row for each and a checkpoint now and then and on Ctrl-C."""
    probability = run.settings.scheduled
    if run.generation >= 0:
        probability.seek(run.generation)
    recorder = Recorder(run.settings, probability, run.updates)
    toolbox = make_toolbox(run.settings, probability)
    if engine is not None:
        toolbox.register("map", engine.map)
    clock = time.perf_counter()
    with bar, Deferred() as interrupt:
        for generation in generations(run.settings, run.grid, toolbox, max(run.generation, 0)):
            row, cells = recorder.rows(generation, run.grid)
            run.log.record(**row)
            run.cells.extend(cells)
            run.generation = generation.number
            now = time.perf_counter()
            run.seconds, clock = run.seconds + now - clock, now
            bar.set_postfix_str(f"loss {row['loss']:.4f}, {row['preserved']:.0%} kept", refresh=False)
            bar.update(1 if generation.number else 0)
            due = run.generation % run.settings.checkpoint_every == 0 or run.evolved
            if place is not None and _snapshot_due(run):
                save_snapshot(place, run.generation, run.grid)
            if place is not None and (due or interrupt.requested):
                checkpoint(run, place)
            interrupt.stop_if_requested()


def _snapshot_due(run: Run) -> bool:
    every = run.settings.snapshots
    return every > 0 and (run.generation % every == 0 or run.evolved)


def _finish(run: Run, place: Path | None, plots: bool) -> Result:
    """The final figures, the model and the plots."""
    settings = run.settings
    metrics, best = measure(run.grid, settings)
    # The paper's code keeps cell 0, whatever the cells are worth.
    kept = 0 if settings.semantics == "reference" else best
    summary = summarize(settings, metrics, run.updates, run.seconds, run.unpruned) | {"model_cell": kept}
    model, log, cells = run.grid[kept], frame(run.log), pd.DataFrame(run.cells)
    if place is not None:
        checkpoint(run, place)
        save_tensors(place / "model.pt", _export(model, settings))
        if plots:
            from evoprune.benchmarks.plots import save_plots  # slow to import

            problem = settings.problem
            save_plots(place / "plots", log, cells, model, problem, summary, baselines(summary, problem))
        write_json(place / "summary.json", summary)  # last: where it is, the run has ended
    return Result(settings, summary, log, cells, run.grid, model, place)


def _export(pair: Autoencoder, settings: Settings) -> dict[str, Any]:
    return {
        "encoder": pair.encoder.state()["weights"],
        "decoder": pair.decoder.state()["weights"],
        "masks": {"encoder": pair.encoder.state()["masks"], "decoder": pair.decoder.state()["masks"]},
        "settings": settings.as_dict(),
        "version": __version__,
    }
