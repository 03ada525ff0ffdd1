"""Every encoder with every decoder."""

import math

import numpy as np
import pytest
import torch

from evoprune.benchmarks.analysis import matrix, own_decoder, pairing_loss
from evoprune.evaluation import reconstruction_loss
from tests.benchmarks.analysis.small import linear, pair

SAME, SWAP = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]
SAMPLES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def grid():
    """Two that copy, and one that swaps both ways: with another's decoder two of three samples come out wrong."""
    return [pair(linear(SAME), linear(SAME)), pair(linear(SWAP), linear(SWAP)), pair(linear(SAME), linear(SAME))]


def test_the_matrix():
    table = pairing_loss({5: grid()}, SAMPLES)
    assert list(table.columns) == ["generation", "cell", "other", "loss"]
    assert matrix(table, "loss").to_numpy() == pytest.approx(
        np.array([[0, 2 / 3, 0], [2 / 3, 0, 2 / 3], [0, 2 / 3, 0]])
    )


def test_what_the_own_decoder_is_worth():
    own = own_decoder(pairing_loss({5: grid()}, SAMPLES)).set_index("cell")
    assert own["own"].tolist() == [0, 0, 0]
    assert own["others"].tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 3])
    assert own["advantage"].tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 3])
    assert own["rank"].tolist() == [1, 1, 1]
    stranger = [pair(linear(SAME), linear(SWAP)), pair(linear(SAME), linear(SAME))]
    assert own_decoder(pairing_loss(stranger, SAMPLES)).set_index("cell")["rank"].tolist() == [2, 1]


def test_losses_are_those_of_the_evaluation():
    pairs = [pair(torch.nn.Linear(4, 2), torch.nn.Linear(2, 4)) for _ in range(3)]
    data = torch.rand(9, 4)
    found = matrix(pairing_loss(pairs, data, loss="mse"), "loss")
    for i, mine in enumerate(pairs):
        for j, theirs in enumerate(pairs):
            expected = reconstruction_loss(mine.encoder, theirs.decoder, data, "mse")[0]
            assert found.loc[i, j] == pytest.approx(expected)


def test_one_cell_has_no_other_decoder():
    own = own_decoder(pairing_loss(grid()[:1], SAMPLES)).to_dict("records")[0]
    assert own["own"] == 0
    assert math.isnan(own["advantage"])
    assert math.isnan(own["rank"])


def test_codes_that_do_not_fit_and_networks_that_diverged():
    wide = pair(linear([[1.0, 0.0]] * 3), linear([[1.0] * 3] * 2))
    broken = pair(linear(SAME), linear([[float("nan"), 0.0], [0.0, 1.0]]))
    found = matrix(pairing_loss([*grid()[:1], wide, broken], SAMPLES), "loss")
    assert found.isna().to_numpy().tolist() == [[False, True, True], [True, False, True], [False, True, True]]


def test_bad_input():
    with pytest.raises(ValueError, match="unknown loss 'l3'"):
        pairing_loss(grid(), SAMPLES, loss="l3")
    with pytest.raises(ValueError, match="give data"):
        pairing_loss(grid())
    with pytest.raises(ValueError, match=r"cell 0 cannot take samples of \(2, 3\)"):
        pairing_loss(grid(), torch.ones(2, 3))
