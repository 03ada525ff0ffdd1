"""The settings of a run: one frozen dataclass, from which the command line and the settings file are made."""

from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from evoprune.algorithms.cells import CONCEPTS
from evoprune.algorithms.spatial import UPDATES
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning import choices, parts
from evoprune.benchmarks.pruning.algorithms import ALGORITHMS, ORDERS, Algorithm
from evoprune.benchmarks.pruning.choices import PAPER
from evoprune.benchmarks.pruning.fit import check_algorithm, check_fit
from evoprune.benchmarks.pruning.goals import check_goal, without_others
from evoprune.benchmarks.pruning.layers import laid_over
from evoprune.benchmarks.pruning.outside import with_architecture, with_code
from evoprune.benchmarks.pruning.parts import REGISTRIES, known
from evoprune.benchmarks.pruning.upgrade import BENCHMARK, OLD, upgraded
from evoprune.checks import lookup
from evoprune.losses import LOSSES
from evoprune.memory import check_fits
from evoprune.networks import ACTIVATIONS, OUTPUTS
from evoprune.operators import OPERATORS, ScheduledProbability
from evoprune.operators.choice import SCOPES
from evoprune.operators.schedules import Until
from evoprune.plugins import find
from evoprune.runs.kernels import BEFORE, WHAT
from evoprune.runs.settings import PARAMETER, RATE, SEEDS, WIDTHS, SettingsBase, check_fields, check_names, option
from evoprune.runs.takes import chosen, parameters
from evoprune.training.kernel import KERNELS
from evoprune.training.optimizers import OPTIMIZERS

SUITED = TASKS["reconstruction"], TASKS["classification"]
DEFAULT_TARGET = SUITED[0].target_preserved
BY_TASK = "(default {:g}, for classes and values {:g})"
ROW = 1500
"""Bytes of a cell's row in the tables, about, while they are written."""
OR_NONE = ChainMap[str, Any]({"none": None}, OPERATORS)


