"""What the paper claims, tried on studies whose answers are known."""

import json

import pytest

from evoprune.benchmarks.paper.claims import CLAIMS, claims, evaluate, present, sentence
from evoprune.benchmarks.report import load
from tests.benchmarks.report.parts import tables
from tests.benchmarks.report.studies import LEVELS, settings_of, write_run, write_study


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
