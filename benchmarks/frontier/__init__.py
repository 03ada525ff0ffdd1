"""Methods of pruning against each other: at several sizes, from several seeds, under one budget of gradient steps.

What belongs here: what ``evoprune frontier`` runs, and what its report says. What does not: the methods, which are
presets (:mod:`evoprune.benchmarks.pruning.methods`), how the runs of a plan are done (``sweeps``), and what any report
is made of (``report``).
"""

from evoprune.benchmarks.frontier.data_sets import DATA_SETS, DataSet
from evoprune.benchmarks.frontier.plan import BUDGET, TRIALS, grown, plan_for

__all__ = ["BUDGET", "DATA_SETS", "TRIALS", "DataSet", "grown", "plan_for"]
