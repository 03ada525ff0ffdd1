"""Runs of networks that tell classes apart, predict values, or rank items: in the metrics of their task."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evoprune import Autoencoder, Network
from evoprune.__main__ import main
from evoprune.benchmarks import Digits
from evoprune.benchmarks.experiments import load_any_model
from evoprune.benchmarks.pruning.algorithms import ALGORITHMS
from evoprune.benchmarks.pruning.run import PRUNING, load_model, resume, start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.snapshots import load_snapshots
from evoprune.evaluation import outputs_of
from evoprune.metrics import hits
from evoprune.runs.experiment import run_folder

CLASSES = {"benchmark": "digits", "task": "classification", "generations": 2, "cells": 3, "network": "64-12-10"}


@pytest.fixture
def values(tmp_path: Path) -> str:
    """A table of three inputs and their sum."""
    table = np.random.default_rng(0).random((200, 3)).astype(np.float32)
    path = tmp_path / "table.csv"
    pd.DataFrame(table, columns=["a", "b", "c"]).assign(sum=table.sum(1)).to_csv(path, index=False)
    return str(path)


def test_a_task_decides_what_is_not_said():
    made = make_settings(CLASSES)
    assert (made.loss, made.output_activation, made.target_preserved) == ("cross-entropy", "identity", 0.1)
    assert (made.batch_size, made.learning_rate) == (32, 5e-3)
    given = make_settings(CLASSES, {"loss": "hinge", "batch_size": 7, "target_preserved": 0.5})
    assert (given.loss, given.batch_size, given.target_preserved) == ("hinge", 7, 0.5)
    before = make_settings()
    assert (before.task, before.loss, before.batch_size, before.learning_rate) == ("reconstruction", "bce", 5, 1e-3)
    assert make_settings({"benchmark": "retrieval"}).loss == "cross-entropy"  # which the problem itself decides
    assert make_settings(before.as_dict()) == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"network": "64-12-9"}, "takes 64 values a sample and gives 9, but the data have 64 and need 10"),
        ({"network": "30-10"}, "network 30-10 takes 30 values a sample and gives 10"),
        ({"network": "64"}, "neither all widths from inputs to outputs, such as 64-100-10"),
        ({"network": "variational"}, "unknown network for classes or values 'variational'"),
        ({"network": "arch:1x8x8;tanh;linear_64_3"}, "unknown network for classes or values"),
        ({"decoder": "10-30"}, "a network for classification has none"),
        ({"loss": "bce"}, "loss bce reads probabilities and needs output sigmoid, got identity"),
        ({"output_activation": "sigmoid"}, "loss cross-entropy reads logits and needs output identity, got sigmoid"),
        ({"opponents": "random"}, "opponents random belongs to autoencoders"),
        ({"task": "clasification"}, "unknown task 'clasification': did you mean 'classification'"),
        ({"task": "regression"}, "unknown task 'regression'; known: classification, reconstruction"),
        ({"benchmark": "photographs"}, "benchmark photographs has no task classification: its task is reconstruction"),
        ({"algorithm": "mu-comma-lambda", "offspring": 2}, "offspring of mu-comma-lambda must be at least the 3 cells"),
        (
            {"benchmark": "binary-clustering", "horizontal_flip": True, "network": "default"},
            "horizontal_flip needs images",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(more, message):
    with pytest.raises(ValueError, match=message):
        make_settings(CLASSES, more).check_data()


def test_a_classifier_run_and_what_it_leaves(tmp_path, capsys):
    made = make_settings(CLASSES, {"snapshots": 1, "compare": True})
    result = start(made, tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    model, digits = result.model, Digits(split_seed=1, task="classification")
    assert type(model) is Network
    assert (len(model), model.names) == (1, ("network",))
    assert digits.test_labels is not None
    right = hits(outputs_of(model, digits.test), digits.test, digits.test_labels).mean().item()
    assert summary["best_test_accuracy"] == pytest.approx(right)
    assert summary["best_test_error"] == pytest.approx(1 - right)
    nothing = ("train_l1", "test_l1", "best_test_l1", "test_r2", "validation_l1", "trivial_l1", "preserved_encoder")
    assert [summary[key] for key in nothing] == [None] * len(nothing)
    assert summary["trivial_accuracy"] == pytest.approx(0.1, abs=0.02)
    assert 0 < summary["unpruned"]["test_accuracy"] <= 1
    assert list(result.cells.columns)[:7] == [
        *("gen", "cell", "parent", "loss", "train_loss", "validation_accuracy", "preserved")
    ]
    assert {path.stem for path in (tmp_path / "run" / "plots").iterdir()} >= {"loss", "size", "masks", "predictions"}
    assert load_model(tmp_path / "run" / "model.pt") == model
    grids = load_snapshots(tmp_path / "run")
    assert list(grids) == [0, 1, 2]
    assert grids[2] == result.grid
    with pytest.raises(ValueError, match="a network for classification gives no images back"):
        load_any_model(tmp_path / "run")
    assert main(["report", str(tmp_path / "run"), "--output", str(tmp_path / "report")]) == 0
    assert "accuracy" in (tmp_path / "report" / "report.md").read_text()
    capsys.readouterr()


@pytest.mark.parametrize("algorithm", [name for name, one in ALGORITHMS.items() if one.pairs != 1])
def test_an_interrupted_run_goes_on_to_the_same_bits(algorithm, tmp_path):
    made = make_settings(CLASSES, {"algorithm": algorithm, "generations": 3, "compare": False, "checkpoint_every": 1})
    whole = start(made, plots=False)
    course = start(made, tmp_path / "run", plots=False)
    state = PRUNING.begin(made)
    state.kernel = PRUNING.kernel_of(made)
    steps = PRUNING.generations(state, map, None)
    for _ in range(2):  # the initial grid and one generation
        next(steps)
    del steps
    with run_folder(tmp_path / "run") as place:
        (tmp_path / "run" / "summary.json").unlink()
        PRUNING.checkpoint(state, place)
    again = resume(tmp_path / "run", plots=False)
    assert again.grid == whole.grid == course.grid
    assert again.log.equals(whole.log)


def test_values_are_predicted(values, tmp_path):
    file = {"benchmark": "file", "data": values, "target_column": "sum", "task": "regression", "cells": 2}
    result = start(
        make_settings(file, {"generations": 30, "compare": False, "target_preserved": 0.5}), tmp_path / "run"
    )
    summary = result.summary
    assert summary["test_r2"] > 0.9
    assert summary["test_l1"] < 0.2
    assert (summary["test_accuracy"], summary["test_error"]) == (None, None)
    assert summary["trivial_r2"] == pytest.approx(0, abs=0.2)
    assert (tmp_path / "run" / "plots" / "predictions.png").stat().st_size > 5000


def test_items_are_ranked(capsys):
    made = {"benchmark": "retrieval", "n_users": 80, "n_items": 30, "cells": 2, "network": "6-4"}
    result = start(make_settings(made, {"generations": 2, "compare": False}))
    keys = ("test_recall@20", "test_recall@50", "test_ndcg@100", "best_test_ndcg@100", "validation_ndcg@100")
    assert all(0 < result.summary[key] <= 1 for key in keys)
    assert result.summary["test_l1"] is None
    assert isinstance(result.model, Autoencoder)


def test_nsga2_has_two_objectives_and_its_front_is_drawn(tmp_path):
    more = {"algorithm": "nsga2", "cells": 6, "generations": 4, "compare": False}
    result = start(make_settings(CLASSES, more), tmp_path / "run")
    assert all(one.fitness.values[1] == pytest.approx(one.preserved) for one in result.grid)
    assert result.log["updates"].iloc[-1] == 4 * 6 * -(-1197 // 32)
    sizes = {one.preserved for one in result.grid}
    assert (tmp_path / "run" / "plots" / "front.png").exists() == (len(sizes) > 2)


def test_children_of_a_crossover_are_not_trained():
    more = {"algorithm": "mu-plus-lambda", "crossover": 1.0, "generations": 2, "compare": False}
    result = start(make_settings(CLASSES, more))
    assert result.log["updates"].tolist() == [0, 0, 0]
    assert {one.age for one in result.grid} == {0}


def test_the_command_takes_them_all(tmp_path, values, capsys):
    words = ["--generations", "1", "--cells", "2", "--no-compare", "--quiet", "--json"]
    table = ["--benchmark", "file", "--data", values, "--target-column", "-1", "--task", "regression"]
    assert main(["run", *table, *words, "--output", str(tmp_path / "r")]) == 0
    assert json.loads(capsys.readouterr().out)["task"] == "regression"
    assert (
        main(["run", "--benchmark", "photographs", "--horizontal-flip", *words, "--output", str(tmp_path / "f")]) == 0
    )
