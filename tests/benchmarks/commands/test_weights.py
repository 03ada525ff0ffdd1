"""The two commands, from a command line to files and a table."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evoprune.__main__ import main
from tests.benchmarks.weights.tiny import TINY


def run(*words: str) -> int:
    return main(words)


def flags(**changes) -> list[str]:
    settings = {name: value for name, value in (TINY | changes).items() if name != "compare"}
    return [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def test_train_and_reconstruct(tmp_path: Path, capsys):
    place = tmp_path / "run"
    assert run("weights", *flags(method="sgd", seed=3), "--no-compare", "--output", str(place)) == 0
    out, summary = capsys.readouterr().out, json.loads((place / "summary.json").read_text())
    assert f"{summary['rmse_test']:.4f}" in out
    assert "this run (sgd)" in out
    assert summary["seed"] == 3
    Image.fromarray(np.zeros((9, 12), dtype=np.uint8)).save(tmp_path / "one.png")
    assert run("reconstruct", str(place), str(tmp_path / "one.png"), "--output", str(tmp_path / "out")) == 0
    assert "one.png" in capsys.readouterr().out
    assert (tmp_path / "out/one.png").exists()
    assert (tmp_path / "out/rmse.csv").exists()


def test_json_and_a_directory_of_its_own(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("weights", *flags(), "--no-compare", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["method"] == "genetic"
    assert [path.name[:25] for path in (tmp_path / "runs").iterdir()] == ["weights-genetic-digits-0-"]


@pytest.mark.parametrize(
    ("method", "engine", "message"),
    [("none", "serial", "unknown method 'none'"), ("sgd", "processes", "nothing to share out")],
)
def test_what_does_not_fit_is_an_error_before_any_work(tmp_path: Path, capsys, method: str, engine: str, message: str):
    place = tmp_path / "run"
    assert run("weights", *flags(method=method), "--engine", engine, "--output", str(place)) == 2
    assert message in capsys.readouterr().err
    assert not place.exists()


def test_an_interrupted_run_is_continued_by_the_command(tmp_path: Path, capsys):
    place = tmp_path / "run"
    assert run("weights", *flags(), "--no-compare", "--output", str(place), "--quiet") == 0
    summary = (place / "summary.json").read_text()
    (place / "summary.json").unlink()
    assert run("resume", str(place)) == 0
    assert "this run (genetic)" in capsys.readouterr().out
    there, again = (json.loads(text) for text in (summary, (place / "summary.json").read_text()))
    assert {k: v for k, v in again.items() if k != "seconds"} == {k: v for k, v in there.items() if k != "seconds"}
    assert run("resume", str(place)) == 0
    assert "has ended already" in capsys.readouterr().err


def test_a_sweep_over_the_methods(tmp_path: Path, capsys):
    study = tmp_path / "study"
    words = ["--experiment", "weights", "--grid", "method=genetic,sgd", "--trials", "2", "--output", str(study)]
    assert run("sweep", *words, *flags(), "--quiet") == 0
    table = pd.read_csv(study / "results.csv")
    assert list(table["method"]) == ["genetic", "sgd"] * 2
    assert run("report", str(study), "--quiet") == 0
    assert "rmse_test" in (study / "report" / "report.md").read_text()
