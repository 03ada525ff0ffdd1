"""What an update of networks for classes costs."""

import json

import numpy as np

from evoprune.benchmarks.bench import classifiers
from tests.benchmarks.bench.tiny import TINY


def test_ratios_are_against_the_plain_loop_of_the_same_network(monkeypatch):
    seconds = {"plain": 1.0, "native": 0.1, "torch": 0.25}

    def in_turn(tasks, rounds):
        return {name: seconds[name.rpartition(", ")[2]] * np.array([1.0, 10.0]) for name in tasks}

    monkeypatch.setattr(classifiers, "kernels", lambda: (("native", "torch"), ""))
    monkeypatch.setattr(classifiers, "in_turn", in_turn)
    report = classifiers.measure(TINY)
    times = {"plain": 1, "native": 10, "torch": 4}
    assert report["rows"]["64-100-10, 5 a batch, native"]["speedup"]["median"] == 10
    assert {name: row["speedup"]["median"] for name, row in report["rows"].items()} == {
        f"{network}, {size} a batch, {kernel}": times[kernel]
        for network in ("64-100-10", "residual", "convolutional")
        for size in (5, 32)
        for kernel in (times if network == "64-100-10" else ("plain", "torch"))
    }
    assert [target["met"] for target in report["targets"]] == [False, False, True, True, True, True]
    json.dumps(report)


def test_every_contender_trains(capsys):
    report = classifiers.measure(TINY)
    assert all(row["microseconds"]["median"] > 0 for row in report["rows"].values())
    assert "convolutional, 32 a batch, torch" in classifiers.text(report)
