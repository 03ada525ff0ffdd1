from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, genomes
from evoprune.operators import mutPruneMagnitude, mutPruneSynFlow
from evoprune.operators.prune_synflow import _flows, _straighten

X = torch.rand(3, 2)


def pair(nonlinearity: Any = nn.Sigmoid) -> Autoencoder:
    encoder, decoder = nn.Linear(2, 2), nn.Linear(2, 1)
    encoder.weight.data = torch.tensor([[1.0, -2.0], [-3.0, 4.0]])
    encoder.bias.data = torch.tensor([-1.0, 0.0])
    decoder.weight.data = torch.tensor([[-5.0, 1.0]])
    decoder.bias.data = torch.tensor([0.5])
    return Autoencoder([Encoder(nn.Sequential(encoder, nonlinearity())), Decoder(nn.Sequential(decoder, nn.Tanh()))])


def flows(individual: Any, samples: Tensor = X) -> list[Any]:
    found = copy.deepcopy(individual)
    for genome in genomes(found):
        _straighten(genome, True)
    return [score.tolist() for _, table in _flows(found, torch.ones_like(samples[:1])) for score in table.values()]


FLOWS = [[[5.0, 10.0], [3.0, 4.0]], [5.0, -1.0], [[20.0, 7.0]], [0.5]]
"""Units get 1 + 2 + 1 and 3 + 4 and are read by 5 and 1; the bias that is zero carries nothing."""


@pytest.mark.parametrize("nonlinearity", [nn.ReLU, nn.Sigmoid, nn.Tanh, nn.GELU, nn.PReLU, lambda: nn.Softmax(1)])
def test_flows_by_hand_whatever_the_nonlinearity(nonlinearity: Any) -> None:
    assert flows(pair(nonlinearity)) == FLOWS


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(torch.sigmoid(self.last(F.relu(input=self.norm(self.first(x))))), 0.5)


def test_nonlinearities_and_norms_in_a_forward_of_ones_own() -> None:
    module = Own()
    module.first.load_state_dict(pair().encoder.module.get_submodule("0").state_dict())
    module.last.load_state_dict(pair().decoder.module.get_submodule("0").state_dict())
    assert flows(Genome(module)) == FLOWS


def test_flows_are_conserved_from_layer_to_layer() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 3, bias=False), nn.Tanh(), nn.Conv2d(3, 2, 2, bias=False), nn.Flatten())
    module.append(nn.Linear(8, 3, bias=False))
    sums = [torch.tensor(score).sum() for score in flows(Genome(module), torch.rand(2, 1, 5, 5))]
    assert torch.allclose(torch.stack(sums), sums[0], rtol=1e-6)


def masks(individual: Any) -> list[Any]:
    return [mask.tolist() for genome in genomes(individual) for mask in genome.masks.values()]


def test_one_round_takes_the_lowest() -> None:
    individual = pair()
    assert mutPruneSynFlow(individual, 0.3, X, rounds=1)[0] is individual
    # Of -1, 0.5, 3, 4, 5, 5, 7, 10 and 20 three would be -1, 0.5 and 3, but 0.5 is the last of its tensor.
    assert masks(individual) == [[[True, True], [False, False]], [True, False], [[True, True]], [True]]


def test_later_rounds_see_what_earlier_ones_have_left() -> None:
    # After 3 and 4, which cost 7 its flow, comes 7 in the place of 5.
    found = []
    for rounds in (1, 8):
        individual = pair()
        mutPruneSynFlow(individual, 4 / 9, X, rounds=rounds)
        found.append(masks(individual))
    assert found[0][0] == [[False, True], [False, False]]
    assert found[1] == [[[True, True], [False, False]], [True, False], [[True, False]], [True]]


def deep() -> Genome:
    """The last layer's weights are the smallest by far."""
    module = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8))
    with torch.no_grad():
        module.get_parameter("4.weight").mul_(1e-3)
    return Genome(module)


def test_it_keeps_paths_where_magnitude_empties_a_layer() -> None:
    one = deep()
    other = copy.deepcopy(one)
    mutPruneSynFlow(one, 0.9, X.repeat(1, 4))
    mutPruneMagnitude(other, 0.9, scope="global")
    assert int(one.masks["4.weight"].sum()) > 1 == int(other.masks["4.weight"].sum())
    assert one.sizes == other.sizes == (216 - round(0.9 * 216), 216)
    assert max(torch.tensor(flow).max() for flow in flows(one, X.repeat(1, 4))) > 0


@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_the_amount_is_of_what_was_there_before(scope: str) -> None:
    genome = deep()
    for left in (162, 122, 92):
        mutPruneSynFlow(genome, 0.25, X.repeat(1, 4), scope=scope, rounds=7)
        assert abs(genome.sizes[0] - left) <= (2 if scope == "tensor" else 0)


def test_not_persistent_is_of_all_entries() -> None:
    individual = pair()
    individual.encoder.prune("0.weight", torch.tensor([[False, True], [True, True]]))
    mutPruneSynFlow(individual, 0.25, X, persistent=False, scope="tensor", rounds=5)
    assert masks(individual)[0] == [[False, True], [True, True]]
    assert individual.encoder.module.get_parameter("0.weight").tolist() == [
        [0.0, -2.0],
        [-3.0, 4.0],
    ]  # one of four: it was zero
    mutPruneSynFlow(individual, 0.5, X, persistent=False, scope="tensor", rounds=5)
    assert individual.encoder.module.get_parameter("0.weight").tolist() == [[0.0, -2.0], [0.0, 4.0]]


def test_weights_that_are_not_finite() -> None:
    individual = pair()
    individual.encoder.module.get_parameter("0.weight").data[0, 1] = torch.nan
    individual.decoder.module.get_parameter("0.weight").data[0, 1] = torch.inf
    mutPruneSynFlow(individual, 0.3, X)
    # NaN and the zero go, and then 5 in front of the unit that is read by 5, not by infinity.
    assert masks(individual) == [[[False, False], [True, True]], [True, False], [[True, True]], [True]]


def test_the_individual_is_as_it_was_but_for_what_goes() -> None:
    individual = pair()
    individual.encoder.module.get_parameter("0.weight").requires_grad_(False)
    before, state = copy.deepcopy(individual), (random.getstate(), torch.get_rng_state())
    mutPruneSynFlow(individual, 0.0, lambda: X)
    assert individual == before
    assert individual.encoder.module.training
    assert [p.requires_grad for p in individual.encoder.module.parameters()] == [False, True]
    given: dict[str, Any] = {"amount": 0.5, "samples": X}
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"amount": 2}, ValueError, r"amount must be a number in \[0, 1\], got 2"),
        ({"scope": "pair"}, ValueError, "unknown scope"),
        ({"rounds": 0}, ValueError, "rounds must be a whole number of at least 1, got 0"),
        ({"samples": X[:, :1]}, ValueError, "reads 2 values a sample, but the data have 1"),
        ({"samples": None}, TypeError, "samples must be a tensor"),
    ]
    for settings, error, match in cases:
        with pytest.raises(error, match=match):
            mutPruneSynFlow(individual, **(given | settings))
    assert individual == before
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])


def test_what_holds_nothing_prunable() -> None:
    genome = Genome(nn.Sequential(nn.Linear(2, 1), nn.Tanh()), exclude=["0"])
    mutPruneSynFlow(genome, 0.5, X)
    assert genome.preserved == 1.0
