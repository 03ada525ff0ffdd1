"""A run leaves what it promises, an interrupted one goes on to the same bits, and its model loads."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import torch

from evoprune.benchmarks.weights import load_model, make_settings, resume, run as run_module, start
from evoprune.benchmarks.weights.genetic import rmse
from evoprune.benchmarks.weights.measures import table
from evoprune.benchmarks.weights.run import load_run
from evoprune.engines import ProcessEngine
from evoprune.evaluation import reconstruct
from evoprune.runs import experiment
from tests.benchmarks.ctrl_c import CtrlC
from tests.benchmarks.weights.tiny import TINY, write_mnist

NAMES = """experiment method activation benchmark seed layers generations updates rmse_train rmse_test accuracy_test
accuracy_inputs preserved seconds version"""


def same(one, other) -> bool:
    timeless = [{k: v for k, v in result.summary.items() if k != "seconds"} for result in (one, other)]
    return one.model == other.model and one.log.equals(other.log) and timeless[0] == timeless[1]


def test_the_run_directory(tmp_path: Path):
    chosen = make_settings(TINY, {"compare": True})
    result = start(chosen, tmp_path / "run")
    names = {path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    tables = {"manifest.json", "settings.json", "summary.json", "log.csv", "checkpoint.pt", "model.pt"}
    assert names == tables | {"plots/training.png", "plots/reconstructions.png"}
    settings, summary = (json.loads((tmp_path / f"run/{name}.json").read_text()) for name in ("settings", "summary"))
    assert settings == {"experiment": "weights", **chosen.as_dict()}
    assert set(NAMES.split()) <= summary.keys()
    log = pd.read_csv(tmp_path / "run/log.csv")
    assert log["gen"].tolist() == list(range(7))
    assert log["layer"].tolist() == [1] * 4 + [2] * 3
    assert log["updates"].tolist() == [9 * k for k in range(7)]  # three survivors, three batches
    assert summary["updates"] == 54
    assert summary["rmse_train"] == pytest.approx(log["rmse"].iloc[-1], rel=1e-6)
    assert (log.groupby("layer")["rmse"].diff().dropna() <= 0).all()  # the best so far
    assert summary["rmse_test"] == pytest.approx(rmse(result.model, chosen.problem.test))
    assert summary["compared"].keys() == {"sgd", "sgd-layerwise"}
    text = table(result)
    assert "54 gradient steps each" in text
    assert f"{summary['compared']['sgd']['rmse_test']:.4f}" in text
    assert (tmp_path / "run/summary.json").read_text().count("NaN") == 0


def test_the_model_loads_with_its_masks(tmp_path: Path):
    chosen = make_settings(TINY, {"persistent": True, "indpb": 0.1, "activation": "tanh"})
    result = start(chosen, tmp_path / "run", plots=False)
    loaded = load_model(tmp_path / "run/model.pt")
    x = chosen.problem.test
    assert torch.equal(reconstruct(loaded, x), reconstruct(result.model, x))
    assert loaded.preserved == result.model.preserved
    assert loaded.code(x).shape == (300, 3)
    (tmp_path / "bad.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged or not a model"):
        load_model(tmp_path / "bad.pt")


@pytest.mark.parametrize("stop", [2, 3, 5])  # in the first layer, at its end, in the second
@pytest.mark.parametrize(
    "variant", [{"persistent": True, "indpb": 0.1}, {"method": "sgd-layerwise"}, {"method": "sgd"}]
)
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch, variant: dict, stop: int):
    chosen = make_settings(TINY, variant)
    whole = start(chosen)
    monkeypatch.setattr(experiment, "progress_bar", lambda *_: CtrlC(after=stop))
    with pytest.raises(KeyboardInterrupt):
        start(chosen, tmp_path / "run", plots=False)
    monkeypatch.undo()
    assert load_run(tmp_path / "run").generation == stop
    assert not (tmp_path / "run/summary.json").exists()
    assert same(whole, resume(tmp_path / "run", plots=False))


def test_same_seed_same_result_and_another_seed_another():
    one, two, other = (start(make_settings(TINY, {"seed": seed})) for seed in (1, 1, 2))
    assert same(one, two)
    assert one.model != other.model


def test_a_run_on_idx_files(tmp_path: Path):
    data = write_mnist(tmp_path / "mnist", zipped=True)
    result = start(make_settings(TINY, {"data": str(data), "samples": None}))
    assert result.summary["benchmark"] == "idx"
    assert result.summary["layers"] == "25-6-3"
    assert result.summary["accuracy_test"] is not None


def test_a_run_that_diverges_ends_and_says_so(tmp_path: Path):
    changes = {"learning_rate": 1e38, "output_activation": "identity", "method": "sgd", "optimizer": "sgd"}
    result = start(make_settings(TINY, changes), tmp_path / "run", plots=False)
    assert json.loads((tmp_path / "run/summary.json").read_text())["rmse_train"] is not None  # the first network's
    assert result.log["rmse"].iloc[-1] == result.log["rmse"].iloc[0]


def test_the_log_has_no_rmse_of_a_network_that_diverged():
    result = start(make_settings(TINY, {"method": "sgd", "learning_rate": 1e20}))
    assert not (result.log["rmse_survivors"] < 0).any()
    pair = result.model
    pair.fitness.values = (4.0,)
    assert run_module._rmse(pair) == 0.25
    pair.fitness.values = (math.inf,)
    assert math.isnan(run_module._rmse(pair))


def test_engines_that_have_nothing_to_share_out():
    with pytest.raises(ValueError, match="method sgd trains one network"):
        start(make_settings(TINY, {"method": "sgd"}), engine=ProcessEngine(2))


@pytest.mark.slow
def test_the_genetic_method_learns_the_digits():
    result = start(make_settings({"generations": 10, "compare": False}))
    assert result.summary["rmse_train"] < 0.5 * result.summary["trivial_rmse"]
    assert result.summary["accuracy_test"] > 0.9
