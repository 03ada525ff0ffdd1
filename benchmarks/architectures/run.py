"""One architecture search from settings to a run directory: search, train the best in full, compare, plot."""

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from evoprune._version import __version__
from evoprune.architecture import parse_architecture
from evoprune.benchmarks.architectures.search import Search, fitness, generations
from evoprune.benchmarks.architectures.settings import ArchitectureSettings
from evoprune.benchmarks.architectures.training import Weights, constant_loss, restore, train_in_full
from evoprune.benchmarks.runs.progress import progress_bar
from evoprune.engines import Engine
from evoprune.evaluation import evaluate
from evoprune.genome import Autoencoder
from evoprune.interrupts import Deferred
from evoprune.records import load_checkpoint, open_directory, save_checkpoint, save_tensors, write_csv, write_json

EXPERIMENT = "architectures"


@dataclass(frozen=True)
class Result:
    """What a search gave: the summary, the log, every architecture that was trained, and the best one, trained."""

    settings: ArchitectureSettings
    summary: dict[str, Any]
    log: pd.DataFrame
    networks: pd.DataFrame
    model: Autoencoder
    directory: Path | None


def start(
    settings: ArchitectureSettings,
    directory: str | Path | None = None,
    force: bool = False,
    bar: bool = False,
    engine: Engine | None = None,
    plots: bool = True,
) -> Result:
    """Search for an architecture.

    :param directory: where to leave the run directory; None keeps everything in memory.
    :param force: replace another run in that directory.
    :param bar: show a progress bar.
    :param engine: where the networks of a generation are trained; in this process by default. The result is the same.
    :param plots: also draw the plots, which takes about a second.
    :raises ValueError: for data, constraints or a directory that do not fit, before any work.
    """
    settings.check_data()
    place = None if directory is None else open_directory(directory, force)
    if place is not None:
        write_json(place / "settings.json", {"experiment": EXPERIMENT, **settings.as_dict()})
    return _carry_on(Search(settings), place, bar, engine, 0.0, plots)


def resume(directory: str | Path, bar: bool = False, engine: Engine | None = None) -> Result:
    """Continue an interrupted search from its last checkpoint, to the same result to the bit.

    :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
    """
    place = Path(directory)
    search, seconds = load_search(place)
    search.settings.check_data()
    return _carry_on(search, place, bar, engine, seconds)


