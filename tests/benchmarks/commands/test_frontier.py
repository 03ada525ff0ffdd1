"""``evoprune frontier`` as one types it: what it runs and leaves, how it goes on, and what it refuses."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.frontier import latency
from evoprune.benchmarks.sweeps import estimate, execute, load_plan
from tests.benchmarks.frontier.made import SMALL

TINY = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items()]
LINE = ["frontier", "dense", "agp", "random-pruning", *TINY, "--sizes", "0.5,0.2", "--trials", "2", "--budget", "32"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch):
    """No time goes into measurements."""
    monkeypatch.setattr(latency, "ROUNDS", 2)
    monkeypatch.setattr(latency, "LONG", 1e-6)
    monkeypatch.setattr(estimate, "generation_seconds", lambda settings, kernel: 0.1)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the line leaves, in a directory ``s``, without latencies."""
    place = tmp_path_factory.mktemp("made") / "s"
    assert main([*LINE, "--output", str(place), "--no-latency", "--quiet"]) == 0
    return place


@pytest.fixture
def here(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(study, tmp_path / "s"))


def no_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(task):
        raise AssertionError("a run was done once more")

    monkeypatch.setattr(execute, "whole_run", never)


def test_a_run_a_method_size_and_seed_and_a_report(study: Path):
    table = pd.read_csv(study / "results.csv")
    assert list(load_plan(study).variants) == [
        "binary-clustering,dense,1",
        *(f"binary-clustering,{method},{size}" for method in ("agp", "random-pruning") for size in (0.5, 0.2)),
    ]
    assert len(table) == 10
    assert set(table["status"]) == {"ended"}
    assert set(table["updates"]) == {32}  # 4 epochs of 8 steps
    assert table.groupby("trial")["seed"].nunique().to_list() == [1, 1]
    kept = table[table["variant"].str.endswith(",0.2")]["best_preserved"]
    assert kept.to_list() == pytest.approx([0.2] * 4, abs=1 / 363)  # to one weight
    report = {path.name for path in (study / "report").iterdir()}
    assert {"report.html", "report.md", "frontier-binary-clustering.csv"} <= report
    assert "frontier-binary-clustering-macs.svg" in report
    assert not any("latency" in name for name in report)
    page = (study / "report" / "report.html").read_text()
    assert "<h1>The frontier: 32 updates</h1>" in page
    assert "runs/binary-clustering,agp,0.2/01</title>" in page


