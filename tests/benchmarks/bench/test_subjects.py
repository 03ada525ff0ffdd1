"""What is timed does the work that it is said to do."""

import pytest
import torch
from torch import nn

from evoprune.benchmarks.bench.subjects import Contender, data, networks, pairs, plain, population

TORCH = Contender("adam", "l1", "torch")


def test_a_contender_says_what_it_is():
    assert str(TORCH) == "adam l1, torch"


def test_tasks_return_their_updates():
    samples = data(12, 20)
    assert samples.shape == (12, 20)
    assert plain(networks(2, 20), samples)() == 2 * 3  # batches of 5, 5 and 2
    assert population(TORCH, 2, samples)() == 2 * 3
    assert population(TORCH, 2, samples, least=13)() == 3 * 6


@pytest.mark.parametrize("optimizer", ["adam", "fused adam", "adam-anew"])
def test_the_plain_loop_trains_every_network(optimizer):
    modules = networks(2, 20)
    before = [nn.utils.parameters_to_vector(module.parameters()).clone() for module in modules]
    plain(modules, data(10, 20), optimizer)()
    for module, old in zip(modules, before, strict=True):
        assert not torch.equal(nn.utils.parameters_to_vector(module.parameters()), old)


def test_pairs_are_pruned_to_the_share_asked_for():
    assert {pair.encoder.preserved for pair in pairs(2, 100)} == {1.0}
    assert all(abs(pair.preserved - 0.2) < 0.01 for pair in pairs(2, 100, kept=0.2))


@pytest.mark.parametrize("kernel", ["auto", "torch"])
def test_contenders_train_with_their_kernel(kernel, monkeypatch):
    seen = []
    monkeypatch.setattr("evoprune.benchmarks.bench.subjects.train_epoch", lambda *_, **options: seen.append(options))
    population(Contender("sgd", "bce", kernel), 1, data(10, 20), device="meta")()
    assert seen == [{"optimizer": "sgd", "loss": "bce", "kernel": kernel, "device": "meta"}]