def load_search(directory: str | Path) -> tuple[Search, float]:
    """The search that the checkpoint in a run directory holds, and the seconds that it took.

    :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
    """
    path = Path(directory) / "checkpoint.pt"
    state = load_checkpoint(path)
    try:
        settings = ArchitectureSettings(**state["settings"])
        population = [parse_architecture(text) for text in state["population"]]
        for individual in population:
            individual.fitness = fitness(state["trained"][individual.text], settings)
        fields = {name: state[name] for name in ("trained", "generation", "log", "weights", "exhausted")}
        return Search(settings, population, **fields), state["seconds"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the checkpoint does not fit this version of evoprune: {error}") from error


def load_model(path: str | Path) -> Autoencoder:
    """The autoencoder that a search left in ``model.pt``.

    :raises ValueError: for a file that is missing, damaged or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no model here")
    try:
        return restore(torch.load(path, weights_only=True, map_location="cpu"))
    except Exception as error:
        raise ValueError(f"{path}: damaged or not a found architecture ({type(error).__name__}: {error})") from error


def _carry_on(
    search: Search, place: Path | None, bar: bool, engine: Engine | None, seconds: float, plots: bool = True
) -> Result:
    """Run the generations that are left, then what comes after them."""
    settings, map_ = search.settings, Engine().map if engine is None else engine.map
    clock = time.perf_counter() - seconds
    with (
        progress_bar(settings.generations, search.generation, settings.method, bar) as progress,
        Deferred() as interrupt,
    ):
        for row in generations(search, map_):
            progress.set_postfix_str(f"loss {row['best_loss']:.5f}, {row['trained']} trained", refresh=False)
            progress.update(1 if row["gen"] else 0)
            if place is not None:
                _checkpoint(search, place, time.perf_counter() - clock)
            interrupt.stop_if_requested()
    found = [search]
    if settings.compare and settings.method == "genetic":
        found.append(_random_search(search, map_, bar))
    trained = map_(train_in_full, [one.best for one in found], [settings] * len(found))
    return _finish(search, found[1:], trained, place, clock, plots)


def _random_search(search: Search, map_: Any, bar: bool) -> Search:
    """A search at random that trains as many networks as this one, the same ones at the start."""
    settings = dataclasses.replace(search.settings, method="random", patience=0, generations=search.generation)
    twin = Search(settings)
    same = {text: entry for text, entry in search.trained.items() if not settings.inherit or entry["gen"] == 0}
    with progress_bar(settings.generations, -1, "random", bar) as progress:
        for row in generations(twin, map_, same):
            progress.set_postfix_str(f"loss {row['best_loss']:.5f}, {row['trained']} trained", refresh=False)
            progress.update(1 if row["gen"] else 0)
    return twin


def _checkpoint(search: Search, place: Path, seconds: float) -> None:
    """Write the tables and the checkpoint; the checkpoint last, so that it never runs ahead of them."""
    write_csv(place / "log.csv", pd.DataFrame(search.log))
    write_csv(place / "networks.csv", networks(search))
    save_checkpoint(
        place / "checkpoint.pt",
        {
            "settings": search.settings.as_dict(),
            "population": [individual.text for individual in search.population],
            **{name: getattr(search, name) for name in ("trained", "generation", "log", "weights", "exhausted")},
            "seconds": seconds,
        },
    )


def networks(search: Search) -> pd.DataFrame:
    """Every architecture that was trained, in that order, and whether it is on the Pareto front of loss and size."""
    rows = [
        {"gen": e["gen"], "architecture": t, **{k: e[k] for k in ("parameters", "loss")}}
        for t, e in search.trained.items()
    ]
    table = pd.DataFrame(rows)
    order = table.sort_values(["parameters", "loss"])
    before = order["loss"].cummin().shift(fill_value=float("inf"))
    return table.assign(front=(order["loss"] < before).reindex(table.index))


def _finish(
    search: Search,
    others: list[Search],
    trained: list[tuple[Weights, float]],
    place: Path | None,
    clock: float,
    plots: bool,
) -> Result:
    """The final figures, the model and the plots."""
    settings, problem = search.settings, search.settings.problem
    model, log, table = restore(trained[0][0]), pd.DataFrame(search.log), networks(search)
    summary = {
        "experiment": EXPERIMENT,
        **{name: getattr(settings, name) for name in ("method", "benchmark", "objectives", "loss", "seed", "code")},
        "generations": search.generation,
        "stopped_early": search.stopped_early,
        **_figures(search, *trained[0]),
        "trivial_loss": constant_loss(problem, settings.loss),
        "trivial_l1": constant_loss(problem, "l1"),
        "front": table[table["front"]]
        .sort_values("parameters")[["architecture", "parameters", "loss"]]
        .to_dict("records"),
        "random": _figures(others[0], *trained[1]) if others else None,
        "seconds": time.perf_counter() - clock,
        "version": __version__,
    }
    if place is not None:
        _checkpoint(search, place, summary["seconds"])
        write_csv(place / "networks.csv", table)
        extra = {"experiment": EXPERIMENT, "settings": settings.as_dict(), "version": __version__}
        masks = {
            name: genome.state()["masks"] for name, genome in (("encoder", model.encoder), ("decoder", model.decoder))
        }
        save_tensors(place / "model.pt", {**trained[0][0], "masks": masks, **extra})
        if plots:
            random = pd.DataFrame(others[0].log) if others else None
            from evoprune.benchmarks.architectures.plots import save_plots  # slow to import

            save_plots(place / "plots", log, random, table, model, settings)
        write_json(place / "summary.json", summary)  # last: where it is, the run has ended
    return Result(settings, summary, log, table, model, place)


def _figures(search: Search, stored: Weights, validation: float) -> dict[str, Any]:
    """What a search found. ``search_loss`` is its fitness; the other losses are of the network trained in full."""
    pair, problem, loss = restore(stored), search.settings.problem, search.settings.loss
    return {
        "architecture": stored["text"],
        "parameters": search.trained[stored["text"]]["parameters"],
        "trained": len(search.trained),
        "known_again": sum(row["known_again"] for row in search.log),
        "search_loss": search.trained[stored["text"]]["loss"],
        "validation_loss": validation,
        "test_loss": evaluate(pair, problem.test, loss)[0],
        "test_l1": evaluate(pair, problem.test, "l1")[0],
    }
