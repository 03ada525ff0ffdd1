"""Reading folders: what belongs together is merged, what does not is an error, what is missing is listed."""

import json
import os
import shutil
from typing import Any

import pytest

from evoprune.benchmarks.report import load
from tests.benchmarks.report.studies import LEVELS, TRIALS, settings_of, write_run, write_study


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_study_is_found_from_above(tmp_path):
    study = write_study(tmp_path / "deep" / "study")
    results = load(tmp_path)
    assert results.variants == list(LEVELS)
    assert results.planned == dict.fromkeys(LEVELS, TRIALS)
    assert results.problems.empty
    assert len(results.runs) == 3 * TRIALS
    assert len(results.logs) == 3 * TRIALS * 5
    first = results.runs.iloc[0]
    assert (first["variant"], first["trial"], first["train_l1"]) == ("spatial-none", 0, 0.15)
    assert results.runs["seed"].tolist()[:2] == [2**62, 2**62 + 1]  # exact, which no float is
    assert first["directory"] == str(study / "runs" / "spatial-none" / "00")
    assert results.settings["canonical-none"]["cells"] == 1
    assert "seed" not in results.settings["canonical-none"]
    assert "unpruned" in results.runs
    assert "unpruned" not in results.numeric


def test_shards_merge_and_a_missing_one_is_named(tmp_path):
    whole = load(write_study(tmp_path / "whole"))
    one, two = (write_study(tmp_path / f"part{i}", shard=(i, 2)) for i in (1, 2))
    merged = load([two, one])
    columns = ["variant", "trial", "seed", "train_l1"]
    assert merged.runs[columns].equals(whole.runs[columns])
    assert merged.problems.empty
    half = load(one)
    assert len(half.runs) == 9
    assert half.problems["status"].tolist() == ["missing"] * 3
    assert half.problems["message"].iloc[0] == "3 of 6 trials were not run; shard 2 of 2 is not among the folders"


def test_missing_failed_unfinished_and_damaged_runs_are_listed(tmp_path):
    study = write_study(tmp_path / "study")
    runs = study / "runs" / "spatial-none"
    shutil.rmtree(runs / "00")
    (runs / "01" / "summary.json").unlink()
    (runs / "01" / "error.txt").write_text("Traceback:\n  ...\nValueError: loss is NaN\n")
    (runs / "02" / "summary.json").unlink()
    (runs / "03" / "summary.json").write_text('{"train_l1": 0.1')
    (runs / "04" / "log.csv").write_text("")
    (runs / ".05.part").mkdir()
    results = load(study)
    rows: Any = results.problems.itertuples()
    found = {row.status: (row.trial, row.message, row.place) for row in rows}
    assert found["missing"][1] == "1 of 6 trials were not run"
    assert found["failed"] == (1, "ValueError: loss is NaN", "study/runs/spatial-none/01")
    assert found["unfinished"][:2] == (2, "no summary.json; 5 rows in the log")
    assert found["damaged"][0] == 3
    assert found["damaged"][1].startswith("summary.json: cannot be read as JSON")
    assert found["no log"][0] == 4
    assert len(found) == len(results.problems) == 5
    assert results.runs["variant"].value_counts()["spatial-none"] == 2
    assert results.logs.query("variant == 'spatial-none'")["trial"].unique().tolist() == [5]


def test_an_empty_summary_is_no_end(tmp_path):
    study = write_study(tmp_path / "study")
    (study / "runs" / "spatial-none" / "01" / "summary.json").write_text("{}")
    results = load(study)
    assert results.problems[["trial", "status", "message"]].to_numpy().tolist() == [
        [1, "damaged", "summary.json is empty"]
    ]
    assert len(results.runs) == 17


