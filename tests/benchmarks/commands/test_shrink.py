"""``evoprune shrink`` as one types it: what is printed, and one line for everything that goes wrong."""

import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.shrinking import Differs
from evoprune.files import WriteError
from tests.benchmarks.shrinking.quick import quick

__all__ = ["quick"]

pytestmark = pytest.mark.usefixtures("quick")
MODULE = import_module("evoprune.benchmarks.shrinking.shrink")
TINY = "--n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 --generations 2 --cells 2 --no-compare --quiet"
LEFT_OUT = "model.onnx is left out: it takes onnx_is_not_here: pip install 'evoprune[export]'"
PROBLEM = """
from dataclasses import dataclass
import torch
from evoprune.benchmarks.problems.problem import Problem, Splits

@dataclass(frozen=True)
class Mine(Problem):
    name = "mine"

    def load(self):
        values = torch.rand(60, 8, generator=torch.Generator().manual_seed(0))
        return Splits(values[:30], values[30:40], values[40:])
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made") / "r"
    assert main(["run", *TINY.split(), "--output", str(place)]) == 0
    return place


@pytest.fixture
def here(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, ``r`` in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(run, tmp_path / "r"))


@pytest.mark.usefixtures("here")
def test_it_says_what_it_did(capsys: pytest.CaptureFixture[str]):
    assert main(["shrink", "r"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["before", "after"]
    assert any(line.startswith("encoder 24-6-3") for line in lines)
    assert lines[-1] == "model.pt2, weights.safetensors, shrink.json are in r/shrunk"
    assert err == f"evoprune: warning: {LEFT_OUT}\n"


@pytest.mark.usefixtures("here")
def test_json_prints_the_table_and_quiet_nothing(capsys: pytest.CaptureFixture[str]):
    assert main(["shrink", "r/model.pt", "--json", "--finetune", "1"]) == 0
    out, err = capsys.readouterr()
    assert out == Path("r/shrunk/shrink.json").read_text()
    assert err == ""
    assert json.loads(out)["left_out"] == {"model.onnx": LEFT_OUT.partition(": ")[2]}
    assert main(["shrink", "r", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("here")
def test_fine_tuning_shows_its_progress(capsys: pytest.CaptureFixture[str]):
    assert main(["shrink", "r", "--finetune", "2", "--output", "out"]) == 0
    out, err = capsys.readouterr()
    assert "fine-tuning: 100%" in err
    assert "differ from the fine-tuned network by" in out
    assert not Path("r/shrunk").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nowhere", "nowhere: there is no such directory or file; give the directory of a run that has ended, or"),
        ("r/plots", "r/plots: there is no model here; give the directory of a run that has ended, or its model.pt"),
        ("r/settings.json", "r/settings.json: damaged or not a model (UnpicklingError)"),
        ("copy.pt", "copy.pt lies in no run directory: say with output (--output) where its files go"),
        ("r --finetune -1", "finetune must be a whole number of at least 0, got -1"),
        ("r --output r", "r holds a run, not a shrunken network: choose another directory"),
        ("r --output copy.pt", "copy.pt: cannot be used as a directory (Not a directory)"),
    ],
)
def test_one_line_for_every_mistake(line: str, words: str, here: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copy(here / "model.pt", "copy.pt")
    assert main(["shrink", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"evoprune: error: {words}")
    assert err.count("\n") == 1
    assert not (here / "shrunk").exists()


def test_a_run_that_has_not_ended(here: Path, capsys: pytest.CaptureFixture[str]):
    (here / "model.pt").unlink()
    assert main(["shrink", "r"]) == 2
    assert capsys.readouterr().err.startswith("evoprune: error: r: there is no model here; give the directory of a run")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            Differs("module differs from the network by 0.1"),
            "module differs from the network by 0.1; nothing was written",
        ),
        (
            WriteError(28, "No space left on device", "r/shrunk/model.pt2"),
            "r/shrunk/model.pt2: No space left on device; r/model.pt is intact, what was made of it not complete",
        ),
    ],
    ids=["differs", "full"],
)
@pytest.mark.usefixtures("here")
def test_failures_end_with_code_1(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(MODULE, "difference" if isinstance(error, Differs) else "write", fail)
    assert main(["shrink", "r"]) == 1
    assert capsys.readouterr() == ("", f"evoprune: error: {words}\n")


def test_data_that_code_makes_need_leave_and_operators_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(PROBLEM)
    Path("operator.py").write_text("from evoprune.operators import mutPruneRandom as mutMine\n")
    given = "--benchmark mine.py:Mine --operator operator.py:mutMine --network 6-3 --generations 1 --cells 2"
    assert main(["run", *given.split(), "--no-compare", "--quiet", "--output", "r"]) == 0
    monkeypatch.setattr("evoprune.plugins._allowed", set())  # as in another process
    assert main(["shrink", "r"]) == 2
    assert f"needs code outside of evoprune, {tmp_path}/mine.py:Mine; allow it with" in capsys.readouterr().err
    assert not Path("r/shrunk").exists()
    Path("operator.py").unlink()
    assert main(["shrink", "r", "--allow-code", "--quiet"]) == 0
    Path("mine.py").write_text(PROBLEM + "\n")
    assert main(["shrink", "r", "--allow-code", "--quiet"]) == 2
    assert "has changed since the run began" in capsys.readouterr().err
