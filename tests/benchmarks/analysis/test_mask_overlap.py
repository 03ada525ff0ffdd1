"""Overlap of masks, by hand and against chance."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import hypergeom

from evoprune.benchmarks.analysis import mask_overlap
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from tests.benchmarks.analysis.small import linear, pair


def kept(*positions: int, exclude=("bias",)) -> Autoencoder:
    """A pair whose encoder keeps these of its four weights, by their place in rows."""
    encoder = Encoder(linear([[1.0, 2.0], [3.0, 4.0]]), exclude=exclude)
    encoder.prune("weight", torch.isin(torch.arange(4), torch.tensor(positions)).view(2, 2))
    return Autoencoder([encoder, Decoder(linear([[1.0, 0.0], [0.0, 1.0]]))])


def encoders(table):
    return table[table["part"] == "encoder"].to_dict("records")


def test_one_of_three():
    (row,) = encoders(mask_overlap([kept(1, 2), kept(2, 3)]))
    assert row["jaccard"] == pytest.approx(1 / 3)
    assert row["expected"] == pytest.approx(1 / 3)  # 2 x 2 / 4 = 1 in common, 3 in all
    assert (row["kept"], row["kept_other"]) == (0.5, 0.5)


def test_equal_disjoint_and_whole():
    table = mask_overlap({2: [kept(0, 1), kept(0, 1), kept(2), kept(0, 1, 2, 3)]})
    found = {(row["cell"], row["other"]): row for row in encoders(table)}
    assert found[0, 1]["jaccard"] == 1
    assert found[0, 2]["jaccard"] == 0
    assert found[0, 3]["jaccard"] == found[0, 3]["expected"] == 0.5
    assert (found[2, 3]["kept"], found[2, 3]["kept_other"]) == (0.25, 1.0)
    decoders = table[table["part"] == "decoder"]
    assert (decoders["jaccard"] == 1).all()


def test_chance_is_that_of_each_tensor():
    """Both keep one weight of four and both biases: in common 1/4 + 2 on average, of 1 + 2 each."""
    (row,) = encoders(mask_overlap([kept(0, exclude=()), kept(3, exclude=())]))
    assert row["jaccard"] == pytest.approx(2 / 4)
    assert row["expected"] == pytest.approx(2.25 / (6 - 2.25))


def test_expectation_is_that_of_random_masks():
    a, b, n = 300, 200, 1000
    pairs = []
    for size in (a, b):
        genome = Encoder(torch.nn.Linear(n, 1, bias=False))
        genome.prune("weight", (torch.randperm(n) < size).view(1, n))
        pairs.append(Autoencoder([genome, Decoder(torch.nn.Linear(1, n))]))
    (row,) = encoders(mask_overlap(pairs))
    both = np.arange(b + 1)
    exact = (hypergeom(n, a, b).pmf(both) * both / (a + b - both)).sum()
    assert row["expected"] == pytest.approx(exact, abs=1e-3)
    assert row["jaccard"] == pytest.approx(exact, abs=0.05)


def test_without_masks_there_is_no_overlap():
    bare = [pair(torch.nn.Identity()) for _ in range(2)]
    assert encoders(mask_overlap(bare)) == []
    (row,) = encoders(mask_overlap([bare[0], kept(0)]))
    assert math.isnan(row["jaccard"])
    wide = pair(linear([[1.0, 0.0]] * 3), linear([[1.0] * 3] * 2))
    assert mask_overlap([kept(0), wide])["jaccard"].isna().all()
