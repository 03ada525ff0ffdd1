"""One parameter and one mask for both ways, under every operator, copy, pickle and training."""

import copy
import pickle
import random
from typing import Any

import pytest
import torch
from deap import base, creator, tools
from torch import nn

from evoprune.activations import ActivationProbe
from evoprune.evaluation import evaluate
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from evoprune.operators import OPERATORS, cxUniformWeights, mutTrain, mutZeroWeights
from evoprune.tied import TiedAutoencoder, TiedLinear, TiedNetwork, deepen, freeze
from evoprune.training import programs, train
from evoprune.training.linear_program import TiedProgram, tied_layers
from tests.evidence import taken


def pair(widths=(6, 4, 2), activation="relu", output="sigmoid") -> TiedAutoencoder:
    return TiedAutoencoder(TiedNetwork(widths, activation, output))


def part(individual: TiedAutoencoder, name: str) -> Any:
    return individual.network.get_submodule(name)


def check_tied(individual: TiedAutoencoder) -> None:
    network: Any = individual.network
    assert network.decoder[2].weight is network.encoder[0].weight
    assert network.decoder[0].weight is network.encoder[2].weight
    for name, mask in individual.encoder.masks.items():
        assert network.get_parameter(name)[~mask].eq(0).all()


def test_a_reconstruction_worked_out_by_hand():
    individual = pair((2, 1), output="identity")
    layer, back = part(individual, "encoder.0"), part(individual, "decoder.0")
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, -1.0]]))
        layer.bias.fill_(0.5)
        back.bias.copy_(torch.tensor([1.0, -1.0]))
    x = torch.tensor([[1.0, 1.0], [0.0, 3.0]])
    assert individual.code(x).tolist() == [[1.5], [0.0]]  # 2 - 1 + 0.5; -3 + 0.5 is cut off
    assert individual(x).tolist() == [[4.0, -2.5], [1.0, -1.0]]  # (1.5 * 2 + 1, 1.5 * -1 - 1); the bias alone
    assert evaluate(individual, x, "l1")[0] == pytest.approx((3 + 3.5 + 1 + 4) / 4)


def test_a_shared_weight_counts_once():
    individual = pair()
    assert individual.encoder.sizes == (6 * 4 + 4 * 2 + 4 + 2 + 4 + 6,) * 2
    assert individual.decoder.sizes == (0, 0)
    assert len(list(individual.network.parameters())) == 6


def test_a_mask_narrows_both_ways():
    individual = pair((2, 2), activation="tanh", output="identity")
    keep = torch.tensor([[True, False], [True, True]])
    individual.encoder.prune("encoder.0.weight", keep)
    zero, one = torch.zeros(1, 2), torch.eye(2)[:1]
    back = part(individual, "decoder.0")
    assert (back(one) - back(zero))[0, 1] == 0  # the first unit no longer reaches the second output
    forward = part(individual, "encoder.0")
    assert (forward(torch.eye(2)[1:]) - forward(zero))[0, 0] == 0  # nor the second input the first unit
    assert individual.preserved == 1 - 1 / 8


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_every_pruning_operator_takes_it(name, activation):
    individual = pair((16, 10, 4), activation)
    evidence = taken(OPERATORS[name], torch.rand(20, 16), amount=0.2, threshold=0.9)
    assert OPERATORS[name](individual, **evidence) == (individual,)
    assert individual.preserved < 1 or (name == "conjunctive" and activation == "tanh")
    masks = copy.deepcopy(individual.encoder.masks)
    mutTrain(individual, torch.rand(20, 16), loss="mse")
    check_tied(individual)
    assert all(torch.equal(masks[n], mask) for n, mask in individual.encoder.masks.items())


def test_the_probe_sees_both_ways_after_their_nonlinearity():
    individual, x = pair(), torch.rand(5, 6)
    found = ActivationProbe(x)(individual)
    network: Any = individual.network
    assert found["decoder"] == {}
    hidden = torch.relu(network.encoder[0](x))
    code = torch.relu(network.encoder[2](hidden))
    back = torch.relu(network.decoder[0](code))
    expected = {"encoder.0": hidden, "encoder.2": code, "decoder.0": back, "decoder.2": individual(x)}
    assert found["encoder"].keys() == expected.keys()
    assert all(torch.equal(found["encoder"][name], value) for name, value in expected.items())


