"""The settings of an architecture search: one frozen dataclass."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

from deap import tools

from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.images import image_problem
from evoprune.benchmarks.problems.problem import Problem, validate
from evoprune.checks import lookup
from evoprune.losses import LOSSES, check_loss
from evoprune.operators.architecture import Space
from evoprune.runs.kernels import WHAT
from evoprune.runs.settings import PARAMETER, RATE, SEEDS, WIDTHS, SettingsBase, check_fields, layered, option
from evoprune.training.kernel import KERNELS
from evoprune.training.optimizers import OPTIMIZERS

SUCH = "whole numbers such as 4-8-16"
METHODS = {"genetic": "mutation, crossover and selection", "random": "as many random valid architectures"}
PROBLEMS = ("digits", "images", "photographs")
OBJECTIVES = {"loss": "the validation loss", "loss-size": "the validation loss and the number of parameters"}
GENOME = 2000
"""Bytes of an architecture and of what is known of it, about."""
_FITTING = (tools.selTournament, tools.selNSGA2, tools.selSPEA2, tools.selLexicase, tools.selAutomaticEpsilonLexicase)
SELECTIONS: dict[str, Callable[..., Any]] = {
    "truncation": tools.selBest,
    **{select.__name__: select for select in (*_FITTING, tools.selRandom)},
}
"""Truncation, as in the source, and DEAP's selections by their names; those are left out that need other fitnesses
(selRoulette and its kin only maximize), reference points or crowding distances."""


@dataclass(frozen=True)
class ArchitectureSettings(SettingsBase):
    """Everything that makes an architecture search, checked when it is made.

    :raises ValueError: naming the setting, its value and what was expected.
    """

    parallel = True
    """Whether a generation has tasks that do not depend on each other."""
    method: str = option("genetic", "how to search", METHODS)
    benchmark: str = option("digits", "the images", PROBLEMS)
    data: str | None = option(None, "a folder of PNG and JPEG images, instead of the digits")
    image_size: int | None = option(
        None, "images, photographs: pixels a side (default 32, of the patches 16)", least=0, most=4096
    )
    resize: bool = option(True, "images: cut and resize them to image_size; off: they must have one size")
    data_seed: int = option(0, "seed of the split into train, validation and test", least=0, most=SEEDS)
    code: int = option(10, "units of the code", least=1)
    activations: str = option("relu tanh sigmoid leaky-relu", "activations to choose from")
    channels: str = option("4-8-16", "channels that a convolution may make", form=WIDTHS, such=SUCH)
    kernels: str = option("1-3-5", "side lengths of kernels", form=WIDTHS, such=SUCH)
    strides: str = option("1-2", "strides of convolutions", form=WIDTHS, such=SUCH)
    widths: str = option("16-32-64-128", "units of linear layers", form=WIDTHS, such=SUCH)
    min_convolutions: int = option(0, "the fewest convolutions", least=0, most=20)
    max_convolutions: int = option(2, "the most convolutions", least=0, most=20)
    min_linear: int = option(0, "the fewest linear layers, besides the one that makes the code", least=0, most=20)
    max_linear: int = option(2, "the most linear layers, besides the one that makes the code", least=0, most=20)
    population: int = option(
        5, "architectures that survive a generation, and random ones at the start", least=1, most=10**6
    )
    offspring: int = option(7, "new architectures a generation; each is trained", least=1, most=10**6)
    generations: int = option(13, "generations after the first", least=0, most=10**6)
    patience: int = option(6, "generations without a better loss after which the search stops; 0: never", least=0)
    crossover: float = option(0.2, "probability that a child has two parents; it is mutated besides", share=True)
    objectives: str = option("loss", "what selection minimizes", OBJECTIVES)
    selection: str | None = option(None, "who survives (default truncation, with loss-size selNSGA2)", SELECTIONS)
    tournament: int = option(3, "selTournament: its size", least=1)
    epochs: int = option(6, "epochs that an architecture is trained for its fitness", least=1)
    tries: int = option(1, "trainings from other weights, of which the best one counts", least=1)
    inherit: bool = option(False, "start from the parent's weights where layers match")
    loss: str = option("mse", "the training loss and the fitness", LOSSES)
    optimizer: str = option("adam", "the optimizer", OPTIMIZERS)
    learning_rate: float = option(5e-3, "learning rate", positive=True, most=RATE)
    batch_size: int = option(64, "samples a gradient step", least=1)
    horizontal_flip: bool = option(False, "mirror each image from left to right with probability 0.5 in training")
    kernel: str = option("auto", WHAT, KERNELS)
    final_epochs: int = option(80, "epochs that the best architecture is trained at the end", least=1)
    compare: bool = option(False, "genetic: also train as many random architectures, for the comparison at the end")
    seed: int = option(0, "seed of the search", least=0, most=SEEDS)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.selection is None:
            object.__setattr__(self, "selection", "truncation" if self.objectives == "loss" else "selNSGA2")
        if self.data is not None and self.benchmark != "images":
            raise ValueError(f"data {self.data!r} belongs to benchmark images, got benchmark {self.benchmark}")
        if not self.resize and (self.benchmark != "images" or self.image_size is not None):
            raise ValueError("resize off belongs to benchmark images, without an image_size")

    @property
    def problem(self) -> Problem:
        """The images, a recipe."""
        if self.benchmark == "digits":
            return Digits(self.data_seed)
        return image_problem(self.benchmark, self.data, self.image_size if self.resize else 0, self.data_seed)

    @property
    def space(self) -> Space:
        """The architectures that the search may visit; asks the problem for the shape of its images."""
        problem = self.problem
        shape = problem.image or (1, 1, problem.inputs)
        return Space(
            shape,
            self.code,
            tuple(name for name in re.split(r"[\s,]+", self.activations) if name),
            **{name: self._numbers(name) for name in ("channels", "kernels", "strides", "widths")},
            convolutions=(self.min_convolutions, self.max_convolutions),
            linear=(self.min_linear, self.max_linear),
        )

    @property
    def memory(self) -> dict[str, float]:
        """What the search takes beside its data -> bytes, about: its largest network, and the genomes."""
        genomes = self.population + self.offspring * self.generations
        return {"the largest network": PARAMETER * self.space.largest, "genomes": GENOME * genomes}

    def check_data(self) -> None:
        """Load the data and see that they fit the settings, before any work."""
        validate(self.problem, self.batch_size)
        check_loss(self.loss, "sigmoid", self.problem.train)
        self.space  # noqa: B018  constraints that nothing satisfies

    def _numbers(self, name: str) -> tuple[int, ...]:
        return tuple(sorted({int(number) for number in getattr(self, name).split("-")}))


def make_settings(*layers: Mapping[str, Any], **last: Any) -> ArchitectureSettings:
    """Settings from layers of overrides, later ones over earlier ones, over the defaults; ``last`` are the last layer.

    With ``data`` and without a ``benchmark`` the benchmark is ``images``.

    :raises ValueError: for an unknown setting (naming the nearest) or a value that does not fit.
    """
    given = layered(ArchitectureSettings, (*layers, last))
    return ArchitectureSettings(**({"benchmark": "images"} if given.get("data") is not None else {}) | given)


def selection(settings: ArchitectureSettings) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The selection of the settings and what it takes besides individuals and their number."""
    select = lookup("selection", str(settings.selection), SELECTIONS)
    return select, {"tournsize": settings.tournament} if "tournsize" in signature(select).parameters else {}
