"""A run of ``evoprune architectures``: search, train the best in full, compare with a search at random."""

import dataclasses
import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune._version import __version__
from evoprune.architecture import parse_architecture
from evoprune.benchmarks.architectures.search import Search, fitness, generations
from evoprune.benchmarks.architectures.settings import ArchitectureSettings, make_settings
from evoprune.benchmarks.architectures.training import Weights, build, constant_loss, restore, train_in_full
from evoprune.checks import shown
from evoprune.evaluation import evaluate
from evoprune.fitness import WORST
from evoprune.folders import Folder
from evoprune.individuals import Autoencoder
from evoprune.operators.architecture import random_architecture
from evoprune.runs.experiment import PARTS, Experiment, Map
from evoprune.runs.kernels import Trained
from evoprune.runs.state import RunResult
from evoprune.runs.stored import check_any_finite, check_kinds, check_tensors
from evoprune.runs.terminal import text_table

LOG = {
    **{"gen": int, "nevals": int, "trained": int, "known_again": int, "best_loss": float, "best_parameters": int},
    **{"loss": float, "nonfinite": int, "best": str},
}
TRAINED = {"loss": float, "parameters": int, "gen": int}
"""What is stored of each architecture that was trained."""
STORED = ("trained", "weights", "exhausted")


def table(result: RunResult) -> str:
    """What was found, beside the best of as many random architectures where they were asked for, and a constant."""
    summary = result.summary
    found = {f"best found ({summary['method']})": summary}
    if summary["random"]:
        found[f"best of {summary['random']['trained']} random ones"] = summary["random"]
    heads = ("", f"validation {summary['loss']}", f"held-out {summary['loss']}", "held-out L1", "parameters", "trained")
    rows = []
    for name, best in found.items():
        losses = (
            "not finite" if not best[key] < WORST else f"{best[key]:.5f}"
            for key in ("validation_loss", "test_loss", "test_l1")
        )
        rows.append((name, *losses, f"{best['parameters']:,}", str(best["trained"])))
    constant = (f"{summary[key]:.5f}" for key in ("trivial_loss", "trivial_l1"))
    rows.append(("the best constant image", "", *constant, "", ""))
    texts = (f"{name}: {best['architecture']}" for name, best in found.items())
    return "\n".join([text_table(heads, rows), "", *texts])


def pruning_command(result: RunResult) -> str:
    """How to prune what was found, with the same data."""
    settings: ArchitectureSettings = result.settings
    given: dict[str, Any] = {"benchmark": settings.benchmark, "data": settings.data}
    given["image-size"] = settings.image_size if settings.resize else 0
    given["data-seed"] = settings.data_seed  # without it evoprune run would split in another way
    options = " ".join(f"--{name} {value}" for name, value in given.items() if value is not None)
    return f'Prune it with: evoprune run {options} --network "from {result.directory}"\n'


@dataclass(frozen=True)
class Result(RunResult):
    """What a search gave: also every architecture that was trained, and the log of the random search, if any."""

    settings: ArchitectureSettings
    networks: pd.DataFrame
    random: pd.DataFrame | None


