"""What networks are worth, what they keep, and which of them no other one beats."""

import math
from pathlib import Path

import pytest
import torch

from evoprune.benchmarks.fronts.candidates import Candidate, archive, candidates, twins, weights_of
from evoprune.benchmarks.fronts.networks import grids
from evoprune.fitness import MinimizeLossAndSize
from evoprune.genome import Genome
from evoprune.individuals import Network
from tests.benchmarks.fronts.by_hand import CELLS, WEIGHTS, run_by_hand


def test_rows_by_hand(tmp_path: Path):
    settings = run_by_hand(tmp_path / "r")
    for generation, grid in grids(tmp_path / "r", settings):
        found = list(candidates(generation, grid, settings, "macs"))
        for cell, (one, (loss, kept, nonzero)) in enumerate(zip(found, CELLS[generation], strict=True)):
            row = {"generation": generation, "cell": cell, "preserved": kept / WEIGHTS, "kept": kept}
            row |= {"effective_macs": nonzero, "validation_loss": loss, "validation_l1": loss}
            assert one.row == pytest.approx(row, nan_ok=True)
            assert one.finite is not math.isnan(loss)
            assert one.network is grid[cell]
            if one.finite:
                assert one.fitness.values == (loss, nonzero)


def of(name: int, loss: float, size: int) -> Candidate:
    row = {"cell": name, "validation_loss": loss, "kept": size}
    return Candidate(row, Network([Genome(torch.nn.Linear(1, 1))]), MinimizeLossAndSize((loss, size)))


def test_the_archive_keeps_what_nothing_dominates_and_the_first_of_equals():
    best = archive()
    given = [of(0, 0.5, 5), of(1, 0.4, 6), of(2, 0.5, 5), of(3, 0.5, 6), of(4, 0.6, 5), of(5, 0.7, 1), of(6, 0.4, 6)]
    best.update(given[:3])
    best.update(given[3:])
    assert [one.row["cell"] for one in best] == [1, 0, 5]
    assert twins([one.row for one in given], best, "weights") == 2  # 2 and 6
    best.update([of(7, 0.3, 1)])
    assert [one.row["cell"] for one in best] == [7]


def test_reference_semantics_counts_what_is_not_zero():
    layer = torch.nn.Linear(3, 2)
    network = Network([Genome(layer)])
    network[0].prune("weight", torch.tensor([[True, False, True], [True, True, True]]))
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.0, 1.0]))
        layer.weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [2.0, 0.0, 3.0]]))
    assert weights_of(network, "persistent") == (7, 8)
    assert weights_of(network, "reference") == (4, 8)
