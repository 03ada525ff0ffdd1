"""The comparison on a card, with the processor in its place."""

import json

import torch

from evoprune.benchmarks.bench import card
from tests.benchmarks.bench.tiny import TINY


def test_report(monkeypatch):
    waits: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waits.append)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device}")
    report = card.measure(TINY)
    json.dumps(report)
    assert waits == ["cpu"] * 9 * 3  # after every task, once to warm up and in two rounds
    assert report["rows"]["plain adam"]["speedup"]["median"] == 1.0
    assert report["targets"] == []
    text = card.text(report)
    assert text.startswith("On card cpu")
    assert all(name in text for name in report["rows"])


def test_a_task_ends_when_the_card_has_done_it(monkeypatch):
    calls: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", calls.append)

    def task() -> float:
        calls.append("task")
        return 3

    assert card.finished(task, "cuda:1")() == 3
    assert calls == ["task", "cuda:1"]
