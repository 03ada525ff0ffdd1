"""A run leaves what it promises, and an interrupted one goes on to the same result."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from evoprune.benchmarks.pruning.networks import initial_grid
from evoprune.benchmarks.pruning.run import PRUNING, load_model, load_run, resume, start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.summary import measure, table
from evoprune.evaluation import reconstruct, reconstruction_loss
from evoprune.runs.experiment import run_folder
from tests.benchmarks.ctrl_c import interrupted
from tests.benchmarks.tiny import TINY

NAMES = """algorithm operator schedule semantics benchmark seed generations cells train_l1 test_l1 best_test_l1
test_error preserved preserved_encoder preserved_decoder updates seconds version"""
CONTRACT = NAMES.split()


def weights(result) -> list[torch.Tensor]:
    return [t for pair in result.grid for genome in pair for t in genome.module.state_dict().values()]


def same(one, other) -> bool:
    return (
        all(torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))
        and one.log.equals(other.log)
        and one.cells.equals(other.cells)
    )


def test_the_run_directory_holds_what_the_contract_names(tmp_path: Path):
    result = start(make_settings(TINY | {"compare": True}), tmp_path / "run")
    names = {p.relative_to(tmp_path / "run").as_posix() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    files = {"settings.json", "summary.json", "log.csv", "cells.csv", "checkpoint.pt", "model.pt"}
    plots = {f"plots/{name}.png" for name in ("loss", "size", "masks", "reconstructions")}
    assert files | plots <= names
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert set(CONTRACT) <= summary.keys()
    assert summary["updates"] == 6 * 4 * 8  # generations x cells x batches
    assert summary["unpruned"]["preserved"] == 1.0
    log, cells = pd.read_csv(tmp_path / "run/log.csv"), pd.read_csv(tmp_path / "run/cells.csv")
    assert log["gen"].tolist() == list(range(7))
    assert len(cells) == 7 * 4
    last = cells[cells["gen"] == 6]
    assert log["preserved"].iloc[-1] == pytest.approx(last["preserved"].mean())
    assert result.summary["preserved"] == pytest.approx(last["preserved"].mean())


def test_the_summarys_figures_are_means_over_the_cells():
    settings = make_settings(TINY)
    result = start(settings)
    losses = [reconstruction_loss(p.encoder, p.decoder, settings.problem.test)[0] for p in result.grid]
    assert result.summary["test_l1"] == pytest.approx(sum(losses) / 4)
    assert result.summary["best_test_l1"] == pytest.approx(losses[result.summary["best_cell"]])
    assert result.model is result.grid[result.summary["best_cell"]]


def test_same_seed_same_result_and_another_seed_another():
    one, two, other = (start(make_settings(TINY | {"seed": seed})) for seed in (1, 1, 2))
    assert same(one, two)
    assert not same(one, other)


VARIANTS = [
    {},
    {"operator": "random", "scope": "tensor", "amount": 0.1, "update": "sequential"},
    {"operator": "variance", "optimizer": "sgd", "topology": "torus"},
    {"operator": "conjunctive", "loss": "l1", "corruption": 0.2, "prune": "before"},
    {"algorithm": "all-vs-all", "network": "variational", "n_dim": 40},
    {"algorithm": "canonical", "cells": 1, "rate_decay": "step"},
    {"opponents": "random", "operator": "random"},
    {"semantics": "reference", "operator": "random"},
]


@pytest.mark.parametrize(
    "variant",
    [pytest.param(variant, id=str(variant), marks=[pytest.mark.slow] * (k % 2)) for k, variant in enumerate(VARIANTS)],
)
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path, variant: dict, monkeypatch: pytest.MonkeyPatch):
    settings = make_settings(TINY | {"probability": 1.0} | variant)
    whole = start(settings)
    place = interrupted(settings, tmp_path / "run", monkeypatch)
    assert not (place / "summary.json").exists()
    resumed = resume(place)
    assert same(whole, resumed)
    timeless = {k: v for k, v in whole.summary.items() if k != "seconds"}
    assert timeless == {k: v for k, v in resumed.summary.items() if k != "seconds"}


@pytest.mark.parametrize("variant", [{}, {"algorithm": "canonical", "cells": 1}], ids=str)
def test_a_run_that_was_interrupted_before_its_first_generation_begins_anew(tmp_path: Path, variant: dict):
    settings = make_settings(TINY | variant | {"kernel": "torch"})
    whole = start(settings)
    state = PRUNING.begin(settings)
    next(PRUNING.generations(state, map, None))
    with run_folder(tmp_path / "run") as place:
        PRUNING.checkpoint(state, place)
    assert [row["gen"] for row in state.log] == [0]
    resumed = resume(tmp_path / "run")
    assert list(resumed.log["gen"]) == list(range(settings.generations + 1))
    assert same(whole, resumed)


def test_resuming_an_ended_run_changes_nothing(tmp_path: Path):
    result = start(make_settings(TINY), tmp_path / "run")
    assert load_run(tmp_path / "run").ended
    assert same(result, resume(tmp_path / "run"))


def test_the_model_loads_in_plain_torch(tmp_path: Path):
    settings = make_settings(TINY)
    result = start(settings, tmp_path / "run")
    stored = torch.load(tmp_path / "run/model.pt", weights_only=True)
    encoder = nn.Sequential(nn.Linear(24, 6), nn.ReLU(), nn.Linear(6, 3), nn.ReLU())
    decoder = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 24), nn.Sigmoid())
    encoder.load_state_dict(stored["encoder"])
    decoder.load_state_dict(stored["decoder"])
    x = settings.problem.test
    assert torch.equal(decoder(encoder(x)), reconstruct(result.model, x))
    loaded = load_model(tmp_path / "run/model.pt")
    assert loaded == result.model
    assert loaded.preserved == result.model.preserved


def test_a_model_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "model.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged or not a model"):
        load_model(tmp_path / "model.pt")
    with pytest.raises(ValueError, match="no model here"):
        load_model(tmp_path / "other.pt")


def test_a_checkpoint_of_other_settings_does_not_fit(tmp_path: Path):
    start(make_settings(TINY), tmp_path / "run")
    state = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    state["settings"]["network"] = "7-3"
    torch.save(state, tmp_path / "run/checkpoint.pt")
    with pytest.raises(ValueError, match="does not fit"):
        load_run(tmp_path / "run")


def test_the_old_checkpoint_stays_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = make_settings(TINY | {"checkpoint_every": 2})
    whole = start(settings)
    real = torch.save
    calls = []

    def full(value, file):
        calls.append(1)
        if len(calls) > 2:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        real(value, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        start(settings, tmp_path / "run")
    monkeypatch.undo()
    assert load_run(tmp_path / "run").generation == 2
    assert same(whole, resume(tmp_path / "run"))


def test_pruning_reaches_its_target():
    settings = make_settings(TINY | {"target_preserved": 0.3, "schedule": "fixed", "probability": 1.0})
    result = start(settings)
    assert result.summary["preserved"] == pytest.approx(0.3, abs=0.01)


def test_a_run_that_diverges_ends_and_says_so():
    result = start(make_settings(TINY | {"learning_rate": 1e9, "loss": "mse", "output_activation": "identity"}))
    assert result.log["nonfinite"].iloc[-1] == 4
    assert result.summary["nonfinite"] == 4
    assert math.isnan(result.summary["test_l1"])
    assert "not finite" in table(result)


def test_a_cell_that_diverged_is_left_out_of_the_means():
    settings = make_settings(TINY)
    grid = initial_grid(settings)
    whole, _ = measure(grid[1:], settings)
    with torch.no_grad():
        next(grid[0].decoder.module.parameters()).fill_(math.nan)
    metrics, best = measure(grid, settings)
    assert (metrics["nonfinite"], whole["nonfinite"]) == (1, 0)
    assert metrics["test_l1"] == pytest.approx(whole["test_l1"])
    assert best != 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log", [{}]),
        ("seconds", None),
        ("cells", None),
        ("generation", "x"),
        ("grid", []),
        ("settings", {"unknown": 1}),
        ("unpruned", 3),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, name: str, value: object):
    start(make_settings(TINY), tmp_path / "r", plots=False)
    state = torch.load(tmp_path / "r/checkpoint.pt", weights_only=True)
    torch.save(state | {name: value}, tmp_path / "r/checkpoint.pt")
    with pytest.raises(ValueError, match=r"checkpoint\.pt: the checkpoint does not fit this version of evoprune: "):
        load_run(tmp_path / "r")


def test_a_canonical_rate_walks(tmp_path):
    settings = make_settings(TINY, {"algorithm": "canonical", "cells": 1, "rate_decay": "walk", "rate_sigma": 1e-4})
    log = start(settings).log
    rates = log.learning_rate
    assert list(log.train_loss.isna()) == [True] + [False] * 6  # generation 0 only evaluates
    assert rates[0] == 0.01
    assert len(set(rates)) == len(rates)
    assert rates.diff().abs().max() < 1e-3


def test_snapshots_are_left_every_so_many_generations_and_at_the_end(tmp_path):
    start(make_settings(TINY, {"snapshots": 4}), tmp_path / "r", plots=False)
    assert sorted(path.stem for path in (tmp_path / "r" / "snapshots").glob("*.pt")) == ["000000", "000004", "000006"]
    start(make_settings(TINY), tmp_path / "r", force=True, plots=False)
    assert not list((tmp_path / "r" / "snapshots").glob("*.pt"))
    assert not (tmp_path / "r" / "plots").exists()
