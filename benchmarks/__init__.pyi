from .problems import BENCHMARKS
from .problems.binary_clustering import BinaryClustering
from .problems.digits import Digits
from .problems.file_problem import FileProblem
from .problems.problem import Problem, Splits, trivial_l1

__all__ = ["BENCHMARKS", "BinaryClustering", "Digits", "FileProblem", "Problem", "Splits", "trivial_l1"]
