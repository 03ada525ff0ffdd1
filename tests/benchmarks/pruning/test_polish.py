"""Polishing: the best network of the last generation chooses its output weights anew and trains on."""

from pathlib import Path
from typing import Any

import pytest
import torch

from evoprune.benchmarks.pruning.polish import _factor
from evoprune.benchmarks.pruning.run import PRUNING, resume, start
from evoprune.benchmarks.pruning.settings import make_settings
from tests.benchmarks.ctrl_c import interrupted
from tests.benchmarks.pruning.test_run import same
from tests.benchmarks.tiny import TINY

POLISHED: dict[str, Any] = TINY | {"target_preserved": 0.3, "polish": 2, "polish_epochs": 3, "radius": 0, "n_dim": 40}


def test_the_best_cell_alone_is_polished_and_no_worse():
    plain, polished = (start(make_settings(POLISHED, polish=rounds)) for rounds in (0, 2))
    changed = [one != other for one, other in zip(plain.grid, polished.grid, strict=True)]
    assert sum(changed) == 1
    best = changed.index(True)
    assert best == plain.summary["best_cell"] == polished.summary["best_cell"]
    assert polished.summary["best_test_loss"] < plain.summary["best_test_loss"]
    kept = [one.grid[best].preserved for one in (plain, polished)]
    assert kept[0] == kept[1]
    for genome in polished.grid[best]:
        for name, mask in genome.masks.items():
            assert not genome.module.get_parameter(name)[~mask].any()


def test_its_gradient_steps_count():
    settings = make_settings(POLISHED)
    assert start(settings).summary["updates"] == 6 * 4 * 8 + 2 * 3 * 8  # generations x cells, and rounds x epochs


def test_an_interrupted_run_is_polished_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = make_settings(POLISHED)
    whole = start(settings)
    assert same(whole, resume(interrupted(settings, tmp_path / "run", monkeypatch)))


def test_what_cannot_be_polished_is_refused_before_any_work():
    settings = make_settings(TINY, network="convolutional", benchmark="digits", n_dim=None, polish=1)
    with pytest.raises(ValueError, match="mutReselect takes an individual whose last part is a plain stack"):
        PRUNING.check(settings)
    with pytest.raises(ValueError, match="loss"):
        PRUNING.check(make_settings(POLISHED, loss="l1"))
    with pytest.raises(ValueError, match="polish needs semantics persistent"):
        make_settings(POLISHED, compact_every=2)


def test_the_rate_of_a_round_falls_at_its_end():
    assert [_factor(u) for u in (0.1, 0.6)] == [1.0, 1.0]
    assert [_factor(u) for u in (0.8, 1.0)] == pytest.approx([0.255, 0.01])


def test_the_twin_without_pruning_is_not_polished(tmp_path: Path):
    result = start(make_settings(POLISHED, compare=True), tmp_path / "run")
    assert result.summary["unpruned"]["preserved"] == 1.0


def test_diverged_cells_are_not_the_best():
    settings = make_settings(POLISHED, learning_rate=1e6, rate_sigma=0.0, loss="mse", output_activation="identity")
    result = start(settings)
    assert len(result.grid) == 4
    assert all(torch.is_tensor(p) for one in result.grid for genome in one for p in genome.module.parameters())
