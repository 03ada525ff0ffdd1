"""Distances of weights and activations, by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from evoprune.benchmarks.analysis import activation_distance, weight_distance
from evoprune.benchmarks.analysis.between import by_part
from tests.benchmarks.analysis.small import linear, pair, rectified

COLUMNS = ("generation", "part", "cell", "other", "size")


def values(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    (row,) = table.to_dict("records")
    return row


def test_weights():
    a = pair(linear([[3.0, 0.0], [0.0, 0.0]]))
    b = pair(linear([[0.0, 4.0], [0.0, 0.0]]))
    c = pair(linear([[0.0, -4.0], [0.0, 0.0]]))
    table = weight_distance([a, b, c])
    assert list(table.columns) == ["generation", "part", "cell", "other", "distance", "normalised"]
    assert table[["cell", "other"]].drop_duplicates().to_numpy().tolist() == [[0, 1], [0, 2], [1, 2]]
    one = values(table, part="encoder", cell=0, other=1)
    assert one["generation"] == 0
    assert one["distance"] == pytest.approx(5)  # 3 and 4 at a right angle
    assert one["normalised"] == pytest.approx(5 / 7)
    assert values(table, part="encoder", cell=1, other=2)["normalised"] == pytest.approx(1)  # opposite
    assert (table[table["part"] == "decoder"][["distance", "normalised"]] == 0).all(axis=None)


def test_biases_count_and_zeros_have_no_direction():
    nothing = pair(linear([[0.0, 0.0], [0.0, 0.0]]))
    biased = pair(linear([[0.0, 0.0], [0.0, 0.0]], [2.0, 0.0]))
    table = weight_distance({7: [nothing, nothing, biased]})
    assert set(table["generation"]) == {7}
    assert math.isnan(values(table, part="encoder", cell=0, other=1)["normalised"])
    assert values(table, part="encoder", cell=0, other=2)["distance"] == pytest.approx(2)


def test_a_convolution_can_be_measured():
    def net(value):
        layer = nn.Conv1d(1, 2, 3)
        nn.init.constant_(layer.weight, value)
        nn.init.constant_(layer.get_parameter("bias"), 0.0)
        return pair(nn.Sequential(nn.Unflatten(1, (1, 4)), layer, nn.ReLU(), nn.Flatten()), linear([[1.0] * 4] * 4))

    one, two = net(1.0), net(2.0)
    assert values(weight_distance([one, two]), part="encoder")["distance"] == pytest.approx(math.sqrt(6))
    found = activation_distance([one, two], torch.ones(3, 4))
    # Each channel is 3 and 6 at both positions, so the mean differs by 3 in two units.
    assert values(found, part="encoder")["distance"] == pytest.approx(math.sqrt(18))


def test_parts_of_different_structure_have_no_distance():
    wide = pair(linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), linear([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    narrow = pair(linear([[1.0, 0.0], [0.0, 1.0]]))
    table = weight_distance([wide, narrow, narrow])
    assert table["distance"].isna().sum() == 4  # two pairs of cells in each part
    assert values(table, part="encoder", cell=1, other=2)["distance"] == 0
    found = activation_distance([wide, narrow], torch.ones(2, 2))
    assert math.isnan(values(found, part="encoder")["distance"])
    assert values(found, part="decoder")["distance"] == 0  # both give two outputs


def test_activations():
    a = pair(rectified([[1.0, 0.0], [0.0, -1.0]]))
    b = pair(rectified([[1.0, 0.0], [0.0, 1.0]]))
    samples = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    table = activation_distance([a, b], samples)
    row = values(table, part="encoder", layer="0")
    # Activations [[1, 0], [0, 0]] and [[1, 0], [0, 2]]: they differ by 2 in one of two samples.
    assert row["distance"] == pytest.approx(2 / math.sqrt(2))
    assert row["normalised"] == pytest.approx(2 / (1 + math.sqrt(5)))
    assert values(table, part="decoder")["distance"] == pytest.approx(math.sqrt(2))  # it sees its own codes
    assert values(activation_distance([a, b], samples, limit=1), part="encoder")["distance"] == 0


def test_one_cell_has_no_others():
    table = weight_distance([pair(linear([[1.0, 0.0], [0.0, 1.0]]))])
    assert len(table) == 0
    assert "distance" in table


def test_arrays_of_other_names_or_shapes_are_not_compared():
    pairs = [pair(linear([[1.0, 0.0]]), linear([[1.0]])) for _ in range(3)]
    names = iter(["a", "a", "b", "x", "x", "x"])  # three encoders, then three decoders

    def named(genome):
        return {next(names): genome.module.weight.detach().numpy()}

    table = by_part(pairs, named, lambda flat, key: {"size": np.full((len(flat), len(flat)), flat.shape[1])}, COLUMNS)
    assert table[table["part"] == "encoder"]["size"].isna().tolist() == [False, True, True]
    assert table[table["part"] == "decoder"]["size"].tolist() == [1, 1, 1]
    assert by_part(pairs, lambda genome: None, lambda flat, key: {}, COLUMNS).columns.tolist() == list(COLUMNS)
