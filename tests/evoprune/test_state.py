import io
from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Encoder
from evoprune.networks import mlp_encoder


def through_a_file(state):
    """Through torch's loader that runs no code."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def trained():
    genome: Any = Encoder(mlp_encoder([4, 3, 2]))
    genome.prune("0.weight", torch.rand(3, 4) < 0.5)
    genome.moments = {"0.weight": (torch.rand(3, 4), torch.rand(3, 4))}
    genome.enforce()
    genome.age, genome.steps, genome.nonzero = 3, 12, 0.5
    genome.fitness.values = (0.25,)
    genome.notes = {"seen": [1, 2], "mean": torch.ones(2), "pair": (1, None)}
    genome.function = print  # not a plain value
    return genome


def test_state_travels_without_unpickling_code():
    genome: Any = trained()
    new: Any = Encoder(mlp_encoder([4, 3, 2]))
    new.load_state(through_a_file(genome.state()))
    assert new == genome
    assert (new.age, new.steps, new.nonzero, new.fitness.values) == (3, 12, 0.5, (0.25,))
    assert [torch.equal(*both) for both in zip(*(g.moments["0.weight"] for g in (new, genome)), strict=True)] == [
        True
    ] * 2
    assert new.notes["seen"] == [1, 2]
    assert new.notes["pair"] == (1, None)
    assert torch.equal(new.notes["mean"], torch.ones(2))
    assert not hasattr(new, "function")


def test_state_is_a_snapshot_and_loading_copies_it():
    genome: Any = trained()
    new: Any = Encoder(mlp_encoder([4, 3, 2]))
    state = genome.state()
    new.load_state(state)
    before = through_a_file(state)
    for changed in (genome, new):
        changed.masks["0.bias"].zero_()
        changed.moments["0.weight"][0].fill_(9.0)
        changed.notes["seen"].append(3)
        changed.enforce()
        changed.module[2].weight.data.zero_()
    for key in ("weights", "masks"):
        assert all(torch.equal(state[key][name], tensor) for name, tensor in before[key].items())
    assert torch.equal(state["moments"]["0.weight"][0], before["moments"]["0.weight"][0])
    assert state["attributes"]["notes"]["seen"] == [1, 2]


def test_an_invalid_fitness_stays_invalid():
    fresh, used = Encoder(mlp_encoder([4, 3, 2])), trained()
    used.load_state(fresh.state())
    assert not used.fitness.valid
    assert (used.age, used.moments, used.preserved) == (0, {}, 1.0)


@pytest.mark.parametrize(
    ("module", "exclude", "message"),
    [
        (mlp_encoder([4, 3, 3]), (), "the stored masks do not fit"),
        (mlp_encoder([4, 3, 2]), ("0",), "the stored masks do not fit this network: .* another exclude"),
        (nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2)), (), "weights do not fit .* 1.bias, 1.num"),
    ],
)
def test_another_structure_is_refused_and_changes_nothing(module, exclude, message):
    genome = Encoder(module, exclude)
    weights = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        genome.load_state(trained().state())
    assert all(torch.equal(tensor, weights[name]) for name, tensor in module.state_dict().items())
    assert (genome.preserved, genome.age) == (1.0, 0)
