"""Problems, and the experiments that assemble a toolbox from settings.

What belongs here: data sets as recipes, settings, presets, runs, reports and plots. What does not: operators and
algorithms that would make sense without a particular problem.
"""

from evoprune.benchmarks.binary_clustering import BinaryClustering
from evoprune.benchmarks.digits import Digits
from evoprune.benchmarks.file_problem import FileProblem
from evoprune.benchmarks.problem import Problem, trivial_l1
from evoprune.benchmarks.problems import BENCHMARKS

__all__ = ["BENCHMARKS", "BinaryClustering", "Digits", "FileProblem", "Problem", "trivial_l1"]