def test_what_has_no_effect_makes_no_variant(tmp_path):
    for clusters in (5, 10):
        settings = settings_of("spatial-random-increase", benchmark="digits", n_clusters=clusters)
        write_run(tmp_path / f"{clusters}", settings | {"seed": clusters}, 0.1)
    assert load(tmp_path).variants == ["spatial-random-increase"]
    one = write_study(tmp_path / "one", {"spatial-none": 0.1}, trials=2, benchmark="digits")
    other = write_study(tmp_path / "other", {"spatial-none": 0.1}, trials=2, benchmark="digits", n_dim=5)
    assert len(load([one, other]).runs) == 2


def test_a_variant_without_any_run_is_left_out(tmp_path):
    study = write_study(tmp_path / "study")
    shutil.rmtree(study / "runs" / "canonical-none")
    assert load(study).variants == ["spatial-none", "spatial-random-exponential"]


def test_the_tables_stand_in_for_runs_that_were_removed(tmp_path):
    study = write_study(tmp_path / "study")
    whole = load(study)
    keep = ["variant", "trial", "seed", "train_l1"]
    table = whole.runs[keep].assign(status="ended", error="")
    table.loc[1, ["status", "error"]] = ["failed", "ValueError: no"]
    table.to_csv(study / "results.csv", index=False)
    whole.runs[["variant", "trial", "seconds"]].to_csv(study / "times.csv", index=False)
    shutil.rmtree(study / "runs")
    results = load(study)
    assert len(results.runs) == 17
    assert results.runs["seed"].tolist() == [seed for i, seed in enumerate(whole.runs["seed"]) if i != 1]
    assert results.runs["seconds"].tolist() == [2.0] * 17
    assert results.logs.empty
    assert results.problems[["trial", "message"]].to_numpy().tolist() == [[1, "ValueError: no"]]
    (study / "results.csv").write_text("variant,trial\n")
    with pytest.raises(ValueError, match=r"no run has ended in study"):
        load(study)


def test_runs_without_a_study_are_named_by_what_differs(tmp_path):
    for seed in (7, 3):
        for rate in (0.1, 0.2):
            settings = settings_of("spatial-random-exponential", amount=rate) | {"seed": seed, "checkpoint_every": seed}
            write_run(tmp_path / f"{seed}-{rate}", settings, 0.1)
    results = load(tmp_path)
    assert results.variants == ["amount=0.1", "amount=0.2"]
    assert results.runs["trial"].tolist() == [0, 1, 0, 1]
    assert results.runs["seed"].tolist() == [3, 7, 3, 7]
    assert results.planned == {}
    assert load(tmp_path / "3-0.1").variants == ["spatial-random-exponential"]


def test_runs_without_pruning_are_not_named_by_a_schedule(tmp_path):
    write_run(tmp_path / "a", settings_of("spatial-none") | {"seed": 1}, 0.1)
    assert load(tmp_path).variants == ["spatial-none"]
    write_run(tmp_path / "b", settings_of("spatial-random-increase") | {"seed": 1}, 0.1)
    assert load(tmp_path).variants == ["none", "random-increase"]


def test_a_run_below_a_study_keeps_its_name(tmp_path):
    study = write_study(tmp_path / "study")
    results = load(study / "runs" / "spatial-none" / "03")
    assert results.runs[["variant", "trial"]].to_numpy().tolist() == [["spatial-none", 3]]
    assert len(load([study, study / "runs" / "spatial-none", study]).runs) == 18


def test_other_experiments_have_columns_of_their_own(tmp_path):
    for seed in range(3):
        place = tmp_path / str(seed)
        place.mkdir()
        (place / "settings.json").write_text(json.dumps({"experiment": "weights", "seed": seed, "size": 4}))
        (place / "summary.json").write_text(json.dumps({"seed": seed, "hits": seed, "note": "text", "ok": True}))
    results = load(tmp_path)
    assert results.experiment == "weights"
    assert results.variants == ["weights"]
    assert results.numeric == ["hits"]
    assert len(results.runs) == 3


