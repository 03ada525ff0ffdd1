"""Engines by name, and those that cannot be."""

import contextlib
import os
import subprocess
import sys

import pytest

from evoprune import memory
from evoprune.__main__ import main
from evoprune.engines import ENGINES, make_engine, scoop_is_running


def test_engines_by_name():
    assert list(ENGINES) == ["serial", "threads", "processes", "scoop"]
    assert make_engine().name == "serial"
    assert not scoop_is_running()
    assert make_engine("processes", 3).workers == 3
    for name in ("threads", "processes"):
        assert 1 <= make_engine(name).workers <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("name", "workers", "message"),
    [
        ("procesess", None, "did you mean 'processes'"),
        ("processes", 0, "workers must be"),
        ("processes", 1.5, "workers must be"),
        ("threads", 0, "workers must be"),
        ("processes", 10**7, "workers must be at most 10000, got 10000000"),
        ("serial", 2, "the serial engine has one worker, got 2: choose threads, processes or scoop"),
        ("scoop", None, "the scoop engine needs SCOOP"),
    ],
)
def test_engines_that_cannot_be(name: str, workers: int | None, message: str):
    with pytest.raises(ValueError, match=message):
        make_engine(name, workers)


def test_workers_have_to_fit_into_memory(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1e9)
    assert make_engine("processes", 4).workers == 4
    with pytest.raises(ValueError, match=r"about 1\.25 GB of memory .*, and 1 GB are free: fewer workers$"):
        make_engine("processes", 5)
    assert make_engine().workers == 1


@pytest.mark.parametrize("words", ["run --engine processes", "run --engine scoop", "bench scaling"])
@pytest.mark.parametrize(
    ("workers", "message"),
    [
        ("10000000", "workers must be at most 10000, got 10000000"),
        ("9999", "this needs about 2.5 TB of memory (worker processes 2.5 TB), and 1 GB are free: fewer workers"),
        ("9" * 5000, "argument --workers: expected a whole number, got '99999"),
        ("\u00b2", "argument --workers: expected a whole number, got '\u00b2'"),
    ],
)
def test_too_many_workers_start_nothing(monkeypatch, capsys, tmp_path, words, workers, message):
    monkeypatch.setattr(memory, "available", lambda: 1e9)
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):  # of argparse
        assert main([*words.split(), "--workers", workers]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"evoprune: error: {message}")
    assert len(err) < 200
    assert not list(tmp_path.iterdir())


def test_to_choose_an_engine_starts_nothing_and_takes_no_torch():
    code = (
        "import sys, evoprune.engines.launcher, evoprune.engines.pool, evoprune.engines, psutil; "
        "[evoprune.engines.make_engine(name) for name in ('threads', 'processes')]; "
        "print(psutil.Process().children(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[] False\n"
