"""Engines for DEAP's map slot: in this process, in processes of this machine, or on SCOOP's workers.

The contract of :meth:`Engine.map` and :meth:`Engine.as_completed`: arguments are copies, whatever the engine; an
exception in a task becomes a :class:`WorkerError` with its traceback's text; every worker computes with one torch
thread; a worker that dies is noticed. Tasks are pure functions of their arguments, so a lost one can be done again.
"""

import contextlib
import copy
import pickle
import sys
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from itertools import islice
from types import TracebackType
from typing import Any

import cloudpickle

from evoprune.engines import processes
from evoprune.engines.lifeline import shortfall
from evoprune.engines.limits import check_room, check_workers
from evoprune.engines.tasks import Task, WorkerError, call, packed, result, work

ATTEMPTS = 3
"""How often a task may cost a worker process its life before it is given up."""

ADVICE = " (counted from 0); out of memory, perhaps"
NEVER = 10**7  # seconds

Ended = Generator[tuple[int, Any], None, None]
"""The number of a task and its value, or its WorkerError, as tasks end."""


class Engine:
    """The serial engine, and what all have in common. A context manager; ``toolbox.register("map", engine.map)``."""

    name = "serial"
    here = True
    """Whether all workers are on this machine, and share its memory."""
    whole_runs = True
    """Whether a task may be a whole run, with all that a process has only once."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = 1 if workers is None else workers
        check_workers(self.workers)
        if self.name == "serial" and self.workers > 1:
            raise ValueError(f"the serial engine has one worker, got {workers}: choose threads, processes or scoop")

    def map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """``list(map(function, *iterables))`` on copies of the arguments. The first error ends it.

        :raises WorkerError: a task raised an exception, ended its process, or returned what cannot be sent back.
        :raises ValueError: a task cannot be sent to a worker.
        """
        values: dict[int, Any] = {}
        with contextlib.closing(self._run(function, zip(*iterables, strict=False))) as ended:
            for i, value in ended:
                if isinstance(value, WorkerError):
                    raise value
                values[i] = value
        return [values[i] for i in range(len(values))]

    def as_completed(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Ended:
        """The number of each item, counted from 0, and ``function(item)``, as tasks end; on copies of the items.

        A task that fails gives a :class:`WorkerError` instead of a value, and the others go on. Closing the generator
        starts no more tasks; the worker processes of an engine end those that run, SCOOP's workers finish them.

        :raises ValueError: a task cannot be sent to a worker.
        """
        return self._run(function, ((item,) for item in items))

    def _run(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Ended:
        for i, arguments in enumerate(tasks):
            yield i, call(function, copied(function, arguments))

    def close(self) -> None:
        """Let the workers go."""

    def __enter__(self) -> "Engine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ProcessEngine(Engine):
    """Worker processes on this machine (loky, as joblib ships it), one a core by default.

    They start with the first task. Functions and classes of the script itself, and lambdas, travel by value. A task
    whose worker died is done again. When one dies, loky ends all, so the tasks that ran are suspects together; the
    last of its :data:`ATTEMPTS` a suspect makes alone, and takes nobody with it.
    """

    name = "processes"

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(processes.cores() if workers is None else workers)
        check_room(self.workers)
        self._executor: Any = None
        self._stop: Callable[[], Any] = lambda: None

    def _run(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Ended:
        fresh = packed(cloudpickle.dumps, function, tasks)
        waiting: deque[Task] = deque()
        running: dict[Future[bytes], Task] = {}
        ended: list[tuple[int, Any]] = []
        try:
            while self._start(fresh, waiting, running):
                yield from ended  # the workers have new tasks meanwhile
                done = wait(running, return_when=FIRST_COMPLETED).done
                if any(map(_broken, done)):
                    done = wait(running).done
                    self.close()
                ended = []
                for future in sorted(done, key=lambda future: running[future].number, reverse=True):
                    task = running.pop(future)
                    task.deaths += _broken(future)
                    if not _broken(future):
                        ended.append((task.number, result(future.result())))
                    elif task.deaths < ATTEMPTS:
                        waiting.appendleft(task)
                    else:
                        error = f"a worker process died {ATTEMPTS} times at tasks [{task.number}]{ADVICE}"
                        ended.append((task.number, WorkerError(error)))
            yield from ended
        finally:
            if not all(future.done() for future in running):
                self.close()

    def _start(self, fresh: Iterator["Task"], waiting: deque["Task"], running: dict["Future[bytes]", "Task"]) -> bool:
        """Submit tasks, one more than there are workers; but those at their last attempt alone. False: none is left."""
        while True:
            last = any(task.deaths == ATTEMPTS - 1 for task in (*islice(waiting, 1), *running.values()))
            if len(running) > (0 if last else self.workers):
                return True
            if not waiting:
                waiting.extend(islice(fresh, 1))
            if not waiting:
                return bool(running)
            try:
                future = self._submit(waiting[0].payload)
            except BrokenExecutor:
                if running:
                    return True
                self.close()  # a worker died while it was idle
            else:
                running[future] = waiting.popleft()

    def _submit(self, payload: bytes) -> "Future[bytes]":
        if self._executor is None:
            processes.start_trackers()
        with processes.ctrl_c_put_off():
            if self._executor is None:
                self._executor = processes.executor(self.workers)
                self._stop = weakref.finalize(self, processes.stop, self._executor)
            future: Future[bytes] = self._executor.submit(work, payload, by_value=True)
            return future

    def close(self) -> None:
        """Stop the worker processes at once; a later task starts new ones."""
        self._executor = None
        self._stop()


class ScoopEngine(Engine):
    """The workers of the SCOOP pool that this program runs in. The program's own process, the origin, computes nothing.

    ``evoprune run --engine scoop`` starts a pool and watches it (:mod:`evoprune.engines.launcher`); in a script of
    your own, ``python -m scoop -n 9 script.py`` starts one with eight workers. A worker that dies is the launcher's
    business.
    """

    name = "scoop"
    here = False

    def __init__(self, workers: int | None = None) -> None:
        if not scoop_is_running():
            raise ValueError(
                "the scoop engine needs SCOOP: start the program with python -m scoop, or use evoprune run"
            )
        import scoop

        size = max(1, scoop.SIZE - 1)
        if workers not in (None, size) and not shortfall():
            raise ValueError(f"the SCOOP pool has {size} workers, not {workers}")
        super().__init__(size)
        calm_scoop()

    def _run(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Ended:
        import scoop
        from scoop import _control, futures

        fresh = packed(pickle.dumps, function, tasks)
        if scoop.SIZE == 1 or not scoop.IS_ORIGIN:  # nobody else, or a task that has tasks of its own
            for task in fresh:
                yield task.number, result(work(task.payload))
            return
        running: dict[Any, int] = {}
        ended: list[tuple[int, Any]] = []
        while True:
            for task in islice(fresh, self.workers + 1 - len(running)):  # one is on its way
                running[futures.submit(work, task.payload)] = task.number
            if not running:
                break
            _control.execQueue.flush()  # or SCOOP keeps a task for this process
            yield from ended
            # SCOOP's own ways of waiting compute here too: what the origin takes for itself, free workers wait for.
            # And so Ctrl-C gets to the program, not to SCOOP's loop. Nor future.done(), which prints the payload to
            # itself each time that it does not find the task here.
            _control.execQueue.updateQueue()
            done = [future for future in running if future.isDone]
            if not done:
                _control.execQueue.socket._poll(1000)  # milliseconds
            ended = [(running.pop(future), result(future.result())) for future in done]
            for future in done:
                future._delete()  # or SCOOP keeps its result for ever
        yield from ended


def copied(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments as a function that is called in this process gets them: copies, whatever it does to them."""
    return copy.deepcopy(arguments)


def scoop_is_running() -> bool:
    """True in a program that was started under SCOOP, which has imported it then."""
    scoop = sys.modules.get("scoop")
    return bool(scoop is not None and getattr(scoop, "IS_RUNNING", False))


def calm_scoop() -> None:
    """Tell SCOOP in this process not to look after its tasks, which it does badly.

    By default it takes tasks for lost that run longer than two seconds after it fell idle, and runs them a second time;
    and a second thread reports every 25 s through a socket that is not made for two.
    """
    import scoop
    from scoop import _types

    _types.POLLING_TIME = 24 * 3600 * 1000
    scoop.TIME_BETWEEN_STATUS_REPORTS = NEVER


def _broken(future: "Future[bytes]") -> bool:
    return isinstance(future.exception(), BrokenExecutor)
