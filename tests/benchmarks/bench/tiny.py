"""The smallest measurements that still have all of their parts."""

from evoprune.benchmarks.bench.levels import Work
from evoprune.benchmarks.bench.scope import Scope

WORK = Work(rounds=1, cells=10, generations=1, run_generations=1, runs=2, n_samples=25, n_dim=50)
TINY = Scope(
    rounds=2,
    samples=10,
    inputs=20,
    pairs=2,
    kept=(1.0, 0.2, 0.05),
    least_updates=1,
    cells=(1, 10, 12),
    widths=(10, 20),
    memory_cells=2,
    generations=1,
    whole_rounds=1,
    whole_generations=1,
    work=WORK,
)
