"""The same work on another engine, and what it costs to send it there."""

import pytest

from evoprune.benchmarks.bench import levels
from evoprune.engines import Engine, ProcessEngine
from tests.benchmarks.bench.tiny import WORK


class Copy(Engine):
    """The serial engine under another name."""

    name = "copy"


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.processes)])
def test_both_levels_give_the_same_anywhere(workers):
    with ProcessEngine(workers) if workers else Copy() as engine:
        rows = levels.against_serial(WORK, engine, 1.0)
    assert list(rows) == ["cells", "runs"]
    assert all(row["same"] for row in rows.values())
    assert all(row["speedup_with_start"] > 0 for row in rows.values())


def test_some_levels_may_be_left_out():
    assert list(levels.against_serial(WORK, Copy(), 1.0, ["cells"])) == ["cells"]


def test_hash_tells_runs_apart():
    one, other = (levels.whole_run(WORK.settings(generations=1, cells=2, seed=seed)) for seed in (0, 1))
    assert one == levels.whole_run(WORK.settings(generations=1, cells=2, seed=0))
    assert one[1] != other[1]


def test_costs_of_shipping():
    a_cell, (_, tasks) = levels.costs(WORK)
    assert min(a_cell["cell_seconds"], a_cell["bytes_out"], a_cell["bytes_back"]) > 0
    assert levels.costs(WORK) is levels.costs(WORK)
    assert sum(map(len, tasks)) == WORK.cells
    costs = levels.shipping(Engine(), WORK)
    assert min(costs["round_trip"], costs["cell_seconds"], costs["workers"]) > 0
