"""What evoprune costs on this machine: ``evoprune bench`` and ``evoprune bench scaling``.

What belongs here: measurements that print a table, and the targets they are held against. What does not: anything that
a run needs, and tests of correctness.
"""

from evoprune.benchmarks.bench.scaling import measure_scaling
from evoprune.benchmarks.bench.speed import measure_speed

__all__ = ["measure_scaling", "measure_speed"]
