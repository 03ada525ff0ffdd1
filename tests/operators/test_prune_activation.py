from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from torch import nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder
from evoprune.operators import mutCompact, mutPruneActivation, mutPruneMagnitude
from tests.parts import INPUTS, two

X = torch.tensor([[3.0, 0.0, 0.1], [-3.0, 0.0, 0.1]])


def pair() -> Autoencoder:
    """Of 3 + 0.05 - 1.05 and -3 + 0.05 - 1.05 the code is 0 and 2, in its order; its root mean square is sqrt(2)."""
    encoder, decoder = nn.Linear(3, 1), nn.Linear(1, 2)
    encoder.weight.data = torch.tensor([[-1.0, 5.0, 0.5]])
    encoder.bias.data = torch.tensor([-1.05])
    decoder.weight.data = torch.tensor([[0.5], [-2.0]])
    decoder.bias.data = torch.tensor([0.6, -0.8])
    return Autoencoder([Encoder(nn.Sequential(encoder, nn.ReLU())), Decoder(decoder)])


def weights(individual: Any) -> list[Any]:
    return [[round(v, 6) for v in p.flatten().tolist()] for genome in individual for p in genome.module.parameters()]


def test_a_share_of_every_tensor_by_hand() -> None:
    individual = pair()
    assert mutPruneActivation(individual, 0.5, X)[0] is individual
    # Of 3, 0 and 0.05 round(1.5) go, although 5 is the largest weight.
    assert weights(individual) == [[-1, 0, 0], [-1.05], [0, -2], [0, -0.8]]


def test_a_share_of_the_whole_individual_by_hand() -> None:
    # Scores 3, 0, 0.05; 1.05; 0.71, 2.83; 0.6, 0.8, of which round(3.2) go.
    individual = pair()
    mutPruneActivation(individual, 0.4, lambda: X, scope="global")
    assert weights(individual) == [[-1, 0, 0], [-1.05], [0.5, -2], [0, -0.8]]
    mutPruneActivation(individual, 0.2, X, scope="global")
    assert weights(individual) == [[-1, 0, 0], [-1.05], [0, -2], [0, -0.8]]


def test_balance_spares_the_smaller_matrix_but_no_biases() -> None:
    individual = pair()
    individual.decoder.module.get_parameter("bias").data = torch.tensor([0.75, -0.8])
    for balance, left in ((False, [[0, -2], [0.75, -0.8]]), (True, [[0.5, -2], [0, -0.8]])):
        found = copy.deepcopy(individual)  # 0.71 becomes 0.71 * sqrt(3 / 2) = 0.87
        mutPruneActivation(found, 0.4, X, scope="global", balance=balance)
        assert weights(found)[2:] == left


def test_balance_is_the_same_whether_dead_units_were_cut_away() -> None:
    whole = Genome(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 8)))
    unit = torch.arange(8) < 5
    whole.prune("0.weight", ~unit.view(8, 1).expand(8, 6))
    whole.prune("0.bias", ~unit)
    whole.prune("2.weight", ~unit.expand(4, 8))
    cut = copy.deepcopy(whole)
    mutCompact(cut)
    assert cut.masks["0.weight"].shape == (3, 6)
    for genome in (whole, cut):
        mutPruneActivation(genome, 0.4, INPUTS, scope="global", balance=True)
    assert torch.equal(whole.masks["0.weight"][5:], cut.masks["0.weight"])
    assert torch.equal(whole.masks["2.weight"][:, 5:], cut.masks["2.weight"])
    assert torch.equal(whole.masks["4.weight"], cut.masks["4.weight"])


def test_inputs_of_one_size_leave_magnitude() -> None:
    signs = torch.randint(0, 2, (9, 6)) * 2.0 - 1
    one, other = Genome(nn.Linear(6, 5)), Genome(nn.Linear(6, 5))
    other.module.load_state_dict(one.module.state_dict())
    mutPruneActivation(one, 0.4, signs, scope="global")
    mutPruneMagnitude(other, 0.4, scope="global")
    assert one == other


def test_not_persistent_sets_to_zero_once() -> None:
    individual = pair()
    mutPruneActivation(individual, 0.5, X, persistent=False)
    assert weights(individual) == [[-1, 0, 0], [-1.05], [0, -2], [0, -0.8]]
    assert individual.preserved == 1.0


def test_nothing_is_drawn_and_errors_come_first() -> None:
    individual, state = two(), random.getstate()
    before = copy.deepcopy(individual)
    mutPruneActivation(individual, 0.0, INPUTS)
    given: dict[str, Any] = {"amount": 0.5, "samples": INPUTS}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"amount": 2}, r"amount must be a number in \[0, 1\], got 2"),
        ({"scope": "pair"}, "unknown scope"),
        ({"balance": 1}, "balance must be True or False, got 1"),
        ({"samples": INPUTS[:, :3]}, "reads 6 values a sample, but the data have 3"),
    ]
    for settings, match in cases:
        with pytest.raises(ValueError, match=match):
            mutPruneActivation(individual, **(given | settings))
    assert individual == before
    assert random.getstate() == state
