"""How much ``evoprune bench`` measures: at full size some ten minutes, or a few seconds to see that it works."""

from dataclasses import dataclass, field

from evoprune.benchmarks.bench.levels import Work


@dataclass(frozen=True)
class Scope:
    """Sizes, and rounds in which everything takes its turn; 1,000 samples are an epoch of 200 updates a cell."""

    rounds: int = 7
    samples: int = 1000
    inputs: int = 1000
    pairs: int = 10
    kept: tuple[float, ...] = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02)
    least_updates: int = 2000  # of one measurement, where cells are few
    cells: tuple[int, ...] = (1, 10, 100, 1000)
    widths: tuple[int, ...] = (250, 500, 1000, 2000, 4000)
    memory_cells: int = 1000
    generations: int = 20  # of the run whose parts are timed
    whole_rounds: int = 3  # each of which is a mean over hundreds of thousands of updates
    whole_generations: int = 400
    work: Work = field(default_factory=Work)
    peers: bool = False
    device: str = "cpu"


FULL = Scope()
QUICK = Scope(
    rounds=2,
    samples=50,
    least_updates=1,
    cells=(1, 10, 40),
    widths=(500, 1000),
    memory_cells=40,
    generations=2,
    whole_rounds=1,
    whole_generations=2,
    work=Work(rounds=1, cells=10, generations=1, run_generations=1, runs=2, n_samples=25, n_dim=50),
)
