"""Engines against the serial one."""

import json

import pytest

from evoprune.benchmarks.bench import scaling
from evoprune.engines import ENGINES, Engine
from tests.benchmarks.bench.tiny import TINY


def named(name):
    """The serial engine under another name."""
    return type("Named", (Engine,), {"name": name, "__init__": lambda self, workers: Engine.__init__(self)})


@pytest.fixture
def threads(monkeypatch):
    """One engine, called threads, which computes one task after the other."""
    monkeypatch.setattr(scaling, "ENGINES", {"threads": None})
    monkeypatch.setattr(scaling, "make_engine", lambda name, workers: named(name)(workers))


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("kernels", "asked"), [(("torch",), ["same result"]), (("native",), ["times serial", "same result"])]
)
def test_threads_share_out_cells_and_gain_by_the_native_kernel(kernels, asked, monkeypatch):
    monkeypatch.setattr(scaling, "kernels", lambda: (kernels, ""))
    report = scaling.measure(TINY)
    json.dumps(report)
    assert list(report["engines"]["threads"]["levels"]) == ["cells"]
    assert [target["name"] for target in report["targets"]] == [f"threads, cells: {what}" for what in asked]
    text = scaling.text(report)
    assert "cells  threads" in text
    assert "threads: start" in text


def test_engines_that_there_are_not_are_left_out(monkeypatch):
    monkeypatch.setattr(scaling, "ENGINES", {})
    assert scaling.measure(TINY)["engines"] == {}


@pytest.mark.slow
@pytest.mark.processes
def test_scaling_with_all_engines():
    report = scaling.measure(TINY)
    json.dumps(report)
    assert list(report["engines"]) == [name for name in scaling.TARGETS if name in ENGINES]
    assert {"processes", "scoop"} <= set(report["engines"])
    assert all(row["same"] for engine in report["engines"].values() for row in engine["levels"].values())
