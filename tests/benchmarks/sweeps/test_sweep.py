"""A sweep leaves the same table however it was interrupted, and a failed run does not stop it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.sweeps import execute, load_plan, make_plan, sweep
from evoprune.engines import ProcessEngine, ThreadEngine
from evoprune.folders import SCRATCH, Folder
from evoprune.runs.experiment import run_folder
from tests.benchmarks.tiny import TINY


def tiny(grid: tuple[str, ...] = ("operator=random,none",), trials: int = 2, **options):
    return make_plan(grid=grid, fixed=TINY | {"generations": 2}, trials=trials, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("study")
    sweep(tiny(), place)
    return place


def files(place: Path) -> dict[str, Any]:
    """All that does not depend on the time a run took."""
    names = ("study.json", "results.csv", "log.csv", "cells.csv")
    found: dict[str, Any] = {str(path): path.read_bytes() for path in place.rglob("*") if path.name in names}
    found |= {str(path): weights(path) for path in place.rglob("model.pt")}
    return {str(Path(path).relative_to(place)): content for path, content in found.items()}


def weights(path: Path) -> list[tuple[str, bytes]]:
    """A model's weights; the bytes of its file also depend on how Python shares equal strings."""
    stored = torch.load(path, weights_only=True)
    return [(name, t.numpy().tobytes()) for part in ("encoder", "decoder") for name, t in stored[part].items()]


def test_a_row_a_run_and_a_directory_a_run(whole: Path):
    table = pd.read_csv(whole / "results.csv")
    assert list(table.variant) == ["operator=random", "operator=none"] * 2
    assert list(table.trial) == [0, 0, 1, 1]
    assert set(table.status) == {"ended"}
    assert table.test_l1.between(0, 1).all()
    assert "seconds" not in table
    assert (pd.read_csv(whole / "times.csv").seconds > 0).all()
    for run in load_plan(whole).runs:
        assert {path.name for path in (whole / run.place).iterdir()} == {
            *("manifest.json", "settings.json", "summary.json", "log.csv", "cells.csv", "model.pt")
        }


def test_a_run_of_a_sweep_is_what_start_gives(whole: Path):
    run = load_plan(whole).runs[2]
    summary = json.loads((whole / run.place / "summary.json").read_text())
    alone = start(Settings(**run.settings)).summary
    assert {k: v for k, v in summary.items() if k != "seconds"} == {k: v for k, v in alone.items() if k != "seconds"}


def test_a_second_sweep_runs_nothing(whole: Path, monkeypatch):
    before = files(whole)
    monkeypatch.setattr(execute, "whole_run", lambda task: pytest.fail("a finished trial ran again"))
    sweep(tiny(), whole)
    assert files(whole) == before


@pytest.mark.slow
def test_processes_give_the_same(whole: Path, tmp_path: Path):
    with ProcessEngine(2) as engine:
        sweep(tiny(), tmp_path / "s", engine)
    assert files(tmp_path / "s") == files(whole)


def test_whole_runs_are_nothing_for_threads(tmp_path: Path):
    with pytest.raises(ValueError, match="a sweep whole runs: use processes"):
        sweep(tiny(), tmp_path / "s", ThreadEngine(2))
    assert not (tmp_path / "s").exists()


