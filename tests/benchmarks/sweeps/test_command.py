"""What `evoprune sweep` says, and what it refuses."""

import json
from pathlib import Path

import pandas as pd
import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.commands import sweep as command
from evoprune.benchmarks.sweeps import Plan, estimate, make_plan
from tests.benchmarks.tiny import TINY

SMALL = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items() if name != "compare"]


def test_the_command_shows_its_runs_and_stops(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(estimate, "generation_seconds", lambda settings, kernel: 0.1)
    arguments = ["sweep", "--grid", "operator=random,none", "--trials", "2", *SMALL, "--output", str(tmp_path / "s")]
    assert main([*arguments, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 4
    assert "operator=random  trial 00  seed" in out
    assert "4 runs: 2 variants, 2 trials; less than a minute on one worker" in err
    assert not (tmp_path / "s").exists()


def test_the_command_runs_and_resume_finds_nothing_left(tmp_path: Path, capsys):
    place = str(tmp_path / "s")
    assert main(["sweep", "quick-none", "--trials", "2", *SMALL, "--output", place, "--quiet"]) == 0
    assert len(pd.read_csv(tmp_path / "s" / "results.csv")) == 2
    assert main(["resume", place, "--quiet"]) == 0
    assert main(["sweep", "quick-none", "--trials", "2", *SMALL, "--output", place, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_a_dry_run_prints_the_runs_and_looks_at_the_place(tmp_path: Path, capsys):
    place = tmp_path / "s"
    arguments = ["sweep", "quick-none", "--trials", "1", *SMALL, "--output", str(place), "--dry-run"]
    assert main([*arguments, "--json"]) == 0
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["variant"], run["trial"]) == ("quick-none", 0)
    assert main([*arguments, "--shard", "3/3"]) == 0  # a part without runs
    place.mkdir()
    (place / "something").touch()
    assert main(arguments) == 2
    assert "holds no study of evoprune's" in capsys.readouterr().err


def test_ctrl_c_before_the_first_run_is_one_line(tmp_path: Path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "announce", interrupted)
    assert main(["sweep", "quick-none", *SMALL, "--output", str(tmp_path / "s")]) == 130
    assert len(capsys.readouterr().err.splitlines()) == 1
    monkeypatch.setattr(command, "check_data", interrupted)
    assert main(["sweep", "quick-none", *SMALL, "--output", str(tmp_path / "s")]) == 130
    assert capsys.readouterr().err == "evoprune: interrupted\n"


def test_a_study_of_another_version_is_refused(tmp_path: Path, capsys):
    plan = make_plan(grid=("operator=random,none",), fixed=TINY | {"generations": 2}, trials=1)
    Plan({name: values | {"bogus": 1} for name, values in plan.variants.items()}, 1).save(tmp_path / "study.json")
    assert main(["resume", str(tmp_path)]) == 2
    assert "does not fit this version of evoprune" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "operater=random"], "unknown setting 'operater'"),
        (["--shard", "5/4"], "got 5/4"),
        (["--trials", "0"], "trials must be"),
        (["--experiment", "rum"], "unknown experiment 'rum'"),
        (["--grid", "benchmark=file", "--data", "/nowhere.csv"], "/nowhere.csv"),
        (["--operater", "random"], "did you mean '--operator'"),
        (["--engine", "threads"], "the threads engine shares out the cells of one run, a sweep whole runs"),
    ],
)
def test_bad_words_are_found_before_any_work(arguments: list[str], message: str, tmp_path: Path, capsys):
    try:
        code = main(["sweep", *arguments, "--output", str(tmp_path / "s")])
    except SystemExit as stop:
        code = int(str(stop.code))
    assert code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
