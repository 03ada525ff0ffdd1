"""Whole runs, and what in them is not training."""

import json
import math

import pytest

from evoprune.benchmarks.bench import run, watch
from tests.benchmarks.bench.tiny import TINY


def test_parts_of_a_run_add_up():
    parts = watch.outside(2, n_samples=20, n_dim=20, cells=3)
    assert 0 < parts["share"] < 1
    assert math.isclose(parts["share"], parts["logging"] + parts["cells"])


@pytest.mark.parametrize(
    ("kernels", "engine", "targets"), [(("torch",), "processes", 1), (("native", "torch"), "threads", 3)]
)
def test_report(kernels, engine, targets, monkeypatch):
    commands: list[str] = []

    def command(arguments: list[str], updates: int) -> int:
        commands.append(" ".join(arguments))
        return updates

    shares = {"share": 0.5, "cells": 0.3, "logging": 0.2, "seconds": 1.0}
    monkeypatch.setattr(run, "outside", lambda generations, **_: shares)
    monkeypatch.setattr(run, "kernels", lambda: (kernels, ""))
    monkeypatch.setattr(run, "ENGINES", {"processes": None, "threads": None})
    monkeypatch.setattr(run, "_command", command)
    report = run.measure(TINY)
    json.dumps(report)
    line = "run paper --no-compare --quiet --generations 1 --n-samples=10 --n-dim=20 --cells=2 --engine"
    assert commands == [f"{line} serial", f"{line} {engine} --workers 2"]
    assert len(report["targets"]) == targets
    assert report["targets"][0]["value"] == 0.5
    row = report["whole"]["two workers"]
    assert row["engine"] == engine
    assert math.isclose(row["times_paper"], run.PAPER * row["speedup"]["median"])
    assert math.isclose(row["seconds"], row["microseconds"]["median"] * 4 / 1e6)  # two batches of two cells
    text = run.text(report)
    assert f"two workers ({engine})" in text
    assert "medians of 2 runs of 1 generations" in text


def test_a_command_that_fails_says_why():
    with pytest.raises(RuntimeError, match="ended with 2: evoprune: error: cells must be"):
        run._command(["run", "--cells", "0"], 1)


@pytest.mark.slow
def test_a_whole_run_is_a_command():
    arguments = ["run", "paper", "--no-compare", "--quiet", "--generations=1", "--n-dim=20", "--n-samples=10"]
    assert run._command(arguments, 7) == 7
