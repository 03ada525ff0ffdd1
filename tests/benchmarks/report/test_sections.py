"""What the sections say about studies whose answers are known."""

import json
from typing import Any

import pandas as pd
import pytest

from evoprune.benchmarks.paper.claims import CLAIMS, claims, evaluate, present, sentence
from evoprune.benchmarks.paper.compare import build_beside_paper
from evoprune.benchmarks.paper.published import PUBLISHED, Published, agreement, departures
from evoprune.benchmarks.report import Picture, Section, Table, build, load
from evoprune.benchmarks.report.groups import blocks, designs, schedule_sweeps
from evoprune.benchmarks.report.results import choose
from evoprune.benchmarks.report.section import Marks
from evoprune.benchmarks.report.tables import over_data_sets
from evoprune.benchmarks.report.variants import data_of, flat, names_of
from tests.benchmarks.report.studies import LEVELS, settings_of, write_run, write_study


def sections_of(*paths, **options):
    return {section.title: section.parts for section in build_beside_paper(load(paths), **options)}


def texts(parts) -> str:
    return "\n".join(part for part in parts if isinstance(part, str))


def tables(parts) -> dict[str, Any]:
    return {part.name: part.frame for part in parts if isinstance(part, Table)}


def pictures(parts) -> dict[str, Any]:
    return {part.name: part for part in parts if isinstance(part, Picture)}


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


def test_the_papers_values_stand_beside_ours(tmp_path):
    found = sections_of(write_study(tmp_path / "study"), metrics=["train_l1"])["The paper's values beside ours"]
    table = tables(found)["paper"].set_index("variant")
    assert table["agreement"].to_dict() == {
        "spatial-none": "our mean is in the paper's box",
        "spatial-random-exponential": "our mean is in the paper's box",
        "canonical-none": "the paper's mean is outside our quartiles (+2% in ours)",
    }
    assert table.loc["spatial-none", "paper's box"] == "0.127 to 0.158"
    assert tables(found)["paper-preserved"][["variant", "paper", "our mean"]].to_numpy().tolist() == [
        ["spatial-random-exponential", 0.87, pytest.approx(0.8)]
    ]


def test_shorter_runs_are_not_comparable_with_the_paper(tmp_path):
    found = sections_of(write_study(tmp_path / "study", generations=20), metrics=["train_l1"])
    parts = found["The paper's values beside ours"]
    assert set(tables(parts)["paper"]["agreement"]) == {"not comparable"}
    assert (
        "**Not comparable**: spatial-none, spatial-random-exponential, canonical-none: generations 20 (paper 400)"
        in (texts(parts))
    )
    assert "Diamonds" not in pictures(found["At the end"])["box-train_l1"].caption


@pytest.mark.parametrize("variant", PUBLISHED)
def test_the_papers_own_settings_are_comparable(variant):
    assert departures(settings_of(variant)) == ""


def test_departures_from_the_paper_are_named():
    assert departures(settings_of("spatial-none", loss="bce", radius=0)) == "loss bce (paper l1), radius 0 (paper 1)"
    assert departures({}) == "semantics and generations not known"


def test_agreement():
    shown = Published(0.2, box=(0.1, 0.3), whiskers=(0.05, 0.4))
    assert agreement(shown, 0.35, (0, 1), (0, 1)) == "our mean is within the paper's whiskers"
    assert agreement(shown, 0.5, (0, 1), (0, 1)) == "our mean is outside the paper's whiskers"
    bare = Published(0.2)
    assert agreement(bare, 0.25, (0.19, 0.3), (0.22, 0.3)) == "the paper's mean is in our interval"
    assert agreement(bare, 0.25, (0.21, 0.3), (0.15, 0.3)) == "the paper's mean is between our quartiles"
    assert "+25% in ours" in agreement(bare, 0.25, (0.21, 0.3), (0.22, 0.3))


def test_claims_hold_are_reversed_or_stay_open(tmp_path):
    levels = LEVELS | {"canonical-none-walk": 0.14, "spatial-none-isolated": 0.15}
    study = tmp_path / "study"
    # what the suffixes would change does not matter here
    variants = {name: settings_of(name) for name in levels}
    for name, settings in variants.items():
        for trial in range(8):
            loss = levels[name] + 0.001 * (trial - 0.3)
            if name.endswith("isolated"):  # as often above as below
                loss += 0.0001 * (-1) ** trial * (trial + 1)
            write_run(study / "runs" / name / f"{trial:02d}", settings | {"seed": trial}, loss)
    plan = {"format": "evoprune study 1", "seed": 0, "trials": 8, "variants": variants}
    (study / "study.json").write_text(json.dumps(plan))
    results = load(study)
    first = evaluate(results, CLAIMS[0])
    assert first["should be higher"].tolist() == ["canonical-none", "canonical-none-walk", "spatial-none-isolated"]
    assert first["verdict"].tolist() == ["holds", "reversed", "not distinguishable"]
    assert first["p (Holm)"].tolist()[:2] == pytest.approx([3 * 2 / 2**8] * 2)
    # 0.15 + i/1000 against 0.14 + j/1000, i and j below 8: always above
    assert first["A12"].tolist()[:2] == [0, 1]
    said = sentence(CLAIMS[0], first, results.counts)
    assert said.startswith("The claim holds as the paper compares it (medians 0.153 and 0.273).")
    assert "It is reversed with: the baseline with the learning-rate walk" in said
    assert "The two cannot be told apart with: ten cells that do not see each other" in said
    assert "Not run: spatial-none-constant-rate against canonical-none-constant-rate" in said
    assert evaluate(results, CLAIMS[2]).empty
    assert list(tables(claims(results).parts)) == ["claim-1", "claim-2"]


