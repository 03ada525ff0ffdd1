"""Steps by hand, and what an optimizer remembers travels with the individual."""

import copy
import pickle

import pytest
import torch
from deap import tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.training import train
from evoprune.training.optimizers import OPTIMIZERS, SGD, Adam, AdamAnew, optimizer_for
from evoprune.training.stacking import stack

BATCHES = torch.rand(10, 5, 12, generator=torch.Generator().manual_seed(1))
BUILT_BY_TORCH = [
    (Adam(), lambda p, lr: torch.optim.Adam(p, lr)),
    (Adam((0.5, 0.9), 1e-4, 0.1), lambda p, lr: torch.optim.Adam(p, lr, (0.5, 0.9), 1e-4, 0.1)),
    (AdamAnew(), None),
    (SGD(), lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)),
]


def scalars(*weights):
    """A cell a weight, each a network of one parameter."""
    genomes = [Encoder(nn.Linear(1, 1, bias=False)) for _ in weights]
    for genome, weight in zip(genomes, weights, strict=True):
        nn.init.constant_(genome.module.get_parameter("weight"), weight)
    return genomes


def steps(optimizer, grads, rates=(0.1, 0.2)):
    """Weights of two cells that start at 1 and 2, after steps with the same gradient."""
    stacked = stack(scalars(1.0, 2.0), optimizer.moments, "cpu")
    step = optimizer.bind(stacked, torch.tensor(rates, dtype=torch.float64))
    with torch.no_grad():
        for grad in grads:
            stacked.grads["weight"].fill_(grad)
            step()
    return stacked.params["weight"].flatten().tolist()


def test_sgd_by_hand():
    assert steps(SGD(), [1.0]) == pytest.approx([0.9, 1.8])
    assert steps(SGD(), [1.0, 1.0]) == pytest.approx([0.9 - 0.19, 1.8 - 0.38])  # the second step is 1.9 times the rate
    assert steps(SGD(0.0), [1.0, 1.0]) == pytest.approx([0.8, 1.6])
    assert steps(SGD(0.0, 0.5), [1.0]) == pytest.approx([1 - 0.1 * 1.5, 2 - 0.2 * 2.0])


def test_adam_by_hand():
    assert steps(Adam(), [-3.0]) == pytest.approx([1.1, 2.2])  # the first step is the rate, whatever the gradient
    assert steps(Adam(eps=1.0), [1.0]) == pytest.approx([0.95, 1.9])
    # Means 0.5 and 0.5 * 0.5 - 0.5, unbiased by 1 - 0.25: -1/3; squares 1.
    assert steps(Adam((0.5, 0.9)), [1.0, -1.0]) == pytest.approx([0.9 + 0.1 / 3, 1.8 + 0.2 / 3])


def test_adam_anew_by_hand():
    assert steps(AdamAnew(), [2.0, -3.0, -3.0]) == pytest.approx([1.1, 2.2])
    assert steps(AdamAnew(eps=1.0), [3.0]) == pytest.approx([1 - 0.075, 2 - 0.15])
    assert steps(AdamAnew(), [0.0]) == [1.0, 2.0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values())
def test_a_rate_of_zero_moves_nothing(optimizer):
    assert steps(optimizer, [1.0, -2.0], (0.0, 0.0)) == [1.0, 2.0]


