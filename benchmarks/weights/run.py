"""One run of ``evoprune weights``, from settings to a run directory."""

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from deap import tools

from evoprune._version import __version__
from evoprune.benchmarks.runs.progress import progress_bar
from evoprune.benchmarks.weights.genetic import (
    Candidate,
    candidate,
    first_population,
    generation,
    make_toolbox,
    next_population,
    rmse,
)
from evoprune.benchmarks.weights.measures import measure, references
from evoprune.benchmarks.weights.settings import METHODS, WeightsSettings
from evoprune.engines import Engine
from evoprune.genome import similar
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

EXPERIMENT = "weights"


@dataclass
class Run:
    """A run in progress or ended: what a checkpoint holds."""

    settings: WeightsSettings
    population: list[Candidate]
    best: tools.HallOfFame = field(default_factory=lambda: tools.HallOfFame(1, similar=similar))
    generation: int = -1  # -1: the first population has not been recorded yet
    log: tools.Logbook = field(default_factory=tools.Logbook)
    seconds: float = 0.0
    compared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def evolved(self) -> bool:
        """True when all generations are done."""
        return self.generation >= self.settings.total_generations

    @property
    def layer(self) -> int:
        """The layer that the present generation trains, from 1; 0 where all are trained at once."""
        settings = self.settings
        return max(self.generation - 1, 0) // settings.generations + 1 if settings.layerwise else 0


@dataclass(frozen=True)
class Result:
    """What a run gave: the summary, the table and the best network, which ``model.pt`` holds."""

    settings: WeightsSettings
    summary: dict[str, Any]
    log: pd.DataFrame
    model: Candidate
    directory: Path | None


