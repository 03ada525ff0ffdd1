"""Multiply-accumulates of what is left, by hand and against what a smaller network costs."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.individuals import Individual
from evoprune.measure import cost
from evoprune.mlp import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import mutPruneUnits
from evoprune.shrinking.compacting import without_noise
from evoprune.shrinking.counts import MacCount, alive, macs_left
from evoprune.shrinking.dead import remove_dead
from evoprune.shrinking.graphs import read
from evoprune.shrinking.joints import chain
from evoprune.shrinking.stacks import joined
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.evoprune.shrinking.by_hand import drop

ROWS = torch.rand(3, 6)
IMAGES = torch.rand(3, 2, 6, 6)


def images() -> Genome:
    down = nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 2, bias=False), nn.Tanh()
    middle = nn.Flatten(), nn.Linear(20, 7), nn.ReLU(), nn.Linear(7, 12), nn.Unflatten(1, (3, 2, 2))
    return Genome(nn.Sequential(*down, *middle, nn.ConvTranspose2d(3, 4, 3, 2), nn.ReLU(), nn.ConvTranspose2d(4, 2, 2)))


def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder((6, 5, 4))), Decoder(mlp_decoder((4, 5, 6)))])


def tied() -> TiedAutoencoder:
    return TiedAutoencoder(TiedNetwork((6, 5, 4)))


def sequences() -> Genome:
    return Genome(nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4)))


NETWORKS: dict[str, tuple[Any, Tensor]] = {
    "images": (images, IMAGES),
    "pair": (pair, ROWS),
    "tied": (tied, ROWS),
    "sequences": (sequences, torch.rand(3, 7, 6)),
}


def macs(individual: Individual, example: Tensor) -> int:
    return cost(joined(individual), example, batches=()).macs


def count_of(individual: Individual, example: Tensor) -> MacCount:
    return MacCount(individual, read(individual, example).joints, example)


def test_layers_by_hand():
    count = count_of(images(), IMAGES)
    # 6 x 6 positions of 2 * 6 * 9; 2 x 2 of 6 * 5 * 4; 20 * 7; 7 * 12; 2 x 2 of 3 * 4 * 9; 5 x 5 of 4 * 2 * 4
    assert count.before == count.now == 3888 + 480 + 140 + 84 + 432 + 800


def test_a_channel_counts_in_all_layers_that_it_is_made_and_read_by():
    individual = images()
    count = count_of(individual, IMAGES)
    (joint,) = (joint for joint in chain(individual).joints if joint.label == "3")
    assert count.before - count.without(joint) == 4 * 6 * 4 + 4 * 7  # of the convolution, and four values it becomes
    assert count.now == count.before  # it was only asked
    count.take(joint, 2)
    assert count.before - count.now == 2 * (96 + 28)
    count.take(joint, -2)
    assert count.now == count.before


def test_neighbours_that_are_gone_cost_nothing():
    individual = Genome(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 5)))
    count = count_of(individual, torch.rand(1, 2))
    (joint,) = chain(individual).joints
    count.take(joint, 2)
    assert count.now == 2 * 1 + 1 * 5
    count.take(joint, 1)  # one stays
    assert count.now == 2 + 5


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("measure", ["units", "macs"])
def test_what_is_counted_is_what_the_smaller_network_costs(name: str, measure: str):
    make, example = NETWORKS[name]
    individual = make()
    before = macs(individual, example)
    for amount in (0.0, 0.3, 0.5, 1.0):
        mutPruneUnits(individual, amount, measure=measure, samples=example)
        share = macs_left(individual, example)
        small = without_noise(individual)
        remove_dead(small)
        assert count_of(individual, example).now == macs(small, example)
        assert share == macs(small, example) / before
    assert share < 0.35


@pytest.mark.parametrize("name", NETWORKS)
def test_units_that_were_removed_count_in_the_whole(name: str):
    make, example = NETWORKS[name]
    individual = make()
    mutPruneUnits(individual, 0.4)
    wanted = macs_left(individual, example)
    before = count_of(individual, example).before
    assert remove_dead(individual, masked=True).units
    assert count_of(individual, example).before == before
    assert macs_left(individual, example) == wanted
    mutPruneUnits(individual, 0.4)
    assert macs_left(individual, example) < wanted


def test_both_heads_of_a_variational_encoder_count():
    individual = Genome(variational_encoder((6, 5, 4)))
    count = count_of(individual, ROWS)
    assert count.before == 6 * 5 + 5 * 4  # evaluation takes the mean alone
    mutPruneUnits(individual, 0.4)
    assert count_of(individual, ROWS).now == 6 * 3 + 3 * 4


def test_what_masks_leave_alive():
    individual = pair()
    drop(individual.encoder, "0", makes=[1])
    drop(individual.encoder, "2", reads=[3])
    hidden = chain(individual).joints[0]
    assert alive(hidden).tolist() == [True, False, True, False, True]
    with torch.no_grad():
        individual.encoder.module.get_parameter("0.weight")[0] = 0
    assert alive(hidden).tolist() == [True, False, True, False, True]  # which may grow again


def test_a_tied_unit_is_alive_where_one_way_is():
    individual = tied()
    hidden, _ = sorted(chain(individual).joints, key=lambda joint: -joint.units)
    drop(individual.encoder, "encoder.0", makes=[1])
    assert alive(hidden).tolist() == [True, False, True, True, True]  # nothing makes it, nothing reads it


def test_units_that_die_with_others_are_gone_as_well():
    """A unit that is made by a dead one alone."""
    individual = Genome(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)))
    drop(individual, "0", makes=[0])
    keep = torch.ones(4, 4, dtype=torch.bool)
    keep[1, 1:] = False
    individual.prune("1.weight", keep)
    small = without_noise(individual)
    remove_dead(small)
    example = torch.rand(2, 3)
    assert macs_left(individual, example) == macs(small, example) / (12 + 16 + 8)


def test_units_that_stay_at_a_border_still_cost():
    individual = Genome(nn.Sequential(nn.Conv1d(1, 2, 1), nn.Sigmoid(), nn.Conv1d(2, 1, 3, padding=1)))
    individual.prune("0.weight", torch.tensor([True, False]).view(2, 1, 1))
    assert macs_left(individual, torch.rand(1, 1, 5)) == 1.0


def test_networks_without_layers():
    assert macs_left(Genome(nn.Flatten()), ROWS) == 1.0
    assert macs_left(Genome(nn.Linear(6, 2)), ROWS) == 1.0


def test_layers_in_groups_and_layers_that_are_used_twice():
    layer = nn.Conv1d(4, 4, 3, groups=2, padding=1)
    individual = Genome(nn.Sequential(nn.Sequential(layer), nn.Sequential(layer)))
    example = torch.rand(1, 4, 5)
    assert count_of(individual, example).before == count_of(individual, example).now == macs(individual, example)


@pytest.mark.parametrize("example", [None, "rows", torch.tensor(1.0), torch.zeros(0, 6)])
def test_bad_examples(example: Any):
    with pytest.raises((TypeError, ValueError), match=r"example|data"):
        macs_left(sequences(), example)
