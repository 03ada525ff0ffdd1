"""What evoprune costs on this machine: ``evoprune bench``.

What belongs here: measurements that print a table, and the targets they are held against. What does not: anything that
a run needs, and tests of correctness.
"""

from evoprune.benchmarks.bench.parts import PARTS, measure
from evoprune.benchmarks.bench.scope import Scope

__all__ = ["PARTS", "Scope", "measure"]
