"""What a run records of a generation: a row for the log, and one a cell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from deap import tools

from evoprune.algorithms import Generation
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning.choices import ACTIVATION_SAMPLES
from evoprune.benchmarks.pruning.measured import example_of, first_samples, metric_of
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.sizes import MACS, PRESERVED, sizes
from evoprune.fitness import WORST
from evoprune.individuals import Network
from evoprune.operators import AdaptiveOperator, ScheduledProbability
from evoprune.plugins import label, names_in
from evoprune.runs.stored import CHANCE, Columns
from evoprune.shrinking.counts import macs_alive
from evoprune.training.kernel import Kernel

Cells = list[dict[str, Any]]


def columns(settings: Settings) -> tuple[Columns, Columns]:
    """The columns of ``log.csv`` and of ``cells.csv``."""
    named = names(settings)
    log = {
        **{"gen": int, "nevals": int, "loss": float, "train_loss": float},
        **dict.fromkeys((named.validation, "learning_rate", *named.sizes, "loss_min", "loss_max"), float),
        **{"nonfinite": int, "mutpb": float, "updates": int},
    }
    log |= dict.fromkeys(chances(settings), float)
    cells = {
        **dict.fromkeys(("gen", "cell", *named.origins), int),
        **dict.fromkeys(("loss", "train_loss", named.validation, *named.sizes, "learning_rate"), float),
        "age": int,
    }
    return log, cells


def chances(settings: Settings) -> list[str]:
    """The columns of the probabilities of operators, where a run chooses between several."""
    return [f"{CHANCE}{label(name)}" for name in names_in(settings.operator) if settings.chooses]


@dataclass(frozen=True)
class Names:
    """The columns that depend on what a run evolves: the metric on validation data, sizes, and origins of parts."""

    validation: str
    sizes: tuple[str, ...]
    origins: tuple[str, ...]


def names(settings: Settings) -> Names:
    """The columns of a run that depend on its problem."""
    pairs = not TASKS[settings.task].targets
    origins = ("encoder_from", "decoder_from") if pairs else ("parent",)
    shares = (*(PRESERVED if pairs else PRESERVED[:1]), *(() if settings.target_macs is None else (MACS,)))
    return Names(f"validation_{settings.problem.metric.key}", shares, origins)


@dataclass
class Recorder:
    """Turns a generation into rows: one for the log, one a cell."""

    settings: Settings
    probability: ScheduledProbability
    kernel: str | Kernel
    updates: int = 0
    adaptive: AdaptiveOperator | None = None

    def __post_init__(self) -> None:
        self.problem: Problem = self.settings.problem
        self.sample = first_samples(self.problem, "validation", ACTIVATION_SAMPLES)
        self.example = example_of(self.problem)
        self.names = names(self.settings)
        self.neighbourhoods = self.settings.neighbourhoods
        self.statistics = tools.Statistics(lambda row: row)
        for column in ("loss", "train_loss", self.names.validation, "learning_rate", *self.names.sizes):
            self.statistics.register(column, _mean, column=column)
        self.statistics.register("loss_min", lambda rows: min(row["loss"] for row in rows))
        self.statistics.register("loss_max", lambda rows: max(row["loss"] for row in rows))
        self.statistics.register("nonfinite", lambda rows: sum(row["loss"] >= WORST for row in rows))
        self.statistics.register("mutpb", self.probability.observe)

    def count(self, epochs: int) -> None:
        """Add the gradient steps of so many epochs of one network."""
        self.updates += epochs * -(-len(self.problem.rows("train")) // self.settings.batch_size)

    def rows(self, generation: Generation, grid: list[Network]) -> tuple[dict[str, Any], Cells]:
        """The log's row of this generation, and the cells' rows. Ticks the schedule."""
        if generation.number:
            epochs = len(grid) if generation.epochs is None else generation.epochs
            self.count(epochs * (2 if self.settings.opponents == "random" else 1))
        cells = [self._cell(generation, i, individual) for i, individual in enumerate(grid)]
        record = self.statistics.compile(cells)
        if self.adaptive is not None:
            record |= dict(zip(chances(self.settings), self.adaptive.observe(grid), strict=True))
        row = {"gen": generation.number, "nevals": generation.evaluations, **record, "updates": self.updates}
        return row, cells

    def _cell(self, generation: Generation, i: int, individual: Network) -> dict[str, Any]:
        made = generation.offspring[i] if generation.offspring else None
        reads = self.neighbourhoods[i]
        chosen: Sequence[int] = [reads[k] for k in made.chosen] if made else [i] * len(individual)
        return {
            "gen": generation.number,
            "cell": i,
            **dict(zip(self.names.origins, chosen, strict=True)),
            "loss": individual.fitness.values[0],
            "train_loss": made.train_loss if made else float("nan"),
            self.names.validation: metric_of(self.problem.metric, individual, self.sample, self.kernel),
            **sizes(individual, self.settings.semantics),
            **({} if MACS not in self.names.sizes else {MACS: macs_alive(individual, self.example)}),
            "learning_rate": self.settings.learning_rate if (rate := individual.learning_rate) is None else rate,
            "age": individual.age,
        }


def _mean(rows: Cells, column: str) -> float:
    """The mean of a column over the cells, those left out whose loss was not finite; NaN where none is left."""
    values = [row[column] for row in rows if abs(row[column]) < WORST]
    return fmean(values) if values else math.nan
