"""The problems by name. A new one is a frozen dataclass in a file of its own and a line here."""

from collections.abc import Callable

from evoprune.benchmarks.problems.binary_clustering import BinaryClustering
from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.file_problem import FileProblem
from evoprune.benchmarks.problems.images import ImageFolder, Photographs
from evoprune.benchmarks.problems.problem import Problem

BENCHMARKS: dict[str, Callable[..., Problem]] = {
    "binary-clustering": BinaryClustering,
    "digits": Digits,
    "file": FileProblem,
    "images": ImageFolder,
    "photographs": Photographs,
}
