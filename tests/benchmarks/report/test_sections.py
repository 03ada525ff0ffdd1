"""What the sections say about studies whose answers are known."""

import json

import pandas as pd
import pytest

from evoprune.benchmarks.paper.compare import build_beside_paper
from evoprune.benchmarks.report import Section, build, load
from evoprune.benchmarks.report.results import choose
from evoprune.benchmarks.report.section import Marks
from evoprune.benchmarks.report.tables import over_data_sets
from tests.benchmarks.report.parts import pictures, sections_of, tables, texts
from tests.benchmarks.report.studies import LEVELS, settings_of, write_run, write_study


def test_a_study_has_all_its_sections(tmp_path):
    levels = LEVELS | {"spatial-random-increase": 0.12}
    found = sections_of(write_study(tmp_path / "study", levels))
    opening = texts(found["What was run"])
    assert opening.startswith("24 runs of 4 variants, of 24 planned.")
    assert "All have in common: semantics reference" in opening
    variants = tables(found["What was run"])["variants"].set_index("variant")
    assert variants.loc["canonical-none", ["trials", "planned", "algorithm", "cells"]].tolist() == [
        *(6, 6),
        *("canonical", "1"),
    ]
    assert "Nothing: every run" in texts(found["What is missing"])
    names = [name for parts in found.values() for name in pictures(parts)]
    assert names == [
        *("training-loss-l1", "validation-l1", "sizes"),
        *("box-train_l1", "box-test_l1", "box-test_error", "box-preserved", "box-seconds"),
        *("schedules-1", "during-after-l1"),
    ]
    summary = tables(found["Tables"])["summary-train_l1"].set_index("variant")
    assert summary.loc["spatial-none", "mean"] == pytest.approx(0.1525)
    assert summary.loc["spatial-none", "median"] == pytest.approx(0.1525)
    tests = tables(found["Tests between variants"])["tests-train_l1"]
    assert len(tests) == 6
    assert tests["p (Holm)"].tolist() == pytest.approx([6 / 32] * 6)
    assert "**No pair can come out as different here**" in texts(found["Tests between variants"])
    assert "Skipped: Friedman's test needs" in texts(found["Over data sets"])


def test_a_report_knows_no_paper_and_takes_what_is_handed_in(tmp_path):
    results = load(write_study(tmp_path / "study", trials=3))
    plain = {section.title: section.parts for section in build(results, ["train_l1"])}
    assert not {"What remains of each claim", "The paper's values beside ours", "The networks"} & set(plain)
    assert "Diamonds" not in pictures(plain["At the end"])["box-train_l1"].caption
    marks = Marks("train_l1", {"spatial-none": 0.2, "elsewhere": 1.0}, "theirs", "Diamonds are theirs.")
    more = build(results, ["train_l1", "test_l1"], extra=[Section("Last")], first=[Section("Theirs")], marks=marks)
    titles = [section.title for section in more]
    assert titles[:4] == ["What was run", "What is missing", "Theirs", "Over the generations"]
    assert titles[-1] == "Last"
    boxes = pictures(more[4].parts)
    assert boxes["box-train_l1"].caption.endswith("Diamonds are theirs.")
    assert boxes["box-train_l1"].figure.axes[0].collections[-1].get_offsets().tolist() == [[0.2, 0]]
    assert [text.get_text() for text in boxes["box-train_l1"].figure.legends[0].get_texts()] == ["theirs"]
    assert not boxes["box-test_l1"].figure.legends


def test_what_is_handed_in_is_made_after_the_checks(tmp_path):
    def made():
        raise AssertionError("too early")
        yield

    results = load(write_study(tmp_path / "study", trials=1))
    with pytest.raises(ValueError, match="unknown metric"):
        build(results, ["speed"], extra=made(), first=made())


def test_the_whole_report_keeps_its_order(tmp_path):
    titles = [section.title for section in build_beside_paper(load(write_study(tmp_path / "study", trials=1)))]
    assert titles == [
        *("What was run", "What is missing", "What remains of each claim", "The paper's values beside ours"),
        *("Over the generations", "At the end", "Schedules", "During and after training"),
        *("Tables", "Tests between variants", "Over data sets"),
    ]


def test_metrics_and_a_baseline_can_be_chosen(tmp_path):
    study = write_study(tmp_path / "study", trials=8)
    found = sections_of(study, metrics=["test_loss"], baseline="spatial-none")
    assert list(tables(found["Tables"])) == ["summary-test_loss"]
    tests = tables(found["Tests between variants"])["tests-test_loss"]
    assert tests["b"].tolist() == ["spatial-none"] * 2
    assert tests["result"].tolist() == ["spatial-random-exponential is lower", "spatial-none is lower"]
    with pytest.raises(ValueError, match="unknown metric 'test_los': did you mean 'test_loss'"):
        sections_of(study, metrics=["test_los"])
    with pytest.raises(ValueError, match="unknown baseline 'none'; the variants are spatial-none, "):
        sections_of(study, baseline="none")


def test_a_single_run_has_a_report(tmp_path):
    write_run(tmp_path / "run", settings_of("spatial-none") | {"seed": 1}, 0.15)
    found = sections_of(tmp_path / "run")
    assert texts(found["What was run"]).startswith("1 run of one variant.")
    assert "Skipped: there is only one variant" in texts(found["Tests between variants"])
    assert tables(found["Tables"])["summary-train_l1"]["note"].tolist() == ["n < 3: no interval"]
    assert "no log has them below 100 %" in texts(found["Over the generations"])
    assert "Skipped" in texts(found["Schedules"])
    assert "Skipped" in texts(found["What remains of each claim"])