def test_an_interrupted_sweep_goes_on(whole: Path, tmp_path: Path, monkeypatch):
    real, calls = execute.whole_run, []

    def interrupted(task):
        calls.append(task)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(task)

    monkeypatch.setattr(execute, "whole_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(tiny(), tmp_path / "s")
    assert len(pd.read_csv(tmp_path / "s" / "results.csv")) == 2
    assert {task[2].parent for task in calls} == {tmp_path / "s"}
    assert not list((tmp_path / "s").glob(".scratch-*"))
    sweep(tiny(), tmp_path / "s")
    assert len(calls) == 5  # two, the interrupted one, and two more
    assert files(tmp_path / "s") == files(whole)


def test_half_a_run_is_done_again(whole: Path, tmp_path: Path):
    place = tmp_path / "s"
    sweep(tiny(trials=1), place)
    run = tiny().runs[2]
    with run_folder(place / run.place) as half:
        half.file("settings.json").write_text("{")
    (place / run.place / "notes.txt").write_text("mine")
    (place / ".scratch-12345678/evoprune-killed/run").mkdir(parents=True)
    Folder(place / ".scratch-12345678", SCRATCH).mark()
    (place / ".scratch-of-mine").mkdir()
    sweep(tiny(), place)
    assert files(place) == files(whole)
    assert (place / run.place / "notes.txt").read_text() == "mine"
    assert [path.name for path in place.glob(".*")] == [".scratch-of-mine"]


def test_a_directory_of_the_users_where_a_run_goes(tmp_path: Path):
    """It is found before the first run."""
    mine = tmp_path / "s" / tiny().runs[-1].place / "notes.txt"
    sweep(tiny(trials=1), tmp_path / "s")
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    results = (tmp_path / "s/results.csv").read_bytes()
    with pytest.raises(ValueError, match=r"01 is not empty and holds no run of evoprune's \(notes\.txt\)"):
        sweep(tiny(), tmp_path / "s")
    assert mine.read_text() == "mine"
    assert (tmp_path / "s/results.csv").read_bytes() == results


def test_a_study_grows(whole: Path, tmp_path: Path):
    place = tmp_path / "s"
    sweep(tiny(("operator=random",), trials=1), place)
    assert list(pd.read_csv(place / "results.csv").variant) == ["default"]
    with pytest.raises(ValueError, match="holds another study: its variants are default"):
        sweep(tiny(), place)
    sweep(tiny(), tmp_path / "t")
    sweep(tiny(("operator=random,none,variance",), trials=3), tmp_path / "t")
    assert len(pd.read_csv(tmp_path / "t" / "results.csv")) == 9


def test_shards_make_the_whole(whole: Path, tmp_path: Path):
    parts = [tmp_path / "one", tmp_path / "two"]
    for i, part in enumerate(parts):
        sweep(tiny(shard=f"{i + 1}/2"), part)
    rows = pd.concat([pd.read_csv(part / "results.csv") for part in parts])
    expected = pd.read_csv(whole / "results.csv")
    order = ["trial", "variant"]
    pd.testing.assert_frame_equal(
        rows.sort_values(order, ignore_index=True), expected.sort_values(order, ignore_index=True)
    )


def test_a_run_that_fails_is_recorded_and_the_rest_goes_on(tmp_path: Path, monkeypatch):
    data = tmp_path / "data.csv"
    frame = pd.DataFrame([[0.0, 1.0, 0.5, 0.2]] * 40)
    frame.to_csv(data, index=False, header=False)
    plan = make_plan(
        grid=["benchmark=file,binary-clustering"],
        fixed=TINY | {"data": str(data), "generations": 1, "network": "3-2", "operator": "none"},
        trials=1,
    )
    data.write_text("nothing\n")
    table = sweep(plan, tmp_path / "s")
    assert list(table.status) == ["failed", "ended"]
    assert str(data) in table.error[0]
    assert "Traceback" in (tmp_path / "s" / plan.runs[0].place / "error.txt").read_text()
    frame.to_csv(data, index=False, header=False)
    assert list(sweep(plan, tmp_path / "s").status) == ["failed", "ended"]
    assert list(sweep(plan, tmp_path / "s", retry_failed=True).status) == ["ended", "ended"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (tiny(seed=1), "holds another study: its seed is 0, not 1"),
        (tiny(shard="1/2"), "its shard is"),
        (tiny(trials=1), "holds a study of 2 trials, and 1 were asked for"),
        (make_plan(grid=["operator=random,none"], fixed=TINY, trials=2), "has generations 2, not 6"),
    ],
)
def test_another_study_in_the_directory(whole: Path, plan, message: str):
    with pytest.raises(ValueError, match=message):
        sweep(plan, whole)


def test_a_directory_with_something_else(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds no study of evoprune's"):
        sweep(tiny(), tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_one_sweep_at_a_time(tmp_path: Path):
    with execute.study_folder(tmp_path) as place:
        tiny().save(place.file("study.json"))
        at_work = tmp_path / ".scratch-12345678"
        at_work.mkdir()
        Folder(at_work, SCRATCH).mark()
        with pytest.raises(ValueError, match="another evoprune is at work"):
            sweep(tiny(), tmp_path)
        assert at_work.exists()


def test_a_damaged_summary_is_a_run_to_do(whole: Path, tmp_path: Path):
    place = tmp_path / "s"
    shutil.copytree(whole, place)
    (place / tiny().runs[1].place / "summary.json").write_text("garbage")
    sweep(tiny(), place)
    assert files(place) == files(whole)


def test_the_line_of_an_error():
    try:
        raise RuntimeError("boom\nsecond line")
    except RuntimeError:
        text = traceback.format_exc()
    assert execute.error_line(text) == "RuntimeError: boom"
    assert execute.error_line(f"a task failed in a worker:\n{text}") == "RuntimeError: boom"
    assert execute.error_line("a worker process died 3 times") == "a worker process died 3 times"
    assert execute.error_line("") == "no error was recorded"


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "kills"), [("serial", (0, 2)), ("processes", (1,))])
def test_killed_at_any_moment(whole: Path, tmp_path: Path, engine: str, kills: tuple[int, ...]):
    place = tmp_path / "s"
    small = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in (TINY | {"generations": 2}).items()
        if name != "compare"
    ]
    command = [sys.executable, "-m", "evoprune", "sweep", "--grid", "operator=random,none", "--trials", "2", *small]
    command += ["--output", str(place), "--engine", engine, "--quiet"]
    for rows in kills:
        process = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True)
        results, deadline = place / "results.csv", time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if results.exists() and len(results.read_text().splitlines()) > rows + 1:
                break
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, check=False, timeout=120).returncode == 0
    assert files(place) == files(whole)
