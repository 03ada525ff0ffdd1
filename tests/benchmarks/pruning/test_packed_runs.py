"""What a run leaves is packed, and an interrupted run goes on from it to the same bits."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from evoprune.benchmarks.pruning.run import load_model, resume, start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.packing import PACKED
from evoprune.records import load_tensors
from evoprune.runs import experiment
from tests.benchmarks.ctrl_c import CtrlC
from tests.benchmarks.tiny import TINY

PRUNED = TINY | {"n_dim": 500, "cells": 3, "target_preserved": 0.2, "kernel": "torch"}
"""Networks of 6,041 weights, large enough to be packed, of which a fifth is kept."""


def content(value: Any) -> Any:
    """The same with the bytes of its tensors, and without the time that a run took."""
    if isinstance(value, Tensor):
        return value.dtype, tuple(value.shape), value.stride(), bytes(value.reshape(-1).view(torch.uint8).tolist())
    if isinstance(value, dict):
        return {name: content(item) for name, item in value.items() if name != "seconds"}
    return [content(item) for item in value] if isinstance(value, (list, tuple)) else repr(value)


def packed(value: Any) -> int:
    """How many packed tensors there are."""
    if isinstance(value, dict):
        return 1 if value.keys() == {PACKED} else sum(map(packed, value.values()))
    return sum(map(packed, value)) if isinstance(value, list) else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("whole") / "run"
    start(make_settings(PRUNED), place, plots=False)
    return place


def held(value: Any) -> dict[int, int]:
    """The bytes of tensors by where they lie: one that is shared counts once."""
    if isinstance(value, Tensor):
        return {value.data_ptr(): value.nbytes}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return {place: count for item in items for place, count in held(item).items()}


def test_a_checkpoint_takes_the_kept_weights_with_two_moments_and_their_masks(whole: Path):
    cells, weights, kept = 3, 6041, 0.2
    stored = torch.load(whole / "checkpoint.pt", weights_only=True)["grid"]
    assert packed(stored) >= cells * 2 * 4  # of both large layers the weights, the mask and two moments
    bits = 2 * weights / 8  # of the mask, and of a moment where it is zero besides
    assert sum(held(stored).values()) < cells * (3 * 4 * kept * weights + bits)
    assert (whole / "checkpoint.pt").stat().st_size < cells * weights * (3 * 4 + 1) / 2
    assert (whole / "model.pt").stat().st_size < weights * (4 + 1) / 2


def test_it_goes_on_to_the_same_bits(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "progress_bar", lambda *_: CtrlC(after=4))
        with pytest.raises(KeyboardInterrupt):
            start(make_settings(PRUNED), tmp_path / "run")
    stored = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    assert stored["generation"] == 4
    assert packed(stored["grid"])
    resume(tmp_path / "run", plots=False)
    for name in ("checkpoint.pt", "model.pt"):
        mine, other = (content(load_tensors(place / name, name)) for place in (tmp_path / "run", whole))
        assert mine == other


def test_a_run_with_dense_files_goes_on_to_the_same_bits(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr("evoprune.records.pack", lambda value: value)  # as before
        patch.setattr(experiment, "progress_bar", lambda *_: CtrlC(after=4))
        with pytest.raises(KeyboardInterrupt):
            start(make_settings(PRUNED), tmp_path / "run")
    assert not packed(torch.load(tmp_path / "run/checkpoint.pt", weights_only=True))
    resume(tmp_path / "run", plots=False)
    found = content(load_tensors(tmp_path / "run/checkpoint.pt", "checkpoint"))
    assert found == content(load_tensors(whole / "checkpoint.pt", "checkpoint"))


def test_a_model_is_read_packed_and_dense(whole: Path, tmp_path: Path):
    stored = load_tensors(whole / "model.pt", "model")
    torch.save(stored, tmp_path / "dense.pt")
    assert (tmp_path / "dense.pt").stat().st_size > 2 * (whole / "model.pt").stat().st_size
    assert load_model(tmp_path / "dense.pt") == load_model(whole / "model.pt")
