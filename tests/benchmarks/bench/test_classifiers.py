"""What an update of networks for classes costs."""

import json

import numpy as np

from evoprune.benchmarks.bench import classifiers
from tests.benchmarks.bench.tiny import TINY


def test_ratios_are_against_the_plain_loop_of_the_same_network(monkeypatch):
    seconds = {"plain": 1.0, "native": 0.1, "torch": 0.25}

    def in_turn(tasks, rounds):
        return {name: seconds[name.partition(", ")[2]] * np.array([1.0, 10.0]) for name in tasks}

    monkeypatch.setattr(classifiers, "kernels", lambda: (("native", "torch"), ""))
    monkeypatch.setattr(classifiers, "in_turn", in_turn)
    report = classifiers.measure(TINY)
    assert {name: row["speedup"]["median"] for name, row in report["rows"].items()} == {
        **{"64-100-10, plain": 1, "64-100-10, native": 10, "64-100-10, torch": 4},
        **{"residual, plain": 1, "residual, torch": 4, "convolutional, plain": 1, "convolutional, torch": 4},
    }
    assert [target["met"] for target in report["targets"]] == [True, True]
    json.dumps(report)


def test_every_contender_trains(capsys):
    report = classifiers.measure(TINY)
    assert all(row["microseconds"]["median"] > 0 for row in report["rows"].values())
    assert "convolutional, torch" in classifiers.text(report)
