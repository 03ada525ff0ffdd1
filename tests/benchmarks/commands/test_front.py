"""``evoprune front`` as one types it: what is printed, and one line for everything that goes wrong."""

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.files import WriteError
from tests.benchmarks.commands.test_shrink import PROBLEM
from tests.benchmarks.damage import content
from tests.benchmarks.fronts.by_hand import run_by_hand, undrawn
from tests.benchmarks.tiny import TINY

__all__ = ["undrawn"]

FILES = import_module("evoprune.benchmarks.fronts.files")


pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run by hand, ``r`` in the working directory."""
    monkeypatch.chdir(tmp_path)
    run_by_hand(tmp_path / "r")
    return tmp_path / "r"


@pytest.mark.usefixtures("here")
def test_it_says_what_it_found(capsys: pytest.CaptureFixture[str]):
    assert main(["front", "r", "--most", "2"]) == 0
    out, err = capsys.readouterr()
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines == [
        "Of 9 networks of 3 generations 3 are on the front, of which 2 are saved",
        "",
        "generation  cell  weights kept  effective MACs  validation l1  held-out l1  held-out L1",
        "4              1    40 (83.3%)               2       0.750000     0.750000     0.750000",
        "2              0    46 (95.8%)               9       0.250000     0.250000     0.250000",
        "",
        "front.csv, front.png, front.json and networks/ are in r/front",
    ]
    assert "saving 2" in err  # before they are written


@pytest.mark.usefixtures("here")
def test_json_prints_the_counts_and_quiet_nothing(capsys: pytest.CaptureFixture[str]):
    assert main(["front", "r", "--json", "--by", "macs", "--output", "out"]) == 0
    out, err = capsys.readouterr()
    assert out == Path("out/front.json").read_text()
    assert json.loads(out)["by"] == "macs"
    assert err == ""
    assert main(["front", "r", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_without_snapshots_it_says_how_to_get_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    start(make_settings(TINY | {"generations": 1, "cells": 2}), "r", plots=False)
    assert main(["front", "r"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Of 2 networks of the last generation 1 is on the front\n")
    assert "\nOf a run with --snapshots N networks of earlier generations are compared too\n" in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nowhere", "nowhere: there is no such directory; give that of a run that has ended"),
        ("r/settings.json", "r/settings.json: there is no such directory; give that of a run that has ended"),
        ("r/snapshots", "r/snapshots/settings.json: there are no settings here, so this is no run directory"),
        ("r --by banana", "unknown size to go by 'banana'; known: macs, weights"),
        ("r --most 1", "most must be a whole number of at least 2, got 1"),
        ("r --output r", "r holds a run, not a front: choose another directory"),
        ("r --output halves.npy", "halves.npy: cannot be used as a directory (Not a directory)"),
    ],
)
def test_one_line_for_every_mistake(line: str, words: str, here: Path, capsys: pytest.CaptureFixture[str]):
    before = content(here)
    assert main(["front", *line.split()]) == 2
    assert capsys.readouterr() == ("", f"evoprune: error: {words}\n")
    assert content(here) == before


def test_a_damaged_snapshot_is_named(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "snapshots/000002.pt").write_bytes(b"half")
    assert main(["front", "r", "--quiet"]) == 2
    assert capsys.readouterr().err.startswith("evoprune: error: r/snapshots/000002.pt: damaged or not a snapshot")
    assert not (here / "front").exists()


@pytest.mark.usefixtures("here")
def test_a_full_disk_ends_with_code_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def fail(path: Path, *_: object) -> None:
        raise WriteError(28, "No space left on device", str(path))

    monkeypatch.setattr(FILES, "write_csv", fail)
    assert main(["front", "r", "--quiet"]) == 1
    words = "r/front/front.csv: No space left on device; the run r is intact, its front not complete"
    assert capsys.readouterr() == ("", f"evoprune: error: {words}\n")


def test_data_that_code_makes_need_leave_and_operators_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(PROBLEM)
    Path("operator.py").write_text("from evoprune.operators import mutPruneRandom as mutMine\n")
    given = {"benchmark": "mine.py:Mine", "operator": "operator.py:mutMine", "network": "6-3", "snapshots": 1}
    start(make_settings(given | {"generations": 1, "cells": 2, "compare": False}), "r", plots=False)
    monkeypatch.setattr("evoprune.plugins._allowed", set())  # as in another process
    assert main(["front", "r"]) == 2
    assert f"r needs code outside of evoprune, {tmp_path}/mine.py:Mine; allow it with" in capsys.readouterr().err
    assert not Path("r/front").exists()
    Path("operator.py").unlink()
    assert main(["front", "r", "--allow-code", "--quiet"]) == 0
    shutil.rmtree("r/front")
    Path("mine.py").write_text(PROBLEM + "\n")
    assert main(["front", "r", "--allow-code", "--quiet"]) == 2
    assert "has changed since the run began" in capsys.readouterr().err
    assert not Path("r/front").exists()
