"""The settings of a run: one frozen dataclass, from which the command line and the settings file are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning import parts
from evoprune.benchmarks.pruning.algorithms import ALGORITHMS, Algorithm
from evoprune.benchmarks.pruning.choices import PAPER
from evoprune.benchmarks.pruning.fields import Fields
from evoprune.benchmarks.pruning.fit import check_algorithm, check_fit
from evoprune.benchmarks.pruning.goals import check_goal, check_way, without_others
from evoprune.benchmarks.pruning.layers import laid_over
from evoprune.benchmarks.pruning.outside import with_architecture, with_code
from evoprune.benchmarks.pruning.parts import REGISTRIES, known, names_of
from evoprune.benchmarks.pruning.upgrade import BENCHMARK, OLD, upgraded
from evoprune.checks import lookup
from evoprune.memory import check_fits
from evoprune.operators import ScheduledProbability
from evoprune.operators.schedules import Until
from evoprune.plugins import find
from evoprune.runs.kernels import BEFORE
from evoprune.runs.settings import PARAMETER, check_fields, check_names
from evoprune.runs.takes import chosen, parameters

ROW = 1500
"""Bytes of a cell's row in the tables, about, while they are written."""


@dataclass(frozen=True)
class Settings(Fields):
    """Everything that makes a run, checked when it is made.

    :raises ValueError: naming the setting, its value and what was expected.
    """

    def __post_init__(self) -> None:
        check_fields(self)
        check_fits({"the tables of the run": ROW * (self.generations + 1) * self.cells}, "fewer generations or cells")
        for kind in REGISTRIES:
            self._choose_options(kind)
        for field in fields(self):
            if field.metadata.get("suited") and getattr(self, field.name) is None:
                suits = parts.suited(self.benchmark, field.metadata["suited"], self.task)
                object.__setattr__(self, field.name, suits)
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), at 1 every unit could be marked; got {self.threshold!r}")
        check_goal(self)
        check_way(self)
        self.neighbourhoods  # noqa: B018  a radius that does not fit
        self.architecture  # noqa: B018  widths that do not fit
        if self.loop.children is not None and self.offspring is None:
            object.__setattr__(self, "offspring", self.cells * self.loop.children)
        check_algorithm(self)

    def _choose_options(self, kind: str) -> None:
        """Complete the options of the operator, the schedule or the problem by their defaults."""
        name, given = getattr(self, kind), getattr(self, f"{kind}_options")
        taker = known(kind, name)
        if name == "none":
            object.__setattr__(self, f"{kind}_options", {})
        elif taker is not None:
            options = chosen(f"{kind} {name}", given, parts.own_options(kind, taker))
            object.__setattr__(self, f"{kind}_options", options)
        if kind == "operator" and taker is not None and self.semantics == "reference" and not self.takes("persistent"):
            raise ValueError(f"operator {name} takes no persistent, so it cannot do what semantics reference asks for")

    def takes(self, name: str) -> bool:
        """Whether the operator has a parameter of that name; of code that nobody allowed nothing is known."""
        operator = known("operator", self.operator)
        return operator is not None and name in parameters(operator)

    @property
    def prunes(self) -> bool:
        """Whether there is pruning, on the way or before any training."""
        return self.operator != "none" or self.initial != "none"

    @property
    def chooses(self) -> bool:
        """Whether the run chooses between several operators by what they earn."""
        return self.operator_choice != "cells" and len(names_of("operator", self.operator)) > 1

    @property
    def architecture(self) -> parts.Recipe:
        """The recipe of the networks."""
        how = self.network, self.decoder, self.activation, self.output_activation
        return parts.architecture_of(self.task, *how)

    @property
    def neighbourhoods(self) -> list[list[int]]:
        """The cells that each cell reads."""
        return self.loop.reads(self)

    @property
    def loop(self) -> Algorithm:
        """The algorithm."""
        return ALGORITHMS[self.algorithm]

    @property
    def parallel(self) -> bool:
        """Whether a generation has tasks that do not depend on each other."""
        return "chunk" in self.loop.uses and self.update_order == "synchronous"

    @property
    def cells_a_task(self) -> int:
        """The chunk: as set, or some eight tasks of at least five cells. It must not depend on the workers."""
        return self.chunk or max(5, -(-self.cells // 8))

    @property
    def timing(self) -> Callable[[int, int], float]:
        """The schedule, ending where fine-tuning begins."""
        provided = {
            "C": self.probability,
            "n": len(self.neighbourhoods[0]),
            "reference": self.semantics == "reference",
        }
        schedule = parts.schedule_of(self.schedule, provided, self.schedule_options)
        return Until(schedule, 1 - self.finetune) if self.finetune else schedule

    @property
    def scheduled(self) -> ScheduledProbability:
        """The schedule as a probability. In the reference's canonical loop T is never reached."""
        late = self.semantics == "reference" and self.loop.stock
        return ScheduledProbability(self.timing, self.generations + late)

    @property
    def problem(self) -> Problem:
        """The problem, a recipe."""
        return parts.problem_of(self.benchmark, self.task, self.data, self.data_seed, self.benchmark_options)

    @property
    def memory(self) -> dict[str, float]:
        """What the run takes beside its data -> bytes, about."""
        size = self.architecture.parameters(self.problem.inputs, self.problem.outputs)
        return {
            "networks": PARAMETER * size * self.cells,
            "tables": ROW * (self.generations + 1) * self.cells,
        }

    def check_data(self) -> None:
        """Load the data and see that they fit the settings, and that all that is named is here, before any work."""
        for kind, registry in REGISTRIES.items():
            for name in names_of(kind, getattr(self, kind)):
                if name != "none":
                    find(kind, name, registry)
        self.timing  # noqa: B018  options that the schedule itself refuses
        check_fit(self.problem, self.architecture, self)

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> "Settings":
        """Settings that a run left, of this version or of 0.1; code that they name is neither run nor looked for."""
        return cls(**{**BEFORE, **upgraded(values)})


def make_settings(*layers: Mapping[str, Any], **last: Any) -> Settings:
    """Settings from layers of overrides, later ones over earlier ones, over the defaults; ``last`` are the last layer.

    Where the layers ask for ``semantics="reference"`` they lie over the paper's settings instead of the defaults, and a
    canonical algorithm has one pair. An ``amount``, a ``target_preserved`` or a ``target_macs`` replaces
    those of earlier layers.
    An operator, schedule or problem from outside of evoprune is imported. Options of a problem, such as ``n_samples``,
    may stand among the settings.

    :raises ValueError: for an unknown setting (naming the nearest) or a value that does not fit.
    """
    given: dict[str, Any] = {}
    for layer in (*layers, last):
        check_names(Settings, layer, [*OLD, *parts.problem_options()])
        without_others(given, layer)
        given = laid_over(Settings, given, layer)
    parts.check_loose(given, given.get("benchmark", BENCHMARK))
    given = with_architecture(with_code(upgraded(given)))
    loop = lookup("algorithm", given.get("algorithm", Settings.algorithm), ALGORITHMS)
    base: dict[str, Any] = {"cells": loop.pairs} if loop.pairs else {}
    if given.get("semantics") == "reference":
        base = {**PAPER, **loop.paper}
        if TASKS.get(given.get("task", ""), TASKS["reconstruction"]).targets:
            base.pop("loss")  # which reconstructs
        without_others(base, given)
    settings = Settings(**(base | given))
    if loop.pairs and settings.cells != loop.pairs:
        raise ValueError(f"the {settings.algorithm} algorithm evolves one pair, got cells {settings.cells}")
    return settings
