"""What the paper's code does and what ours does, a test for every row of the design's table that operators answer for.

The numbers are worked out by hand from the descriptions in the table.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.activations import ActivationProbe
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder
from evoprune.operators import (
    Decrease,
    PruneAfter,
    ScheduledProbability,
    StepDecay,
    mutPruneConjunctive,
    mutPruneRandom,
    mutPruneVariance,
    mutTrain,
)


def ones(*layers: nn.Module) -> nn.Sequential:
    module = nn.Sequential(*layers)
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    return module


def pair() -> Autoencoder:
    """An encoder with 8 weights and 4 biases, a decoder with 8 weights."""
    encoder, decoder = ones(nn.Linear(2, 4), nn.ReLU()), ones(nn.Linear(4, 2, bias=False), nn.Sigmoid())
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def nonzero(individual: Autoencoder) -> list[int]:
    return [int(p.count_nonzero()) for genome in individual for p in genome.module.parameters()]


def train(individual: Autoencoder) -> None:
    mutTrain(individual, torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.3, 0.6]]), 0.01, epochs=3, batch_size=1)


@pytest.mark.parametrize("persistent", [False, True])
def test_after_pruning_training_moves_the_weights_again_or_does_not(persistent: bool) -> None:
    individual = pair()
    mutPruneRandom(individual, 0.5, persistent)
    assert nonzero(individual) == [4, 2, 4]
    train(individual)
    assert nonzero(individual) == ([4, 2, 4] if persistent else [8, 4, 8])


def test_random_reference_takes_its_share_of_all_entries_each_time() -> None:
    individual = pair()
    for _ in range(3):
        mutPruneRandom(individual, 0.25, persistent=False)
        assert nonzero(individual) == [6, 3, 6]
        for genome in individual:
            for parameter in genome.module.parameters():
                nn.init.ones_(parameter)  # as if training had moved all of them
    genome = Genome(ones(nn.Linear(1000, 1, bias=False)))
    for seed in (1, 2):
        mutPruneRandom(genome, 0.5, persistent=False, rng=random.Random(seed))
    assert genome.nonzero == pytest.approx(0.25, abs=0.04)  # half of the second share was zero already


def test_random_persistent_takes_its_share_of_the_survivors() -> None:
    individual = pair()
    # 2, 1 and 2 of 8, 4 and 8; then round(1.5) = 2 of 6 and round(0.75) = 1 of 3; then 1 of 4 and round(0.5) = 0 of 2
    for left in ([6, 3, 6], [4, 2, 4], [3, 2, 3]):
        mutPruneRandom(individual, 0.25)
        assert nonzero(individual) == left


def deviating() -> tuple[Genome, dict[str, Tensor]]:
    """Four units with the standard deviations 0, 1, 3 and 4 and 1000 weights each."""
    deviations = torch.tensor([0.0, 1.0, 3.0, 4.0])
    return Genome(ones(nn.Linear(1000, 4, bias=False))), {"0": torch.stack([deviations, -deviations])}


def test_variance_reference_high_variance_goes_whatever_the_amount() -> None:
    # s = 1 - std is 1, 0, -2, -3; scaled to [0, 1] it is 1, 3/4, 1/4, 0: the probability that a weight is kept.
    for amount in (0.0, 0.1, 1.0):
        genome, activations = deviating()
        mutPruneVariance(genome, amount, activations, persistent=False, rng=random.Random(1))
        rows = genome.module.get_parameter("0.weight").count_nonzero(1).tolist()
        assert rows[0] == 1000
        assert rows[3] == 0
        assert rows[1] == pytest.approx(750, abs=69)  # five standard deviations
        assert rows[2] == pytest.approx(250, abs=69)
        assert genome.preserved == 1.0


def test_variance_persistent_low_variance_goes_by_the_amount() -> None:
    # The draw's weights are 1, 3/4, 1/4, 0. Of 100 draws from 1000 each (hardly any depletion) 50, 37.5, 12.5 and 0.
    genome, activations = deviating()
    mutPruneVariance(genome, 0.025, activations, rng=random.Random(1))
    gone = [1000 - kept for kept in genome.masks["0.weight"].sum(1).tolist()]
    assert sum(gone) == 100
    assert gone[3] == 0
    assert gone[:3] == pytest.approx([50, 37.5, 12.5], abs=25)
    assert genome.preserved == 0.975


# Two units are below a tenth of the range on the first sample, one of them on the second as well, none on the third.
SAMPLES = torch.tensor([[0.0, 0.5, 10, 10], [0, 9, 10, 10], [10, 9, 0, 0]])


def test_conjunctive_reference_stops_when_one_unit_is_left_so_later_samples_cannot_save_it() -> None:
    genome = Genome(ones(nn.Linear(2, 4)))
    mutPruneConjunctive(genome, {"0": SAMPLES}, threshold=0.1, persistent=False)
    assert genome.module.get_parameter("0.weight").tolist() == [[0, 0], [1, 1], [1, 1], [1, 1]]
    assert genome.module.get_parameter("0.bias").tolist() == [0, 1, 1, 1]


def test_conjunctive_persistent_looks_at_every_sample() -> None:
    genome = Genome(ones(nn.Linear(2, 4)))
    mutPruneConjunctive(genome, {"0": SAMPLES}, threshold=0.1)
    assert genome.preserved == 1.0
    mutPruneConjunctive(genome, {"0": SAMPLES[:2]}, threshold=0.1)
    assert genome.module.get_parameter("0.weight").tolist() == [[0, 0], [1, 1], [1, 1], [1, 1]]
    assert genome.module.get_parameter("0.bias").tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("persistent", [False, True])
def test_conjunctive_a_constant_layer_marks_nothing(persistent: bool) -> None:
    genome = Genome(ones(nn.Linear(2, 4)))
    mutPruneConjunctive(genome, {"0": torch.full((3, 4), 0.7)}, persistent=persistent)
    assert int(genome.module.get_parameter("0.weight").count_nonzero()) == 8


@pytest.mark.parametrize(
    ("semantics", "decoder"),
    [("reference", [[3.0, -3.0]]), ("persistent", [[0.952574, 0.047426]])],  # the sigmoid of 3 and of -3
)
def test_activations_are_read_after_the_rectifier_and_before_or_after_the_sigmoid(
    semantics: str, decoder: list[list[float]]
) -> None:
    individual = Autoencoder(
        [
            Encoder(ones(nn.Linear(1, 2, bias=False), nn.ReLU(inplace=True))),
            Decoder(ones(nn.Linear(2, 2, bias=False), nn.Sigmoid())),
        ]
    )
    individual.encoder.module.get_parameter("0.weight").data[1] = -1.0
    individual.decoder.module.get_parameter("0.weight").data[1] = -1.0
    seen = ActivationProbe(torch.tensor([[3.0]]), semantics=semantics)(individual)
    assert seen["encoder"]["0"].tolist() == [[3, 0]]  # 3 and -3 before the rectifier
    assert torch.allclose(seen["decoder"]["0"], torch.tensor(decoder), atol=1e-6)


def test_preserved_is_reported_as_nonzeros_after_the_last_pruning_or_as_masks() -> None:
    reference, ours = pair(), pair()
    mutPruneRandom(reference, 0.25, persistent=False)
    mutPruneRandom(ours, 0.25)
    for individual in (reference, ours):
        train(individual)
    assert [genome.nonzero for genome in reference] == [9 / 12, 6 / 8]  # although training has moved all of them
    assert nonzero(reference) == [8, 4, 8]
    assert [genome.preserved for genome in reference] == [1, 1]
    assert [genome.nonzero for genome in ours] == [None, None]
    assert ours.preserved == 15 / 20


def test_preserved_counts_a_pruning_event_that_pruned_nothing() -> None:
    genome = Genome(ones(nn.Linear(2, 4)))
    mutPruneConjunctive(genome, {"0": torch.ones(3, 4)}, persistent=False)
    assert genome.nonzero == 1.0


def test_canonical_a_tenth_of_the_rate_every_quarter() -> None:
    decay = StepDecay(1e-5, every=400 // 4)
    assert [decay(age) for age in (0, 100, 200, 300, 399)] == pytest.approx([1e-5, 1e-6, 1e-7, 1e-8, 1e-8])


def test_decrease_starts_at_1_in_the_reference_and_at_the_probability_here() -> None:
    assert [Decrease(0.5, reference=True)(t, 4) for t in range(5)] == [1, 0.875, 0.75, 0.625, 0.5]
    assert [Decrease(0.5)(t, 4) for t in range(5)] == [0.5, 0.375, 0.25, 0.125, 0]


def test_prune_after_never_fires_where_T_is_the_number_of_epochs_and_here_fires_once() -> None:
    epochs, schedule = 400, PruneAfter(0.5)
    assert [schedule(t, epochs) for t in range(epochs)] == [0.0] * epochs
    assert [schedule(t, epochs - 1) for t in range(epochs)] == [0.0] * (epochs - 1) + [0.5]
    probability: Any = ScheduledProbability(schedule, epochs)
    seen = []
    for t in range(epochs):
        probability.seek(t)
        seen.append(probability.value)
    assert seen == [0.0] * (epochs - 1) + [0.5]