def start(
    settings: WeightsSettings,
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
    :param engine: where individuals are refined and evaluated; in this process by default. The result is the same.
    :param plots: also draw the plots, which takes about a second.
    :raises ValueError: for data, settings, a directory or an engine that do not fit, before any work.
    """
    settings.check_data()
    _check_engine(settings, engine)
    place = None if directory is None else open_directory(directory, force)
    if place is not None:
        write_json(place / "settings.json", {"experiment": EXPERIMENT, **settings.as_dict()})
    return _carry_on(Run(settings, first_population(settings)), place, bar, engine, plots)


def resume(directory: str | Path, bar: bool = False, engine: Engine | None = None, plots: bool = True) -> Result:
    """Continue an interrupted run from its last checkpoint, to the same result to the bit.

    :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
    """
    place = Path(directory)
    run = load_run(place)
    run.settings.check_data()
    _check_engine(run.settings, engine)
    return _carry_on(run, place, bar, engine, plots)


def load_run(directory: str | Path) -> Run:
    """The run that the checkpoint in a run directory holds."""
    path = Path(directory) / "checkpoint.pt"
    state = load_checkpoint(path)
    try:
        settings = WeightsSettings(**state["settings"])
        run = Run(settings, [], generation=state["generation"], seconds=state["seconds"], compared=state["compared"])
        run.population = [_restored(settings, run.layer, stored) for stored in state["population"]]
        run.best.update([_restored(settings, run.layer, state["best"])])
        run.log.extend(state["log"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the checkpoint does not fit this version of evoprune: {error}") from error
    return run


def load_model(path: str | Path) -> Candidate:
    """The tied autoencoder that a run left in ``model.pt``, with its masks.

    :raises ValueError: for a file that is missing, damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no model here")
    try:
        stored = torch.load(path, weights_only=True, map_location="cpu")
        pair = candidate(stored["widths"], stored["settings"]["activation"], stored["settings"]["output_activation"])
        pair.network.load_state_dict(stored["weights"])
        for name, mask in stored["masks"].items():
            pair.encoder.prune(name, mask)
    except Exception as error:
        raise ValueError(f"{path}: damaged or not a model of evoprune ({type(error).__name__}: {error})") from error
    return pair


def checkpoint(run: Run, directory: Path) -> None:
    """Write the run's table and its checkpoint; the checkpoint last, so that it never runs ahead of the table."""
    write_csv(directory / "log.csv", frame(run.log))
    save_checkpoint(
        directory / "checkpoint.pt",
        {
            "experiment": EXPERIMENT,
            "settings": run.settings.as_dict(),
            "generation": run.generation,
            "population": [_state(pair) for pair in run.population],
            "best": _state(run.best[0]),
            "log": list(run.log),
            "seconds": run.seconds,
            "compared": run.compared,
        },
    )


def _state(pair: Any) -> dict[str, Any]:
    return {"genome": pair.encoder.state(), "born": pair.born, "fitness": list(pair.fitness.values)}


def _restored(settings: WeightsSettings, layer: int, stored: Mapping[str, Any]) -> Candidate:
    widths = settings.widths[: layer + 1] if settings.layerwise else settings.widths
    frozen = layer - 1 if settings.layerwise else 0
    pair = candidate(widths, settings.activation, settings.output_activation, frozen)
    pair.encoder.load_state(stored["genome"])
    pair.born = stored["born"]
    pair.fitness.values = stored["fitness"]
    return pair


def _check_engine(settings: WeightsSettings, engine: Engine | None) -> None:
    if engine is not None and engine.name != "serial" and not settings.parallel:
        raise ValueError(
            f"the {engine.name} engine has nothing to share out: method {settings.method} trains one network; "
            "use the serial engine"
        )


def _carry_on(run: Run, place: Path | None, bar: bool, engine: Engine | None, plots: bool) -> Result:
    settings = run.settings
    _train(run, place, progress_bar(settings.total_generations, run.generation, settings.method, bar), engine)
    for method in METHODS if settings.compare else ():
        if method != settings.method and method not in run.compared:
            other = dataclasses.replace(settings, method=method)
            twin = Run(other, first_population(other))
            _train(
                twin, None, progress_bar(other.total_generations, -1, method, bar), engine if other.parallel else None
            )
            run.compared[method] = measure(twin.best[0], other)
            if place is not None:
                checkpoint(run, place)
    return _finish(run, place, plots)


def _train(run: Run, place: Path | None, bar: Any, engine: Engine | None) -> None:
    """Run the generations that are left, with a row for each and a checkpoint now and then and on Ctrl-C."""
    settings = run.settings
    toolbox = make_toolbox(settings) if engine is None else make_toolbox(settings, engine.map)
    clock = time.perf_counter()
    with bar, Deferred() as interrupt:
        if run.generation < 0:
            run.generation = 0
            run.best.update(run.population)
            _record(run, 0)
        while not run.evolved:
            before, run.generation = run.layer, run.generation + 1
            if run.layer != before:
                run.population = next_population(settings, run.best[0])
                run.best.clear()
            run.population = generation(settings, run.population, toolbox, run.generation)
            run.best.update(run.population)
            _record(run, settings.steps)
            now = time.perf_counter()
            run.seconds, clock = run.seconds + now - clock, now
            bar.set_postfix_str(f"RMSE {run.log[-1]['rmse']:.4f}", refresh=False)
            bar.update(1)
            due = run.generation % settings.checkpoint_every == 0 or run.evolved
            if place is not None and (due or interrupt.requested):
                checkpoint(run, place)
            interrupt.stop_if_requested()


def _record(run: Run, steps: int) -> None:
    """A row of the log; RMSEs on the training data."""
    population, best = run.population, run.best[0]
    survivors = population[: run.settings.survivors if run.settings.method == "genetic" else 1]
    run.log.record(
        gen=run.generation,
        layer=run.layer,
        rmse=rmse(best, run.settings.training),
        rmse_survivors=sum(_rmse(pair) for pair in survivors) / len(survivors),
        newcomers=sum(pair.born == run.generation - 1 and run.generation > 1 for pair in survivors),
        preserved=best.preserved,
        updates=(int(run.log[-1]["updates"]) if len(run.log) else 0) + steps,
    )


def _rmse(pair: Candidate) -> float:
    """The RMSE that the fitness tells, NaN where it is not finite."""
    return math.nan if pair.fitness.nonfinite else 1 / pair.fitness.values[0]


def _finish(run: Run, place: Path | None, plots: bool) -> Result:
    """The final figures, the model and the plots."""
    settings, model, log = run.settings, run.best[0], frame(run.log)
    summary = {
        "experiment": EXPERIMENT,
        **{name: getattr(settings, name) for name in ("method", "activation", "benchmark", "seed")},
        "layers": "-".join(map(str, settings.widths)),
        "generations": settings.total_generations,
        "population": len(run.population),
        "learning_rate": settings.rate,
        "updates": int(run.log[-1]["updates"]),
        **measure(model, settings),
        **references(settings),
        "compared": run.compared or None,
        "seconds": run.seconds,
        "version": __version__,
    }
    if place is not None:
        checkpoint(run, place)
        stored = {"weights": model.encoder.state()["weights"], "masks": model.encoder.state()["masks"]}
        about = {"experiment": EXPERIMENT, "settings": settings.as_dict(), "version": __version__}
        save_tensors(place / "model.pt", {**about, "widths": list(settings.widths), **stored})
        if plots:
            from evoprune.benchmarks.weights.plots import save_plots  # slow to import

            save_plots(place / "plots", log, model, settings.problem, summary)
        write_json(place / "summary.json", summary)  # last: where it is, the run has ended
    return Result(settings, summary, log, model, place)
