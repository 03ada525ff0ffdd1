"""The last layer chooses anew which weights it keeps."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.evaluation import evaluate
from evoprune.individuals import genomes
from evoprune.masks import kept
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneMagnitude, mutPruneRandom, mutReselect, mutTrain
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.parts import Residual, plain

BITS = (torch.rand(60, 12, generator=torch.Generator().manual_seed(3)) < 0.5).float()
BITS[:, 6:] = BITS[:, :6]
TARGETS = torch.rand(60, 4, generator=torch.Generator().manual_seed(4))


def pair(sparse: float = 0.6) -> Autoencoder:
    made = Autoencoder([Encoder(mlp_encoder([12, 8, 5], "tanh")), Decoder(mlp_decoder([5, 8, 12], activation="tanh"))])
    mutPruneRandom(made, sparse, scope="global", rng=random.Random(1))
    return made


def alone() -> Genome:
    genome = Genome(mlp_decoder([12, 8, 12]))
    mutPruneRandom(genome, 0.6, rng=random.Random(1))
    return genome


def parts() -> Network:
    network = Network([Genome(plain(12, 8, 8, last=nn.Tanh())), Genome(nn.Sequential(nn.Linear(8, 12), nn.Sigmoid()))])
    mutPruneRandom(network, 0.6, rng=random.Random(1))
    return network


EVERYONE = pytest.mark.parametrize("make", [pair, alone, parts])


def last(individual: Any) -> dict[str, Tensor]:
    """The masks of the last layer."""
    return dict(list(genomes(individual)[-1].masks.items())[-2:])


def total(individual: Any) -> int:
    return sum(map(kept, last(individual).values()))


def by_hand(bias: bool = True) -> Genome:
    """Four rows read (1, 1), (1, -1), (-1, 1) and (-1, -1), the layer keeps two weights, and all are 0."""
    genome = Genome(nn.Sequential(nn.Linear(2, 2, bias=bias)))
    for name, parameter in genome.module.named_parameters():
        nn.init.zeros_(parameter)
        if name == "0.weight":
            genome.prune(name, torch.eye(2, dtype=torch.bool) if not bias else torch.tensor([[True, False]] * 2))
    return genome


CORNERS = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])


def test_a_choice_by_hand() -> None:
    # The first output is 3 times the second input, the second output 2 times the first: what is kept is wrong.
    genome = by_hand(bias=False)
    mutReselect(genome, CORNERS, CORNERS.flip(1) * torch.tensor([3.0, 2.0]), "mse", ridge=1e-9)
    assert genome.masks["0.weight"].tolist() == [[False, True], [True, False]]
    torch.testing.assert_close(genome.module.get_parameter("0.weight").data, torch.tensor([[0.0, 3.0], [2.0, 0.0]]))


def test_a_bias_is_a_weight_that_reads_1() -> None:
    # Four are kept, both biases among them. The second output is 5 x1 + 4 x2 + 3, the first 0.1 x1 + 0.1.
    genome = by_hand()
    wanted = torch.stack([0.1 * CORNERS[:, 0] + 0.05, 5 * CORNERS[:, 0] + 4 * CORNERS[:, 1] + 3], dim=1)
    mutReselect(genome, CORNERS, wanted, "mse", ridge=1e-9)
    assert genome.masks["0.weight"].tolist() == [[True, False], [True, True]]
    assert genome.masks["0.bias"].tolist() == [False, True]
    torch.testing.assert_close(genome.module.get_parameter("0.weight").data, torch.tensor([[0.1, 0.0], [5.0, 4.0]]))
    torch.testing.assert_close(genome.module.get_parameter("0.bias").data, torch.tensor([0.0, 3.0]))


@EVERYONE
@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_as_many_are_kept_and_the_loss_is_lower(make: Callable[[], Any], loss: str) -> None:
    individual = make()
    before, count = evaluate(individual, BITS, loss)[0], total(individual)
    front = copy.deepcopy([list(genome.module.parameters()) for genome in genomes(individual)])
    result = mutReselect(individual, BITS, loss=loss)
    assert result[0] is individual
    assert total(individual) == count
    assert evaluate(individual, BITS, loss)[0] < before
    for genome in genomes(individual):
        for name, mask in genome.masks.items():
            assert not genome.module.get_parameter(name).detach()[~mask].any()
    for old, genome in zip(front, genomes(individual), strict=True):
        now = list(genome.module.parameters())
        unchanged = now if genome is not genomes(individual)[-1] else now[:-2]
        assert all(torch.equal(a, b) for a, b in zip(old, unchanged, strict=False))
    assert not individual.fitness.valid


@EVERYONE
def test_training_keeps_to_the_new_masks(make: Callable[[], Any]) -> None:
    individual = make()
    mutReselect(individual, BITS)
    masks = {name: mask.clone() for name, mask in last(individual).items()}
    mutTrain(individual, BITS, loss="bce", optimizer="adam", batch_size=10)
    for name, mask in last(individual).items():
        assert torch.equal(mask, masks[name])
        assert not genomes(individual)[-1].module.get_parameter(name).detach()[~mask].any()


def test_a_mask_may_widen() -> None:
    individual = pair()
    before = {name: mask.clone() for name, mask in last(individual).items()}
    mutReselect(individual, BITS)
    assert any(bool((mask & ~before[name]).any()) for name, mask in last(individual).items())


def test_targets_of_another_width_and_functions_that_give_them() -> None:
    results = []
    for samples, targets in ((BITS, TARGETS), (lambda: BITS, lambda: TARGETS)):
        torch.manual_seed(1)
        genome = Genome(plain(12, 8, 4))
        mutPruneMagnitude(genome, 0.5)
        mutReselect(genome, samples, targets, "mse")
        results.append(genome)
    assert results[0] == results[1]
    assert evaluate(results[0], (BITS, TARGETS), "mse")[0] < float(TARGETS.var(0, correction=0).mean())


def test_samples_may_have_positions() -> None:
    flat, shaped = alone(), alone()
    shaped.load_state(flat.state())
    mutReselect(flat, BITS)
    mutReselect(shaped, BITS.view(6, 10, 12))
    for name, mask in last(flat).items():
        assert torch.equal(mask, last(shaped)[name])


def test_dead_units_get_nothing() -> None:
    individual = pair()
    decoder = individual.decoder
    for name in ("0.weight", "0.bias"):  # the first three units of the layer before
        keep = torch.ones_like(decoder.masks[name])
        keep[:3] = False
        decoder.prune(name, keep)
    count = total(individual)
    mutReselect(individual, BITS)
    assert not decoder.masks["2.weight"][:, :3].any()
    assert total(individual) == count


def test_units_that_are_always_the_same_leave_that_to_the_bias() -> None:
    individual = pair()
    decoder = individual.decoder
    keep = torch.ones_like(decoder.masks["0.weight"])
    keep[:3] = False
    decoder.prune("0.weight", keep)
    nn.init.ones_(decoder.module.get_parameter("0.bias"))
    mutReselect(individual, BITS)
    assert not decoder.masks["2.weight"][:, :3].any()
    assert decoder.masks["2.bias"].any()


def test_without_a_bias_a_unit_that_is_always_the_same_stands_for_it() -> None:
    genome = Genome(nn.Sequential(nn.Linear(2, 1, bias=False)))
    genome.prune("0.weight", torch.tensor([[True, False]]))
    mutReselect(genome, torch.tensor([[1.0, 2.0], [-1.0, 2.0]]), torch.tensor([[3.0], [3.0]]), "mse", ridge=1e-9)
    torch.testing.assert_close(genome.module.get_parameter("0.weight").data, torch.tensor([[0.0, 1.5]]))


def test_what_an_optimizer_remembers_of_the_layer_is_0_and_no_more() -> None:
    individual = pair()
    mutTrain(individual, BITS, loss="bce", optimizer="adam", batch_size=10)
    before = copy.deepcopy(individual)
    mutReselect(individual, BITS)
    decoder = individual.decoder
    assert all(not moment.any() for name in ("2.weight", "2.bias") for moment in decoder.moments[name])
    for name in ("0.weight", "0.bias"):
        for old, new in zip(before.decoder.moments[name], decoder.moments[name], strict=True):
            assert torch.equal(old, new)
    assert decoder.steps == before.decoder.steps
    assert individual.encoder.moments["0.weight"][0].any()


def test_the_same_again_and_nothing_is_drawn() -> None:
    individual = pair()
    other = pickle.loads(pickle.dumps(individual))
    state, numbers = random.getstate(), torch.get_rng_state()
    mutReselect(individual, BITS)
    mutReselect(other, BITS)
    assert individual == other
    assert random.getstate() == state
    assert torch.equal(torch.get_rng_state(), numbers)


def test_who_would_be_worse_stays_as_it_was() -> None:
    individual = pair()
    mutTrain(individual, BITS, loss="bce", optimizer="adam", learning_rate=0.01, batch_size=10, epochs=20)
    moments = copy.deepcopy(individual.decoder.moments)
    old = copy.deepcopy(individual)
    before = evaluate(individual, BITS, "bce")[0]
    mutReselect(individual, BITS, ridge=1e3)  # all weights next to 0
    assert evaluate(individual, BITS, "bce")[0] <= before
    assert individual == old
    for name, each in individual.decoder.moments.items():
        assert all(torch.equal(a, b) for a, b in zip(each, moments[name], strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_never_rises(seed: int) -> None:
    torch.manual_seed(seed)
    individual = pair()
    for _ in range(3):
        before, count = evaluate(individual, BITS, "bce")[0], total(individual)
        mutReselect(individual, BITS, width=2, candidates=2)
        assert evaluate(individual, BITS, "bce")[0] <= before * (1 + 1e-6)
        assert total(individual) == count
        mutTrain(individual, BITS, loss="bce", batch_size=10)


@pytest.mark.parametrize("make", [partial(pair, 0.0), alone], ids=["dense", "sparse"])
def test_who_keeps_more_than_an_output_may_get_stays_as_it_was(make: Callable[[], Any]) -> None:
    individual = make()
    old = copy.deepcopy(individual)
    mutReselect(individual, BITS, most=2)
    assert individual == old


def test_one_bias_stays_where_none_is_chosen() -> None:
    # The best three are the weights 3, 2 and 1: the least of them makes room for a bias of 0.
    genome = Genome(nn.Sequential(nn.Linear(2, 2)))
    genome.prune("0.weight", torch.tensor([[True, False], [False, True]]))
    genome.prune("0.bias", torch.tensor([True, False]))
    mutReselect(genome, CORNERS, CORNERS @ torch.tensor([[3.0, 0.0], [1.0, 2.0]]), "mse", ridge=1e-9)
    assert genome.masks["0.weight"].tolist() == [[True, False], [False, True]]
    assert genome.masks["0.bias"].tolist() == [True, False]
    torch.testing.assert_close(genome.module.get_parameter("0.weight").data, torch.diag(torch.tensor([3.0, 2.0])))
    assert genome.module.get_parameter("0.bias").tolist() == [0.0, 0.0]


def test_a_layer_does_not_lose_its_last_weight() -> None:
    genome = Genome(nn.Sequential(nn.Linear(2, 2)))
    genome.prune("0.weight", torch.tensor([[True, False], [False, False]]))
    genome.prune("0.bias", torch.tensor([True, False]))
    old = copy.deepcopy(genome)
    mutReselect(genome, CORNERS, torch.tensor([[5.0, 7.0]]).repeat(4, 1), "mse")
    assert genome == old


def test_a_network_that_has_diverged_stays_as_it_was() -> None:
    individual = pair()
    with torch.no_grad():
        individual.encoder.module.get_parameter("0.weight").fill_(float("nan"))
    old = copy.deepcopy(individual)
    mutReselect(individual, BITS)
    assert individual == old


def test_a_last_layer_that_has_diverged_is_made_anew() -> None:
    individual = pair()
    with torch.no_grad():
        individual.decoder.module.get_parameter("2.weight").fill_(float("nan"))
    individual.enforce()
    mutReselect(individual, BITS)
    assert evaluate(individual, BITS, "bce")[0] < 1


def test_double_precision_and_evaluation_mode() -> None:
    individual = pair()
    for genome in individual:
        genome.module.double()
    individual.encoder.module.train()
    mutReselect(individual, BITS.double())
    assert individual.encoder.module.training
    assert individual.decoder.module.get_parameter("2.weight").dtype == torch.float64
    assert not genomes(individual)[-1].module[2]._forward_pre_hooks  # type: ignore[index]


def frozen() -> Autoencoder:
    individual = pair()
    individual.decoder.module.get_parameter("2.bias").requires_grad_(False)
    return individual


def excluded() -> Genome:
    return Genome(mlp_decoder([12, 8, 12]), exclude=["2.bias"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (frozen, "the decoder's 2.bias does not learn"),
        (excluded, "the network's 2.bias is excluded from pruning"),
        (lambda: Genome(Residual(12, 12)), "last part is a plain stack of Linear layers .* is Residual"),
        (lambda: Genome(nn.Linear(12, 12)), "last part is a plain stack"),
        (lambda: Genome(plain(12, 12, last=nn.Tanh())), "got 'bce' behind Tanh"),
        (lambda: Genome(plain(12, 12)), "got 'bce' behind no nonlinearity"),
        (lambda: TiedAutoencoder(TiedNetwork([12, 8])), "last part is a plain stack"),
    ],
    ids=["frozen", "excluded", "residual", "no stack", "tanh", "no sigmoid", "tied"],
)
def test_other_networks_are_refused(make: Callable[[], Any], message: str) -> None:
    individual = make()
    old = copy.deepcopy(individual)
    with pytest.raises(ValueError, match=message):
        mutReselect(individual, BITS)
    assert individual == old


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"width": 0}, ValueError, "width must be a whole number of at least 1, got 0"),
        ({"candidates": 1.5}, ValueError, "candidates must be a whole number of at least 1, got 1.5"),
        ({"most": True}, ValueError, "most must be a whole number of at least 1, got True"),
        ({"ridge": 0.0}, ValueError, "ridge must be above 0"),
        ({"ridge": float("nan")}, ValueError, "ridge must be a number of at least 0, got nan"),
        ({"loss": "l1"}, ValueError, "loss must be one of bce behind Sigmoid, .* got 'l1'"),
        ({"samples": None}, TypeError, "samples must be a tensor"),
        ({"samples": BITS[:, :5]}, ValueError, "the encoder reads 12 values a sample, but the data have 5"),
        ({"samples": BITS / 0}, ValueError, "the samples hold NaN or infinite values"),
        ({"targets": BITS * torch.nan}, ValueError, "the targets hold NaN or infinite values"),
        ({"targets": BITS[:5]}, ValueError, "must agree"),
        ({"targets": BITS + 1}, ValueError, r"loss bce needs data in \[0, 1\]"),
        ({"targets": torch.arange(60)}, ValueError, "loss bce reads values, but the targets are classes"),
    ],
)
def test_what_it_cannot_take_is_refused_before_any_change(
    settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    individual = pair()
    old = copy.deepcopy(individual)
    with pytest.raises(error, match=message):
        mutReselect(individual, **{"samples": BITS, **settings})
    assert individual == old


@pytest.mark.parametrize("wrong", [None, 3, [], "pair", nn.Linear(12, 2)], ids=repr)
def test_what_is_no_individual_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
        mutReselect(wrong, BITS)
