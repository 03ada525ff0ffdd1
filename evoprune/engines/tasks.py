"""Tasks on their way: bytes to a worker, bytes back. An odd exception or an odd result cannot break a pool."""

import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cloudpickle


class WorkerError(RuntimeError):
    """A task failed; the message holds its traceback, or says that the worker died."""


@dataclass(eq=False)
class Task:
    """What goes to a worker, and how many workers died while they had it."""

    number: int
    payload: bytes
    deaths: int = 0


def packed(
    dumps: Callable[[Any], bytes], function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]
) -> Iterator[Task]:
    """Tasks ready to be sent, each when it is asked for: the first ones are at work while others are packed."""
    for number, arguments in enumerate(tasks):
        try:
            payload = dumps((function, arguments))
        except Exception as error:
            raise ValueError(f"a task cannot be sent to a worker: {error}") from error
        yield Task(number, payload)


def work(payload: bytes, by_value: bool = False) -> bytes:
    """In the worker: do a task.

    :param by_value: what the program itself defines comes back by value, as cloudpickle has it.
    """
    one_thread()
    try:
        function, arguments = pickle.loads(payload)
        return (cloudpickle.dumps if by_value else pickle.dumps)((True, function(*arguments)))
    except (Exception, SystemExit):
        return pickle.dumps((False, traceback.format_exc()))


def one_thread() -> None:
    """Have torch compute with one thread in this process. Imported here: to choose an engine takes no torch."""
    import torch

    torch.set_num_threads(1)


def result(answer: bytes) -> Any:
    """What a task returned, or its :class:`WorkerError`."""
    good, value = pickle.loads(answer)
    return value if good else WorkerError(f"a task failed in a worker:\n{value}")


def call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The same in this process, without pickling."""
    try:
        return function(*arguments)
    except (Exception, SystemExit):
        return WorkerError(f"a task failed:\n{traceback.format_exc()}")
