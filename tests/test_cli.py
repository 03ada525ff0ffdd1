"""The command line as a user meets it: good runs, and one line for every mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.commands.catalogue import catalogue
from evoprune.benchmarks.pruning.settings import make_settings

OPTIONS = "--n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 --generations 4 --cells 4 --no-compare"
TINY = OPTIONS.split()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def evoprune(*arguments: str) -> int:
    try:
        return main(list(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)


def test_run_shows_a_bar_and_a_table(capsys: pytest.CaptureFixture[str]):
    assert evoprune("run", *TINY) == 0
    out, err = capsys.readouterr()
    assert "magnitude: 100%" in err
    assert "kept" in err
    lines = out.splitlines()
    assert " ".join(lines[1].split()) == "held-out bce held-out L1 wrong bits weights kept MACs kept"
    assert any(line.startswith("this run, best cell") for line in lines)
    assert any(line.startswith("always 1 (the training median)") for line in lines)
    (directory,) = Path("runs").iterdir()
    assert str(directory) in lines[-1]


def test_json_prints_the_summary_alone(capsys: pytest.CaptureFixture[str]):
    assert evoprune("run", *TINY, "--output", "r", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads(Path("r/summary.json").read_text())
    assert err == ""


def test_quiet_prints_nothing(capsys: pytest.CaptureFixture[str]):
    assert evoprune("run", *TINY, "--output", "r", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_config_then_options(capsys: pytest.CaptureFixture[str]):
    Path("c.toml").write_text('generations = 2\nlearning-rate = 0.01\noperator = "random"\n')
    assert evoprune("run", *TINY, "--config", "c.toml", "--generations", "3", "--output", "r", "--quiet") == 0
    settings = json.loads(Path("r/settings.json").read_text())
    assert (settings["generations"], settings["learning_rate"], settings["operator"]) == (3, 0.01, "random")


def test_presets_compose():
    assert evoprune("run", "paper", "denoising", *TINY, "--output", "r", "--quiet") == 0
    settings = json.loads(Path("r/settings.json").read_text())
    assert (settings["semantics"], settings["corruption"]) == ("reference", 0.1)


def test_digits_run():
    options = ["--generations", "2", "--cells", "3", "--benchmark", "digits", "--no-compare", "--batch-size", "50"]
    assert evoprune("run", *options, "--output", "r", "--quiet") == 0
    assert json.loads(Path("r/summary.json").read_text())["test_error"] is None


def test_resume_of_an_ended_run_says_so(capsys: pytest.CaptureFixture[str]):
    evoprune("run", *TINY, "--output", "r", "--quiet")
    assert evoprune("resume", "r") == 0
    assert "has ended already" in capsys.readouterr().err
    assert evoprune("resume", "r", "--json") == 0
    assert json.loads(capsys.readouterr().out)["cells"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--operator conjunctive --target-preserved 0.3", "target_preserved has no effect with operator conjunctive"),
        ("--operator none --schedule increase", "schedule has no effect with operator none"),
        ("--benchmark digits --data some.csv", "data has no effect with benchmark digits"),
        ("--rate-decay step", "rate_decay has no effect with algorithm spatial"),
        ("--algorithm all-vs-all --update-order sequential", "update_order has no effect with algorithm all-vs-all"),
    ],
)
def test_what_has_no_effect_is_said(capsys: pytest.CaptureFixture[str], options: str, message: str):
    tiny = TINY if "digits" not in options else ["--generations", "1", "--cells", "3", "--no-compare"]
    assert evoprune("run", *tiny, *options.split(), "--output", "r", "--quiet") == 0
    assert capsys.readouterr().err == f"evoprune: warning: {message}\n"


def test_a_default_target_is_within_reach():
    often, seldom, never = "--probability 1", "--schedule prune-after --probability 0.5", "--finetune 1"
    for words, target in ((often, 0.2), (seldom, 0.5), (never, 1.0)):
        assert evoprune("run", *TINY, *words.split(), "--output", "r", "--force", "--quiet") == 0
        assert json.loads(Path("r/settings.json").read_text())["target_preserved"] == target


def test_list_names_everything(capsys: pytest.CaptureFixture[str]):
    assert evoprune("list") == 0
    out = capsys.readouterr().out
    for section, entries in catalogue().items():
        assert section in out.splitlines()
        for name, line in entries.items():
            assert any(row.split()[:1] == [name] for row in out.splitlines()), name
            assert line, f"{section} {name} has no line about it"


def test_list_of_one_section(capsys: pytest.CaptureFixture[str]):
    assert evoprune("list", "schedules") == 0
    assert capsys.readouterr().out.splitlines()[0] == "schedules"


BAD = [
    ("run --operator randon", "did you mean 'random'"),
    ("run --schedule linear", "unknown schedule 'linear'"),
    ("run --benchmark mnist", "unknown benchmark 'mnist'"),
    ("run --probability 1.2", "probability must be a number in [0, 1], got 1.2"),
    ("run --amount -1", "amount must be a number in [0, 1], got -1.0"),
    ("run --network 30-10 --decoder 8-30", "code has 10 units, but the decoder takes 8"),
    ("run --radius 6", "at most 5"),
    ("run --batch-size 1001", "batch_size 1001 is larger than the 1000 training samples"),
    ("run --operator conjunctive --threshold 1", "threshold must be in [0, 1)"),
    ("run --generation 3", "did you mean '--generations'"),
    ("run --generations many", "argument --generations: expected a whole number, got 'many'"),
    ("run spatal", "unknown preset 'spatal'"),
    ("run --config missing.toml", "missing.toml: cannot read"),
    ("run --config broken.toml", "not a TOML file"),
    ("run --config bytes.toml", "bytes.toml: not a TOML file"),
    ("run --schedule prune-after --probability 0.5 --target-preserved 0.2", "cannot be reached"),
    ("run --schedule expo", "did you mean 'exponential'"),
    ("run --config unknown.toml", "did you mean 'generations'"),
    ("run --benchmark file", "needs data"),
    ("run --benchmark file --data missing.csv", "missing.csv"),
    ("run --benchmark file --data nan.npy", "nan.npy"),
    ("run --output taken", "holds no run of evoprune's (summary.json)"),
    ("run --loss bce --output-activation identity", "needs output sigmoid"),
    ("resume nowhere", "there is no run here"),
    ("resume damaged", "damaged or not a checkpoint"),
    ("resume foreign", "not a checkpoint of this version"),
    ("run --rate-sigma inf", "rate_sigma must be a finite number, got inf"),
    ("run --rate-sigma 1e999", "rate_sigma must be a finite number, got inf"),
    ("run --config infinite.toml", "rate_sigma must be a finite number, got inf"),
    ("run --config long.toml", "long.toml: not a TOML file (Exceeds the limit"),
    ("run --config nested.toml", "nested.toml: nested too deep"),
    ("run --config twice.toml", "batch_size stands there twice, with - and with _"),
    ("run --noise=--", "argument --noise: expected a value, got '--'"),
    ("run --image-size=-1", "option image_size of benchmark images must be a whole number of at least 0, got -1"),
    ("run --n-dim 0", "option n_dim of benchmark binary-clustering must be a whole number of at least 1, got 0"),
    ("run --data-seed -1", "data_seed must be a whole number of at least 0, got -1"),
    (f"run --cells {10**30}", "cells must be a whole number of at most 1000000"),
    (f"run --cells {'9' * 5000}", "expected a whole number, got '9999"),
    (f"sweep --grid cells={10**30}", "cells must be a whole number of at most 1000000"),
    (f"sweep --trials {10**12}", "trials must be a whole number of at most 1000000"),
    ("sweep --output broken.toml", "broken.toml: cannot be used as a directory (Not a directory)"),
    ("reproduce --output broken.toml", "broken.toml: cannot be used as a directory (Not a directory)"),
    (f"run --output {'x' * 300}", "cannot be used as a directory (File name too long)"),
    ("run --n-samples 1000000000", "this needs about 16 TB of memory"),
    ("run --network 10000000-5", "this needs about 8.45 TB of memory (networks 8.45 TB)"),
    ("run --network 1000000000000-5", "of memory (networks"),
    ("run --n-dim 1000000000", "this needs about 16 TB of memory"),
    ("weights --layers 100000000-10", "TB of memory (networks"),
    ("architectures --max-linear 1000000000", "max_linear must be a whole number of at most 20"),
    ("architectures --benchmark photographs --image-size 100000", "image_size must be a whole number of at most 4096"),
    ("list nothing", "unknown section 'nothing'"),
    ("rum", "did you mean 'run'"),
    ("", "required"),
]


@pytest.mark.parametrize(("command", "message"), BAD, ids=[command[:60] or "nothing" for command, _ in BAD])
def test_a_mistake_is_one_line_and_no_work(command: str, message: str, capsys: pytest.CaptureFixture[str]):
    import torch

    for name in ("taken", "damaged", "foreign"):
        Path(name).mkdir()
    Path("taken/summary.json").write_text("{}")
    Path("damaged/checkpoint.pt").write_bytes(b"damaged")
    torch.save({"epoch": 3}, "foreign/checkpoint.pt")
    Path("broken.toml").write_text("generations 3")
    Path("bytes.toml").write_bytes(b"\xff\xfe")
    Path("unknown.toml").write_text("generation = 3")
    Path("infinite.toml").write_text("rate_sigma = inf")
    Path("long.toml").write_text(f"cells = {'9' * 5000}")
    Path("nested.toml").write_text("cells = " + "[" * 3000 + "]" * 3000)
    Path("twice.toml").write_text('batch_size = 3\n"batch-size" = 4')
    data = np.ones((20, 30))
    data[3, 4] = np.nan
    np.save("nan.npy", data)
    before = sorted(Path().rglob("*"))
    assert evoprune(*command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("evoprune: error: ")
    assert len(err.splitlines()) == 1
    assert message in err
    assert sorted(Path().rglob("*")) == before


def test_a_run_in_which_everything_diverged_is_no_success(capsys: pytest.CaptureFixture[str]):
    """The exit code, the summary and the table say it; in a sweep too."""
    wild = ["--loss", "mse", "--output-activation", "identity", "--learning-rate", "1e9"]
    assert evoprune("run", *TINY, *wild, "--output", "r") == 1
    out, err = capsys.readouterr()
    assert "not finite" in out
    assert err.splitlines()[-1] == "evoprune: failed: everything diverged, no loss is finite; see r"
    assert json.loads(Path("r/summary.json").read_text())["diverged"] is True
    assert evoprune("sweep", *[word for word in TINY if word != "--no-compare"], *wild, "--trials", "1", "--quiet") == 1
    assert capsys.readouterr().err == "evoprune: failed: default, trial 0: everything diverged\n"


def test_settings_as_keywords_are_checked_at_once():
    for name, value in {"n_dim": 0, "data_seed": -1, "rate_sigma": float("inf"), "cells": 10**30}.items():
        with pytest.raises(ValueError, match=name):
            make_settings(**{name: value})
    assert make_settings({"cells": 3}, cells=4).cells == 4


def test_an_interrupted_run_goes_on_by_the_same_command(capsys: pytest.CaptureFixture[str]):
    evoprune("run", *TINY, "--output", "whole", "--quiet")
    evoprune("run", *TINY, "--output", "r", "--quiet")
    Path("r/summary.json").unlink()
    assert evoprune("run", *TINY, "--output", "r", "--quiet", "--seed", "9") == 2
    assert "r holds another run, which has seed 0 instead of 9" in capsys.readouterr().err
    assert evoprune("run", *TINY, "--output", "r", "--quiet") == 0
    assert Path("r/cells.csv").read_bytes() == Path("whole/cells.csv").read_bytes()
    assert evoprune("run", *TINY, "--output", "r", "--quiet") == 2
    assert "r holds a run that has ended" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run", *TINY, "--output", "r"], ["resume", "r"]], ids=["run", "resume"])
def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(command: list[str]):
    evoprune("run", *TINY, "--output", "r", "--quiet")
    log = Path("r/log.csv").read_bytes()
    for name in json.loads(Path("r/manifest.json").read_text())["files"]:
        if name != "settings.json":
            Path("r", name).unlink()
    Path("r/.checkpoint.pt.abcd1234.part").write_bytes(b"half")
    Path("r/.checkpoint.pt.mine.part").write_bytes(b"mine")
    assert evoprune(*command, "--quiet") == 0
    assert Path("r/log.csv").read_bytes() == log
    assert [path.name for path in Path("r").glob(".*")] == [".checkpoint.pt.mine.part"]


def test_force_replaces_a_run():
    evoprune("run", *TINY, "--output", "r", "--quiet")
    assert evoprune("run", *TINY, "--output", "r", "--quiet", "--seed", "9", "--force") == 0
    assert json.loads(Path("r/summary.json").read_text())["seed"] == 9


@pytest.mark.parametrize("command", ["run", "list"])
def test_ctrl_c_while_torch_is_imported_is_one_line(command: str):
    program = (
        "import sys\n"
        "class CtrlC:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, CtrlC())\n"
        "from evoprune.__main__ import main\n"
        f"sys.exit(main([{command!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "evoprune: interrupted\n")


def test_module_entry_and_version():
    done = subprocess.run([sys.executable, "-m", "evoprune", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("evoprune 0.")


def test_what_takes_long_to_import_is_left_until_it_is_used(tmp_path: Path):
    code = (
        "import sys\n"
        "from evoprune.__main__ import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print([name for name in ('torch', 'pandas', 'scipy', 'sklearn', 'scoop') if name in sys.modules])"
    )
    run = ["run", *TINY, "--quiet", "--output", str(tmp_path / "run")]
    root = Path(__file__).parents[1]
    for arguments, expected in ((["--version"], "[]"), (run, "['torch', 'pandas']")):
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == expected, done.stderr
