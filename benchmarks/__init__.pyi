from .problems import BENCHMARKS as BENCHMARKS
from .problems.binary_clustering import BinaryClustering as BinaryClustering
from .problems.digits import Digits as Digits
from .problems.file_problem import FileProblem as FileProblem
from .problems.problem import Problem as Problem, Splits as Splits, trivial_l1 as trivial_l1