def test_without_pruning_nothing_can_stay_pruned():
    runs = {"spatial-none": 5, "spatial-random-exponential": 5}
    assert present("spatial-none-persistent", runs) == "spatial-none"
    assert present("spatial-none-persistent", runs | {"spatial-none-persistent": 1}) == "spatial-none"
    assert present("spatial-none-persistent", runs | {"spatial-none-persistent": 5}) == "spatial-none-persistent"
    assert present("spatial-random-exponential-persistent", runs) is None
    assert present("spatial-none-bce", runs) is None


def test_a_weak_claim_is_not_proven_by_silence(tmp_path):
    levels = {"spatial-none": 0.15, "spatial-conjunctive-final-n": 0.15}
    results = load(write_study(tmp_path / "study", levels))
    table = evaluate(results, CLAIMS[3])
    assert table["verdict"].tolist() == ["not distinguishable"]
    assert table["note"].tolist() == ["all differences are 0"]
    assert "agrees with the claim and does not prove it" in sentence(CLAIMS[3], table, results.counts)


def test_every_claim_names_presets_that_exist():
    from evoprune.benchmarks.pruning.presets import layers_of

    for claim in CLAIMS:
        for control in claim.pairs:
            assert layers_of(control.better)
            assert layers_of(control.worse)


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


def test_data_are_what_the_benchmark_reads():
    images = {"benchmark": "images", "data": "a", "image_size": 16, "n_dim": 5}
    assert data_of(images) == {"benchmark": "images", "data": "a", "image_size": 16}
    assert data_of(images | {"benchmark": "digits"}) == {"benchmark": "digits"}
    assert data_of({"data": None, "samples": 60, "method": "sgd"}) == {"data": None, "samples": 60}
    assert data_of({"benchmark": "my.py:Waves", "benchmark.rate": 2, "operator.rate": 3}) == {
        "benchmark": "my.py:Waves",
        "benchmark.rate": 2,
    }
    table = designs({v: {"benchmark": "digits", "n_dim": n, "operator": v} for v, n in (("none", 5), ("random", 6))})
    assert table.shape == (1, 2)


def test_settings_of_every_version_read_alike():
    old = {
        "operator": "random",
        "benchmark": "binary-clustering",
        "n_dim": 8,
        "prune": "before",
        "update": "sequential",
    }
    new = {
        **{"operator": "random", "operator_options": {}, "benchmark": "binary-clustering"},
        **{"benchmark_options": {"n_dim": 8}, "pruning_order": "before-evaluation", "update_order": "sequential"},
        "code": {},
    }
    assert flat(old) == flat(new) == flat(flat(new))
    assert flat(new)["n_dim"] == 8
    assert list(flat(new))[:3] == ["operator", "benchmark", "n_dim"]
    theirs = {"operator": "my.py:mine", "operator_options": {"steps": 3}, "code": {"my.py": "0a1b"}}
    assert flat(theirs) == {"operator": "my.py:mine", "operator.steps": 3, "code": {"my.py": "0a1b"}}
    weights = {"experiment": "weights", "update": "x", "n_dim": 3}
    assert flat(weights) == weights
    assert flat({"update": "x"}, "weights") == {"update": "x"}
    assert names_of([{"operator.steps": 1}, {"operator.steps": 2}]) == ["operator.steps=1", "operator.steps=2"]
    assert names_of([weights, weights], "alike") == ["alike", "alike"]
    assert names_of([weights]) == ["weights"]
    assert names_of([theirs, {"operator": "random"}]) == ["mine", "random"]


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


def test_blocks_are_complete():
    variants = {f"{op}{data}": {"operator": op, "data_seed": data} for op in "abc" for data in range(4)}
    del variants["c3"]
    grid = designs(variants)
    assert grid.shape == (4, 3)
    assert grid.loc["data_seed=1", "b"] == "b1"
    assert blocks(grid).shape == (3, 3)


def test_schedules_are_swept_where_all_else_is_alike():
    def variant(operator, schedule, **others):
        return {"operator": operator, "schedule": schedule, "probability": 0.5, "loss": "l1", **others}

    variants = {
        "a": variant("random", "fixed"),
        "b": variant("random", "increase", probability=0.1),
        "c": variant("variance", "fixed"),
        "d": variant("none", "fixed"),
        "e": variant("random", "decrease", loss="bce"),
    }
    (sweep,) = schedule_sweeps(variants)
    assert sweep.operators == {"random": {"fixed": "a", "increase": "b"}}
    assert sweep.without == "d"
    more = schedule_sweeps(variants | {"f": variant("random", "fixed", loss="bce")})
    assert [sweep.name for sweep in more] == ["l1", "bce"]


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
