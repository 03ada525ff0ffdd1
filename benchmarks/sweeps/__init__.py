"""Many runs: a plan of variants and trials, its execution on any engine, and what it will take.

What belongs here: everything between a command line and the folder that a report reads. What does not: what a single
run does (:mod:`evoprune.benchmarks.pruning.run`), and what its results mean (:mod:`evoprune.benchmarks.report`).
"""

from evoprune.benchmarks.sweeps.execute import sweep
from evoprune.benchmarks.sweeps.plan import Plan, load_plan, make_plan

__all__ = ["Plan", "load_plan", "make_plan", "sweep"]
