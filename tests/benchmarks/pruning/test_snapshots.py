"""A snapshot gives back the networks as they were, and says what is wrong where it cannot."""

import json
import shutil

import numpy as np
import pytest
import torch

from evoprune.benchmarks.pruning.networks import initial_grid
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.snapshots import has_snapshots, load_snapshots, save_snapshot
from evoprune.records import load_tensors
from tests.benchmarks.tiny import TINY

SETTINGS = make_settings(TINY | {"cells": 3})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps(SETTINGS.as_dict()))
    return tmp_path


def test_networks_come_back_as_they_were(folder):
    grid = initial_grid(SETTINGS)
    keep = torch.rand(6, 24) < 0.3  # of 144 bits
    grid[1].encoder.prune("0.weight", keep)
    path = save_snapshot(folder, 100, grid)
    save_snapshot(folder, 20, grid[:2])
    assert path == folder / "snapshots" / "000100.pt"
    state = torch.get_rng_state()
    found = load_snapshots(folder)
    assert torch.equal(torch.get_rng_state(), state)
    assert list(found) == [20, 100]
    assert [pair.encoder for pair in found[100]] == [pair.encoder for pair in grid]
    assert [pair.decoder for pair in found[100]] == [pair.decoder for pair in grid]
    assert torch.equal(found[100][1].encoder.masks["0.weight"], keep)
    assert len(found[20]) == 2
    assert found[100][0].encoder.module is not found[100][1].encoder.module


def test_zeros_and_masks_take_a_bit_each(folder):
    settings = make_settings(TINY | {"cells": 1, "radius": 0, "n_dim": 1000, "network": "10-3"})
    grid = initial_grid(settings)
    for genome in grid[0]:
        for name, mask in genome.masks.items():
            genome.prune(name, torch.rand(mask.shape) < 0.3)
    path = save_snapshot(folder, 0, grid)
    kept, weights = (sum(sizes) for sizes in zip(*(genome.sizes for genome in grid[0]), strict=True))
    assert path.stat().st_size < 4 * kept + weights / 8 + 8000
    (folder / "settings.json").write_text(json.dumps(settings.as_dict()))
    assert load_snapshots(folder) == {0: grid}
    assert [path.name for path in (folder / "snapshots").iterdir()] == ["000000.pt"]


def test_masks_of_version_0_1_are_read(folder):
    """Bits, or None where nothing is pruned, beside weights as they are."""
    grid = initial_grid(SETTINGS)
    grid[0].encoder.prune("0.weight", keep := torch.rand(6, 24) < 0.3)
    path = save_snapshot(folder, 0, grid)
    stored = load_tensors(path, "snapshot")
    for cell in stored["cells"]:
        for part in cell.values():
            part["masks"] = dict.fromkeys(part["masks"])
    masks = stored["cells"][0]["encoder"]["masks"]
    masks["0.weight"] = torch.from_numpy(np.packbits(keep.numpy()))
    torch.save(stored, path)
    assert load_snapshots(folder) == {0: grid}
    for wrong in (masks["0.weight"][1:], masks["0.weight"].int(), 5):
        masks["0.weight"] = wrong
        torch.save(stored, path)
        with pytest.raises(ValueError, match=r"000000\.pt: does not fit .*masks: 0\.weight must be"):
            load_snapshots(folder)


def test_a_run_without_snapshots_gives_its_checkpoint(tmp_path):
    result = start(SETTINGS, tmp_path / "run", plots=False)
    assert has_snapshots(tmp_path / "run")
    found = load_snapshots(tmp_path / "run")
    assert list(found) == [6]
    assert [list(pair) for pair in found[6]] == [list(pair) for pair in result.grid]
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"checkpoint\.pt: damaged"):
        load_snapshots(tmp_path / "run")


def test_a_run_keeps_its_first_and_last_generation(tmp_path):
    start(make_settings(TINY | {"snapshots": 4}), tmp_path / "run", plots=False)
    assert list(load_snapshots(tmp_path / "run")) == [0, 4, 6]


def test_what_is_wrong_is_said(folder, tmp_path):
    with pytest.raises(ValueError, match="no such directory"):
        load_snapshots(folder / "nowhere")
    assert not has_snapshots(folder)
    with pytest.raises(ValueError, match="neither snapshots nor a checkpoint"):
        load_snapshots(folder)
    path = save_snapshot(folder, 0, initial_grid(SETTINGS))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"000000\.pt: damaged"):
        load_snapshots(folder)
    torch.save({"format": "another"}, path)
    with pytest.raises(ValueError, match="not a snapshot of this version"):
        load_snapshots(folder)
    path.write_bytes(whole)
    (folder / "settings.json").write_text(json.dumps(SETTINGS.as_dict() | {"network": "5-3"}))
    with pytest.raises(ValueError, match=r"000000\.pt: does not fit"):
        load_snapshots(folder)
    (folder / "settings.json").write_text('{"unknown": 1}')
    with pytest.raises(ValueError, match=r"settings\.json: does not fit"):
        load_snapshots(folder)
    (folder / "settings.json").unlink()
    with pytest.raises(ValueError, match="no run directory"):
        load_snapshots(folder)


def test_networks_are_read_without_the_data_of_the_run(folder):
    table = folder / "table.csv"
    table.write_text("1,2,3,4,5,6,7,8\n" * 10)
    settings = make_settings(
        {"benchmark": "file", "data": str(table), "network": "4-2", "loss": "l1", "cells": 2, "radius": 0}
    )
    (folder / "settings.json").write_text(json.dumps(settings.as_dict()))
    grid = initial_grid(settings)
    save_snapshot(folder, 0, grid)
    shutil.move(table, folder / "elsewhere.csv")
    assert load_snapshots(folder) == {0: grid}
