"""The parts together, and the command."""

import json

import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.bench import parts, timing
from evoprune.benchmarks.bench.scope import FULL, QUICK
from evoprune.benchmarks.commands import bench


@pytest.fixture
def asked(monkeypatch):
    """The parts that were measured, each with its scope; the target of ``second`` is missed."""
    seen = []

    def fake(name, met):
        def measure(scope):
            seen.append((name, scope))
            return {"figure": name, "targets": [timing.target(f"of {name}", 1 if met else 2, 1)]}

        return parts.Part(measure, lambda report: f"text of {report['figure']}")

    monkeypatch.setattr(parts, "PARTS", {"first": fake("first", True), "second": fake("second", False)})
    monkeypatch.setattr(parts, "CARD", {"card": fake("card", True)})
    return seen


def test_every_part_is_shown_when_it_has_been_measured(asked, capsys):
    assert main(["bench"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    blocks = out.strip().split("\n\n")
    assert "cores" in blocks[0]
    assert blocks[1:3] == ["text of first", "text of second"]
    assert [line.split()[:2] for line in blocks[3].splitlines()] == [
        ["target", "measured"],
        ["of", "first"],
        ["of", "second"],
    ]
    assert [name for name, _ in asked] == ["first", "second"]
    assert asked[0][1] == FULL


def test_json_is_all_that_is_printed(asked, capsys):
    assert main(["bench", "second", "--json", "--quick", "--workers", "3"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    assert report["parts"] == {"second": {"figure": "second"}}
    assert [target["name"] for target in report["targets"]] == ["of second"]
    ((_, scope),) = asked
    assert (scope.rounds, scope.work.workers, scope.peers, scope.device) == (QUICK.rounds, 3, False, "cpu")


def test_check_is_what_fails(asked):
    assert main(["bench", "first", "--check"]) == 0
    assert main(["bench", "--check"]) == 1


def test_another_device_has_a_part_of_its_own(asked, monkeypatch):
    monkeypatch.setattr(bench, "check_device", lambda device: None)
    assert main(["bench", "--device", "cuda"]) == 0
    assert [(name, scope.device) for name, scope in asked] == [("card", "cuda")]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--workers 0", "workers must be a whole number of at least 1, got 0"),
        ("third", "unknown part 'third'"),
        ("--device cuda:99", "device 'cuda:99' cannot be used here"),
        ("second --peers", "--peers belongs to speed, and only second is asked for"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_any_work(line, why, asked, capsys):
    assert main(["bench", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert why in err
    assert len(err.splitlines()) == 1
    assert asked == []


@pytest.mark.parametrize("extra", ["first", "--peers"])
def test_a_card_is_measured_by_itself(extra, asked, monkeypatch, capsys):
    monkeypatch.setattr(bench, "check_device", lambda device: None)
    assert main(["bench", "--device", "cuda", extra]) == 2
    assert "device cuda is measured by itself" in capsys.readouterr().err
    assert asked == []
