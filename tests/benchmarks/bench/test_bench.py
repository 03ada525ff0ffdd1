"""The benchmark measures what it says; no test looks at how long anything took."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from evoprune.__main__ import main
from evoprune.benchmarks.bench import floors, levels, scaling, speed, table, timing, watch
from evoprune.benchmarks.bench.floors import own_peak
from evoprune.benchmarks.bench.subjects import data, networks, pairs, plain, population
from evoprune.engines import Engine, ProcessEngine
from evoprune.training.optimizers import OPTIMIZERS

TINY = speed.Scope(
    rounds=2,
    samples=10,
    inputs=20,
    pairs=2,
    growing_rounds=1,
    growing_samples=10,
    least_updates=1,
    cells=(1, 2),
    widths=(10, 20),
    memory_cells=2,
    generations=1,
)
SMALL = dataclasses.replace(levels.QUICK, cells=10, generations=1, run_generations=1)
TINY_SETS = {"memory": 2**16, "L3": 2**14, "L2": 2**12}


class Copy(Engine):
    """The serial engine under another name."""

    name = "copy"


@pytest.fixture(scope="module")
def report():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floors, "SIDE", 16)
        patch.setattr(floors, "VOLUME", 2**17)
        patch.setattr(floors, "WORKING_SETS", TINY_SETS)
        return speed.measure_speed(TINY)


def test_work_of_an_update_by_hand():
    layers = floors.widths(1000)
    assert layers == [1000, 30, 10, 30, 1000]
    assert floors.parameters(layers) == 30_340 + 31_330
    # Three products a layer, but the first has no gradient at its inputs: 3 * 60,600 - 30,000 products a sample.
    assert floors.operations(layers) == 2 * 5 * (3 * 60_600 - 30_000)
    assert floors.traffic(layers, moments=0) == 4 * (4 * 61_670 + 5_000)
    assert floors.traffic(layers, moments=2) == 4 * (8 * 61_670 + 5_000)
    assert [OPTIMIZERS[name].moments for name in ("adam-anew", "sgd", "adam")] == [0, 1, 2]


def test_tasks_return_their_units(monkeypatch):
    monkeypatch.setattr(floors, "VOLUME", 2**20)
    assert floors.product(8)() == 10 * 2 * 8**3
    assert floors.copy(4096)() == 2**20
    samples = data(12, 20)
    assert samples.shape == (12, 20)
    assert plain(networks(2, 20), samples)() == 2 * 3  # batches of 5, 5 and 2
    assert population(2, samples)() == 2 * 3
    assert population(2, samples, least=13)() == 3 * 6


@pytest.mark.parametrize("optimizer", ["adam", "fused adam", "adam-anew"])
def test_the_plain_loop_trains_every_network(optimizer):
    modules = networks(2, 20)
    before = [nn.utils.parameters_to_vector(module.parameters()).clone() for module in modules]
    plain(modules, data(10, 20), optimizer)()
    for module, old in zip(modules, before, strict=True):
        assert not torch.equal(nn.utils.parameters_to_vector(module.parameters()), old)


def test_pairs_are_pruned_to_the_share_asked_for():
    assert {pair.encoder.preserved for pair in pairs(2, 100)} == {1.0}
    assert all(abs(pair.preserved - 0.2) < 0.01 for pair in pairs(2, 100, kept=0.2))


def test_tasks_take_turns():
    calls: list[str] = []
    clock = iter(range(100))

    def task(name: str, units: float):
        def run() -> float:
            calls.append(name)
            return units

        return run

    costs = timing.in_turn({"a": task("a", 1), "b": task("b", 2)}, 3, clock=lambda: next(clock))
    assert calls == ["a", "b"] * 4  # once to warm up
    assert {name: list(each) for name, each in costs.items()} == {"a": [1.0] * 3, "b": [0.5] * 3}
    calls.clear()
    timing.in_turn({"a": task("a", 1)}, 2, warm_up=False)
    assert calls == ["a", "a"]


def test_spread_and_target():
    assert timing.spread([3.0, 1.0, 2.0, 2.5]) == {"median": 2.25, "low": 1.0, "high": 3.0, "repeats": 4}
    assert timing.target("most", 4, 4)["met"]
    assert not timing.target("least", 4, 5, least=True)["met"]


def test_report_of_speed(report):
    json.dumps(report)
    assert set(report["population"]) == set(speed.CONTENDERS)
    assert len(speed.CONTENDERS) == 12
    for row in (report["plain"] | report["population"]).values():
        assert row["microseconds"]["low"] <= row["microseconds"]["median"] <= row["microseconds"]["high"]
        assert row["microseconds"]["repeats"] == 2
        assert min(row["arithmetic_microseconds"], row["memory_microseconds"], row["speedup"]["median"]) > 0
    assert all(rate["low"] > 0 for rate in report["rates"].values())
    assert report["plain"]["plain adam"]["speedup"]["median"] == 1.0
    assert list(report["cells"]["adam l1"]) == ["1", "2"]
    assert list(report["inputs"]["adam-anew l1"]) == ["10", "20"]
    assert len(report["targets"]) == 11


def test_ratios_are_taken_round_by_round():
    """So a round that is ten times slower for all of them cancels."""
    costs = {
        "adam l1": np.array([1.0, 10.0]),
        "plain adam": np.array([3.0, 30.0]),
        "product": np.array([1e-3, 1e-2]),
        "copy memory": np.array([1e-9, 1e-8]),
    }
    row = speed._row(costs, "adam l1", [1, 1])
    assert row["speedup"] == {"median": 3.0, "low": 3.0, "high": 3.0, "repeats": 2}
    # One weight and one bias: 2 * 5 * (2 * 1 + 0) operations, more than the memory takes.
    assert math.isclose(row["times_floor"]["median"], 1 / (20 * 1e-3))
    assert math.isclose(row["arithmetic_microseconds"], 20 * 5.5e-3 * 1e6)
    assert math.isclose(row["updates_per_second"], 1 / 5.5)


def test_table_of_speed(report):
    text = table.speed_table(report)
    for name in (
        *report["population"],
        "us an update, cells",
        "us an update, inputs",
        "Peak memory",
        "Outside training",
    ):
        assert name in text
    assert len(table.targets_table(report["targets"]).splitlines()) == 12


def test_peak_memory(report):
    assert own_peak() > 50 * 10**6  # Python and torch
    for measured in report["memory"].values():
        assert 50 * 10**6 < measured["bytes"] < 10**10
        assert measured["weights"] == 2 * 4 * floors.parameters(floors.widths(20))
        assert measured["limit"] == 4 * measured["weights"] + 500 * 10**6


def test_parts_of_a_run_add_up():
    parts = watch.outside(2, n_samples=20, n_dim=20, cells=3)
    assert 0 < parts["share"] < 1
    assert math.isclose(parts["share"], parts["logging"] + parts["cells"])


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.processes)])
def test_both_levels_give_the_same_anywhere(workers):
    with ProcessEngine(workers) if workers else Copy() as engine:
        rows = levels.against_serial(SMALL, engine, 1.0)
    assert list(rows) == ["cells", "runs"]
    assert all(row["same"] for row in rows.values())
    assert all(row["speedup_with_start"] > 0 for row in rows.values())


def test_hash_tells_runs_apart():
    one, other = (levels.whole_run(SMALL.settings(generations=1, cells=2, seed=seed)) for seed in (0, 1))
    assert one == levels.whole_run(SMALL.settings(generations=1, cells=2, seed=0))
    assert one[1] != other[1]


def test_costs_of_shipping():
    a_cell, (_, tasks) = levels.costs(SMALL)
    assert min(a_cell["cell_seconds"], a_cell["bytes_out"], a_cell["bytes_back"]) > 0
    assert levels.costs(SMALL) is levels.costs(SMALL)
    assert sum(map(len, tasks)) == SMALL.cells
    costs = levels.shipping(Engine(), SMALL)
    assert min(costs["round_trip"], costs["cell_seconds"], costs["workers"]) > 0


@pytest.mark.slow
@pytest.mark.processes
def test_scaling_with_both_engines():
    report = scaling.measure_scaling(SMALL)
    json.dumps(report)
    assert list(report["engines"]) == ["processes", "scoop"]
    assert all(row["same"] for engine in report["engines"].values() for row in engine["levels"].values())
    assert len(table.scaling_table(report).splitlines()) > 15


def test_command_prints_a_table_or_json(report, monkeypatch, capsys):
    monkeypatch.setattr(speed, "measure_speed", lambda scope: report)
    assert main(["bench", "--quick"]) == 0
    assert "times the plain loop" in capsys.readouterr().out
    assert main(["bench", "speed", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == report
    assert err == ""


def test_check_is_what_fails(report, monkeypatch, capsys):
    for met, code in ((True, 0), (False, 1)):
        targets = [timing.target("one", 1 if met else 2, 1)]
        monkeypatch.setattr(speed, "measure_speed", lambda scope, targets=targets: report | {"targets": targets})
        assert main(["bench", "--check"]) == code
    assert main(["bench", "scaling", "--workers", "0"]) == 2
