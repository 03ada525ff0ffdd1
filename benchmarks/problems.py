"""The problems by name. A new one is a frozen dataclass in a file of its own and a line here."""

from collections.abc import Callable

from evoprune.benchmarks.binary_clustering import BinaryClustering
from evoprune.benchmarks.digits import Digits
from evoprune.benchmarks.file_problem import FileProblem
from evoprune.benchmarks.images import ImageFolder, Photographs
from evoprune.benchmarks.problem import Problem

BENCHMARKS: dict[str, Callable[..., Problem]] = {
    "binary-clustering": BinaryClustering,
    "digits": Digits,
    "file": FileProblem,
    "images": ImageFolder,
    "photographs": Photographs,
}
