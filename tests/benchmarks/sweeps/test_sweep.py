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

from evoprune.__main__ import main
from evoprune.benchmarks.commands import sweep as command
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.sweeps import Plan, estimate, execute, load_plan, make_plan, sweep
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


def test_what_a_sweep_will_take_by_hand(monkeypatch):
    """A kind of run is timed once, whatever its operator; a run takes half a second beside its generations."""
    timed: list[int] = []

    def seconds(settings: Settings, kernel: Any) -> float:
        timed.append(settings.cells)
        return 100.0 * settings.cells

    monkeypatch.setattr(estimate, "generation_seconds", seconds)
    runs = make_plan(grid=["cells=3,5", "operator=random,none"], fixed={"generations": 2}, trials=1).runs
    assert estimate.seconds_for(runs) == 2 * 600.5 + 2 * 1000.5
    assert sorted(timed) == [3, 5]
    assert estimate.seconds_for(runs, workers=8) == 1000.5  # the longest decides
    assert estimate.seconds_for([]) == 0
    texts = ["less than a minute", "about 1 min", "about 1 h", "about 2 h 5 min"]
    assert [estimate.words(s) for s in (29, 31, 3600, 7501)] == texts


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
    plan = tiny(trials=1)
    Plan({name: values | {"bogus": 1} for name, values in plan.variants.items()}, 1).save(tmp_path / "study.json")
    assert main(["resume", str(tmp_path)]) == 2
    assert "does not fit this version of evoprune" in capsys.readouterr().err


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
