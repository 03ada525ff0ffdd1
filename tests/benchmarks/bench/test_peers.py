"""JAX does the same work: the same weights after an epoch in the same order."""

import numpy as np
import pytest
import torch

from evoprune.benchmarks.bench import peers
from evoprune.benchmarks.bench.speed import KINDS
from evoprune.benchmarks.bench.subjects import BATCH, Contender, data, pairs
from evoprune.training import train_epoch

CELLS, SAMPLES, INPUTS = 2, 20, 30


def test_peers_are_refused_where_they_are_not(monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"--peers needs JAX, which is not installed here: pip install 'evoprune\[pee"):
        peers.check_peers()
    monkeypatch.setattr(peers, "find_spec", lambda name: name)
    peers.check_peers()


@pytest.mark.parametrize(("optimizer", "loss"), KINDS)
def test_jax_trains_the_same_networks(optimizer, loss):
    pytest.importorskip("jax")
    contender, samples = Contender(optimizer, loss, "torch"), data(SAMPLES, INPUTS)
    group = pairs(CELLS, INPUTS)
    before = weights(group)
    train_epoch(group, samples, BATCH, shuffle=False, **contender._asdict())

    jax = peers._one_threaded()
    order = np.tile(np.arange(SAMPLES).reshape(-1, BATCH), (CELLS, 1, 1))
    state = (jax.numpy.zeros(CELLS), peers._leaves(jax, contender, CELLS, INPUTS))
    (steps, leaves), losses = peers._epoch(jax, contender)(state, order, samples.numpy())
    assert steps.tolist() == [SAMPLES / BATCH] * CELLS
    assert losses.shape == (CELLS, SAMPLES // BATCH)
    for old, new, (leaf, *_) in zip(before, weights(group), leaves, strict=True):
        assert np.abs(np.asarray(leaf) - new).max() <= 0.02 * np.abs(new - old).max() + 1e-12


def test_an_epoch_returns_its_updates():
    pytest.importorskip("jax")
    assert peers.in_jax(Contender("adam", "l1", "jax"), CELLS, data(23, INPUTS))() == CELLS * 4


def weights(group):
    """Every parameter of all cells, (cells, ...), as NumPy arrays."""
    tables = [[parameter for genome in pair for parameter in genome.module.parameters()] for pair in group]
    return [torch.stack(column).detach().numpy() for column in zip(*tables, strict=True)]
