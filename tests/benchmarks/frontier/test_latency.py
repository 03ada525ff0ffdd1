"""Latencies: what is measured, and what is not measured once more. No test looks at how long something took."""

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from evoprune import Genome
from evoprune.benchmarks.frontier import latency
from evoprune.benchmarks.frontier.latency import COLUMNS, known_latencies, latencies, models_of, relative_latency
from evoprune.benchmarks.frontier.points import Point
from evoprune.benchmarks.report import load
from tests.benchmarks.frontier.made import write_frontier

NEW = {"latency": 0.5, "low": 0.4, "high": 0.6, "rounds": 3, "dense_microseconds": 10.0, "microseconds": 5.0}


def small() -> Genome:
    """Three units, of which one makes nothing."""
    genome = Genome(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))
    genome.prune("2.weight", torch.tensor([[True, True, False]] * 2))
    return genome


def test_the_network_without_its_dead_units_is_called_in_turn_with_the_whole(monkeypatch: pytest.MonkeyPatch):
    called: list[int] = []

    def in_turn(tasks, rounds):
        assert all(task() >= 1 for task in tasks.values())
        called.extend(int(units) for units in widths)
        widths.clear()
        return {name: np.array([4.0, 4.0, 8.0]) / (1 + (name != "dense")) for name in tasks}

    widths: list[int] = []
    genome = small()
    hook = nn.modules.module.register_module_forward_hook(
        lambda module, given, made: widths.append(made.shape[1]) if isinstance(module, nn.Linear) else None
    )
    monkeypatch.setattr(latency, "in_turn", in_turn)
    try:
        before = deepcopy(genome.module.state_dict())
        found = relative_latency(genome, torch.rand(256, 4))
    finally:
        hook.remove()
    assert called == [3, 2, 3, 2, 2, 2]  # the whole one for how long it takes; then both
    assert found == {
        **{"latency": 0.5, "low": 0.5, "high": 0.5, "rounds": 3},
        **{"dense_microseconds": 4e6, "microseconds": 2e6},
    }
    assert all(torch.equal(value, before[name]) for name, value in genome.module.state_dict().items())


def test_it_is_measured_in_rounds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(latency, "ROUNDS", 3)
    monkeypatch.setattr(latency, "LONG", 1e-6)
    found = relative_latency(small(), torch.rand(256, 4))
    assert found["rounds"] == 3
    assert 0 < found["low"] <= found["latency"] <= found["high"]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Two directories with a model, one without, and a list of the directories that were measured."""
    measured: list[str] = []
    places = {}
    for number, method in enumerate(("agp", "frontier", "gone")):
        (tmp_path / method).mkdir()
        if method != "gone":
            (tmp_path / method / "model.pt").write_bytes(method.encode())
        places[Point("digits", method, 0.1)] = (number, tmp_path / method)

    def measure(directory: Path) -> dict[str, float]:
        measured.append(directory.name)
        return NEW

    monkeypatch.setattr(latency, "_of_run", measure)
    return SimpleNamespace(places=places, measured=measured)


def test_a_row_a_model(models: SimpleNamespace, tmp_path: Path):
    table = latencies(models.places, known_latencies(tmp_path))
    assert models.measured == ["agp", "frontier"]
    assert list(table.columns) == list(COLUMNS)
    assert table["method"].to_list() == ["agp", "frontier"]
    assert table["trial"].to_list() == [0, 1]
    assert table["latency"].to_list() == [0.5, 0.5]
    assert table["model"].nunique() == 2


def test_what_is_known_is_taken_over_while_the_model_is_the_same(models: SimpleNamespace, tmp_path: Path):
    table = latencies(models.places, known_latencies(tmp_path)).assign(latency=[0.25, 0.75])
    table.to_csv(tmp_path / "latency.csv", index=False)
    models.measured.clear()
    again = latencies(models.places, known_latencies(tmp_path))
    assert models.measured == []
    pd.testing.assert_frame_equal(again, table)
    (tmp_path / "agp" / "model.pt").write_bytes(b"another one")
    anew = latencies(models.places, known_latencies(tmp_path))
    assert models.measured == ["agp"]
    assert anew["latency"].to_list() == [0.5, 0.75]


@pytest.mark.parametrize("content", [None, b"", b"a,b\n1,2\n", b"\x00\xff", b"seed\nx\n"])
def test_a_table_that_cannot_be_read_is_none(content: bytes | None, tmp_path: Path):
    if content is not None:
        (tmp_path / "latency.csv").write_bytes(content)
    table = known_latencies(tmp_path)
    assert table.empty
    assert list(table.columns) == list(COLUMNS)


def test_the_first_trial_of_every_point(tmp_path: Path):
    study = write_frontier(tmp_path / "study", {"dense": [0.05, 0.05], "agp": [0.1, 0.2]})
    (study / "runs" / "binary-clustering,agp,0.2" / "00" / "summary.json").unlink()  # was interrupted
    found = models_of(load(study))
    assert [(point.name, trial) for point, (trial, _) in found.items()] == [
        ("binary-clustering,dense,1", 0),
        ("binary-clustering,agp,0.1", 0),
        ("binary-clustering,agp,0.2", 1),
    ]
    assert all(directory.is_dir() for _, directory in found.values())
