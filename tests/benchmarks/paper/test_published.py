"""What the paper reported, beside our own runs."""

import pytest

from evoprune.benchmarks.paper.published import PUBLISHED, Published, agreement, departures
from tests.benchmarks.report.parts import pictures, sections_of, tables, texts
from tests.benchmarks.report.studies import settings_of, write_study


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