def test_copies_count_once_and_differing_ones_are_an_error(tmp_path):
    one = write_study(tmp_path / "one")
    two = shutil.copytree(one, tmp_path / "two")
    summary = two / "runs" / "spatial-none" / "02" / "summary.json"
    change(summary, seconds=99.0)
    assert len(load([one, two]).runs) == 18
    summary.unlink()
    assert load([two, one]).problems.empty  # the copy that ended is taken
    shutil.copy(one / "runs" / "spatial-none" / "02" / "summary.json", summary)
    change(summary, train_l1=0.5)
    with pytest.raises(ValueError, match=r"both trial 2 of spatial-none with seed \d+, but .*train_l1 0\.5 and 0\.15"):
        load([one, two])
    change(two / "runs" / "spatial-none" / "02" / "settings.json", seed=1)
    with pytest.raises(ValueError, match="have seeds 1 and 4611686018427387906"):
        load([one, two])


def test_plain_copies_too(tmp_path):
    for name, loss in (("a", 0.1), ("b", 0.1)):
        write_run(tmp_path / name, settings_of("spatial-none") | {"seed": 1}, loss)
    assert len(load(tmp_path).runs) == 1
    change(tmp_path / "b" / "summary.json", test_l1=0.7)
    with pytest.raises(ValueError, match=r"a and .*b|b and .*a"):
        load(tmp_path)


def test_different_studies_do_not_mix(tmp_path):
    one = write_study(tmp_path / "one", trials=2)
    other = write_study(tmp_path / "other", trials=2, generations=100)
    with pytest.raises(ValueError, match=r"different studies: .* has generations 100 and 400"):
        load([one, other])
    other = write_study(tmp_path / "seed", trials=2, seed=5)
    with pytest.raises(ValueError, match="starts from seed 5 and 0"):
        load([one, other])
    more = write_study(tmp_path / "more", {"spatial-random-increase": 0.12}, trials=2)
    assert load([one, more]).variants == [*LEVELS, "spatial-random-increase"]
    change(one / "runs" / "spatial-none" / "01" / "settings.json", radius=2)
    with pytest.raises(ValueError, match="both called spatial-none, but have radius 1 and 2"):
        load(one)


def test_different_experiments_do_not_mix(tmp_path):
    one = write_study(tmp_path / "one", trials=2)
    other = write_study(tmp_path / "other", {"spatial-none": 0.1}, trials=2)
    change(other / "study.json", experiment="weights")
    for folder in (other / "runs" / "spatial-none").iterdir():
        change(folder / "settings.json", experiment="weights")
    with pytest.raises(ValueError, match=r"one experiment, but these folders hold 'run' .* and 'weights'"):
        load([one, other])
    change(other / "study.json", variants={"spatial-none": {"method": "sgd"}})  # of one name, but not compared
    with pytest.raises(ValueError, match="a report is about one experiment"):
        load([one, other])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "expected a JSON object, got .."),
        ('{"format": "evoprune study 9"}', "expected format 'evoprune study 1', got 'evoprune study 9'"),
        ('{"format": "evoprune study 1", "seed": 0, "trials": 2}', "not a study: .*variants must be"),
    ],
)
def test_a_damaged_plan_is_an_error(tmp_path, text, message):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        load(tmp_path)


def test_a_folder_that_cannot_be_listed_is_not_empty(tmp_path, monkeypatch):
    write_run(tmp_path / "run", settings_of("spatial-none") | {"seed": 1}, 0.1)
    closed = tmp_path / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refusing(path):
        if str(path) == str(closed):  # the tests may run as one who may read everything
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ValueError, match=r"closed: cannot be read \(Permission denied\)"):
        load(tmp_path)


def test_nothing_at_all_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no study .* and no run"):
        load(tmp_path)
    with pytest.raises(ValueError, match="there is no such directory"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="not a directory"):
        load(tmp_path / "file")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ValueError, match="loop: not a directory"):
        load(tmp_path / "loop")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "settings.json").write_text("{}")
    with pytest.raises(ValueError, match="no run has ended"):
        load(tmp_path)
