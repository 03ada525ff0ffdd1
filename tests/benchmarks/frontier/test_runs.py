"""The runs of a frontier as a table, and by what they are measured."""

import json
from pathlib import Path

import pytest

from evoprune.benchmarks.frontier.runs import Measure, measure_of, points_of, runs_of
from evoprune.benchmarks.report import load
from tests.benchmarks.frontier.made import write_frontier
from tests.benchmarks.report.studies import write_study


def test_a_row_a_run(tmp_path: Path):
    results = load(write_frontier(tmp_path / "study", {"dense": [0.05], "agp": [0.1, 0.12]}))
    runs = runs_of(results, "binary-clustering")
    assert runs["method"].to_list() == ["dense", *["agp"] * 4]
    assert runs["size"].to_list() == [1, 0.1, 0.1, 0.2, 0.2]
    assert runs["value"].to_list() == pytest.approx([5, 10, 12, 5, 6])  # in per cent
    assert runs["kept"].to_list() == [1, 0.1, 0.1, 0.2, 0.2]
    assert runs["macs"].to_list() == pytest.approx([0.9, 0.09, 0.09, 0.18, 0.18])
    assert runs["directory"][1] == "runs/binary-clustering,agp,0.1/00"
    assert runs["seed"][1] == runs["seed"][0] != runs["seed"][2]


def test_what_is_not_known_is_nan(tmp_path: Path):
    study = write_frontier(tmp_path / "study", {"agp": [0.1]}, cost=False, best_test_error=None, best_test_loss=None)
    runs = runs_of(load(study), "binary-clustering")
    assert runs[["value", "macs"]].isna().all(axis=None)
    assert runs["kept"].notna().all()


@pytest.mark.parametrize(
    ("data", "summary", "measure"),
    [
        ("binary-clustering", {}, Measure("best_test_error", "wrong bits, held-out data (%)", 100, 5.0)),
        (
            "digits",
            {"best_test_error": None, "noise_floor": None},
            Measure("best_test_loss", "loss (mse), held-out data"),
        ),
        (
            "digits-classifier",
            {"noise_floor": None},
            Measure("best_test_error", "misclassified, held-out data (%)", 100),
        ),
    ],
)
def test_errors_where_there_are_some_else_the_loss(data: str, summary: dict, measure: Measure, tmp_path: Path):
    study = write_frontier(tmp_path / "study", {"agp": [0.1]}, [data], **summary)
    assert measure_of(load(study), data) == measure
    assert measure.caption[0].isupper()
    assert measure.form.format(1.23456) == ("1.235 %" if measure.scale == 100 else "1.235")


def test_another_study_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="spatial-none is no variant of a frontier"):
        points_of(load(write_study(tmp_path / "study", {"spatial-none": 0.1}, 1)))


def test_a_damaged_cost_is_not_known(tmp_path: Path):
    study = write_frontier(tmp_path / "study", {"agp": [0.1]}, sizes=(0.1, 0.2))
    path = study / "runs" / "binary-clustering,agp,0.1" / "00" / "summary.json"
    for cost in ({}, {"dense": {"macs": 0}, "compacted": {"effective_macs": 1}}, "none", {"dense": 1}):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"cost": cost}))
        assert runs_of(load(study), "binary-clustering")["macs"].isna().to_list() == [True, False]
