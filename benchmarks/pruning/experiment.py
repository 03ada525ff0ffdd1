"""From settings to a toolbox and its generations: the one place where the parts are put together."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from deap import base, tools

from evoprune.algorithms import Generation
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning.providers import pruning
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.sizes import sizes
from evoprune.benchmarks.pruning.training import phased
from evoprune.data import draw_batch
from evoprune.individuals import Individual, Network, genomes
from evoprune.operators import (
    AdaptiveOperator,
    ScheduledProbability,
    StepDecay,
    cxUniformWeights,
    mutLearningRate,
    mutTrain,
    sequence,
)
from evoprune.training import train_epoch
from evoprune.training.kernel import Kernel
from evoprune.training.scoring import kernel_loss


def device_of(name: str) -> str:
    """``"auto"`` is the graphics card where there is one.

    :raises ValueError: for ``"cuda"`` where there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device cuda was asked for, but torch sees no CUDA device here; use cpu or auto")
    return "cuda" if name == "auto" and available else "cpu" if name == "auto" else name


def training_of(settings: Settings, kernel: Kernel | None = None) -> dict[str, Any]:
    """What :func:`~evoprune.training.train_epoch` takes beside the networks.

    :param kernel: what the setting has come to, perhaps on another machine.
    """
    how = ("batch_size", "loss", "optimizer", "corruption", "shuffle")
    training = {name: getattr(settings, name) for name in how}
    training |= {"data": settings.problem, "device": device_of(settings.device), "kernel": kernel or settings.kernel}
    return training | ({"mirror": settings.problem.image} if settings.horizontal_flip else {})


def make_toolbox(
    settings: Settings,
    probability: ScheduledProbability,
    kernel: Kernel | None = None,
    adaptive: AdaptiveOperator | None = None,
) -> base.Toolbox:
    """The toolbox of a run: what a DEAP user would register by hand.

    :param kernel: what the setting has come to, perhaps on another machine.
    :param adaptive: what chooses between operators, where the settings ask for it.
    """
    problem, prune = settings.problem, pruning(settings, probability, adaptive)
    training = training_of(settings, kernel)
    loss = {"loss": settings.loss, "kernel": training["kernel"]}
    toolbox = base.Toolbox()
    toolbox.register("batch", draw_batch, problem, size=settings.batch_size)
    if not settings.loop.stock:
        toolbox.register("evaluate", kernel_loss, **loss)
        toolbox.register("select", tools.selTournament, tournsize=2)
        toolbox.register("train", phased(settings, probability, partial(train_epoch, **training)))
        if prune is not None:
            toolbox.register("mutate", prune)
        return toolbox
    if settings.loop.children is None:
        toolbox.register("evaluate", _loss_on_batch, batch=toolbox.batch, **loss)
    else:
        sized = len(settings.loop.fitness.weights) > 1
        toolbox.register("evaluate", _loss_on_all, data=problem, sized=settings.semantics if sized else "", **loss)
    toolbox.register("select", settings.loop.select)
    toolbox.register("mate", cxUniformWeights if TASKS[settings.task].targets else tools.cxOnePoint)
    quarter = max(1, settings.generations // 4)
    rate = StepDecay(settings.learning_rate, quarter) if settings.rate_decay == "step" else settings.learning_rate
    steps: list[Any] = [phased(settings, probability, partial(mutTrain, learning_rate=rate, **training), rate)]
    steps += [] if prune is None else [prune]
    steps += [partial(mutLearningRate, sigma=settings.rate_sigma)] if settings.rate_decay == "walk" else []
    toolbox.register("mutate", sequence(*steps) if len(steps) > 1 else steps[0])
    return toolbox


def generations(settings: Settings, grid: list[Network], toolbox: base.Toolbox, start: int) -> Iterator[Generation]:
    """The generations of the chosen algorithm, which change ``grid`` in place; number 0 first unless resumed."""
    return settings.loop.generations(settings, grid, toolbox, start)


def _loss_on_batch(individual: Individual, batch: Any, loss: str, kernel: str | Kernel) -> tuple[float]:
    return kernel_loss(*genomes(individual), data=batch(), loss=loss, kernel=kernel)


def _loss_on_all(individual: Network, data: Any, sized: str, loss: str, kernel: str | Kernel) -> tuple[float, ...]:
    """The loss on the validation split, and the share of weights kept, counted as some semantics have it."""
    found = kernel_loss(*individual, data=data, loss=loss, kernel=kernel)
    return (*found, sizes(individual, sized)["preserved"]) if sized else found
