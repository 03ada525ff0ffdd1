"""The settings of a run: one frozen dataclass, from which the command line and the settings file are made."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evoprune.algorithms import ring, torus
from evoprune.algorithms.cells import CONCEPTS
from evoprune.algorithms.spatial import UPDATES
from evoprune.architecture import PREFIX, Blueprint, found_in
from evoprune.benchmarks.problems import BENCHMARKS
from evoprune.benchmarks.problems.images import image_problem
from evoprune.benchmarks.problems.problem import Problem, validate
from evoprune.benchmarks.runs.fields import check_fields, check_names, option
from evoprune.checks import at_least, in_unit_interval
from evoprune.losses import LOSSES, check_loss
from evoprune.networks import MLP, parse_network
from evoprune.operators import OPERATORS, SCHEDULES, ScheduledProbability
from evoprune.operators.choice import SCOPES
from evoprune.operators.schedules import Decrease, Population, Schedule, Until
from evoprune.operators.target import check_target, expected_preserved
from evoprune.training.optimizers import OPTIMIZERS

ALGORITHMS = {
    "spatial": "Lipi-AE-S: cells on a grid coevolve encoders and decoders with their neighbours",
    "all-vs-all": "coevolution without space: every encoder meets every decoder",
    "canonical": "DEAP's eaSimple on one pair: training and pruning as its mutation",
}
SEMANTICS = {
    "persistent": "a pruned weight stays pruned",
    "reference": "what the paper's code does: pruned weights are set to zero once and grow again",
}
TOPOLOGIES = {"ring": "cells on a ring", "torus": "cells on a torus, as square as their number allows"}
ENDINGS = {
    "constant": "the rate stays",
    "step": "the rate falls to a tenth at every quarter of the run",
    "walk": "the rate moves by a normal step every generation, as a cell's does",
}
DEVICES = {"cpu": "the processor", "cuda": "the graphics card", "auto": "cuda where there is one, else cpu"}
ACTIVATION_SAMPLES = 100
DEFAULT_TARGET = 0.2


@dataclass(frozen=True)
class Settings:
    """Everything that makes a run, checked when it is made.

    :raises ValueError: naming the setting, its value and what was expected.
    """

    algorithm: str = option("spatial", "the evolutionary algorithm", ALGORITHMS)
    operator: str = option("magnitude", "the pruning operator", ("none", *OPERATORS))
    schedule: str = option("fixed", "when to prune: the course of the probability", SCHEDULES)
    probability: float = option(1.0, "C, the largest probability of the schedule")
    target_preserved: float | None = option(
        None,
        "random, variance, magnitude: share of weights to keep at the end (persistent; default "
        f"{DEFAULT_TARGET}, or what the schedule can reach)",
    )
    amount: float | None = option(
        None, "random, variance, magnitude: share of the survivors that each pruning removes, instead of a target"
    )
    scope: str = option("global", "take the amount from every tensor or from the whole pair", SCOPES)
    threshold: float = option(0.1, "activation below which the conjunctive operator counts a unit as inactive")
    finetune: float = option(0.2, "share of the generations, at the end, without pruning")
    semantics: str = option("persistent", "whether pruned weights stay pruned", SEMANTICS)
    benchmark: str = option("binary-clustering", "the problem", BENCHMARKS)
    n_clusters: int = option(10, "binary-clustering: number of centroids")
    n_samples: int = option(1000, "binary-clustering: samples in each split")
    n_dim: int = option(1000, "binary-clustering: bits a sample")
    noise: float = option(0.05, "binary-clustering: probability that a bit is flipped")
    p_one: float = option(0.75, "binary-clustering: probability that a bit of a centroid is 1")
    data_seed: int = option(1, "seed of the data or of their split")
    data: str | None = option(None, "file: a .npy, .npz or .csv with a sample a row; images: a folder")
    image_size: int | None = option(None, "images, photographs: pixels a side (default 32, of the patches 16)")
    network: str = option(
        "default",
        'a network by name, the encoder\'s widths after the inputs, such as 30-10, or "from DIR", what evoprune '
        "architectures found",
    )
    decoder: str | None = option(None, "the decoder's widths before the outputs, such as 10-30; mirrored by default")
    activation: str = option("relu", "nonlinearity between the layers")
    output_activation: str = option("sigmoid", "nonlinearity of the output")
    loss: str = option("bce", "the training loss and the fitness", LOSSES)
    optimizer: str = option("adam", "the optimizer", OPTIMIZERS)
    learning_rate: float = option(1e-3, "learning rate, in cells the one they start with")
    rate_sigma: float = option(1e-5, "standard deviation of a learning rate's step a generation, in cells and a walk")
    rate_decay: str = option("constant", "canonical: the course of the learning rate", ENDINGS)
    batch_size: int = option(5, "samples a gradient step, and in the batches that fitness is measured on")
    corruption: float = option(0.0, "denoising: probability that an input is set to zero in training")
    shuffle: bool = option(True, "draw the samples in a new order every epoch")
    generations: int = option(200, "generations; in each a selected pair trains for one epoch")
    cells: int = option(10, "cells of the grid, or pairs of the population")
    topology: str = option("ring", "the grid", TOPOLOGIES)
    radius: int = option(1, "how far a neighbourhood reaches")
    concept: str = option("minimum", "an encoder's loss over its neighbours' decoders", CONCEPTS)
    update: str = option(
        "synchronous", "cells read the last generation, or what is there when their turn comes", UPDATES
    )
    prune: str = option("after", "prune an offspring after or before its evaluation", ("after", "before"))
    opponents: str = option(
        "selected",
        "selected: a selected pair trains together; random: Lipi-AE's random opponents",
        ("selected", "random"),
    )
    seed: int = option(0, "seed of the run")
    device: str = option("cpu", "where training happens", DEVICES)
    chunk: int | None = option(
        None, "cells a parallel task, at least 5 and about 8 tasks by default; the same for every engine"
    )
    compare: bool = option(True, "also run without pruning, for the comparison at the end")
    checkpoint_every: int = option(20, "generations between checkpoints")
    snapshots: int = option(0, "generations between snapshots of all cells, for their analysis; 0 for none")

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("probability", "corruption", "finetune"):
            in_unit_interval(name, getattr(self, name))
        for name, least in {"generations": 1, "cells": 1, "batch_size": 1, "checkpoint_every": 1, "seed": 0}.items():
            at_least(name, getattr(self, name), least, whole=True)
        if self.chunk is not None:
            at_least("chunk", self.chunk, 1, whole=True)
        at_least("rate_sigma", self.rate_sigma, 0)
        at_least("snapshots", self.snapshots, 0, whole=True)
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be a number above 0, got {self.learning_rate!r}")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), at 1 every unit could be marked; got {self.threshold!r}")
        self._check_amount()
        self.neighbourhoods  # noqa: B018  a radius that does not fit
        self.architecture  # noqa: B018  widths that do not fit
        if self.algorithm == "all-vs-all" and self.opponents == "random":
            raise ValueError("opponents random belongs to the spatial algorithm")

    def _check_amount(self) -> None:
        if self.amount is not None:
            in_unit_interval("amount", self.amount)
            if self.target_preserved is not None:
                raise ValueError("give amount or target_preserved, not both")
        elif self.semantics == "reference":
            if self.target_preserved is not None:
                raise ValueError(
                    "target_preserved needs semantics persistent: in reference semantics weights grow again"
                )
            object.__setattr__(self, "amount", 0.1)
        elif self.target_preserved is None:
            reachable = expected_preserved(self.course, self.generations, 1.0)
            seldom = self.operator in AMOUNT_OPERATORS and reachable > DEFAULT_TARGET
            object.__setattr__(self, "target_preserved", reachable if seldom else DEFAULT_TARGET)
        if self.target_preserved is not None:
            if not 0 < self.target_preserved <= 1:
                raise ValueError(f"target_preserved must be a number in (0, 1], got {self.target_preserved!r}")
            if self.operator in AMOUNT_OPERATORS:
                check_target(self.course, self.generations, self.target_preserved)

    @property
    def architecture(self) -> MLP | Blueprint:
        """The recipe of the networks."""
        network = parse_network(self.network)
        if isinstance(network, Blueprint):
            if self.activation != network.activation:
                raise ValueError(f"activation {self.activation} contradicts that of {network.text}")
            if self.decoder is not None:
                raise ValueError(f"decoder {self.decoder!r}: the decoder of {network.text} mirrors its encoder")
            return dataclasses.replace(network, output=self.output_activation)
        changes: dict[str, Any] = {"activation": self.activation, "output": self.output_activation}
        if self.decoder is not None:
            changes["decoder_hidden"] = _decoder_hidden(self.decoder, network.latent)
        return dataclasses.replace(network, **changes)

    @property
    def neighbourhoods(self) -> list[list[int]]:
        """The cells that each cell reads."""
        if self.algorithm != "spatial":
            return [[cell] for cell in range(self.cells)]
        if self.topology == "ring":
            return ring(self.cells, self.radius)
        rows = max(d for d in range(1, math.isqrt(self.cells) + 1) if self.cells % d == 0)
        return torus(rows, self.cells // rows, self.radius)

    @property
    def parallel(self) -> bool:
        """Whether a generation has tasks that do not depend on each other."""
        return self.algorithm == "spatial" and self.update == "synchronous"

    @property
    def cells_a_task(self) -> int:
        """The chunk: as set, or some eight tasks of at least five cells. It must not depend on the workers."""
        return self.chunk or max(5, -(-self.cells // 8))

    @property
    def course(self) -> Schedule | Until:
        """The schedule, ending where fine-tuning begins."""
        kind = SCHEDULES[self.schedule]
        options: dict[str, Any] = {}
        if kind is Decrease:
            options["reference"] = self.semantics == "reference"
        if kind is Population:
            options["n"] = len(self.neighbourhoods[0]) if self.algorithm == "spatial" else self.cells
        schedule = kind(self.probability, **options)
        return Until(schedule, 1 - self.finetune) if self.finetune else schedule

    @property
    def scheduled(self) -> ScheduledProbability:
        """The schedule as a probability. In the reference's canonical loop T is never reached."""
        late = self.semantics == "reference" and self.algorithm == "canonical"
        return ScheduledProbability(self.course, self.generations + late)

    @property
    def problem(self) -> Problem:
        """The problem, a recipe."""
        if self.benchmark == "binary-clustering":
            names = ("n_clusters", "n_samples", "n_dim", "noise", "p_one")
            return BENCHMARKS[self.benchmark](**{name: getattr(self, name) for name in names}, seed=self.data_seed)
        if self.benchmark == "file":
            if self.data is None:
                raise ValueError("benchmark file needs data: the path of a .npy, .npz or .csv file")
            return BENCHMARKS[self.benchmark](self.data, split_seed=self.data_seed)
        if self.benchmark in ("images", "photographs"):
            return image_problem(self.benchmark, self.data, self.image_size, self.data_seed)
        return BENCHMARKS[self.benchmark](split_seed=self.data_seed)

    def check_data(self) -> None:
        """Load the data and see that they fit the settings, before any work."""
        problem = self.problem
        validate(problem, self.batch_size)
        check_loss(self.loss, self.output_activation, problem.train)
        architecture = self.architecture
        if isinstance(architecture, Blueprint):
            architecture.check(problem.inputs)
        if architecture.latent > problem.inputs:
            raise ValueError(f"a code of {architecture.latent} units is larger than the {problem.inputs} inputs")

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values."""
        return dataclasses.asdict(self)


AMOUNT_OPERATORS = ("random", "variance", "magnitude")

PAPER: dict[str, Any] = {
    "semantics": "reference",
    "operator": "random",
    "schedule": "exponential",
    "probability": 0.5,
    "amount": 0.1,
    "scope": "tensor",
    "finetune": 0.0,
    "loss": "l1",
    "optimizer": "adam-anew",
    "learning_rate": 1e-5,
    "rate_sigma": 1e-5,
    "batch_size": 5,
    "generations": 400,
    "cells": 10,
    "radius": 1,
}
"""The settings of Jorgensen et al. 2025; what ``semantics=reference`` starts from."""

PAPER_CANONICAL: dict[str, Any] = {"algorithm": "canonical", "cells": 1, "optimizer": "adam-0.5", "rate_decay": "step"}
"""What differs in the paper's canonical baseline."""


