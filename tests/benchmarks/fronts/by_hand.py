"""A run whose networks are made by hand: of each the loss, the weights kept and those that are not zero are known."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evoprune.benchmarks.pruning.networks import initial_grid
from evoprune.benchmarks.pruning.settings import Settings, make_settings
from evoprune.benchmarks.pruning.snapshots import save_snapshot
from evoprune.individuals import Network

WEIGHTS = (4 + 1) * 3 + (3 + 1) * 2 + (2 + 1) * 3 + (3 + 1) * 4
"""Of a network 4-3-2-3-4."""
GIVEN: dict[str, Any] = {
    "benchmark": "file",
    "network": "3-2",
    "output_activation": "identity",
    "loss": "l1",
    "cells": 3,
    "generations": 4,
    "snapshots": 2,
    "compare": False,
}
NAN = float("nan")
CELLS = {
    0: [(0.75, 48, 1), (0.25, 48, 4), (NAN, 37, 0)],
    2: [(0.25, 46, 9), (0.5, 44, 3), (0.5, 45, 2)],
    4: [(0.25, 46, 9), (0.75, 40, 2), (1.0, 40, 1)],
}
"""Generation -> loss, weights kept and weights that are not zero of each cell."""
BY_WEIGHTS = [(4, 1), (2, 1), (2, 0)]
"""The front, smallest first: 40 weights with 0.75, 44 with 0.5, 46 with 0.25, which cell 0 of 4 has too, but later."""
BY_MACS = [(0, 0), (2, 2), (0, 1)]
"""1 with 0.75, 2 with 0.5, 4 with 0.25."""


def made(settings: Settings, loss: float, kept: int, nonzero: int) -> Network:
    """A network that gives 0.5 + loss whatever it gets, as nothing leads through its decoder but the last bias."""
    network: Network = initial_grid(settings)[0]
    with torch.no_grad():
        for genome in network:
            for parameter in genome.module.parameters():
                parameter.zero_()
        network[1].module.get_parameter("2.bias").fill_(0.5 + loss)
        network[0].module.get_parameter("0.weight").view(-1)[12 - nonzero :] = 1.0
    network[0].prune("0.weight", torch.arange(12).view(3, 4) >= WEIGHTS - kept)
    return network


def run_by_hand(place: Path, grids: dict[int, list[tuple[float, int, int]]] | None = None, **given: Any) -> Settings:
    """A run directory with these cells as its snapshots; all of its data are 0.5, so that every split has one loss."""
    np.save(place.parent / "halves.npy", np.full((20, 4), 0.5, np.float32))
    settings = make_settings(GIVEN | {"data": str(place.parent / "halves.npy")} | given)
    place.mkdir()
    for generation, grid in (CELLS if grids is None else grids).items():
        save_snapshot(place, generation, [made(settings, *cell) for cell in grid])
    (place / "settings.json").write_text(json.dumps(settings.as_dict()))
    (place / "summary.json").write_text(json.dumps({"model_cell": 1}))
    return settings


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plots, which take longest."""
    monkeypatch.setattr(import_module("evoprune.benchmarks.fronts.front"), "picture", lambda *_: b"no picture")
