"""The table of updates: ratios, floors and targets from costs that are known."""

import json
import math

import numpy as np
import pytest

from evoprune.benchmarks.bench import floors, speed
from tests.benchmarks.bench.tiny import TINY

ROUNDS = np.array([1.0, 10.0])  # a round that is ten times slower for all of them


@pytest.fixture
def report(monkeypatch):
    monkeypatch.setattr(floors, "SIDE", 16)
    monkeypatch.setattr(floors, "VOLUME", 2**17)
    monkeypatch.setattr(floors, "WORKING_SETS", {"memory": 2**16, "L3": 2**14, "L2": 2**12})
    monkeypatch.setattr(speed, "kernels", lambda: (("torch",), ""))
    return speed.measure(TINY)


def test_report(report):
    json.dumps(report)
    assert list(report["rows"]) == [
        *("plain adam", "plain fused adam", "plain adam-anew", "adam-anew l1, torch", "adam-anew bce, torch"),
        *("adam l1, torch", "adam bce, torch", "sgd l1, torch", "sgd bce, torch"),
    ]
    for row in report["rows"].values():
        assert row["microseconds"]["low"] <= row["microseconds"]["median"] <= row["microseconds"]["high"]
        assert row["microseconds"]["repeats"] == 2
        assert min(row["arithmetic_microseconds"], row["memory_microseconds"], row["speedup"]["median"]) > 0
    assert all(rate["low"] > 0 for rate in report["rates"].values())
    assert report["rows"]["plain adam"]["speedup"]["median"] == 1.0


def test_text(report):
    text = speed.text(report)
    assert all(name in text for name in (*report["rows"], *report["rates"], "x plain adam", "medians of 2 rounds"))


def test_ratios_are_taken_round_by_round():
    costs = {
        "adam l1, torch": 1 * ROUNDS,
        "plain adam": 3 * ROUNDS,
        "product": 1e-3 * ROUNDS,
        "copy memory": 1e-9 * ROUNDS,
    }
    row = speed._row(costs, "adam l1, torch", operations=20, moved=1000)
    assert row["speedup"] == {"median": 3.0, "low": 3.0, "high": 3.0, "repeats": 2}
    assert math.isclose(row["times_floor"]["median"], 1 / (20 * 1e-3))  # more than the memory takes
    assert math.isclose(row["arithmetic_microseconds"], 20 * 5.5e-3 * 1e6)
    assert math.isclose(row["memory_microseconds"], 1000 * 5.5e-9 * 1e6)
    assert math.isclose(row["updates_per_second"], 1 / 5.5)


def test_only_the_native_kernel_keeps_a_cell_in_the_cache():
    layers = floors.widths(1000)
    native, torch = (speed._moved(speed.Contender("adam", "l1", name), layers, 200) for name in ("native", "torch"))
    assert torch == floors.traffic(layers, 2)
    assert native < torch / 20


@pytest.mark.parametrize(
    ("kernels", "count", "against_jax"),
    [(("torch",), 2 + 2, []), (("native", "torch"), 5 + 2, []), (("native", "torch", "jax"), 5 + 2 + 2, [3.0, 3.0])],
)
def test_targets_of_what_was_measured(kernels, count, against_jax):
    names = ["plain adam", *(str(speed.Contender(*kind, kernel)) for kind in speed.KINDS for kernel in kernels)]
    costs = dict.fromkeys(names, ROUNDS) | {"product": 1e-9 * ROUNDS, "copy memory": 1e-9 * ROUNDS}
    costs |= {name: 3 * ROUNDS for name in names if name.endswith("jax")}
    targets = speed._targets(costs, {name: speed._row(costs, name, 1, 1) for name in names})
    assert len(targets) == count
    assert [target["value"] for target in targets if target["name"].endswith("JAX")] == against_jax
