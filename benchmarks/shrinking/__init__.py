"""The network of a run made small: without dead units, trained further, checked, and in files that need no evoprune.

What belongs here: what ``evoprune shrink`` does with a model. What does not: which units are dead, and taking them out
(:mod:`evoprune.shrinking`).
"""

from evoprune.benchmarks.shrinking.difference import Differs
from evoprune.benchmarks.shrinking.shrink import Shrunk, shrink
from evoprune.benchmarks.shrinking.table import text

__all__ = ["Differs", "Shrunk", "shrink", "text"]