def make_settings(*layers: Mapping[str, Any]) -> Settings:
    """Settings from layers of overrides, later ones over earlier ones, over the defaults.

    Where the layers ask for ``semantics="reference"`` they lie over the paper's settings instead of the defaults, and a
    canonical algorithm has one pair. An ``amount`` replaces an earlier layer's ``target_preserved``, and the reverse.

    :raises ValueError: for an unknown setting (naming the nearest) or a value that does not fit.
    """
    given: dict[str, Any] = {}
    for layer in layers:
        check_names(Settings, layer)
        for one, other in (("amount", "target_preserved"), ("target_preserved", "amount")):
            if layer.get(one) is not None and layer.get(other) is None:
                given.pop(other, None)
        given |= layer
    given = _with_architecture(given)
    canonical = given.get("algorithm") == "canonical"
    base: dict[str, Any] = {"cells": 1} if canonical else {}
    if given.get("semantics") == "reference":
        base = PAPER | (PAPER_CANONICAL if canonical else {})
        if given.get("target_preserved") is not None:
            base.pop("amount")
    settings = Settings(**(base | given))
    if canonical and settings.cells != 1:
        raise ValueError(f"the canonical algorithm evolves one pair, got cells {settings.cells}")
    return settings


def _with_architecture(given: dict[str, Any]) -> dict[str, Any]:
    """An architecture in its text form, so that the settings need no other run's directory, with its activation."""
    network = str(given.get("network", ""))
    if network.startswith("from "):
        given = given | {"network": found_in(network.removeprefix("from ").strip()).text}
    elif not network.startswith(PREFIX):
        return given
    return {"activation": Blueprint(given["network"]).activation} | given


def _decoder_hidden(text: str, latent: int) -> tuple[int, ...]:
    try:
        first, *hidden = (int(width) for width in text.split("-"))
    except ValueError:
        raise ValueError(f"decoder must be widths such as 10-30, the code first; got {text!r}") from None
    if first != latent:
        raise ValueError(f"the encoder's code has {latent} units, but the decoder takes {first}: widths don't match")
    return tuple(hidden)
