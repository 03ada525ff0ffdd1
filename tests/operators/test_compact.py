"""Dead units taken out on the way, and what individuals of different widths can still do together."""

import copy
import random

import pytest
import torch
from deap import algorithms, base, tools

from evoprune import Autoencoder, Decoder, Encoder, Genome, similar
from evoprune.cutting import expand
from evoprune.evaluation import evaluate
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import (
    Fixed,
    ScheduledProbability,
    cxUniformWeights,
    gated,
    mutCompact,
    mutPruneUnits,
    mutTrain,
    sequence,
    towards,
)
from evoprune.shrinking.counts import macs_left
from evoprune.training import train

DATA = torch.rand(40, 12, generator=torch.Generator().manual_seed(3))


def pair(seed: int = 0) -> Autoencoder:
    torch.manual_seed(seed)
    return Autoencoder([Encoder(mlp_encoder([12, 8, 4])), Decoder(mlp_decoder([4, 8, 12]))])


def smaller(seed: int = 0, amount: float = 0.5) -> Autoencoder:
    found = pair(seed)
    mutPruneUnits(found, amount)
    (made,) = mutCompact(found)
    return made


def widths(individual: Autoencoder) -> list[int]:
    return [genome.module.get_parameter("0.weight").shape[0] for genome in individual]


def test_it_takes_out_in_place_what_changes_nothing() -> None:
    found = pair()
    mutPruneUnits(found, 0.5)
    found.fitness.values = (0.5,)
    kept, wanted = found.preserved, found(DATA)
    result = mutCompact(found)
    assert result[0] is found
    assert found.fitness.values == (0.5,)
    assert found.preserved == kept
    assert sum(widths(found)) < 16
    torch.testing.assert_close(found(DATA), wanted)
    (again,) = mutCompact(copy.deepcopy(found))
    assert again == found


def test_codes_stay_so_that_all_widths_meet() -> None:
    one, other = smaller(0, 0.3), smaller(1, 0.6)
    assert widths(one) != widths(other)
    for encoder in (one.encoder, other.encoder):
        for decoder in (one.decoder, other.decoder):
            assert Autoencoder([copy.deepcopy(encoder), copy.deepcopy(decoder)])(DATA).shape == DATA.shape
    tools.cxOnePoint(one, other)
    assert all(found(DATA).shape == DATA.shape for found in (one, other))
    train([one, other], [DATA], "mse")


def test_weights_of_different_widths_meet_where_they_were() -> None:
    one, other = smaller(0, 0.3), smaller(1, 0.6)
    whole = [copy.deepcopy(one), copy.deepcopy(other)]
    for individual in whole:
        for genome in individual:
            expand(genome)
    for couple in ([one, other], whole):
        random.seed(4)
        cxUniformWeights(couple[0], couple[1])
    assert [one, other] == whole
    assert widths(one) == widths(other) == [8, 8]


def test_a_population_of_different_widths_in_a_stock_algorithm() -> None:
    probability = ScheduledProbability(Fixed(1.0), 5)
    prune = towards(mutPruneUnits, 0.5, probability)
    stats = tools.Statistics(lambda individual: individual.preserved)
    stats.register("mutpb", probability.observe)
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate, data=DATA)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("mate", tools.cxOnePoint)
    train_one = lambda individual: mutTrain(individual, data=DATA, loss="mse")  # noqa: E731
    toolbox.register("mutate", sequence(train_one, gated(prune, probability), mutCompact))
    front = tools.HallOfFame(1, similar=similar)
    random.seed(1)
    population = [pair(seed) for seed in range(4)]
    found, _ = algorithms.eaSimple(population, toolbox, 0.5, 1, 5, stats=stats, halloffame=front, verbose=False)
    assert all(individual.fitness.valid and sum(widths(individual)) < 16 for individual in found)


@pytest.mark.parametrize("target", [0.3, 0.6])
def test_towards_a_share_of_the_macs(target: float) -> None:
    probability, found = ScheduledProbability(Fixed(1.0), 4), pair()
    prune = towards(
        lambda one, amount: mutPruneUnits(one, amount, measure="macs", samples=DATA),
        target,
        probability,
        left=lambda one: macs_left(one, DATA),
    )
    shares = []
    for _ in range(4):
        float(probability)
        prune(found)
        shares.append(macs_left(found, DATA))
        probability.observe()
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > target
    assert target - 0.1 < shares[-1] <= target


def test_what_is_no_stack_stays() -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.as_tensor(self.layer(x))

    found = Genome(Own())
    before = copy.deepcopy(found)
    assert mutCompact(found) == (found,)
    assert found == before
