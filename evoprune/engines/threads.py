"""Threads of this process: tasks are neither pickled nor sent, and what lets go of Python's lock runs side by side."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

from evoprune.engines.engines import Ended, Engine, copied
from evoprune.engines.processes import cores
from evoprune.engines.tasks import call, one_thread


class _Here(threading.local):
    """Whether this thread is a worker."""

    works = False


_here = _Here()


class ThreadEngine(Engine):
    """Threads of this process, one a core by default; they start with the first task.

    The global generators of ``random``, NumPy and torch belong to all threads: what is in a block of
    :func:`evoprune.seeds.seeded` or :func:`evoprune.seeds.alone` runs by itself. A task that draws from them outside
    of such a block disturbs the others. Threads cannot be stopped: a map that ends early waits for the tasks at work.
    torch computes with one thread, in the whole program, once they have started.
    """

    name = "threads"
    whole_runs = False

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(cores() if workers is None else workers)
        self._pool: ThreadPoolExecutor | None = None

    def _run(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Ended:
        from evoprune.seeds import alone, unseeded  # takes torch, which to choose an engine does not

        if _here.works:  # a task that has tasks of its own: the other threads may all wait like this one
            yield from super()._run(function, tasks)
            return
        fresh = enumerate(tasks)
        running: dict[Future[Any], int] = {}
        ended: list[tuple[int, Any]] = []
        try:
            while True:
                with alone():  # what makes the tasks may draw from the global generators
                    for number, arguments in islice(fresh, self.workers + 1 - len(running)):  # one waits
                        running[self._submit(function, copied(function, arguments))] = number
                yield from ended
                if not running:
                    return
                with unseeded():  # or the tasks would wait for this thread for ever
                    done = wait(running, return_when=FIRST_COMPLETED).done
                ended = [(running.pop(future), future.result()) for future in done]
        finally:
            with unseeded():
                wait([future for future in running if not future.cancel()])

    def _submit(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> "Future[Any]":
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.workers, "evoprune", _begin)
        return self._pool.submit(call, function, arguments)

    def close(self) -> None:
        """Let the threads end, when the tasks at work have; a later task starts new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """In a new thread: it is a worker, and computes with one torch thread."""
    _here.works = True
    one_thread()
