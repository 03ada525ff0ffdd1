"""Shrinking in a fraction of a second: latencies of a few calls, and no model for ONNX, which takes longest."""

import pytest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evoprune.measure.LONG", 0.0)
    monkeypatch.setattr("evoprune.measure.FEWEST", 2)
    monkeypatch.setattr("evoprune.benchmarks.shrinking.export.NEEDED", ("onnx_is_not_here",))
