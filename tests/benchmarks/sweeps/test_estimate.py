"""How long a sweep will take."""

from typing import Any

from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.sweeps import estimate, make_plan


def test_what_a_sweep_will_take_by_hand(monkeypatch):
    """A kind of run is timed once, whatever its operator; a run takes half a second beside its generations."""
    timed: list[int] = []

    def seconds(settings: Settings, kernel: Any) -> float:
        timed.append(settings.cells)
        return 100.0 * settings.cells

    monkeypatch.setattr(estimate, "generation_seconds", seconds)
    runs = make_plan(grid=["cells=3,5", "operator=random,none"], fixed={"generations": 2}, trials=1).runs
    assert estimate.seconds_for(runs) == 2 * 600.5 + 2 * 1000.5
    assert sorted(timed) == [3, 5]
    assert estimate.seconds_for(runs, workers=8) == 1000.5  # the longest decides
    assert estimate.seconds_for([]) == 0
    texts = ["less than a minute", "about 1 min", "about 1 h", "about 2 h 5 min"]
    assert [estimate.words(s) for s in (29, 31, 3600, 7501)] == texts
