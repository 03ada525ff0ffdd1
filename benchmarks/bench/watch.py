"""Where the time of a run goes: the share that is not training."""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

from evoprune.benchmarks.bench.subjects import paper
from evoprune.benchmarks.pruning.run import start
from evoprune.engines import Engine

Generation = tuple[Any, list[Any]]  # the cell update and the tasks of one


class Watch(Engine):
    """The serial engine, which times the train slot, the cell updates and the whole map, and keeps the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = {"training": 0.0, "working": 0.0, "mapping": 0.0}
        self.last: Generation = (None, [])
        self.results: list[Any] = []

    def map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """The map of :class:`Engine` for the spatial algorithm's cell update, of one argument."""
        (tasks,) = (list(tasks) for tasks in iterables)
        timed: Any = dataclasses.replace(function, train=self._timed("training", function.train))  # type: ignore[type-var, attr-defined]
        self.last = (function, tasks)
        self.results = self._timed("mapping", super().map)(self._timed("working", timed), tasks)
        return self.results

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                self.seconds[name] += time.perf_counter() - begin

        vars(run)["only_reads"] = getattr(call, "only_reads", False)  # else the engine copies what it need not
        return run


def outside(generations: int, **settings: Any) -> dict[str, float]:
    """Shares and seconds of a run at the paper's settings, with its log, its checkpoints and its pruning.

    ``share`` is the part of the time outside the train slot; ``logging`` and ``cells`` divide it into what happens
    between the generations and what else a cell does: copies, neighbourhood, selection, evaluation, pruning.
    """
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="evoprune-") as folder:
        run = start(paper(settings, generations=generations), folder, engine=watch)
    seconds = float(run.summary["seconds"])
    training, mapping = watch.seconds["training"], watch.seconds["mapping"]
    return {
        "share": 1 - training / seconds,
        "logging": 1 - mapping / seconds,
        "cells": (mapping - training) / seconds,
        "seconds": seconds,
    }
