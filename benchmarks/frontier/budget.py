"""From a budget of gradient steps to generations: what every network of a run takes counts, restarts among it."""

from typing import Any


def steps_of(settings: Any) -> int:
    """The gradient steps of a generation: those of an epoch, times the networks that train in it.

    :param settings: of a run of the main experiment; its data are loaded.
    """
    batches = -(-len(settings.problem.rows("train")) // settings.batch_size)
    networks = settings.cells if settings.loop.children is None else settings.offspring
    return int(batches * networks * (2 if settings.opponents == "random" else 1))


def generations_of(budget: int, settings: Any) -> int:
    """The whole generations that a budget pays for; 0 where it does not reach for one."""
    return budget // steps_of(settings)
