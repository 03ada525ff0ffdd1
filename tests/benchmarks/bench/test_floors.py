"""What hardware has to give, by hand."""

from pathlib import Path

import pytest

from evoprune.benchmarks.bench import floors
from evoprune.training.optimizers import OPTIMIZERS

LAYERS = [1000, 30, 10, 30, 1000]


def test_work_of_an_update_by_hand():
    assert floors.widths(1000) == LAYERS
    assert floors.parameters(LAYERS) == 30_340 + 31_330
    # Three products a layer, but the first has no gradient at its inputs: 3 * 60,600 - 30,000 products a sample.
    assert floors.operations(LAYERS) == 2 * 5 * (3 * 60_600 - 30_000)
    assert floors.traffic(LAYERS, moments=0) == 4 * (4 * 61_670 + 5_000)
    assert floors.traffic(LAYERS, moments=2) == 4 * (8 * 61_670 + 5_000)
    assert [OPTIMIZERS[name].moments for name in ("adam-anew", "sgd", "adam")] == [0, 1, 2]


def test_a_cell_that_fits_the_cache_comes_and_goes_once_an_epoch():
    cell = 4 * 61_670 * 3  # with Adam's moments
    assert floors.traffic_by_cell(LAYERS, 2, updates=200, cache=cell) == 4 * 5_000 + 2 * cell / 200
    assert floors.traffic_by_cell(LAYERS, 2, updates=200, cache=cell - 1) == 4 * 5_000 + 2 * cell


def test_the_cache_of_a_core(tmp_path, monkeypatch):
    for index, level, size in ((0, 1, "32K"), (2, 2, "512K"), (3, 3, "32768K")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "level").write_text(f"{level}\n")
        (tmp_path / f"index{index}" / "size").write_text(f"{size}\n")
    monkeypatch.setattr(floors, "CACHES", tmp_path)
    assert floors.own_cache() == 512 * 1024
    monkeypatch.setattr(floors, "CACHES", tmp_path / "nowhere")
    assert floors.own_cache() == floors.OWN_CACHE


def test_tasks_return_their_units(monkeypatch):
    monkeypatch.setattr(floors, "VOLUME", 2**20)
    assert floors.product(8)() == 10 * 2 * 8**3
    assert floors.copy(4096)() == 2**20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what Linux tells")
def test_own_peak_is_that_of_this_process():
    assert 50 * 10**6 < floors.own_peak() < 10**11  # Python and torch


@pytest.mark.processes
def test_peak_memory_of_a_process_that_trains():
    measured = floors.peak(2, 20, "adam")
    assert 50 * 10**6 < measured["bytes"] < 10**10
    assert measured["weights"] == 2 * 4 * floors.parameters(floors.widths(20))
    assert measured["limit"] == 4 * measured["weights"] + 500 * 10**6
