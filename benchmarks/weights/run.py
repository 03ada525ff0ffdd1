"""A run of ``evoprune weights``: train layer after layer, then compare with the other methods."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deap import tools

from evoprune._version import __version__
from evoprune.benchmarks.weights.genetic import (
    LOSS,
    Candidate,
    candidate,
    first_candidate,
    first_population,
    generation,
    make_toolbox,
    next_population,
    rmse,
)
from evoprune.benchmarks.weights.measures import measure, references, table
from evoprune.benchmarks.weights.settings import METHODS, WeightsSettings, make_settings
from evoprune.checks import lookup
from evoprune.folders import Folder
from evoprune.individuals import similar
from evoprune.runs.experiment import Experiment, Map
from evoprune.runs.kernels import Trained
from evoprune.runs.state import RunResult, RunState
from evoprune.runs.stored import check_any_finite, check_fitness, check_kinds, check_tensors, load_genome
from evoprune.seeds import seeded
from evoprune.training.optimizers import OPTIMIZERS

LOG = {
    **{"gen": int, "layer": int, "rmse": float, "rmse_survivors": float},
    **{"newcomers": int, "preserved": float, "updates": int},
}
FIGURES = {"rmse_train": float, "rmse_test": float, "accuracy_test": float | None, "preserved": float}
"""What is stored of each method that the run is compared with."""


@dataclass
class WeightsState(RunState):
    """A run of weights: its population, the best of this layer, and the figures of the other methods."""

    settings: WeightsSettings
    population: list[Candidate]
    best: tools.HallOfFame = field(default_factory=lambda: tools.HallOfFame(1, similar=similar))
    compared: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.settings.total_generations

    @property
    def layer(self) -> int:
        """The layer that the present generation trains, from 1; 0 where all are trained at once."""
        return max(self.generation - 1, 0) // self.settings.generations + 1 if self.settings.layerwise else 0


@dataclass(frozen=True)
class Result(RunResult):
    """What a run gave."""

    settings: WeightsSettings
    model: Candidate


class Weights(Experiment[WeightsSettings, WeightsState, Result, Candidate]):
    """Tied autoencoders whose weights a GA trains."""

    name = "weights"
    line = "train the weights of a tied autoencoder by a genetic algorithm"
    description = (
        "Train a tied autoencoder with a genetic algorithm or by gradient descent alone, fit a classifier on its "
        "codes, and leave a run directory."
    )
    settings = WeightsSettings
    log = LOG
    why_serial = "method {method} trains one network"
    make_settings = staticmethod(make_settings)
    table = staticmethod(table)

    def trained(self, settings: WeightsSettings) -> Trained:
        with seeded(settings.seed):  # or it would draw from the program's own
            return Trained(first_candidate(settings), LOSS, settings.optimizer)

    def begin(self, settings: WeightsSettings) -> WeightsState:
        return WeightsState(settings, first_population(settings))

    def generations(self, state: WeightsState, map_: Map, place: Folder | None) -> Iterator[str]:
        settings, toolbox = state.settings, make_toolbox(state.settings, map_, state.kernel)
        if state.generation < 0:
            state.generation = 0
            state.best.update(state.population)
            yield _recorded(state, 0)
        while not state.ended:
            before, state.generation = state.layer, state.generation + 1
            if state.layer != before:
                state.population = next_population(settings, state.best[0])
                state.best.clear()
            state.population = generation(settings, state.population, toolbox, state.generation)
            state.best.update(state.population)
            yield _recorded(state, settings.steps)

    def stored(self, state: WeightsState) -> dict[str, Any]:
        population = [_stored(pair) for pair in state.population]
        return {"population": population, "best": _stored(state.best[0]), "compared": state.compared}

    def restored(self, settings: WeightsSettings, stored: Mapping[str, Any], **common: Any) -> WeightsState:
        check_kinds(stored, {"population": list, "best": dict, "compared": dict})
        count = settings.population if settings.method == "genetic" else 1
        if len(stored["population"]) != count:
            raise ValueError(f"population must have {count} individuals, got {len(stored['population'])}")
        for method, figures in stored["compared"].items():
            lookup("method", method, METHODS)
            check_kinds(figures, FIGURES)
        state = WeightsState(settings, [], compared=stored["compared"], **common)
        if state.generation > state.total:  # of a layer that there is not
            raise ValueError(f"generation must be at most {state.total}, got {state.generation}")
        for number, kept in enumerate(stored["population"]):
            state.population.append(_restored(settings, state.layer, kept, f"population, individual {number}"))
        check_any_finite([pair.network] for pair in state.population)
        state.best.update([_restored(settings, state.layer, stored["best"], "best")])
        return state

    def twins(self, state: WeightsState) -> Iterator[WeightsState]:
        for method in METHODS if state.settings.compare else ():
            if method != state.settings.method and method not in state.compared:
                yield (twin := self.begin(dataclasses.replace(state.settings, method=method)))
                state.compared[method] = measure(twin.best[0], twin.settings)

    def finish(self, state: WeightsState, directory: Path | None, map_: Map) -> Result:
        settings, model = state.settings, state.best[0]
        summary = {
            "experiment": self.name,
            **{name: getattr(settings, name) for name in ("method", "activation", "benchmark", "seed")},
            "layers": "-".join(map(str, settings.widths)),
            "generations": settings.total_generations,
            "population": len(state.population),
            "learning_rate": settings.rate,
            "updates": int(state.log[-1]["updates"]),
            **measure(model, settings),
            "diverged": state.best[0].fitness.nonfinite,
            **references(settings),
            "compared": state.compared or None,
            "seconds": state.seconds,
            "version": __version__,
        }
        return Result(settings, summary, self.tables(state)["log.csv"], model, directory)

    def export(self, result: Result) -> dict[str, Any]:
        kept = result.model.encoder.state()
        return {"widths": list(result.settings.widths), "weights": kept["weights"], "masks": kept["masks"]}

    def model(self, stored: dict[str, Any]) -> Candidate:
        check_kinds(stored, {"widths": list, "weights": dict, "masks": dict})
        check_kinds(stored["settings"], {"activation": str, "output_activation": str})
        pair = candidate(stored["widths"], stored["settings"]["activation"], stored["settings"]["output_activation"])
        check_tensors("weights", stored["weights"], pair.network.state_dict())
        check_tensors("masks", stored["masks"], pair.encoder.masks)
        pair.network.load_state_dict(stored["weights"])
        for name, mask in stored["masks"].items():
            pair.encoder.prune(name, mask)
        return pair

    def leaves(self, settings: WeightsSettings) -> Iterator[str]:
        yield from (f"plots/{name}.png" for name in ("training", "reconstructions", "masks"))

    def plot(self, result: Result, place: Folder) -> None:
        from evoprune.benchmarks.weights.plots import save_plots  # slow to import

        save_plots(place, result.log, result.model, result.settings.problem, result.summary)


def _recorded(state: WeightsState, steps: int) -> str:
    """Add a row to the log, RMSEs on the training data; what the progress bar says."""
    population, best = state.population, state.best[0]
    survivors = population[: state.settings.survivors if state.settings.method == "genetic" else 1]
    row = {
        "gen": state.generation,
        "layer": state.layer,
        "rmse": rmse(best, state.settings.training),
        "rmse_survivors": sum(_rmse(pair) for pair in survivors) / len(survivors),
        "newcomers": sum(pair.born == state.generation - 1 and state.generation > 1 for pair in survivors),
        "preserved": best.preserved,
        "updates": (int(state.log[-1]["updates"]) if state.log else 0) + steps,
    }
    state.log.append(row)
    return f"RMSE {row['rmse']:.4f}"


def _rmse(pair: Candidate) -> float:
    """The RMSE that the fitness tells, NaN where it is not finite."""
    return math.nan if pair.fitness.nonfinite else 1 / pair.fitness.values[0]


def _stored(pair: Candidate) -> dict[str, Any]:
    return {"genome": pair.encoder.state(), "born": pair.born, "fitness": list(pair.fitness.values)}


def _restored(settings: WeightsSettings, layer: int, stored: Any, where: str) -> Candidate:
    """The individual that a checkpoint holds.

    :raises ValueError: naming it, and what does not fit.
    """
    widths, frozen = (settings.widths[: layer + 1], layer - 1) if settings.layerwise else (settings.widths, 0)
    pair = candidate(widths, settings.activation, settings.output_activation, frozen)
    try:
        check_kinds(stored, {"genome": dict, "born": int, "fitness": list})
        load_genome(pair.encoder, stored["genome"], OPTIMIZERS[settings.optimizer].moments)
        check_fitness(pair, stored["fitness"])
        if not stored["fitness"]:
            raise ValueError("fitness must be a finite number, got none")
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    pair.born = stored["born"]
    pair.fitness.values = stored["fitness"]
    return pair


WEIGHTS = Weights()
start, resume, load_run, load_model = WEIGHTS.start, WEIGHTS.resume, WEIGHTS.load, WEIGHTS.load_model
