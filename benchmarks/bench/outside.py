"""The share of a run's time that is not training, at the paper's settings."""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.engines import Engine


class Stopwatch(Engine):
    """The serial engine, which takes the time of the train slot and of the whole map."""

    def __init__(self) -> None:
        super().__init__()
        self.training = self.mapping = 0.0

    def map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """The map of :class:`Engine` for the spatial algorithm's cell update."""
        begin = time.perf_counter()
        timed: Any = dataclasses.replace(function, train=self._timed(function.train))  # type: ignore[type-var, attr-defined]
        results = super().map(timed, *iterables)
        self.mapping += time.perf_counter() - begin
        return results

    def _timed(self, train: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            try:
                return train(*arguments, **options)
            finally:
                self.training += time.perf_counter() - begin

        return run


def outside(generations: int, **settings: Any) -> dict[str, float]:
    """Shares and seconds of a run with its log, its checkpoints and its pruning.

    ``share`` is the part of the time outside the train slot; ``logging`` and ``cells`` divide it into what happens
    between the generations and what else a cell does: copies, neighbourhood, selection, evaluation, pruning.
    """
    watch = Stopwatch()
    paper = make_settings({"semantics": "reference", "compare": False}, settings, {"generations": generations})
    with tempfile.TemporaryDirectory(prefix="evoprune-") as folder:
        seconds = float(start(paper, folder, force=True, engine=watch).summary["seconds"])
    return {
        "share": 1 - watch.training / seconds,
        "logging": 1 - watch.mapping / seconds,
        "cells": (watch.mapping - watch.training) / seconds,
        "seconds": seconds,
        "generations": generations,
    }