def test_runs_without_logs_have_tables_only(tmp_path):
    write_run(tmp_path / "run", settings_of("spatial-none") | {"seed": 1}, 0.15, log=False)
    found = sections_of(tmp_path)
    assert "Skipped: no run has a log" in texts(found["Over the generations"])
    assert "Skipped: it needs `train_loss`" in texts(found["During and after training"])
    assert "log.csv is missing" in tables(found["What is missing"])["problems"]["message"].iloc[0]
    assert "box-train_l1" in pictures(found["At the end"])


def test_values_that_are_not_finite_are_counted(tmp_path):
    study = write_study(tmp_path / "study")
    path = study / "runs" / "spatial-none" / "00" / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"train_l1": None}))
    table = tables(sections_of(study, metrics=["train_l1"])["Tables"])["summary-train_l1"].set_index("variant")
    assert table.loc["spatial-none", ["n", "note"]].tolist() == [5, "1 without a finite value"]


def test_other_experiments_have_their_own_metrics_and_curves(tmp_path):
    for seed in range(4):
        for size in (4, 8):
            place = tmp_path / f"{size}-{seed}"
            place.mkdir()
            (place / "settings.json").write_text(json.dumps({"experiment": "weights", "seed": seed, "size": size}))
            (place / "summary.json").write_text(
                json.dumps({"seed": seed, "hits": seed + size, "same": 1.5, "size": size})
            )
            pd.DataFrame({"gen": [0, 1], "best": [3.0, size], "layer": 1, "newcomers": [0, 2]}).to_csv(
                place / "log.csv", index=False
            )
    found = sections_of(tmp_path)
    assert list(pictures(found["Over the generations"])) == ["curve-best"]
    assert list(tables(found["Tables"])) == ["summary-hits", "summary-same"]
    assert list(tables(found["Tests between variants"])) == ["tests-hits", "tests-same"]
    assert not {"Schedules", "What remains of each claim", "The paper's values beside ours"} & set(found)


def test_a_single_run_of_another_experiment_has_its_outcomes(tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"experiment": "weights", "seed": 1, "population": 4}))
    summary = {"population": 4, "generations": 2, "rmse_test": 0.2, "trivial_rmse": 0.3, "seconds": 1.0}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    assert [one.name for one in choose(load(tmp_path))] == ["rmse_test", "seconds"]


def test_the_variants_table_says_in_what_they_differ(tmp_path):
    for i, changes in enumerate(({}, {"radius": 2, "snapshots": 5, "checkpoint_every": 3, "n_dim": 7})):
        settings = settings_of("spatial-random-increase", benchmark="digits", **changes) | {"seed": 1}
        write_run(tmp_path / str(i), settings, 0.1)
    parts = sections_of(tmp_path)["What was run"]
    table = tables(parts)["variants"]
    assert table.columns.tolist() == ["variant", "trials", "radius"]
    assert table["radius"].tolist() == ["1", "2"]
    assert table["variant"].tolist() == ["radius=1", "radius=2"]
    assert "problem digits, network" in texts(parts)  # no clusters, samples and bits


def test_variants_on_different_data_are_not_compared(tmp_path):
    one = write_study(tmp_path / "one")
    digits = write_study(tmp_path / "digits", {"spatial-random-fixed": 0.2}, benchmark="digits")
    found = sections_of(one, digits, metrics=["train_l1"])
    assert {"training-loss-l1-binary-clustering", "training-loss-l1-digits"} <= set(
        pictures(found["Over the generations"])
    )
    tests = tables(found["Tests between variants"])["tests-train_l1"]
    assert len(tests) == 3
    assert "every pair of variants on the same data" in texts(found["Tests between variants"])


def test_friedman_ranks_designs_over_data_sets(tmp_path):
    operators = {"none": 0.3, "random": 0.1, "variance": 0.2}
    for operator, loss in operators.items():
        for data in (1, 2, 3):
            for seed in (1, 2):
                settings = settings_of(f"spatial-{operator}-exponential", data_seed=data) | {"seed": seed}
                write_run(tmp_path / f"{operator}-{data}-{seed}", settings, loss + 0.01 * data)
    results = load(tmp_path)
    parts = over_data_sets(results, choose(results, ["train_l1"])).parts
    assert "`train_l1`: statistic 6, p 0.0498; mean ranks: none 3.00, random 1.00, variance 2.00." in texts(parts)
    table = tables(parts)["friedman-train_l1"].set_index("data set")
    assert table.loc["data_seed=2"].tolist() == pytest.approx([0.32, 0.12, 0.22])
    assert table.loc["mean rank"].tolist() == [3, 1, 2]


def test_a_log_without_a_loss_over_the_epoch_has_that_of_a_batch(tmp_path):
    study = write_study(tmp_path / "study", {"spatial-none": 0.15, "canonical-none": 0.27}, trials=3)
    for path in (study / "runs" / "canonical-none").rglob("log.csv"):
        log = pd.read_csv(path)
        log.assign(loss=log["train_loss"], train_loss=None).to_csv(path, index=False)
    found = sections_of(study, metrics=["train_l1"])
    curves = pictures(found["Over the generations"])["training-loss-l1"]
    (axes,) = curves.figure.axes
    assert [line.get_ydata()[-1] for line in axes.lines] == pytest.approx([0.151, 0.271])
    assert curves.caption.endswith(
        "The log of canonical-none has no loss over the epoch: shown is the loss on one batch."
    )
    points = pictures(found["During and after training"])["during-after-l1"]
    assert "The log of canonical-none" in points.caption
    assert points.figure.axes[0].collections[1].get_offsets()[0].tolist() == pytest.approx([0.27, 0.28])
