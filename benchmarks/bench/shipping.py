"""What it costs to send cells to a worker and back, and from how many workers on that is all the origin does."""

import dataclasses
import pickle
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

from evoprune.benchmarks.bench.levels import Work
from evoprune.benchmarks.pruning.run import start
from evoprune.engines import Engine

Generation = tuple[Any, list[Any]]  # the cell update and the tasks of one


class Scales(Engine):
    """The serial engine, which weighs what comes by and keeps the last generation's tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.out = self.back = 0
        self.working = self.mapping = 0.0
        self.last: Generation = (None, [])

    def map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """The map of :class:`Engine`, for tasks of one argument."""
        begin = time.perf_counter()
        (tasks,) = (list(tasks) for tasks in iterables)
        payloads = [pickle.dumps((function, task), protocol=5) for task in tasks]
        results = []
        for payload in payloads:
            work, task = pickle.loads(payload)
            started = time.perf_counter()
            results.append(work(task))
            self.working += time.perf_counter() - started
        answers = [pickle.dumps(result, protocol=5) for result in results]
        self.out, self.back = sum(map(len, payloads)), sum(map(len, answers))
        self.last = (function, tasks)
        self.mapping += time.perf_counter() - begin
        return [pickle.loads(answer) for answer in answers]


def costs(work: Work) -> tuple[dict[str, float], Generation]:
    """Seconds and bytes a cell and generation, and a generation's function and tasks."""
    scales = Scales()
    generations = max(2, work.generations // 4)
    settings = work.settings(cells=work.cells, generations=generations)
    seconds = start(settings, engine=scales).summary["seconds"]
    count = work.cells * generations
    return {
        "cell_seconds": scales.working / count,
        "log_seconds": max(0.0, seconds - scales.mapping) / count,
        "bytes_out": scales.out / work.cells,
        "bytes_back": scales.back / work.cells,
    }, scales.last


def shipping(
    engine: Engine, work: Work, a_cell: dict[str, float], generation: tuple[Any, list[Any]]
) -> dict[str, float]:
    """Seconds to send a cell and receive its offspring, of an empty task, and where cells stop to pay.

    A worker needs ``cell_seconds`` for a cell, the origin ``shipping + log_seconds``, which it does for one after the
    other. So the origin keeps as many workers busy as the one takes longer than the other.
    """
    function, tasks = generation
    untrained = dataclasses.replace(function, train=_nothing, mutate=None)
    ways: dict[str, list[float]] = {"empty": [], "idle": [], "here": []}
    for _ in range(max(3, work.rounds)):
        ways["empty"].append(_seconds(lambda: [engine.map(abs, [-1]) for _ in range(20)]) / 20)
        ways["idle"].append(_seconds(lambda: engine.map(untrained, tasks)) / work.cells)
        ways["here"].append(
            _seconds(lambda: [untrained(task) for task in pickle.loads(pickle.dumps(tasks))]) / work.cells
        )
    # What an untrained cell computes is not shipping; the workers share it.
    computing = statistics.median(ways["here"]) / engine.workers
    cell = max(1e-9, statistics.median(ways["idle"]) - computing)
    return {
        "round_trip": statistics.median(ways["empty"]),
        "cell_seconds": cell,
        "workers": a_cell["cell_seconds"] / (cell + a_cell["log_seconds"]),
    }


def _nothing(pairs: Any, **_: Any) -> None:
    """A train slot that leaves the pairs as they are."""


def _seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
