"""What an update costs as cells and inputs grow."""

import json

import numpy as np
import pytest

from evoprune.benchmarks.bench import floors, growth
from tests.benchmarks.bench.tiny import TINY

MEMORY = {"bytes": 50, "weights": 10, "limit": 100, "cells": 2}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(floors, "peak", lambda *_: MEMORY)  # tests/benchmarks/bench/test_floors.py


def test_report_and_text(monkeypatch):
    monkeypatch.setattr(growth, "kernels", lambda: (("torch",), ""))
    report = growth.measure(TINY)
    json.dumps(report)
    assert list(report["cells"]["adam l1, torch"]) == ["1", "10", "12"]
    assert list(report["inputs"]["adam-anew l1, torch"]) == ["10", "20"]
    assert report["cells"]["adam l1, torch"]["12"]["repeats"] == 2
    text = growth.text(report)
    assert "us an update, cells" in text
    assert "us an update, inputs" in text
    assert "Peak memory of 2 cells, adam: 0 MB" in text


def test_what_is_asked_of_each_kernel(monkeypatch):
    """That one cell costs no more is asked of the native one only."""
    monkeypatch.setattr(growth, "kernels", lambda: (("native", "torch"), ""))
    costs = {1: 3.0, 10: 1.0, 12: 1.5, 20: 4.0}
    monkeypatch.setattr(growth, "in_turn", lambda tasks, _: {name: np.array([costs[name[1]]]) for name in tasks})
    targets = {target["name"]: target["value"] for target in growth.measure(TINY)["targets"]}
    assert targets == {
        **{f"{name} l1, native: cost over 1 to 12 cells, largest by smallest": 3.0 for name in growth.OPTIMIZERS},
        **{f"{name} l1, torch: cost over 10 to 12 cells, largest by smallest": 1.5 for name in growth.OPTIMIZERS},
        **{f"{name} l1, torch: growth of the cost an input with the inputs": 2.0 for name in growth.OPTIMIZERS},
        **{f"{name}: peak memory, share of the limit": 0.5 for name in growth.OPTIMIZERS},
    }


def test_pairs_that_do_not_fit_are_refused_with_an_estimate(monkeypatch):
    """Weights of Adam built anew, and weights and two moments of Adam: four numbers a parameter."""
    monkeypatch.setattr(growth, "kernels", lambda: (("torch",), ""))
    needs = []
    monkeypatch.setattr(growth, "check_fits", lambda table, advice: needs.append(table))
    growth.check_memory(TINY)
    pair = floors.parameters([20, 30, 10, 30, 20])
    small = floors.parameters([10, 30, 10, 30, 10])
    assert needs == [{"the pairs of growth": 4 * 4 * ((1 + 10 + 12) * pair + 2 * small + 2 * pair)}]


def test_torch_is_measured_up_to_some_cells(monkeypatch):
    monkeypatch.setattr(growth, "kernels", lambda: (("native", "torch"), ""))
    monkeypatch.setattr(growth, "MOST", {"native": 12, "torch": 10})
    monkeypatch.setattr(growth, "in_turn", lambda tasks, _: {name: np.array([1.0]) for name in tasks})
    rows = growth.measure(TINY)["cells"]
    assert {name: list(row) for name, row in rows.items()} == {
        **{f"{name} l1, native": ["1", "10", "12"] for name in growth.OPTIMIZERS},
        **{f"{name} l1, torch": ["1", "10"] for name in growth.OPTIMIZERS},
    }
