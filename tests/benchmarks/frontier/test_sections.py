"""The report of a frontier, of made-up runs: what it opens with, who wins, which tests there are."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evoprune.benchmarks.frontier.sections import records, sections
from evoprune.benchmarks.report import Picture, Results, load, save
from tests.benchmarks.frontier.made import VALUES, write_frontier
from tests.benchmarks.report.parts import pictures, tables, texts

OPENING = "The frontier: binary-clustering"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return load(write_frontier(tmp_path_factory.mktemp("made") / "study"))


def parts_of(results: Results, latency: pd.DataFrame | None = None, title: str = OPENING) -> list[Any]:
    return {section.title: section.parts for section in sections(results, 10_000, latency)}[title]


def test_it_opens_with_the_frontier(results: Results):
    made = sections(results, 10_000)
    assert [section.title for section in made] == [OPENING, "What was run", "What is missing"]
    first, second, third, *_ = made[0].parts
    assert isinstance(first, str)
    assert "10,000 gradient steps" in first
    assert "from 3 seeds" in first
    assert "**The lowest mean at 20 %: frontier; 10 %: frontier.**" in first
    assert isinstance(second, Picture)
    assert isinstance(third, Picture)
    names = ["weights", "macs"]
    assert [second.name, third.name] == [f"frontier-binary-clustering-{name}" for name in names]


def test_every_figure_names_budget_seeds_and_spread(results: Results):
    found = pictures(parts_of(results))
    assert len(found) == 3  # the ablations' among them
    for picture in found.values():
        title = picture.figure.axes[0].get_title(loc="left")
        assert title == "binary-clustering: 10,000 updates a run, 3 seeds; mean, lowest to highest"
        assert "10,000 gradient steps a run, 3 seeds. The line is the mean over the seeds" in picture.caption
        assert all("runs/binary-clustering," in words or "mean" in words for words in picture.titles.values())


def test_the_winner_of_each_size(results: Results):
    table = tables(parts_of(results))["frontier-binary-clustering"].set_index("method")
    assert list(table.index) == ["dense", "agp", "random-pruning", "frontier", "winner"]  # ablations are not among them
    assert table["10 %"].to_list() == [
        *("", "12.00 ± 2.00 (3)", "30.00 ± 10.00 (3)", "7.00 ± 1.00 (3) *", "frontier"),
    ]
    assert table["100 %"].to_list() == ["5.00 ± 0.00 (3)", "", "", "", ""]


def test_tests_against_magnitude(results: Results):
    parts = parts_of(results)
    table = tables(parts)["frontier-binary-clustering-tests"]
    pairs = [("20 %", "random-pruning"), ("20 %", "frontier"), ("10 %", "random-pruning"), ("10 %", "frontier")]
    assert list(zip(table["size"], table["method"], strict=True)) == pairs
    assert set(table["against"]) == {"agp"}
    assert table["p"].to_list() == [0.25] * 4  # three of three: 2 of 8
    assert table["p (Holm)"].to_list() == [0.5] * 4
    assert table["A12"].to_list() == [1, 0, 1, 0]
    assert "It takes at least 7 seeds" in texts(parts)  # two tests: 2 * 2 / 2**7 is 0.031, with six it is 0.0625


def test_ablations_stand_beside_their_method(results: Results):
    found = tables(parts_of(results))
    beside = found["ablations-binary-clustering"].set_index("method")
    assert list(beside.index) == ["frontier", "frontier-shuffled"]
    assert beside["10 %"].to_list() == ["7.00 ± 1.00 (3)", "20.00 ± 0.00 (3)"]
    table = found["ablations-binary-clustering-tests"]
    assert set(zip(table["method"], table["against"], strict=True)) == {("frontier-shuffled", "frontier")}
    assert "training that found the masks" in texts(parts_of(results))


def test_the_numbers_behind_it(results: Results):
    found = tables(parts_of(results))
    assert len(found["frontier-binary-clustering-runs"]) == 3 * (1 + 4 * 2)
    summary = found["frontier-binary-clustering-summary"].set_index(["method", "size"])
    assert summary.loc[("agp", 0.2), "mean"] == pytest.approx(6)
    assert summary.loc[("agp", 0.2), "updates"] == 9992


def test_latency_has_a_curve_and_a_table(results: Results):
    rows = [("binary-clustering", "agp", size, share) for size, share in ((0.1, 0.5), (0.2, 0.75))]
    rows += [("digits", "agp", 0.1, 0.1)]  # of other data
    latency = pd.DataFrame(rows, columns=["data", "method", "size", "latency"])
    made = sections(results, 10_000, latency)
    assert [section.title for section in made][1] == "Latency"
    picture = pictures(made[0].parts)["frontier-binary-clustering-latency"]
    said = [words for words in picture.titles.values() if "mean" in words]
    assert [words.split("with ")[1] for words in said] == ["75 % of the latency", "50 % of the latency"]
    assert "one model a method and size" in picture.caption
    assert tables(made[1].parts)["latency"].equals(latency)


def test_without_the_one_to_compare_with_there_are_no_tests(tmp_path: Path):
    parts = parts_of(load(write_frontier(tmp_path / "study", {"frontier": [0.1], "random-pruning": [0.2]})))
    assert "No tests: agp, which methods are compared with, is not among them." in texts(parts)
    assert not [name for name in tables(parts) if "tests" in name]
    assert "1 seed;" in pictures(parts)["frontier-binary-clustering-weights"].figure.axes[0].get_title(loc="left")


def test_what_is_larger_than_asked_for_is_named(tmp_path: Path):
    study = write_frontier(tmp_path / "study", {"agp": [0.1], "dense": [0.05]}, best_preserved=0.15)
    assert "Kept more than they were to: agp 15 % instead of 10 %." in texts(parts_of(load(study)))


def test_different_numbers_of_seeds_are_said(tmp_path: Path):
    parts = parts_of(load(write_frontier(tmp_path / "study", {"agp": [0.1, 0.2, 0.3], "frontier": [0.1]})))
    assert "from 1 to 3 seeds" in texts(parts)


def test_where_all_diverged_it_says_so(tmp_path: Path):
    study = write_frontier(tmp_path / "study", {"agp": [0.1]}, best_test_error=None, best_test_loss=None)
    assert parts_of(load(study)) == ["No run has a finite value on the held-out data."]


def test_several_data_sets_stand_one_after_the_other(tmp_path: Path):
    study = write_frontier(tmp_path / "study", {"agp": [0.1], "dense": [0.1]}, ["binary-clustering", "digits"])
    made = sections(load(study), 10_000)
    assert [section.title for section in made][:2] == [OPENING, "The frontier: digits"]
    assert len(save(made, tmp_path / "report")) > 10  # no two parts of the same name


def test_records_are_plain(results: Results):
    made = json.loads(json.dumps(records(results), allow_nan=False))
    assert len(made) == 1 + 4 * 2
    best = [(each["method"], each["size"]) for each in made if each["wins"]]
    assert best == [("frontier", 0.2), ("frontier", 0.1)]
    assert {each["data"] for each in made} == {"binary-clustering"}
    first = made[0]
    assert (first["method"], first["n"], first["low"], first["high"]) == ("dense", 3, 5, 5)
    assert math.isclose(first["mean"], 5)


def test_the_page_says_on_its_points_which_run_they_are(results: Results, tmp_path: Path):
    save(sections(results, 10_000), tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    for method, values in VALUES.items():
        for trial in range(len(values)):
            assert f"<title>{method} at {'100' if method == 'dense' else '10'} %, trial {trial}: " in page
    assert "runs/binary-clustering,agp,0.1/02</title>" in page
    assert str(tmp_path) not in page
