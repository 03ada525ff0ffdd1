"""The fitness of an architecture is a pure function, and weights are inherited where layers match."""

import dataclasses
from typing import Any

import pytest
import torch

from evoprune.architecture import parse_architecture
from evoprune.benchmarks.architectures.training import (
    build,
    constant_loss,
    inherit,
    measure,
    restore,
    train_in_full,
    trained,
    validation_loss,
    weights,
)
from evoprune.benchmarks.problems.problem import Problem
from evoprune.fitness import WORST
from evoprune.genome import prunable_layers
from tests.benchmarks.architectures.small import SETTINGS

PARENT = "arch:1x8x8;relu;conv_1_4_3;linear_144_32;linear_32_10"
INSERTED = "arch:1x8x8;tanh;conv_1_4_3;linear_144_32;linear_32_32;linear_32_10"


def layers(genome) -> list[Any]:
    return [layer for _, layer in prunable_layers(genome.module)]


def test_same_architecture_same_loss_whenever_it_is_measured():
    first = measure(PARENT, None, SETTINGS)
    measure(INSERTED, None, SETTINGS)
    torch.rand(3)
    assert measure(PARENT, None, SETTINGS) == first
    assert first["parameters"] == parse_architecture(PARENT).parameters
    assert first["weights"] is None
    assert measure(PARENT, None, dataclasses.replace(SETTINGS, seed=1))["loss"] != first["loss"]


def test_the_best_of_a_few_tries_counts():
    one, three = (
        [measure(PARENT, None, dataclasses.replace(SETTINGS, tries=tries, seed=seed))["loss"] for seed in range(4)]
        for tries in (1, 3)
    )
    assert all(best <= first for best, first in zip(three, one, strict=True))
    assert three != one


def test_a_network_that_diverges_gets_the_finite_worst():
    assert measure(PARENT, None, dataclasses.replace(SETTINGS, learning_rate=1e30, optimizer="sgd"))["loss"] == WORST


def test_training_in_full_keeps_the_best_epoch():
    stored, lowest = train_in_full(PARENT, SETTINGS)
    assert validation_loss(restore(stored), SETTINGS) == lowest
    again, same = train_in_full(PARENT, SETTINGS)
    assert same == lowest
    assert all(torch.equal(stored["encoder"][name], again["encoder"][name]) for name in stored["encoder"])
    wild = dataclasses.replace(SETTINGS, learning_rate=1e30, optimizer="sgd")
    stored, lowest = train_in_full(PARENT, wild)
    assert lowest < WORST  # every epoch made it worse, so the weights before the first are the best
    assert torch.isfinite(stored["encoder"]["1.weight"]).all()


def test_inherited_layers_are_the_parents():
    parent, child = build(PARENT, 1), build(INSERTED, 2)
    for _ in trained(parent, SETTINGS, 1, 1):
        pass
    fresh = build(INSERTED, 2)
    assert inherit(child, INSERTED, weights(parent, PARENT)) == 3  # all but the layer that was inserted
    old, new, untouched = (layers(p.encoder) for p in (parent, child, fresh))
    for mine, theirs in ((0, 0), (1, 1), (3, 2)):
        assert torch.equal(new[mine].weight, old[theirs].weight)
        assert torch.equal(new[mine].bias, old[theirs].bias)
    assert torch.equal(new[2].weight, untouched[2].weight)
    back, mirror = layers(parent.decoder), layers(child.decoder)
    assert torch.equal(mirror[0].weight, back[0].weight)  # from the code on
    assert torch.equal(mirror[-1].weight, back[-1].weight)  # the transposed convolution


def test_nothing_is_inherited_where_nothing_matches():
    child = build("arch:1x8x8;relu;linear_64_16;linear_16_10", 3)
    before = weights(child, "")
    assert inherit(child, "arch:1x8x8;relu;linear_64_16;linear_16_10", weights(build(PARENT, 1), PARENT)) == 0
    assert all(torch.equal(value, before["encoder"][name]) for name, value in weights(child, "")["encoder"].items())


def test_inheriting_starts_ahead():
    settings = dataclasses.replace(SETTINGS, inherit=True, epochs=6, learning_rate=5e-3)
    parent = measure(PARENT, None, settings)
    alone, after = measure(INSERTED, None, settings), measure(INSERTED, parent["weights"], settings)
    assert after["loss"] < alone["loss"]
    assert after["weights"]["text"] == INSERTED


class Two(Problem):
    """Two inputs, whose training means are 1/4 and 1/2, and medians 0 and 1/2."""

    name = "two"
    train = torch.tensor([[0.0, 0.5], [0.0, 0.5], [0.75, 0.5]])
    test = torch.tensor([[1.0, 0.5], [0.0, 1.0]])

    def load(self):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("loss", "expected"), [("mse", (0.75**2 + 0 + 0.25**2 + 0.5**2) / 4), ("l1", (1 + 0 + 0 + 0.5) / 4)]
)
def test_the_constant(loss, expected):
    assert constant_loss(Two(), loss) == pytest.approx(expected)
