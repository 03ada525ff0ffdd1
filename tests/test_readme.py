"""What the README shows works."""

import re
import shlex
import warnings
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace

import pytest

from evoprune.__main__ import _parse, main
from evoprune.benchmarks.pruning.run import PRUNING
from tests.named_data import write_named_data

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = sorted([README, *(ROOT / "docs").glob("*.md")])


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a page in one language, each padded so that line numbers are those of the page."""
    text = path.read_text(encoding="utf-8")
    fences = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return ["\n" * text.count("\n", 0, fence.start(1)) + fence[1] for fence in fences]


def command(mark: str) -> str:
    """The bash block right after the line `<!-- ci:mark -->`."""
    (found,) = re.findall(
        rf"^<!-- ci:{mark} -->\n```bash\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return found


@pytest.mark.parametrize(("mark", "end"), [("run", "evoprune run"), ("test", "python -m pytest")])
def test_a_command_is_one_line_that_installs_and_runs(mark, end):
    (line,) = command(mark).splitlines()
    first, *_, last = line.split(" && ")
    assert first == "python -m venv .venv"
    assert " -c constraints.txt " in line
    assert last == end


def test_the_example_runs(capsys):
    source, _ = blocks(README, "python")
    exec(compile(source, str(README), "exec"), {"__name__": "readme"})
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["gen", "nevals", "mutpb", "smallest"]
    assert len(rows) == 21
    assert float(rows[-1].split()[-1]) < 1


@pytest.mark.slow
def test_the_example_of_scikit_learn_runs(capsys):
    _, source = blocks(README, "python")
    assert len(source.strip().splitlines()) <= 11  # one of them is empty
    exec(compile(source, str(README), "exec"), {"__name__": "readme"})
    first, scores = capsys.readouterr().out.splitlines()
    accuracy, preserved = map(float, first.split())
    assert accuracy > 0.93
    assert preserved == pytest.approx(0.1, abs=0.001)
    assert len(scores.strip("[]").split()) == 3


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_rows_of_a_table_are_as_long_as_its_head(path):
    lines = [re.sub(r"`[^`]*`", "", line) for line in path.read_text(encoding="utf-8").splitlines()]
    tables = [list(rows) for is_row, rows in groupby(lines, lambda line: line.startswith("|")) if is_row]
    assert [row for head, *rows in tables for row in rows if row.count("|") != head.count("|")] == []


def test_the_picture_is_small():
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    assert [path.name for path in pictures if path.stat().st_size >= 200_000] == []


def commands() -> list[str]:
    lines = [line for path in PAGES for block in blocks(path, "bash") for line in block.splitlines()]
    return sorted({line.rpartition(" && ")[2] for line in lines if "evoprune " in line and "docs" not in line})


@pytest.mark.parametrize("line", commands())
def test_commands_are_accepted(line, tmp_path, monkeypatch):
    """Arguments and settings are those of this version; what they start is not run."""
    (tmp_path / "settings.toml").write_text('operator = "variance"\ntarget-preserved = 0.3\ngenerations = 50\n')
    if "--data" in line:
        write_named_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("warnings.showwarning", warnings.showwarning)
    started = []

    def start(settings, *_, checked, kernel):
        started.append(settings)
        return SimpleNamespace(summary={"diverged": False})

    monkeypatch.setattr(PRUNING, "start", start)

    def launch(program, arguments, *_):
        started.append(arguments)
        return 0

    monkeypatch.setattr("evoprune.engines.launcher.launch", launch)
    program, *arguments = shlex.split(line, comments=True)
    assert program == "evoprune"
    if "--help" in arguments:
        with pytest.raises(SystemExit, match="0"):
            main(arguments)
    elif arguments[0] == "resume":
        assert main([*arguments, "--quiet"]) == 2  # nothing is there
    elif arguments[0] == "list":
        assert main(arguments) == 0
    elif arguments[0] in ("sweep", "reproduce", "frontier"):
        assert main([*arguments, "--dry-run"]) == 0
    elif arguments[0] != "run" or any(word.startswith("from ") for word in arguments):
        assert _parse(arguments).command  # to run one takes minutes, or files that are not there
    else:
        assert main([*arguments, "--quiet"]) == 0
        assert len(started) == 1
