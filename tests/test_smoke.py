"""Whatever is registered works in a stock algorithm, and under no optimizer does anything come back to life."""

from functools import partial
from typing import Any

import pytest
import torch
from deap import algorithms, base, tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.evaluation import evaluate
from evoprune.fitness import WORST
from evoprune.losses import LOSSES
from evoprune.networks import ACTIVATIONS, MLP, NETWORKS, OUTPUTS, mlp_decoder, mlp_encoder
from evoprune.operators import OPERATORS, SCHEDULES, ScheduledProbability, gated, mutTrain, sequence
from evoprune.training import train
from evoprune.training.optimizers import OPTIMIZERS
from tests.evidence import taken
from tests.tied import TiedConvolutions


def pair():
    return Autoencoder([Encoder(mlp_encoder([20, 6, 3], "tanh")), Decoder(mlp_decoder([3, 6, 20], activation="tanh"))])


REGISTRIES: dict[str, dict[str, Any]] = {
    "operator": OPERATORS,
    "schedule": SCHEDULES,
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "network": NETWORKS,
    "activation": ACTIVATIONS,
    "output": OUTPUTS,
}
DEFAULTS = {"operator": "random", "schedule": "fixed", "optimizer": "adam", "loss": "l1", "activation": "relu"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in REGISTRIES.items() for name in names])
def test_every_entry_of_every_registry_in_a_stock_algorithm(kind, name):
    chosen = DEFAULTS | {"output": "sigmoid", kind: name}
    operator, x = OPERATORS[chosen["operator"]], torch.rand(12, 16)  # perhaps images of 4 x 4
    x = x.round() * 2 - 1 if chosen["loss"] == "hinge" else x  # which reads -1 and 1
    recipe = NETWORKS[name] if kind == "network" else MLP((6,), 3, chosen["activation"], chosen["output"])
    encoder, decoder = recipe.build(16)
    prune = partial(operator, **taken(operator, x, amount=0.3, threshold=0.9))
    probability = ScheduledProbability(SCHEDULES[chosen["schedule"]](1.0), 3)
    train_one = partial(mutTrain, data=x, loss=chosen["loss"], optimizer=chosen["optimizer"])
    toolbox, stats = base.Toolbox(), tools.Statistics()
    toolbox.register("mutate", sequence(train_one, gated(prune, probability)))
    toolbox.register("evaluate", evaluate, data=x, loss=chosen["loss"])
    toolbox.register("select", tools.selBest)
    stats.register("probability", probability.observe)
    individual = Autoencoder([Encoder(encoder), Decoder(decoder)])
    (last,), log = algorithms.eaSimple([individual], toolbox, 0, 1, 3, stats, verbose=False)
    assert last.age == 3
    assert last.fitness.values[0] < WORST
    assert max(log.select("probability")) > 0  # every schedule fires by its end
    if log[-1]["probability"] == 1 and chosen["operator"] != "conjunctive":
        assert last.preserved < 1


@pytest.mark.parametrize("kind", ["pair", "convolutional"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_is_pruned_stays_zero_under_every_optimizer(optimizer, kind):
    torch.manual_seed(0)
    x = torch.rand(6, 20)
    individual = pair()  # with tanh no unit can be dead
    if kind == "convolutional":
        x = torch.rand(1, 6, 1, 6, 6)
        decoder = nn.Sequential(nn.Linear(5, 36), nn.Unflatten(1, (1, 6, 6)))
        individual = Autoencoder([Encoder(TiedConvolutions(6)), Decoder(decoder)])
    train([individual], [x] * 3, optimizer=optimizer, learning_rate=0.01)  # moments from before the pruning
    OPERATORS["magnitude"](individual, amount=0.5)
    kept = [{n: genome.module.get_parameter(n)[m].clone() for n, m in genome.masks.items()} for genome in individual]
    for _ in range(2):
        train([individual], [x] * 3, optimizer=optimizer, learning_rate=0.01)
        for genome in individual:
            for name, mask in genome.masks.items():
                assert not mask.all()
                assert bool((genome.module.get_parameter(name)[~mask] == 0).all())
                assert all(bool((moment[~mask] == 0).all()) for moment in genome.moments.get(name, ()))
    moved = [
        not torch.equal(genome.module.get_parameter(name)[genome.masks[name]], old)
        for genome, table in zip(individual, kept, strict=True)
        for name, old in table.items()
    ]
    assert sum(moved) >= len(moved) - 1  # the rest did train; a bias before normalization need not
