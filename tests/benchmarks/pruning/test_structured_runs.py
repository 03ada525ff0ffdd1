"""Runs that take whole units, and runs that remove dead ones on the way."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from evoprune import compact
from evoprune.benchmarks.pruning.run import PRUNING, load_model, load_run, resume, start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.snapshots import load_snapshots
from evoprune.cutting import expanded
from evoprune.engines import ThreadEngine
from evoprune.measure import cost
from evoprune.runs import experiment
from evoprune.shrinking.counts import macs_left
from tests.benchmarks.ctrl_c import CtrlC
from tests.benchmarks.tiny import TINY

WIDE = TINY | {"network": "20-5", "generations": 10, "finetune": 0.2}
UNITS = WIDE | {"operator": "units", "target_macs": 0.4}
COMPACTED = WIDE | {"operator": "units", "target_preserved": 0.4, "compact_every": 2, "snapshots": 5, "seed": 1}
DIGITS = {"benchmark": "digits", "network": "convolutional", "cells": 2, "batch_size": 300, "generations": 6}
DIGITS |= {name: COMPACTED[name] for name in ("operator", "target_preserved", "compact_every")} | {"compare": False}


def timeless(result):
    return {name: value for name, value in result.summary.items() if name != "seconds"}


def bits(result):
    return [t for pair in result.grid for genome in pair for t in genome.module.state_dict().values()]


@pytest.mark.parametrize("score", ["l1", "l2", "activation", "variance", "gradient"])
def test_a_run_ends_at_its_target_of_macs(tmp_path: Path, score: str):
    result = start(make_settings(UNITS | {"operator_options": {"score": score}}), tmp_path / "run", plots=score == "l2")
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    shares = [macs_left(pair, result.settings.problem.test) for pair in result.grid]
    assert all(0.3 < share <= 0.4 for share in shares)
    assert summary["macs_kept"] == pytest.approx(sum(shares) / 4)
    assert summary["best_macs_kept"] == shares[summary["best_cell"]]
    log = pd.read_csv(tmp_path / "run/log.csv")
    assert log["macs_kept"].iloc[0] == 1
    assert log["macs_kept"].is_monotonic_decreasing
    assert log["macs_kept"].iloc[-1] == pytest.approx(summary["macs_kept"])


def test_the_summary_says_what_pruning_is_worth():
    result = start(make_settings(UNITS))
    problem = result.settings.problem
    dense, compacted = (result.summary["cost"][name] for name in ("dense", "compacted"))
    wanted = cost(result.model, problem.test, batches=()).row
    assert dense == {name: wanted[name] for name in dense}
    wanted = cost(compact(result.model), problem.test, batches=()).row
    assert compacted == {name: wanted[name] for name in compacted}
    assert compacted["macs"] == round(result.summary["best_macs_kept"] * dense["macs"])
    assert compacted["macs"] <= 0.4 * dense["macs"]


def test_a_run_of_single_weights_logs_no_macs():
    result = start(make_settings(TINY))
    assert "macs_kept" not in result.log
    assert 0 < result.summary["macs_kept"] <= 1


def test_dead_units_are_removed_on_the_way(tmp_path: Path):
    result = start(make_settings(COMPACTED | {"radius": 0, "probability": 0.6}), tmp_path / "run", plots=False)
    state = load_run(tmp_path / "run")
    widths = [[genome.module[0].out_features for genome in pair] for pair in state.grid]
    assert all(width < 20 for pair in widths for width in pair)
    assert len({tuple(pair) for pair in widths}) > 1  # cells of different shapes
    assert [genome.module[2].out_features for genome in state.grid[0]] == [5, 24]  # code and outputs stay
    for small, whole in zip(state.grid, result.grid, strict=True):
        assert small.preserved == whole.preserved
        assert [genome.module[0].out_features for genome in whole] == [20, 20]
        data = result.settings.problem.test
        torch.testing.assert_close(small(data), whole(data))
    assert result.summary["preserved"] == pytest.approx(0.4, abs=0.05)
    assert load_model(tmp_path / "run/model.pt") == result.model
    snapshots = load_snapshots(tmp_path / "run")
    assert list(snapshots) == [0, 5, 10]
    assert snapshots[10] == result.grid
    for path in (tmp_path / "run/snapshots").glob("*.pt"):
        path.unlink()
    assert load_snapshots(tmp_path / "run")[10] == result.grid  # those of the checkpoint


def test_what_is_removed_changes_nothing_but_the_work():
    """Without selection and with one cell, a unit that nobody reads is no loss to the others."""
    alone = WIDE | {"algorithm": "canonical", "cells": 1, "operator": "units", "amount": 0.2, "kernel": "torch"}
    plain, compacted = (start(make_settings(alone | {"compact_every": every})) for every in (0, 1))
    assert plain.summary["preserved"] == compacted.summary["preserved"]
    assert plain.summary["test_loss"] == pytest.approx(compacted.summary["test_loss"], rel=1e-4)


RUNS = {
    "native": COMPACTED,
    "torch": COMPACTED | {"kernel": "torch"},
    "canonical": COMPACTED | {"algorithm": "canonical", "cells": 1},
    "convolutional": DIGITS,
}


@pytest.mark.parametrize(
    "run", [pytest.param(name, marks=[pytest.mark.slow] * (name in ("torch", "convolutional"))) for name in RUNS]
)
def test_it_goes_on_to_the_same_bits(tmp_path: Path, run: str, monkeypatch: pytest.MonkeyPatch):
    settings = make_settings(RUNS[run])
    whole = start(settings)
    monkeypatch.setattr(experiment, "progress_bar", lambda *_: CtrlC(after=5))
    with pytest.raises(KeyboardInterrupt):
        start(settings, tmp_path / "run")
    monkeypatch.undo()
    state = load_run(tmp_path / "run")
    assert any(genome.whole is not None for pair in state.grid for genome in pair)
    assert all(genome.moments for pair in state.grid for genome in pair)
    resumed = resume(tmp_path / "run")
    assert timeless(resumed) == timeless(whole)
    assert all(torch.equal(a, b) for a, b in zip(bits(whole), bits(resumed), strict=True))


def test_threads_give_the_same():
    settings = make_settings(COMPACTED | {"chunk": 1})
    serial = start(settings)
    with ThreadEngine(2) as engine:
        threads = start(settings, engine=engine)
    assert timeless(serial) == timeless(threads)
    assert all(torch.equal(a, b) for a, b in zip(bits(serial), bits(threads), strict=True))


def test_a_damaged_checkpoint_of_removed_units_is_refused(tmp_path: Path):
    start(make_settings(COMPACTED), tmp_path / "run", plots=False)
    path = tmp_path / "run/checkpoint.pt"
    stored = torch.load(path, weights_only=True)
    whole = stored["grid"][0]["encoder"]["whole"]
    for name, wrong in [
        ("tensors", {"0.weight": ([20, 24], [None])}),
        ("sizes", {"0.forward": (1, 2)}),
        ("sizes", None),
    ]:
        broken = stored["grid"][0]["encoder"]
        broken["whole"] = whole | {name: wrong}
        torch.save(stored, path)
        with pytest.raises(ValueError, match=r"checkpoint.pt: the checkpoint does not fit.*grid, cell 0.*encoder.*cut"):
            load_run(tmp_path / "run")


def test_expanded_leaves_what_is_whole():
    state = PRUNING.begin(make_settings(TINY))
    assert expanded(state.grid[0]) is state.grid[0]