class Architectures(Experiment[ArchitectureSettings, Search, Result, Autoencoder]):
    """Architecture search."""

    name = "architectures"
    line = "search for the architecture of an autoencoder"
    description = (
        "Search for an architecture with a genetic algorithm, train the best one in full, and leave a run directory. "
        'evoprune run --network "from DIR" prunes what was found.'
    )
    settings = ArchitectureSettings
    log = LOG
    make_settings = staticmethod(make_settings)
    begin = Search
    table = staticmethod(table)
    hint = staticmethod(pruning_command)

    def trained(self, settings: ArchitectureSettings) -> Trained:
        space = settings.space
        fewest = dataclasses.replace(space, convolutions=(space.convolutions[0],) * 2)
        pair = build(random_architecture(fewest, random.Random(settings.seed)).text, settings.seed)
        return Trained(pair, settings.loss, settings.optimizer)

    def generations(self, state: Search, map_: Map, place: Folder | None) -> Iterator[str]:
        for row in generations(state, map_):
            yield f"loss {row['best_loss']:.5f}, {row['trained']} trained"

    def tables(self, state: Search) -> dict[str, pd.DataFrame]:
        return super().tables(state) | {"networks.csv": networks(state)}

    def stored(self, state: Search) -> dict[str, Any]:
        population = [individual.text for individual in state.population]
        return {"population": population, **{name: getattr(state, name) for name in STORED}}

    def restored(self, settings: ArchitectureSettings, stored: Mapping[str, Any], **common: Any) -> Search:
        check_kinds(stored, {"population": list, "trained": dict, "weights": dict, "exhausted": bool})
        for text, entry in stored["trained"].items():
            parse_architecture(text)
            check_kinds(entry, TRAINED)
            if not math.isfinite(entry["loss"]):
                raise ValueError(f"trained: loss must be finite, got {entry['loss']!r} for {text}")
        if not 1 <= len(stored["population"]) <= settings.population:
            raise ValueError(f"population must have 1 to {settings.population} texts, got {len(stored['population'])}")
        for text in (*stored["population"], *stored["weights"], *(row["best"] for row in common["log"])):
            if text not in stored["trained"]:
                raise ValueError(f"trained must have all architectures, got none for {shown(text)}")
        if stored["weights"]:
            check_any_finite([genome.module for genome in restore(kept)] for kept in stored["weights"].values())
        population = [parse_architecture(text) for text in stored["population"]]
        for individual in population:
            individual.fitness = fitness(stored["trained"][individual.text], settings)
        return Search(settings, population, **{name: stored[name] for name in STORED}, **common)

    def twins(self, state: Search) -> Iterator[Search]:
        """A search at random that trains as many networks, the same ones at the start."""
        settings = state.settings
        if settings.compare and settings.method == "genetic":
            same = {text: entry for text, entry in state.trained.items() if not settings.inherit or entry["gen"] == 0}
            alike = dataclasses.replace(settings, method="random", patience=0, generations=state.generation)
            state.random = Search(alike, known=same)
            yield state.random

    def finish(self, state: Search, directory: Path | None, map_: Map) -> Result:
        settings, problem, clock = state.settings, state.settings.problem, time.perf_counter()
        searches = [state] if state.random is None else [state, state.random]
        count = len(searches)
        best = [one.best for one in searches]
        trained = list(map_(train_in_full, best, [settings] * count, [state.kernel] * count))
        figures, *others = (_figures(one, *network) for one, network in zip(searches, trained, strict=True))
        log, table = self.tables(state).values()
        front = table[table["front"]].sort_values("parameters")
        summary = {
            "experiment": self.name,
            **{name: getattr(settings, name) for name in ("method", "benchmark", "objectives", "loss", "seed", "code")},
            "generations": state.generation,
            "stopped_early": state.stopped_early,
            "diverged": figures["validation_loss"] >= WORST,
            **figures,
            "trivial_loss": constant_loss(problem, settings.loss),
            "trivial_l1": constant_loss(problem, "l1"),
            "front": front[["architecture", "parameters", "loss"]].to_dict("records"),
            "random": others[0] if others else None,
            "seconds": sum(one.seconds for one in searches) + time.perf_counter() - clock,
            "version": __version__,
        }
        at_random = pd.DataFrame(state.random.log) if state.random else None
        return Result(settings, summary, log, restore(trained[0][0]), directory, table, at_random)

    def export(self, result: Result) -> dict[str, Any]:
        return {"text": result.summary["architecture"], **super().export(result)}

    def model(self, stored: dict[str, Any]) -> Autoencoder:
        check_kinds(stored, {"text": str, "encoder": dict, "decoder": dict})
        pair = build(stored["text"], 0)
        for part, genome in zip(PARTS, pair, strict=True):
            check_tensors(part, stored[part], genome.module.state_dict())
        return restore(stored)

    def leaves(self, settings: ArchitectureSettings) -> Iterator[str]:
        yield "networks.csv"
        yield from (f"plots/{name}.png" for name in ("search", "front", "reconstructions", "samples"))

    def plot(self, result: Result, place: Folder) -> None:
        from evoprune.benchmarks.architectures.plots import save_plots  # slow to import

        save_plots(place, result.log, result.random, result.networks, result.model, result.settings)


def networks(search: Search) -> pd.DataFrame:
    """Every architecture that was trained, in that order, and whether it is on the Pareto front of loss and size."""
    rows = [{"architecture": text} | entry for text, entry in search.trained.items()]
    table = pd.DataFrame(rows, columns=["gen", "architecture", "parameters", "loss"])
    order = table.sort_values(["parameters", "loss"])
    before = order["loss"].cummin().shift(fill_value=float("inf"))
    return table.assign(front=(order["loss"] < before).reindex(table.index))


def _figures(search: Search, stored: Weights, validation: float) -> dict[str, Any]:
    """What a search found. ``search_loss`` is its fitness; the other losses are of the network trained in full."""
    pair, test, entry = restore(stored), search.settings.problem.test, search.trained[stored["text"]]
    return {
        "architecture": stored["text"],
        "parameters": entry["parameters"],
        "trained": len(search.trained),
        "known_again": sum(row["known_again"] for row in search.log),
        "search_loss": entry["loss"],
        "validation_loss": validation,
        "test_loss": evaluate(pair, test, search.settings.loss)[0],
        "test_l1": evaluate(pair, test, "l1")[0],
    }


ARCHITECTURES = Architectures()
start, resume, load_model = ARCHITECTURES.start, ARCHITECTURES.resume, ARCHITECTURES.load_model
