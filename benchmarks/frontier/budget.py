"""From a budget of gradient steps to generations: all that the networks of a run take counts, restarts among it."""

from typing import Any


def steps_of(settings: Any) -> int:
    """The gradient steps of a generation: those of an epoch, times the networks that train in it.

    :param settings: of a run of the main experiment; its data are loaded.
    """
    networks = settings.cells if settings.loop.children is None else settings.offspring
    return int(batches_of(settings) * networks * (2 if settings.opponents == "random" else 1))


def steps_at_end(settings: Any) -> int:
    """The gradient steps that a run takes after its generations: those of polishing."""
    return int(batches_of(settings) * settings.polish * settings.polish_epochs)


def batches_of(settings: Any) -> int:
    """The gradient steps of an epoch of one network."""
    return int(-(-len(settings.problem.rows("train")) // settings.batch_size))


def total_of(settings: Any) -> int:
    """The gradient steps of a run, at most: of the children of a crossover none train."""
    return int(settings.generations) * steps_of(settings) + steps_at_end(settings)


def generations_of(budget: int, settings: Any) -> int:
    """The whole generations that a budget pays for beside what comes after them; 0 where it does not reach for one."""
    return max(0, budget - steps_at_end(settings)) // steps_of(settings)
