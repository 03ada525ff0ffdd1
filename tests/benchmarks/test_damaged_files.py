"""Studies, JSON and tables that are damaged, and bytes that changed: a line at most, and nothing is changed."""

import math
import random
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.report import load
from evoprune.benchmarks.sweeps import load_plan
from tests.benchmarks.damage import content, copied, damage_json, good, named, put, refused

__all__ = ["copied", "good"]

NAN, INF = math.nan, math.inf


TEXTS = {
    "list": "[]",
    "null": "null",
    "number": "5",
    "text": "hello",
    "half": '{"seed": 1,',
    "binary": "\x00\ufffe\x01",
    "empty": "",
    "deep": "[" * 100_000 + "]" * 100_000,
    "deep inside": '{"seed": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "digits": '{"seed": ' + "9" * 5000 + "}",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
@pytest.mark.parametrize("file", ["settings.json", "summary.json", "manifest.json", "study.json"])
def test_json_that_is_no_object(copied, capsys, tmp_path, file: str, text: str):
    place = copied("study" if file == "study.json" else "run-ended" if file == "summary.json" else "run-interrupted")
    (place / file).write_text(text)
    before = content(place)
    if file != "summary.json":
        assert f"{place}/{file}: " in refused(capsys, "resume", place, "--quiet")
    if file != "manifest.json":
        line = refused(capsys, "report", place, "--output", tmp_path / "out", "--quiet")
        assert f"{file}: " in line
    assert content(place) == before
    assert not (tmp_path / "out").exists()


BOUNDS: list[Any] = [{"variants": {"a": {"cells": -1}}}, {"variants": {"a": {"cells": 10**30}}}]
"""What no run has, and a report may still name."""


def anything(*values: Any) -> tuple[Any, ...]:
    return values


NAMES: list[Any] = [5, [], None, {"a": 5}, {"a": None}, {}, {"../x": {}}, {"a/b": {}}]
STUDY: list[tuple[dict[str, Any], str]] = [
    *(({"variants": value}, "variant") for value in NAMES),
    *(({"variants": {"a": {"cells": value}}}, "cells") for value in anything(-1, "x", [], None, 10**30)),
    *(({"shard": value}, "shard") for value in anything("1/2", [1], [1, "x"], [2, 1], [True, 2], 5)),
    *(({"trials": value}, "trials") for value in anything("x", 10**30, 0, None, True, [])),
    *(({"seed": value}, "seed") for value in anything([], "x", -1, None, NAN)),
    *(({"experiment": value}, "experiment") for value in anything(5, None, [], "banana")),
    *(({"format": value}, "format") for value in anything(5, None, [])),
]


@pytest.mark.parametrize(("values", "field"), STUDY, ids=str)
def test_a_study_with_a_wrong_field(copied, capsys, values: dict[str, Any], field: str):
    place = copied("study")
    damage_json(place / "study.json", lambda plan: plan | values)
    before = content(place)
    line = refused(capsys, "resume", place, "--quiet")
    assert f"{place}/study.json: " in line
    assert field in line
    with pytest.raises(ValueError, match=field):
        load_plan(place)
    if values not in BOUNDS:
        line = refused(capsys, "report", place, "--quiet")
        assert "study.json: " in line
    assert content(place) == before


RUNS = [
    ("settings.json", put("experiment", value=5), "experiment"),
    ("settings.json", put("seed", value=[]), "seed"),
    ("settings.json", put("cells", value="x"), "cells"),
    ("settings.json", put("learning_rate", value=INF), "learning_rate"),
    ("settings.json", put("benchmark_options", value=5), "benchmark_options"),
    ("settings.json", put("operator", value=[]), "operator"),
    ("summary.json", put("train_l1", value="x"), "train_l1"),
    ("summary.json", put("test_l1", value=[]), "test_l1"),
    ("summary.json", put("seconds", value=-1), "seconds"),
    ("summary.json", put("seconds", value=10**1000), "seconds"),
    ("summary.json", put("seed", value="x"), "seed"),
    ("summary.json", put("preserved", value=True), "preserved"),
]


@pytest.mark.parametrize(("file", "damage", "field"), RUNS, ids=named)
def test_a_report_leaves_a_damaged_run_out(copied, capsys, tmp_path, file: str, damage, field: str):
    study = copied("study")
    damage_json(study / "runs/operator=none/01" / file, damage)
    results = load(study)
    assert len(results.runs) == 3
    rows = results.problems.query("status == 'damaged'").to_dict("records")
    assert [(row["variant"], row["trial"]) for row in rows] == [("operator=none", 1)]
    assert rows[0]["message"].startswith(f"{file}: ")
    assert field in rows[0]["message"]
    alone = Path(shutil.copytree(study / "runs/operator=none/01", tmp_path / "alone"))
    assert f"{file}: " in refused(capsys, "report", alone, "--quiet")


TABLES = {
    "text": "gen,loss\n0,1\n1,x\n",
    "no gen": "loss\n1\n",
    "other generations": "gen,loss\n0,1\n5,1\n",
    "longer rows": "gen,loss\n0,1,2\n1,2,3\n",
    "one longer row": "gen,loss\n0,1\n1,2,3\n",
    "empty": "",
    "binary": "\x00\x01\x02",
    "a long line": "x" * 10_000_000,
    "infinite": "gen,loss\ninf,1\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=list(TABLES))
def test_a_damaged_log_leaves_the_run_in_the_tables(copied, text: str):
    study = copied("study")
    (study / "runs/operator=none/01/log.csv").write_text(text)
    results = load(study)
    assert len(results.runs) == 4
    (message,) = results.problems["message"]
    assert message.startswith("log.csv: ")
    assert len(message) < 600


@pytest.mark.parametrize(
    "text", ["", "variant\nx\n", "\x00\x01", "x" * 10_000_000], ids=["empty", "short", "binary", "long"]
)
@pytest.mark.parametrize("file", ["results.csv", "times.csv"])
def test_a_damaged_table_of_a_study(copied, file: str, text: str):
    study = copied("study")
    (study / file).write_text(text)
    results = load(study)
    assert len(results.runs) == 4
    assert results.problems["place"].tolist() == [f"study/{file}"]


def test_a_row_with_text_among_its_numbers_is_left_out(copied):
    study = copied("study")
    shutil.rmtree(study / "runs")
    lines = (study / "results.csv").read_text().splitlines()
    column = lines[0].split(",").index("train_l1")
    cells = lines[1].split(",")
    cells[column] = "x"
    (study / "results.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
    results = load(study)
    assert len(results.runs) == 3
    assert "train_l1" in results.numeric
    assert results.problems["message"].tolist() == ["train_l1 must be a number, got 'x'"]


def test_an_error_that_is_no_text(copied):
    study = copied("study")
    place = study / "runs/operator=none/01"
    (place / "summary.json").unlink()
    (place / "error.txt").write_bytes(bytes(range(256)) * 50)
    (message,) = load(study).problems["message"]
    assert message.isprintable()
    (place / "error.txt").unlink()
    (place / "error.txt").mkdir()
    assert load(study).problems["message"].tolist() == ["error.txt cannot be read (not a file)"]


def test_the_architecture_of_a_damaged_search(copied, capsys, tmp_path):
    place = copied("architectures-ended")
    for text in (*TEXTS.values(), '{"architecture": 5}', '{"architecture": "banana"}'):
        (place / "summary.json").write_text(text)
        arguments = ("run", "--network", f"from {place}", "--benchmark", "digits", "--output", tmp_path / "new")
        assert f"{place}/summary.json: " in refused(capsys, *arguments)
    assert not (tmp_path / "new").exists()


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Three bits changed."""
    made = bytearray(data)
    for _ in range(3):
        made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


KINDS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": lambda data, rng: data[: len(data) // 2],
    "empty": lambda data, rng: b"",
    "flip": flipped,
}


ENDED = SimpleNamespace(summary={"diverged": False})


@pytest.mark.parametrize("name", ["run-interrupted", "weights-interrupted", "architectures-interrupted", "study"])
def test_bytes_that_changed_end_in_a_line_at_most(good, tmp_path, capsys, monkeypatch, name: str):
    """Whatever a disk makes of a file: the command goes on, or refuses in a line. The work itself is left out."""
    rng = random.Random(0)
    monkeypatch.setattr("evoprune.runs.experiment.Experiment._carry_on", lambda *_: ENDED)
    monkeypatch.setattr("evoprune.benchmarks.commands.sweep.run_plan", lambda *_, **__: 0)
    monkeypatch.setattr(import_module("evoprune.benchmarks.report.save"), "save", lambda *_: [Path("report.html")])
    monkeypatch.setattr(import_module("evoprune.benchmarks.paper.compare"), "build_beside_paper", lambda *_: [])
    for number, file in enumerate(file for file in content(good / name) if "/0" not in file or "none/00" in file):
        for kind, change in KINDS.items():
            place = Path(shutil.copytree(good / name, tmp_path / f"{number}-{kind}"))
            (place / file).write_bytes(change((place / file).read_bytes(), rng))
            for command in ("resume", "report"):
                capsys.readouterr()
                code = main([command, str(place), "--quiet"])
                lines = [line for line in capsys.readouterr().err.splitlines() if " warning: " not in line]
                assert (code, len(lines)) in ((0, 0), (1, 1), (2, 1)), (file, kind, command, lines)
            shutil.rmtree(place)
