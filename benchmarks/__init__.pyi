from .problems import BENCHMARKS as BENCHMARKS
from .problems.binary_clustering import BinaryClustering as BinaryClustering
from .problems.cifar10 import Cifar10 as Cifar10
from .problems.digits import Digits as Digits
from .problems.file_problem import FileProblem as FileProblem
from .problems.idx import IdxImages as IdxImages
from .problems.images import ImageFolder as ImageFolder, Photographs as Photographs
from .problems.problem import Problem as Problem, Splits as Splits, trivial_l1 as trivial_l1
from .problems.retrieval import Retrieval as Retrieval
from .problems.text import TextProblem as TextProblem
