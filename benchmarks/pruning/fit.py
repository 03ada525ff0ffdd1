"""Whether the algorithm, the data, the loss and the network of a run fit one another, before any work."""

from typing import Any

import torch
from torch import Tensor

from evoprune.benchmarks.problems.problem import Problem, validate
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.data import CHUNK, samples_of
from evoprune.losses import check_loss


def check_algorithm(settings: Any) -> None:
    """See that an algorithm can do what the settings of a run ask of it.

    :raises ValueError: naming the setting.
    """
    loop = settings.loop
    if settings.opponents == "random" and not loop.stock and "opponents" not in loop.uses:
        raise ValueError("opponents random belongs to the spatial algorithm")
    if settings.opponents == "random" and "opponents" in loop.uses and TASKS[settings.task].targets:
        raise ValueError(f"opponents random belongs to autoencoders: a network for {settings.task} is in one part")
    if not loop.overlaps and settings.offspring < settings.cells:
        least, found = settings.cells, settings.offspring
        raise ValueError(f"offspring of {settings.algorithm} must be at least the {least} cells, got {found}")


def check_fit(problem: Problem, architecture: Any, settings: Any) -> None:
    """Load the data and see that they fit the settings of a run.

    :param architecture: the recipe of the networks.
    :raises ValueError: where they do not, naming both.
    """
    validate(problem, settings.batch_size)
    targets = samples_of(problem, "train").targets
    some = targets if isinstance(targets, Tensor) else targets[torch.arange(min(CHUNK, len(targets)))]
    check_loss(settings.loss, settings.output_activation, some)
    architecture.check(problem.inputs, problem.outputs)
    if settings.horizontal_flip and problem.image is None:
        raise ValueError(f"horizontal_flip needs images, and the samples of {settings.benchmark} are none")