@dataclass(frozen=True)
class Settings(SettingsBase):
    """Everything that makes a run, checked when it is made.

    :raises ValueError: naming the setting, its value and what was expected.
    """

    algorithm: str = option("spatial", "the evolutionary algorithm", ALGORITHMS)
    operator: str = option("magnitude", "the pruning operator", OR_NONE, code=True)
    operator_options: dict[str, Any] = option({}, "the operator's own parameters")
    schedule: str = option("fixed", "when to prune: the course of the probability", REGISTRIES["schedule"], code=True)
    schedule_options: dict[str, Any] = option({}, "the schedule's own parameters")
    probability: float = option(1.0, "C, the largest probability of the schedule", share=True)
    target_preserved: float | None = option(
        None,
        "share of weights to keep at the end, for operators that take an amount, persistent; or what the schedule can "
        "reach " + BY_TASK.format(*(task.target_preserved for task in SUITED)),
        share=True,
    )
    target_macs: float | None = option(
        None,
        "instead: share of the multiply-accumulates to keep, without dead units, for operators that take whole units",
        share=True,
    )
    amount: float | None = option(
        None, "share of the survivors that each pruning removes, instead of a target", share=True
    )
    scope: str = option("global", "take the amount from every tensor or from the whole pair", SCOPES)
    threshold: float = option(
        0.1, "activation below which a unit counts as inactive, for operators with a threshold", share=True
    )
    finetune: float = option(0.2, "share of the generations, at the end, without pruning", share=True)
    compact_every: int = option(
        0, "generations between removals of dead units, which makes training cheaper; 0 for none", least=0
    )
    semantics: str = option("persistent", "whether pruned weights stay pruned", choices.SEMANTICS)
    benchmark: str = option(BENCHMARK, "the problem", REGISTRIES["benchmark"], code=True)
    benchmark_options: dict[str, Any] = option({}, "the problem's own parameters")
    task: str = option(
        None, "what a network makes of a sample (default: what the problem is for)", TASKS, suited="task"
    )
    data: str | None = option(
        None,
        "file: a .npy, .npz or .csv with a sample a row; images: a folder; idx, cifar10, retrieval: the folder of "
        "their files; text: a file with a document a line, or a folder",
    )
    data_seed: int = option(1, "seed of the data or of their split", least=0, most=SEEDS)
    network: str = option(
        "default",
        'a network by name, the encoder\'s widths after the inputs, such as 30-10, or "from DIR", what evoprune '
        "architectures found; for classes and values all widths, such as 64-100-10",
    )
    decoder: str | None = option(
        None,
        "the decoder's widths before the outputs, such as 10-30; mirrored by default",
        form=WIDTHS,
        such="widths such as 10-30, the code first",
    )
    activation: str = option("relu", "nonlinearity between the layers", ACTIVATIONS)
    output_activation: str = option(None, "nonlinearity of the output (default: by task)", OUTPUTS, suited="output")
    loss: str = option(None, "the training loss and the fitness (default: by task)", LOSSES, suited="loss")
    optimizer: str = option("adam", "the optimizer", OPTIMIZERS)
    learning_rate: float = option(
        None,
        "learning rate, in cells the one they start with " + BY_TASK.format(*(task.learning_rate for task in SUITED)),
        positive=True,
        most=RATE,
        suited="learning_rate",
    )
    rate_sigma: float = option(1e-5, "standard deviation of the rate's step a generation, in cells and a walk", least=0)
    rate_decay: str = option("constant", "the course of the learning rate, for an algorithm of DEAP's", choices.ENDINGS)
    batch_size: int = option(
        None,
        "samples a gradient step, and in the batches that fitness is measured on "
        + BY_TASK.format(*(task.batch_size for task in SUITED)),
        least=1,
        suited="batch_size",
    )
    corruption: float = option(0.0, "denoising: probability that an input is set to zero in training", share=True)
    shuffle: bool = option(True, "draw the samples in a new order every epoch")
    horizontal_flip: bool = option(False, "mirror each image from left to right with probability 0.5 in training")
    generations: int = option(200, "generations; in each a selected pair trains for one epoch", least=1, most=10**6)
    cells: int = option(10, "cells of the grid, or individuals of the population (mu)", least=1, most=10**6)
    offspring: int | None = option(
        None, "children a generation (lambda), for mu-... and nsga2; default as many as cells, or twice", least=1
    )
    crossover: float = option(0.0, "share of these children that come from a crossover of two, untrained", share=True)
    topology: str = option("ring", "the grid", choices.TOPOLOGIES)
    radius: int = option(1, "how far a neighbourhood reaches", least=0)
    concept: str = option("minimum", "an encoder's loss over its neighbours' decoders", CONCEPTS)
    update_order: str = option("synchronous", "cells read the last generation, or what is there at their turn", UPDATES)
    pruning_order: str = option("after-evaluation", "when an offspring is pruned", ORDERS)
    opponents: str = option(
        "selected",
        "selected: a selected pair trains together; random: Lipi-AE's random opponents",
        ("selected", "random"),
    )
    seed: int = option(0, "seed of the run", least=0, most=SEEDS)
    device: str = option("cpu", "where training happens", choices.DEVICES)
    kernel: str = option("auto", WHAT, KERNELS)
    chunk: int | None = option(
        None, "cells a parallel task, at least 5 and about 8 tasks by default; the same for every engine", least=1
    )
    compare: bool = option(True, "also run without pruning, for the comparison at the end")
    checkpoint_every: int = option(20, "generations between checkpoints", least=1)
    snapshots: int = option(0, "generations between snapshots of all cells, for their analysis; 0 for none", least=0)
    code: dict[str, Any] = option({}, "file and hash of what comes from outside of evoprune", hidden=True)

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
    def course(self) -> Callable[[int, int], float]:
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
        return ScheduledProbability(self.course, self.generations + late)

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
            if getattr(self, kind) != "none":
                find(kind, getattr(self, kind), registry)
        self.course  # noqa: B018  options that the schedule itself refuses
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
