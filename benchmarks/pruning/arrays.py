"""Runs on data in memory, a generation at a time, for those who keep what comes of them themselves."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch

from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.measured import lowest, measured
from evoprune.benchmarks.pruning.outside import with_code
from evoprune.benchmarks.pruning.parts import known
from evoprune.benchmarks.pruning.run import PRUNING, PruningState
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.checks import shown
from evoprune.data import samples_of
from evoprune.engines import ThreadEngine
from evoprune.individuals import Network
from evoprune.operators import OPERATORS, SCHEDULES
from evoprune.runs.experiment import Map
from evoprune.runs.settings import option
from evoprune.runs.takes import parameters
from evoprune.runs.terminal import progress_bar

_numbers = count()


@dataclass(frozen=True)
class ArraySettings(Settings):
    """The settings of a run whose problem is at hand; ``benchmark`` and its options say nothing."""

    arrays: Any = option(None, "the problem", hidden=True)

    @property
    def problem(self) -> Problem:
        found: Problem = self.arrays
        return found


def array_settings(problem: Problem, operator_options: Mapping[str, Any], **values: Any) -> ArraySettings:
    """Settings of a run on a problem at hand. Code that an operator names is imported.

    :param operator_options: ``threshold`` may be one of them, where the operator takes it.
    :raises ValueError: naming a setting, its value and what was expected.
    """
    values, options = with_code(values), dict(operator_options)
    operator = known("operator", values["operator"])
    if "threshold" in options and operator is not None and "threshold" in parameters(operator, skip=1):
        values["threshold"] = options.pop("threshold")
    return ArraySettings(arrays=problem, task=problem.task, operator_options=options, compare=False, **values)


@contextmanager
def named(kind: str, part: Any) -> Iterator[str]:
    """The name that settings have for an operator or a schedule; a function, or an object, has one within the block.

    :param kind: ``"operator"``, which is called with an individual, or ``"schedule"``, with t and T.
    :raises ValueError: for what cannot be called.
    """
    if isinstance(part, str):
        yield part
        return
    if not callable(part) or isinstance(part, type):
        raise ValueError(f"{kind} must be a name or a function, got {shown(part)}")

    def course(t: int, T: int) -> float:  # without options of its own, which an object has no more
        return float(part(t, T))

    name = f"{getattr(part, '__name__', type(part).__name__)} #{next(_numbers)}"  # another one in every thread
    registry: Any = SCHEDULES if kind == "schedule" else OPERATORS
    registry[name] = course if kind == "schedule" else part
    try:
        yield name
    finally:
        del registry[name]


@contextmanager
def threads(workers: int) -> Iterator[Map]:
    """A map for the tasks of a generation, whose results do not depend on how many threads it has.

    Within the block torch computes with one thread each, on which last bits would depend.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if workers == 1:
            yield map
        else:
            with ThreadEngine(workers) as engine:
                yield engine.map
    finally:
        torch.set_num_threads(before)


def begin(
    settings: ArraySettings, grid: list[Network] | None = None, log: Sequence[dict[str, Any]] = ()
) -> PruningState:
    """A run before its first generation, or one that goes on with the grid of another whose log this is.

    :raises ValueError: where data, device or kernel do not fit the settings, before any work.
    """
    PRUNING.check(settings)
    kernel = PRUNING.kernel_of(settings)
    if kernel.name == "native":  # which trains a network after the other: each may have its thread
        settings = dataclasses.replace(settings, chunk=1)
    if grid is None:
        state = PRUNING.begin(settings)
    else:
        state = PruningState(settings, list(grid), log=list(log), generation=int(log[-1]["gen"]))
    state.kernel = kernel
    return state


@dataclass
class Best:
    """The network that a run gives: that of the last generation, or, with patience, the best since pruning ended.

    ``patience`` is after how many generations in which the loss has not fallen by more than ``tol`` the run stops; None
    for never. Generations up to ``settled``, the last that prunes, do not count.
    """

    patience: int | None = None
    tol: float = 0.0
    settled: int = 0
    network: Any = None
    loss: float = math.nan
    lowest: float = math.inf
    waited: int = 0

    def see(self, generation: int, network: Any, loss: float) -> bool:
        """Look at the best cell of a generation; whether to go on."""
        watched = self.patience is not None and generation > self.settled
        if not watched or loss < self.lowest:
            self.network, self.loss = network, loss
        self.waited = self.waited + 1 if watched and not loss < self.lowest - self.tol else 0
        self.lowest = min(self.lowest, loss) if watched else math.inf
        return self.patience is None or self.waited < self.patience


def settled(settings: Settings) -> int:
    """The last generation that may prune; 0 where none does."""
    if settings.operator == "none":
        return 0
    course, last = settings.timing, settings.generations - 1
    return max((t + 1 for t in range(last + 1) if course(t, last)), default=0)


def evolve(state: PruningState, map_: Map, best: Best, until: int, bar: bool = False) -> None:
    """Do the generations up to number ``until``, or until ``best`` has seen enough; the first is preceded by number 0.

    The log gets ``validation_loss``, that of the best cell on the whole validation split; NaN where all have diverged.

    :param bar: show a progress bar.
    """
    samples, loss = samples_of(state.settings.problem, "validation"), str(state.settings.loss)
    with progress_bar(until, state.generation, state.label, bar) as shown_:
        for words in PRUNING.generations(state, map_, None):
            (losses,) = measured(state.grid, samples, [], loss)
            cell = lowest(losses)
            state.log[-1]["validation_loss"] = losses[cell]
            shown_.set_postfix_str(words, refresh=False)
            shown_.update(1 if state.generation else 0)
            if not best.see(state.generation, state.grid[cell], losses[cell]) or state.generation >= until:
                return
