"""Damaged targets end in one line that names the file, whatever is wrong with them, and take no memory."""

from dataclasses import replace
from pathlib import Path

import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.problems.file_problem import FileProblem
from evoprune.benchmarks.problems.problem import validate
from tests.damaged_tables import BOMB
from tests.damaged_targets import TARGETS
from tests.traced import traced


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.filterwarnings("error")
def test_damaged_targets_are_a_line(name: str, tmp_path: Path):
    make, options = TARGETS[name]
    path = make(tmp_path)
    with pytest.raises(ValueError, match=r"^.+$") as caught:
        validate(replace(FileProblem(str(path)), **options), 1)
    assert str(caught.value).splitlines() == [str(caught.value)]
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000 + len(str(path))


@pytest.mark.parametrize("name", [name for name in TARGETS if "bomb" in name])
def test_a_bomb_is_not_unpacked(name: str, tmp_path: Path):
    make, options = TARGETS[name]
    path = make(tmp_path)
    with traced() as memory, pytest.raises(ValueError, match=r"."):
        validate(replace(FileProblem(str(path)), **options), 1)
    assert memory.peak < BOMB / 4


@pytest.mark.parametrize("name", TARGETS)
def test_the_command_line_says_it_and_writes_nothing(name: str, tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make, options = TARGETS[name]
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    assert main(["run", "--benchmark", "file", "--data", str(make(tmp_path / "data")), *words, "--quiet"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(f"evoprune: error: {tmp_path / 'data'}")
    assert list((tmp_path / "here").iterdir()) == []