@pytest.mark.parametrize("bind", [Adam._fused, Adam._stacked])
@pytest.mark.parametrize("settings", [{}, {"betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.1}])
def test_both_ways_to_compute_adam_are_torchs(bind, settings):
    rates = torch.tensor([1e-3, 1e-2], dtype=torch.float64)
    genomes = [Encoder(mlp_encoder([6, 5, 3])) for _ in rates]
    stacked = stack(genomes, 2, "cpu")
    step = bind(Adam(**settings), stacked, rates)
    built = [
        torch.optim.Adam(g.module.parameters(), rate.item(), **settings) for g, rate in zip(genomes, rates, strict=True)
    ]
    for _ in range(12):
        for name, grad in stacked.grads.items():
            grad.copy_(torch.randn_like(grad))
            for i, genome in enumerate(genomes):
                genome.module.get_parameter(name).grad = grad[i].clone()
        with torch.no_grad():
            step()
        for optimizer in built:
            optimizer.step()
    for name, param in stacked.params.items():
        for i, genome in enumerate(genomes):
            torch.testing.assert_close(param[i], genome.module.get_parameter(name).detach(), rtol=1e-5, atol=1e-7)


def test_adam_whether_cells_go_in_step_or_not():
    rates = torch.tensor([1e-3, 1e-3, 1e-2, 1e-2, 1e-2, 1e-3], dtype=torch.float64)
    genomes = [Encoder(mlp_encoder([6, 5, 3])) for _ in rates]
    stacks = [stack(genomes, 2, "cpu") for _ in range(2)]
    for stacked in stacks:
        stacked.steps.copy_(torch.tensor([4, 4, 4, 0, 0, 4]))
    binds = [Adam()._fused(stacks[0], rates), Adam()._stacked(stacks[1], rates)]
    for _ in range(3):
        for name, grad in stacks[0].grads.items():
            stacks[1].grads[name].copy_(grad.copy_(torch.randn_like(grad)))
        with torch.no_grad():
            for step in binds:
                step()
    assert stacks[0].steps.tolist() == stacks[1].steps.tolist() == [7, 7, 7, 3, 3, 7]
    for name, param in stacks[0].params.items():
        torch.testing.assert_close(param, stacks[1].params[name], rtol=1e-5, atol=1e-7)


def make_pair():
    pair = Autoencoder([Encoder(mlp_encoder([12, 6, 4])), Decoder(mlp_decoder([4, 6, 12]))])
    pair.learning_rate = 1e-2
    return pair


def unpickled(pair):
    return pickle.loads(pickle.dumps(pair))


@pytest.mark.parametrize("travel", [copy.deepcopy, unpickled])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ten_steps_are_two_times_five_with_a_journey_between(optimizer, travel):
    stays = make_pair()
    stays.encoder.prune("0.weight", torch.rand(6, 12) < 0.5)
    travels = copy.deepcopy(stays)
    train([stays], BATCHES.unsqueeze(1), optimizer=optimizer)
    train([travels], BATCHES[:5].unsqueeze(1), optimizer=optimizer)
    travels = travel(travels)
    train([travels], BATCHES[5:].unsqueeze(1), optimizer=optimizer)
    assert travels == stays
    assert travels.encoder.steps == stays.encoder.steps == (0 if optimizer == "adam-anew" else 10)
    torch.testing.assert_close(travels.encoder.moments, stays.encoder.moments, rtol=0, atol=0)


def test_what_lives_with_the_individual():
    pair = make_pair()
    for optimizer, count in (("adam", 2), ("sgd", 1), ("adam-anew", 0)):
        train([pair], BATCHES.unsqueeze(1), optimizer=optimizer)
        for genome in pair:
            assert [len(m) for m in genome.moments.values()] == [count] * 4 * bool(count)
            assert genome.steps == 10 * bool(count)  # each change of the optimizer starts from nothing


@pytest.mark.parametrize(("first", "second"), [("adam", "sgd"), ("sgd", "adam"), ("adam", "adam-anew")])
def test_another_optimizer_starts_without_memory(first, second):
    pair = make_pair()
    train([pair], BATCHES.unsqueeze(1), optimizer=first)
    fresh = copy.deepcopy(pair)
    for genome in fresh:
        genome.moments, genome.steps = {}, 0
    train([pair], BATCHES.unsqueeze(1), optimizer=second)
    train([fresh], BATCHES.unsqueeze(1), optimizer=second)
    assert pair == fresh


def test_crossover_moves_the_memory_with_the_genome():
    pairs = [make_pair(), make_pair()]
    train(pairs, BATCHES.unsqueeze(1).expand(10, 2, 5, 12))
    train(pairs[1:], BATCHES.unsqueeze(1))
    moments = [pair.decoder.moments["2.weight"][0].clone() for pair in pairs]
    tools.cxOnePoint(*pairs)
    assert [pair.decoder.steps for pair in pairs] == [20, 10]
    assert [pair.encoder.steps for pair in pairs] == [10, 20]
    assert torch.equal(pairs[0].decoder.moments["2.weight"][0], moments[1])
    assert torch.equal(pairs[1].decoder.moments["2.weight"][0], moments[0])
    twins = [Autoencoder([copy.deepcopy(g) for g in pair]) for pair in pairs]
    for twin in twins:
        twin.learning_rate = 1e-2
    train(pairs, BATCHES[:, None].expand(10, 2, 5, 12))  # halves of unequal age train on together
    for pair, twin in zip(pairs, twins, strict=True):
        train([twin], BATCHES.unsqueeze(1))
        torch.testing.assert_close(pair.decoder.module.state_dict(), twin.decoder.module.state_dict())


def test_optimizers_by_name():
    own = Adam(weight_decay=0.1)
    assert optimizer_for(own) is own
    assert optimizer_for("adam-0.5") == Adam(betas=(0.5, 0.999))
    with pytest.raises(ValueError, match="unknown optimizer 'rmsprop'"):
        optimizer_for("rmsprop")
    for wrong in (torch.optim.Adam, Adam, None, torch.optim.Adam([torch.ones(1)])):
        with pytest.raises(TypeError, match=r"optimizer must be one of adam, .* or an object such as optimizers\.Adam"):
            optimizer_for(wrong)  # type: ignore[arg-type]
