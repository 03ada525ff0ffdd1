"""The front of loss and size of one run: of all networks that it kept those that no other one beats in both.

What belongs here: what ``evoprune front`` does with a run. What does not: the algorithm that evolves towards a front
(:mod:`evoprune.benchmarks.pruning.algorithms`), and the plot that such a run leaves (:mod:`evoprune.benchmarks.plots`).
"""

from evoprune.benchmarks.fronts.front import Front, front
from evoprune.benchmarks.fronts.networks import settings_of
from evoprune.benchmarks.fronts.table import text

__all__ = ["Front", "front", "settings_of", "text"]
