"""The problems by name. A new one is a frozen dataclass in a file of its own and a line here."""

from collections.abc import Callable

from evoprune.benchmarks.problems.binary_clustering import BinaryClustering
from evoprune.benchmarks.problems.cifar10 import Cifar10
from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.file_problem import FileProblem
from evoprune.benchmarks.problems.idx import IdxImages
from evoprune.benchmarks.problems.images import ImageFolder, Photographs
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.problems.retrieval import Retrieval
from evoprune.benchmarks.problems.text import TextProblem

BENCHMARKS: dict[str, Callable[..., Problem]] = {
    "binary-clustering": BinaryClustering,
    "cifar10": Cifar10,
    "digits": Digits,
    "file": FileProblem,
    "idx": IdxImages,
    "images": ImageFolder,
    "photographs": Photographs,
    "retrieval": Retrieval,
    "text": TextProblem,
}
