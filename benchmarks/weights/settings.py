"""The settings of ``evoprune weights``."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor

from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.idx import IdxImages
from evoprune.benchmarks.problems.problem import Problem, validate
from evoprune.losses import check_loss
from evoprune.networks import OUTPUTS
from evoprune.runs.kernels import WHAT
from evoprune.runs.settings import PARAMETER, RATE, SEEDS, WIDTHS, SettingsBase, check_fields, layered, option
from evoprune.training.kernel import KERNELS
from evoprune.training.optimizers import OPTIMIZERS

METHODS = {
    "genetic": "a population for each layer: the better half is refined, the rest replaced by its offspring",
    "sgd-layerwise": "gradient descent on one network, a layer after the other",
    "sgd": "gradient descent on one network, all layers at once",
}
LAYERS = {"digits": "48-32-16", "idx": "500-250-100-50"}
"""Default widths after the inputs; those of the IDX files are David and Greental's for MNIST."""
RATES = {
    "genetic": {"relu": 0.01, "tanh": 0.02},
    "sgd-layerwise": {"relu": 0.02, "tanh": 0.01},
    "sgd": {"relu": 0.005, "tanh": 0.005},
}
"""The learning rates that did best on the digits, of those tried; docs/weights.md says which."""


@dataclass(frozen=True)
class WeightsSettings(SettingsBase):
    """Everything that makes a run, checked when it is made.

    :raises ValueError: naming the setting, its value and what was expected.
    """

    method: str = option("genetic", "how the weights are found", METHODS)
    activation: str = option("relu", "nonlinearity between the layers, and of the code", ("relu", "tanh"))
    output_activation: str = option("sigmoid", "nonlinearity of the output", OUTPUTS)
    layers: str | None = option(
        None,
        f"widths after the inputs, the code last (default {LAYERS['digits']}, IDX files {LAYERS['idx']})",
        form=WIDTHS,
        such="widths after the inputs such as 48-32-16",
    )
    data: str | None = option(None, "a directory with MNIST's four IDX files; the digits of scikit-learn without it")
    data_seed: int = option(0, "seed of the split of the data", least=0, most=SEEDS)
    samples: int | None = option(None, "train on the first so many samples only", least=1)
    population: int = option(10, "genetic: individuals, of which half are refined", least=4, most=10**6)
    generations: int = option(15, "generations for each layer", least=1, most=10**6)
    epochs: int = option(2, "passes over the data by which a survivor is refined in each generation", least=1)
    cxpb: float = option(0.5, "genetic: share of the offspring that have two parents; the others have one", share=True)
    ratio: float = option(0.5, "genetic: share of the weights that come from the second parent", share=True)
    indpb: float = option(0.0003, "genetic: probability that an offspring's weight is set to zero", share=True)
    persistent: bool = option(False, "genetic: what mutation sets to zero stays zero, so that it prunes")
    optimizer: str = option("adam", "the optimizer", OPTIMIZERS)
    learning_rate: float | None = option(
        None,
        "learning rate to begin with; by default the best for the method on the digits",
        positive=True,
        most=RATE,
    )
    decay: bool = option(False, "let the rate fall to zero, evenly over the generations of a layer")
    batch_size: int = option(64, "samples a gradient step", least=1)
    kernel: str = option("auto", WHAT, KERNELS)
    classifier_samples: int = option(10_000, "samples that the classifier is fitted on at most", least=10)
    seed: int = option(0, "seed of the run", least=0, most=SEEDS)
    chunk: int | None = option(
        None,
        "individuals a parallel task, half of the survivors by default; the same for every engine",
        least=1,
    )
    compare: bool = option(True, "also train by the other methods, for the comparison at the end")
    checkpoint_every: int = option(20, "generations between checkpoints", least=1)

    def __post_init__(self) -> None:
        check_fields(self)
        self.hidden  # noqa: B018  widths that cannot be read

    @property
    def benchmark(self) -> str:
        """The name of the data set."""
        return "digits" if self.data is None else "idx"

    @property
    def problem(self) -> Problem:
        """The data, a recipe."""
        return Digits(self.data_seed) if self.data is None else IdxImages(self.data, self.data_seed)

    @property
    def training(self) -> Tensor:
        """The training data, (samples, inputs)."""
        return self.problem.train[: self.samples]

    @property
    def hidden(self) -> tuple[int, ...]:
        """The widths after the inputs, the code last."""
        text = LAYERS[self.benchmark] if self.layers is None else self.layers
        try:
            widths = tuple(int(width) for width in text.split("-"))
        except ValueError:
            widths = ()
        if not widths or min(widths) < 1:
            raise ValueError(f"layers must be widths after the inputs such as 48-32-16, got {text!r}")
        return widths

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths from the inputs to the code."""
        return (self.problem.inputs, *self.hidden)

    @property
    def layerwise(self) -> bool:
        """Whether the layers are trained one after the other."""
        return self.method != "sgd"

    @property
    def total_generations(self) -> int:
        """Generations over all layers; of gradient descent on the whole network as many."""
        return self.generations * len(self.hidden)

    @property
    def survivors(self) -> int:
        """How many of the population are refined in each generation."""
        return self.population // 2

    @property
    def rate(self) -> float:
        """The learning rate to begin with."""
        return RATES[self.method][self.activation] if self.learning_rate is None else self.learning_rate

    def rate_in(self, number: int) -> float:
        """The learning rate in a generation, from 1: it falls within each layer, or where all learn at once overall."""
        length = self.generations if self.layerwise else self.total_generations
        return self.rate * (1 - (number - 1) % length / length) if self.decay else self.rate

    @property
    def steps(self) -> int:
        """Gradient steps in a generation, of all individuals together; the same for every method."""
        return self.survivors * self.epochs * -(-len(self.training) // self.batch_size)

    @property
    def parallel(self) -> bool:
        """Whether a generation has tasks that do not depend on each other."""
        return self.method == "genetic"

    @property
    def memory(self) -> dict[str, float]:
        """What the run takes beside its data -> bytes, about."""
        sizes = pairwise(self.widths)
        return {"networks": PARAMETER * self.population * sum(a * b + a + b for a, b in sizes)}

    def check_data(self) -> None:
        """Load the data and see that they fit the settings, before any work."""
        problem = self.problem
        validate(problem, 1)
        if self.samples is not None and self.samples > len(problem.train):
            raise ValueError(f"samples is {self.samples}, but there are {len(problem.train)} training samples")
        if self.batch_size > len(self.training):
            raise ValueError(f"batch_size {self.batch_size} is larger than the {len(self.training)} training samples")
        if self.hidden[-1] > problem.inputs:
            raise ValueError(f"a code of {self.hidden[-1]} units is larger than the {problem.inputs} inputs")
        check_loss("mse", self.output_activation, problem.train)


def make_settings(*layers: Mapping[str, Any], **last: Any) -> WeightsSettings:
    """Settings from layers of overrides, later ones over earlier ones, over the defaults; ``last`` are the last layer.

    :raises ValueError: for an unknown setting (naming the nearest) or a value that does not fit.
    """
    return WeightsSettings(**layered(WeightsSettings, (*layers, last)))