@pytest.mark.parametrize("again", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_are_tied_among_themselves_and_free_of_the_original(again):
    individual = pair()
    OPERATORS["random"](individual, 0.3)
    mutTrain(individual, torch.rand(10, 6), loss="mse")
    other = again(individual)
    assert other == individual
    assert type(other) is TiedAutoencoder
    assert other.preserved == individual.preserved
    check_tied(other)
    before = part(individual, "encoder.0").weight.clone()
    mutTrain(other, torch.rand(10, 6), loss="mse")
    assert torch.equal(part(individual, "encoder.0").weight, before)
    check_tied(other)


def test_the_state_restores_it():
    individual, other = pair(), pair()
    OPERATORS["magnitude"](individual, 0.5)
    other.encoder.load_state(individual.encoder.state())
    assert other == individual
    check_tied(other)


def without_the_program(monkeypatch, individual, batches, loss):
    with monkeypatch.context() as patch:
        patch.setattr("evoprune.training.programs.tied_layers", lambda pair: [])
        return train(individual, batches, loss=loss, learning_rate=0.01)


@pytest.mark.parametrize(("loss", "output"), [("mse", "sigmoid"), ("bce", "sigmoid"), ("l1", "identity")])
@pytest.mark.parametrize(("widths", "frozen"), [((6, 4, 2), 0), ((4, 9, 3), 1), ((5, 5), 0)])
def test_the_program_agrees_with_autograd(monkeypatch, loss, output, widths, frozen):
    individuals = [pair(widths, "tanh", output) for _ in range(3)]
    for individual in individuals:
        freeze(individual.network, frozen)
        OPERATORS["random"](individual, 0.1)
    others = copy.deepcopy(individuals)
    batches = [torch.rand(3, 7, widths[0]) for _ in range(4)]
    losses = train(individuals, batches, loss=loss, learning_rate=0.01)
    expected = without_the_program(monkeypatch, others, batches, loss)
    assert torch.allclose(losses, expected, atol=1e-6)
    for one, other in zip(individuals, others, strict=True):
        for a, b in zip(one.network.parameters(), other.network.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-5)


def test_the_program_is_chosen_for_tied_networks_only():
    class Mine(TiedNetwork):
        def forward(self, x):
            return super().forward(x) * 2

    layers = tied_layers(pair())
    assert [kind for _, _, kind in layers] == [nn.ReLU, nn.ReLU, nn.ReLU, nn.Sigmoid]
    assert [weight for weight, _, _ in layers] == [f"encoder.{k}.weight" for k in (0, 2, 2, 0)]
    assert tied_layers(TiedAutoencoder(Mine((6, 4)))) == []
    assert tied_layers(pair(activation="gelu")) == []
    plain = Autoencoder([Encoder(nn.Sequential(nn.Linear(4, 2))), Decoder(nn.Sequential(nn.Linear(2, 4)))])
    assert tied_layers(plain) == []
    assert issubclass(TiedProgram, programs.LinearProgram)


def test_what_is_frozen_neither_learns_nor_mates_nor_mutates():
    shallow = pair((6, 4))
    OPERATORS["random"](shallow, 0.25)
    deep, mate = deepen(shallow, 2), deepen(shallow, 2)
    mutTrain(deep, torch.rand(30, 6), loss="mse", epochs=3)
    cxUniformWeights(deep, mate)
    mutZeroWeights(deep, 1.0)
    old: Any = shallow.network
    new: Any = deep.network
    assert new.widths == (6, 4, 2)
    for mine, theirs in ((new.encoder[0], old.encoder[0]), (new.decoder[2], old.decoder[0])):
        assert torch.equal(mine.weight, theirs.weight)
        assert torch.equal(mine.bias, theirs.bias)
    assert torch.equal(deep.encoder.masks["encoder.0.weight"], shallow.encoder.masks["encoder.0.weight"])
    assert torch.equal(deep.encoder.masks["decoder.2.bias"], shallow.encoder.masks["decoder.0.bias"])
    assert new.encoder[2].weight.eq(0).all()
    assert new.decoder[0].bias.eq(0).all()


def test_freezing_is_what_deepen_leaves():
    deep = deepen(deepen(pair((6, 5)), 4), 3)
    network = TiedNetwork((6, 5, 4, 3))
    freeze(network, 2)
    learns = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learns == {"encoder.4.weight", "encoder.4.bias", "decoder.0.bias"}
    assert learns == {name for name, parameter in deep.network.named_parameters() if parameter.requires_grad}


def test_deepening_keeps_the_class():
    creator.create("TiedIndividual", TiedAutoencoder, fitness=creator.create("Maximal", base.Fitness, weights=(1.0,)))
    try:
        assert type(deepen(creator.TiedIndividual(TiedNetwork((4, 3))), 2)) is creator.TiedIndividual
    finally:
        del creator.TiedIndividual, creator.Maximal


def test_deaps_crossover_of_lists_changes_nothing():
    a, b = pair(), pair()
    before = copy.deepcopy([a, b])
    random.seed(1)
    tools.cxOnePoint(a, b)
    assert [a, b] == before


def test_the_bias_back_has_torchs_bounds():
    layer = TiedLinear(nn.Linear(1000, 25))
    assert layer.weight.shape == (25, 1000)
    assert (layer.in_features, layer.out_features) == (25, 1000)
    assert 0.15 < layer.bias.abs().max() <= 0.2


@pytest.mark.parametrize(
    ("widths", "options", "message"),
    [
        ((4,), {}, "an input and an output size"),
        ((4, 0), {}, "width must be a whole number of at least 1"),
        ((4, 2), {"activation": "rely"}, "did you mean 'relu'"),
        ((4, 2), {"output": "sigmoyd"}, "did you mean 'sigmoid'"),
    ],
)
def test_what_cannot_be_built(widths, options, message):
    with pytest.raises(ValueError, match=message):
        TiedNetwork(widths, **options)


def test_what_cannot_be_wrapped():
    with pytest.raises(TypeError, match="wraps a TiedNetwork"):
        TiedAutoencoder(nn.Linear(2, 2))  # type: ignore[arg-type]
