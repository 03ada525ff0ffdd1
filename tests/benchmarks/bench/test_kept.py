"""What pruning does to the cost of an update."""

import json

import numpy as np
import pytest

from evoprune.benchmarks.bench import kept
from tests.benchmarks.bench.tiny import TINY


@pytest.fixture
def cheaper(monkeypatch):
    """An update costs as much as is kept, in seconds, and in the second round ten times as much."""

    def in_turn(tasks, rounds):
        return {(one, share): share * np.array([1.0, 10.0]) for one, share in tasks}

    monkeypatch.setattr(kept, "in_turn", in_turn)


@pytest.mark.usefixtures("cheaper")
def test_costs_are_against_the_same_kernel_round_by_round(monkeypatch):
    monkeypatch.setattr(kept, "kernels", lambda: (("native", "torch"), ""))
    report = kept.measure(TINY)
    assert len(report["rows"]) == 3 * 2
    for row in report["rows"].values():
        assert list(row) == ["100%", "20%", "5%"]
        assert row["20%"]["microseconds"]["median"] == 0.2 * 5.5 * 1e6
        assert row["20%"]["cost"] == {"median": 0.2, "low": 0.2, "high": 0.2, "repeats": 2}
    assert [(one["name"], one["value"], one["limit"]) for one in report["targets"]] == [
        ("adam l1, native: 20% kept, cost against 100 %", 0.2, 1.1),
        ("adam l1, native: 5% kept, cost against 100 %", 0.05, 0.75),
    ]


def test_without_the_native_kernel_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(kept, "kernels", lambda: (("torch",), "not here"))
    report = kept.measure(TINY)
    json.dumps(report)
    assert report["targets"] == []
    text = kept.text(report)
    assert text.splitlines()[0].split()[-3:] == ["100%", "20%", "5%"]
    assert "(1.00)" in text
    assert len(text.splitlines()) == 1 + 3