def test_a_second_call_runs_nothing_and_writes_the_same_report(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    no_runs(monkeypatch)
    before = {path.name: path.read_bytes() for path in (here / "report").iterdir()}
    assert main([*LINE, "--output", "s", "--no-latency"]) == 0
    assert {path.name: path.read_bytes() for path in (here / "report").iterdir()} == before
    out, err = capsys.readouterr()
    assert out.splitlines() == ["The report is s/report/report.html", "10 of 10 runs have ended; the tables are in s"]
    assert "10 runs: 5 variants, 2 trials; 10 done before; in s" in err


def test_it_goes_on_where_it_was_interrupted(study: Path, here: Path):
    for place in ("binary-clustering,agp,0.2/01", "binary-clustering,dense,1/00"):
        shutil.rmtree(here / "runs" / place)
    (here / "runs" / "binary-clustering,agp,0.5" / "00" / "summary.json").unlink()
    assert main([*LINE, "--output", "s", "--no-latency", "--quiet"]) == 0
    assert (here / "results.csv").read_bytes() == (study / "results.csv").read_bytes()
    names = [path.name for path in (study / "report").glob("*.csv")]
    assert all((here / "report" / name).read_bytes() == (study / "report" / name).read_bytes() for name in names)


@pytest.mark.slow
def test_ctrl_c_leaves_what_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    done: list[str] = []
    whole_run = execute.whole_run

    def interrupted(task):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append("")
        return whole_run(task)

    monkeypatch.setattr(execute, "whole_run", interrupted)
    line = [*LINE, "--output", str(tmp_path / "s"), "--no-latency", "--quiet"]
    assert main(line) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert len(pd.read_csv(tmp_path / "s" / "results.csv")) == 3
    monkeypatch.setattr(execute, "whole_run", whole_run)
    assert main(line) == 0
    assert len(pd.read_csv(tmp_path / "s" / "results.csv")) == 10


@pytest.mark.slow
def test_it_grows_by_methods_sizes_and_trials(here: Path):
    line = ["frontier", "lamp", *TINY, "--sizes", "0.3", "--trials", "1", "--budget", "32", "--output", "s"]
    assert main([*line, "--no-latency", "--quiet"]) == 0
    table = pd.read_csv(here / "results.csv")
    assert len(table) == 12
    assert table["variant"].iloc[-1] == "binary-clustering,lamp,0.3"
    assert "lamp" in (here / "report" / "frontier-binary-clustering.csv").read_text()


def test_latencies_are_measured_once(here: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    assert main([*LINE, "--output", "s", "--json"]) == 0
    first = (here / "report" / "latency.csv").read_bytes()
    assert len(pd.read_csv(here / "report" / "latency.csv")) == 5
    assert (here / "report" / "frontier-binary-clustering-latency.png").is_file()
    monkeypatch.setattr(latency, "relative_latency", lambda *_: pytest.fail("measured once more"))
    assert main([*LINE, "--output", "s", "--json"]) == 0
    assert (here / "report" / "latency.csv").read_bytes() == first
    assert "latency" not in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_json_prints_the_table_and_nothing_else(capsys: pytest.CaptureFixture[str]):
    assert main([*LINE, "--output", "s", "--no-latency", "--json"]) == 0
    out, err = capsys.readouterr()
    made = json.loads(out)
    assert err == ""
    assert [(row["method"], row["size"], row["n"]) for row in made] == [
        ("dense", 1.0, 2),
        *((method, size, 2) for method in ("agp", "random-pruning") for size in (0.5, 0.2)),
    ]
    assert sum(row["wins"] for row in made) >= 2


def test_a_dry_run_shows_the_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([*LINE, "--output", str(tmp_path / "s"), "--dry-run"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    assert main([*LINE, "--output", str(tmp_path / "s"), "--dry-run", "--json", "--shard", "1/2"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("here")
def test_the_directory_says_what_it_costs(capsys: pytest.CaptureFixture[str]):
    assert main([*LINE, "--dry-run"]) == 0
    assert main([*LINE, "--dry-run", "--shard", "2/2"]) == 0
    err = capsys.readouterr().err.splitlines()
    assert err[0].endswith("in studies/frontier-32")
    assert err[1].endswith("in studies/frontier-32-2-of-2")


def test_restarts_share_the_budget(tmp_path: Path):
    line = ["frontier", "restarts", *TINY, "--sizes", "0.5", "--trials", "1", "--budget", "170", "--quiet"]
    assert main([*line, "--output", str(tmp_path / "s"), "--no-latency"]) == 0
    (run,) = pd.read_csv(tmp_path / "s" / "results.csv").to_dict("records")
    assert run["cells"] > 1
    assert run["updates"] == run["generations"] * run["cells"] * 8
    assert 170 - 8 * run["cells"] < run["updates"] <= 170


@pytest.mark.slow
def test_a_failed_run_is_named_and_the_rest_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    whole_run = execute.whole_run

    def fails(task):
        if task[1]["operator"] == "random":
            return {"settings.json": b"{}", "error.txt": b"ValueError: on purpose\n"}
        return whole_run(task)

    monkeypatch.setattr(execute, "whole_run", fails)
    assert main([*LINE, "--output", str(tmp_path / "s"), "--no-latency", "--quiet"]) == 1
    assert "evoprune: failed: binary-clustering,random-pruning,0.5, trial 0: ValueError" in capsys.readouterr().err
    text = (tmp_path / "s" / "report" / "report.md").read_text()
    assert "4 failed" in text
    assert "| agp |" in text


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sizes", "0.5,x"], "sizes must be shares of the weights such as 0.2,0.1; got '0.5,x'"),
        (["--sizes", ""], "sizes must be shares of the weights such as 0.2,0.1; got ''"),
        (["--sizes", "0"], "sizes must be shares of the weights in (0, 1], got 0.0"),
        (["--budget", "7"], "budget 7 is too small for dense on binary-clustering: a generation takes 8 updates"),
        (["--budget", "x"], "argument --budget: expected a whole number, got 'x'"),
        (["--data", "photos"], "unknown data set 'photos': did you mean 'photographs'?"),
        (["--generations", "9"], "generations 9 cannot be given to a frontier: the budget says it"),
        (["--trials", "0"], "trials must be"),
        (["--shard", "3/2"], "got 3/2"),
        (["--los", "l1"], "did you mean '--loss'?"),
        (["--loss", "l3"], "unknown loss 'l3'"),
        (["--engine", "threads"], "the threads engine shares out the cells of one run, a sweep whole runs"),
        (
            ["--output", "s", "--budget", "40"],
            "s holds a frontier of another budget: binary-clustering,dense,1 takes 32",
        ),
        (["--output", "s", "--l1", "0.5"], "s holds another study: binary-clustering,dense,1 has l1 0.0, not 0.5"),
        (["--output", "s/report"], "s/report holds a report, not a study"),
    ],
)
def test_what_is_wrong_is_found_before_any_work(arguments: list[str], message: str, capsys):
    before = sorted(Path().rglob("*"))
    try:
        code = main([*LINE, "--output", "new", *arguments])
    except SystemExit as stop:
        code = int(str(stop.code))
    out, err = capsys.readouterr()
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert message in err
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("here")
def test_an_unknown_method_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["frontier", "agp", "magnitud", "--output", "new"]) == 2
    assert "unknown preset 'magnitud': did you mean 'magnitude'?" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_an_ordinary_report_can_be_made_of_it():
    assert main(["report", "s", "--metric", "test_loss", "--output", "plain", "--quiet"]) == 0
    assert "binary-clustering,agp,0.5" in Path("plain/report.md").read_text()


@pytest.mark.slow
@pytest.mark.processes
def test_on_any_engine(study: Path, tmp_path: Path):
    line = [*LINE, "--output", str(tmp_path / "s"), "--engine", "processes", "--workers", "2", "--quiet"]
    assert main(line) == 0
    assert (tmp_path / "s" / "results.csv").read_bytes() == (study / "results.csv").read_bytes()
    assert len(pd.read_csv(tmp_path / "s" / "report" / "latency.csv")) == 5


@pytest.mark.slow
@pytest.mark.parametrize("data", ["digits", "digits-classifier", "photographs"])
def test_on_other_data(data: str, tmp_path: Path):
    line = ["frontier", "agp", "frontier", "--data", data, "--budget", "500", "--sizes", "0.2", "--trials", "1"]
    assert main([*line, "--output", str(tmp_path / "s"), "--quiet"]) == 0
    text = (tmp_path / "s" / "report" / "report.md").read_text()
    assert f"## The frontier: {data}" in text
    assert pd.read_csv(tmp_path / "s" / "results.csv")["updates"].between(400, 500).all()
