"""From settings to a toolbox and its generations: the one place where the parts are put together."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

import torch
from deap import base, tools

from evoprune.algorithms import Generation
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.choices import ACTIVATION_SAMPLES
from evoprune.benchmarks.pruning.providers import pruning
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.evaluation import draw_batch
from evoprune.fitness import WORST
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, Individual, genomes
from evoprune.operators import ScheduledProbability, StepDecay, mutLearningRate, mutTrain, sequence
from evoprune.seeds import Stream, seeded
from evoprune.training import train_epoch
from evoprune.training.kernel import Kernel
from evoprune.training.scoring import kernel_loss

Cells = list[dict[str, Any]]


def device_of(name: str) -> str:
    """``"auto"`` is the graphics card where there is one.

    :raises ValueError: for ``"cuda"`` where there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device cuda was asked for, but torch sees no CUDA device here; use cpu or auto")
    return "cuda" if name == "auto" and available else "cpu" if name == "auto" else name


def first_pair(settings: Settings, cell: int = 0) -> Autoencoder:
    """The pair that a cell begins with, from its own stream, so that cell i starts alike in a grid of any size."""
    with seeded(Stream.GRID.seed(settings.seed, cell)):
        encoder, decoder = settings.architecture.build(settings.problem.inputs)
    pair = Autoencoder([Encoder(encoder), Decoder(decoder)])
    if not settings.loop.stock or settings.rate_decay == "walk":
        pair.learning_rate = settings.learning_rate
    return pair


def initial_grid(settings: Settings) -> list[Autoencoder]:
    """The first pairs."""
    return [first_pair(settings, cell) for cell in range(settings.cells)]


def make_toolbox(settings: Settings, probability: ScheduledProbability, kernel: Kernel | None = None) -> base.Toolbox:
    """The toolbox of a run: what a DEAP user would register by hand.

    :param kernel: what the setting has come to, perhaps on another machine.
    """
    problem = settings.problem
    how = ("batch_size", "loss", "optimizer", "corruption", "shuffle")
    training = {name: getattr(settings, name) for name in how}
    training |= {"data": problem, "device": device_of(settings.device), "kernel": kernel or settings.kernel}
    prune = pruning(settings, probability)
    toolbox = base.Toolbox()
    toolbox.register("batch", draw_batch, problem, size=settings.batch_size)
    if settings.loop.stock:
        quarter = max(1, settings.generations // 4)
        rate = StepDecay(settings.learning_rate, quarter) if settings.rate_decay == "step" else settings.learning_rate
        toolbox.register("evaluate", _loss_on_batch, batch=toolbox.batch, loss=settings.loss, kernel=training["kernel"])
        toolbox.register("select", tools.selBest)
        steps: list[Any] = [partial(mutTrain, learning_rate=rate, **training)]
        steps += [] if prune is None else [prune]
        steps += [partial(mutLearningRate, sigma=settings.rate_sigma)] if settings.rate_decay == "walk" else []
        toolbox.register("mutate", sequence(*steps) if len(steps) > 1 else steps[0])
        return toolbox
    toolbox.register("evaluate", kernel_loss, loss=settings.loss, kernel=training["kernel"])
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", train_epoch, **training)
    if prune is not None:
        toolbox.register("mutate", prune)
    return toolbox


def generations(settings: Settings, grid: list[Autoencoder], toolbox: base.Toolbox, start: int) -> Iterator[Generation]:
    """The generations of the chosen algorithm, which change ``grid`` in place; number 0 first unless resumed."""
    return settings.loop.generations(settings, grid, toolbox, start)


def _loss_on_batch(individual: Individual, batch: Any, loss: str, kernel: str | Kernel) -> tuple[float]:
    return kernel_loss(*genomes(individual), data=batch(), loss=loss, kernel=kernel)


@dataclass
class Recorder:
    """Turns a generation into rows: one for the log, one a cell."""

    settings: Settings
    probability: ScheduledProbability
    kernel: str | Kernel
    updates: int = 0

    def __post_init__(self) -> None:
        self.problem: Problem = self.settings.problem
        self.sample = self.problem.validation[:ACTIVATION_SAMPLES]
        self.neighbourhoods = self.settings.neighbourhoods
        self.statistics = tools.Statistics(lambda row: row)
        for column in ("loss", "train_loss", "validation_l1", "learning_rate", *PRESERVED):
            self.statistics.register(column, _mean, column=column)
        self.statistics.register("loss_min", lambda rows: min(row["loss"] for row in rows))
        self.statistics.register("loss_max", lambda rows: max(row["loss"] for row in rows))
        self.statistics.register("nonfinite", lambda rows: sum(row["loss"] >= WORST for row in rows))
        self.statistics.register("mutpb", self.probability.observe)

    def rows(self, generation: Generation, grid: list[Autoencoder]) -> tuple[dict[str, Any], Cells]:
        """The log's row of this generation, and the cells' rows. Ticks the schedule."""
        if generation.number:
            batches = -(-len(self.problem.train) // self.settings.batch_size)
            self.updates += batches * len(grid) * (2 if self.settings.opponents == "random" else 1)
        cells = [self._cell(generation, i, pair) for i, pair in enumerate(grid)]
        record = self.statistics.compile(cells)
        row = {"gen": generation.number, "nevals": generation.evaluations, **record, "updates": self.updates}
        return row, cells

    def _cell(self, generation: Generation, i: int, pair: Autoencoder) -> dict[str, Any]:
        made = generation.offspring[i] if generation.offspring else None
        reads = self.neighbourhoods[i]
        encoder_from, decoder_from = (reads[k] for k in made.chosen) if made else (i, i)
        return {
            "gen": generation.number,
            "cell": i,
            "encoder_from": encoder_from,
            "decoder_from": decoder_from,
            "loss": pair.fitness.values[0],
            "train_loss": made.train_loss if made else float("nan"),
            "validation_l1": kernel_loss(pair.encoder, pair.decoder, self.sample, kernel=self.kernel)[0],
            **sizes(pair, self.settings.semantics),
            "learning_rate": self.settings.learning_rate if pair.learning_rate is None else pair.learning_rate,
            "age": pair.age,
        }


PRESERVED = ("preserved", "preserved_encoder", "preserved_decoder")


def sizes(pair: Autoencoder, semantics: str) -> dict[str, float]:
    """The preserved share of a pair and its parts.

    By the masks; in reference semantics what was not zero right after the last pruning, as the paper reports it.
    """

    parts = [_amounts(genome, semantics) for genome in (pair.encoder, pair.decoder)]
    left, total = map(sum, zip(*parts, strict=True))
    return dict(zip(PRESERVED, (part / whole for part, whole in ((left, total), *parts)), strict=True))


def _amounts(genome: Genome, semantics: str) -> tuple[float, int]:
    """The weights that are left, by the meaning of the semantics, and all."""
    if semantics == "reference":
        total = sum(mask.numel() for mask in genome.masks.values())
        return total * (1.0 if genome.nonzero is None else genome.nonzero), total
    return genome.sizes


def _mean(rows: Cells, column: str) -> float:
    """The mean of a column over the cells, those left out whose loss was not finite; NaN where none is left."""
    values = [row[column] for row in rows if abs(row[column]) < WORST]
    return fmean(values) if values else float("nan")
