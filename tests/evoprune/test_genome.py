import copy
import pickle
from typing import Any

import pytest
import torch
from deap import base, tools
from hypothesis import given, strategies as st
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, MinimizeLoss, similar
from evoprune.individuals import genomes
from evoprune.networks import mlp_decoder, mlp_encoder

KEEP = torch.tensor([[True, False, True], [False, True, True]])
OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda parameters: torch.optim.Adam(parameters, 0.1, weight_decay=0.1),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, 0.1, weight_decay=0.1),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, 0.1, momentum=0.9, weight_decay=0.1),
}


def linear(weight=((1.0, -2.0, 3.0), (4.0, 5.0, -6.0)), bias=(0.5, -0.25)):
    """A genome of two units and three inputs."""
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return Genome(layer)


def step(genome, optimizer, x):
    optimizer.zero_grad()
    genome.module(x).square().sum().backward()
    optimizer.step()


def test_a_new_genome_keeps_everything():
    genome = Genome(mlp_encoder([4, 3, 2]), exclude=["2.bias"])
    assert {name: tuple(mask.shape) for name, mask in genome.masks.items()} == {
        "0.weight": (3, 4),
        "0.bias": (3,),
        "2.weight": (2, 3),
    }
    assert all(mask.dtype == torch.bool and mask.all() for mask in genome.masks.values())
    assert (genome.preserved, genome.sizes, genome.age) == (1.0, (21, 21), 0)
    assert (genome.nonzero, genome.moments, genome.steps) == (None, {}, 0)
    assert type(genome.fitness) is MinimizeLoss
    assert not genome.fitness.valid
    assert repr(genome) == "Genome(21 prunable parameters, 100.0% preserved, age 0)"


def test_it_takes_the_module_as_it_is_and_runs_it():
    layer = nn.Linear(3, 2)
    genome = Genome(layer)
    assert genome.module is layer
    assert torch.equal(genome(torch.ones(1, 3)), layer(torch.ones(1, 3)))


def test_where_nothing_is_prunable_all_is_preserved():
    assert Genome(nn.ReLU()).preserved == 1.0


@pytest.mark.parametrize("thing", [None, torch.ones(2), nn.Linear, [nn.Linear(1, 1)]])
def test_only_modules_make_genomes(thing):
    with pytest.raises(TypeError, match=r"a genome wraps a torch\.nn\.Module"):
        Genome(thing)


def test_a_lazy_module_is_called_first():
    module = nn.Sequential(nn.LazyLinear(4))
    with pytest.raises(ValueError, match="parameters without a shape: call it once on data first, got Sequential"):
        Genome(module)
    module(torch.rand(1, 3))
    assert Genome(module).sizes == (16, 16)


def test_exclude_names_must_be_there():
    with pytest.raises(ValueError, match=r"cannot exclude \['1'\]"):
        Genome(mlp_encoder([3, 2]), exclude=["1"])


def test_pruning_by_hand():
    genome = linear()
    genome.prune("weight", KEEP)
    assert genome.module.weight.tolist() == [[1.0, 0.0, 3.0], [0.0, 5.0, -6.0]]
    assert genome.module.bias.tolist() == [0.5, -0.25]
    assert genome.preserved == 6 / 8
    genome.prune("weight", ~KEEP | torch.tensor([True, False, False]))  # narrows, never widens
    assert genome.masks["weight"].tolist() == [[True, False, False], [False, False, False]]
    assert genome.module.weight.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert genome.preserved == 3 / 8


def test_the_largest_survivor_stays():
    genome = linear()
    genome.prune("weight", KEEP & torch.tensor([True, True, False]))  # the -6 goes as well
    genome.prune("weight", torch.zeros(2, 3, dtype=torch.bool))
    assert genome.module.weight.tolist() == [[0.0, 0.0, 0.0], [0.0, 5.0, 0.0]]
    genome.prune("bias", torch.zeros(2, dtype=torch.bool))
    assert genome.module.bias.tolist() == [0.5, 0.0]


def test_the_last_survivor_is_counted_row_by_row_whatever_the_strides():
    layer: Any = nn.Conv2d(2, 2, 2)
    nn.init.zeros_(layer.weight)
    layer.weight.data[1, 0, 1, 0] = -3.0
    genome = Genome(layer.to(memory_format=torch.channels_last))
    genome.prune("weight", torch.zeros(2, 2, 2, 2, dtype=torch.bool))
    assert genome.masks["weight"].nonzero().tolist() == [[1, 0, 1, 0]]
    assert layer.weight[1, 0, 1, 0] == -3.0


def test_nan_does_not_survive_for_its_size():
    genome = linear(bias=(float("nan"), 0.1))
    genome.prune("bias", torch.zeros(2, dtype=torch.bool))
    assert genome.module.bias.tolist() == [0.0, pytest.approx(0.1)]


@pytest.mark.parametrize("method", ["prune", "zero"])
@pytest.mark.parametrize(
    "keep", [torch.ones(2, 3), torch.ones(3, dtype=torch.bool), torch.ones(2, 1, dtype=torch.bool), [[True] * 3] * 2]
)
def test_keep_must_be_boolean_and_of_the_parameters_shape(method, keep):
    genome = linear()
    with pytest.raises(ValueError, match=r"keep of 'weight' must be a bool tensor of shape \(2, 3\), got"):
        genome.prune("weight", keep) if method == "prune" else genome.zero({"bias": ~KEEP[:, 0], "weight": keep})
    assert genome == linear()


def test_only_prunable_parameters_are_pruned():
    with pytest.raises(KeyError, match=r"'2\.weight' is not prunable; prunable: weight, bias"):
        linear().prune("2.weight", KEEP)


@given(keeps=st.lists(st.lists(st.booleans(), min_size=6, max_size=6), max_size=5))
def test_masks_only_shrink_and_never_empty(keeps):
    genome = linear()
    for keep in keeps:
        before = genome.masks["weight"]
        genome.prune("weight", torch.tensor(keep).view(2, 3))
        assert not (genome.masks["weight"] & ~before).any()
        assert genome.masks["weight"].any()
        assert torch.equal(genome.module.weight != 0, genome.masks["weight"])
    assert genome.preserved == (int(genome.masks["weight"].sum()) + 2) / 8


def test_growing_by_hand():
    genome = linear()
    genome.prune("weight", KEEP)
    genome.moments = {"weight": (torch.ones(2, 3), torch.full((2, 3), 2.0)), "bias": (torch.ones(2),)}
    with torch.no_grad():
        genome.module.weight.fill_(7.0)  # somebody trained it without its masks
    genome.grow("weight", torch.tensor([[True, True, False], [False, False, False]]))
    assert genome.masks["weight"].tolist() == [[True, True, True], [False, True, True]]
    assert genome.module.weight.tolist() == [[7.0, 0.0, 7.0], [0.0, 7.0, 7.0]]
    assert [moment.tolist() for moment in genome.moments["weight"]] == [
        [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]],
        [[2.0, 0.0, 2.0], [0.0, 2.0, 2.0]],
    ]
    assert genome.moments["bias"][0].tolist() == [1.0, 1.0]
    assert genome.preserved == 7 / 8
    step(genome, torch.optim.SGD(genome.module.parameters(), 0.1), torch.ones(4, 3))
    genome.enforce()
    assert genome.module.weight[0, 1] != 0
    assert genome.module.weight[1, 0] == 0


def test_nothing_to_grow_changes_nothing():
    genome = linear()
    genome.grow("weight", KEEP)  # all of them are there
    assert genome == linear()
    genome.prune("weight", KEEP)
    before = copy.deepcopy(genome)
    genome.grow("weight", torch.zeros(2, 3, dtype=torch.bool))
    genome.grow("weight", KEEP)
    assert genome == before


def test_a_clone_of_what_grew_has_masks_of_its_own():
    genome = linear()
    genome.prune("weight", KEEP)
    clones = [copy.deepcopy(genome), pickle.loads(pickle.dumps(genome))]
    genome.grow("weight", ~KEEP)
    assert genome.preserved == 1.0
    assert [clone.preserved for clone in clones] == [6 / 8] * 2


@pytest.mark.parametrize(
    "back", [torch.ones(2, 3), torch.ones(3, dtype=torch.bool), torch.ones(2, 1, dtype=torch.bool), [[True] * 3] * 2]
)
def test_what_grows_must_be_boolean_and_of_the_parameters_shape(back):
    genome = linear()
    genome.prune("weight", KEEP)
    before = copy.deepcopy(genome)
    with pytest.raises(ValueError, match=r"back of 'weight' must be a bool tensor of shape \(2, 3\), got"):
        genome.grow("weight", back)
    with pytest.raises(KeyError, match=r"'2\.weight' is not prunable; prunable: weight, bias"):
        genome.grow("2.weight", KEEP)
    assert genome == before


@given(steps=st.lists(st.tuples(st.booleans(), st.lists(st.booleans(), min_size=6, max_size=6)), max_size=6))
def test_masks_only_widen_where_something_grows(steps):
    genome = linear()
    for grows, entries in steps:
        before, weight = genome.masks["weight"], genome.module.weight.detach().clone()
        chosen = torch.tensor(entries).view(2, 3)
        if grows:
            genome.grow("weight", chosen)
            assert torch.equal(genome.masks["weight"], before | chosen)
            assert torch.equal(genome.module.weight, weight)  # those that are back are 0 still
        else:
            genome.prune("weight", chosen)
            assert not (genome.masks["weight"] & ~before).any()
        assert not genome.module.weight[~genome.masks["weight"]].any()


def test_zeroing_once_leaves_the_masks():
    genome = linear()
    genome.zero({"weight": KEEP, "bias": torch.tensor([False, False])})
    assert genome.module.weight.tolist() == [[1.0, 0.0, 3.0], [0.0, 5.0, -6.0]]
    assert genome.nonzero == 4 / 8
    assert genome.preserved == 1.0
    step(genome, torch.optim.SGD(genome.module.parameters(), 0.1), torch.ones(4, 3))
    assert bool((genome.module.weight != 0).all())  # training moves them again
    assert genome.nonzero == 4 / 8  # as it was right after pruning


def test_enforcing_clears_weights_and_moments():
    genome = linear()
    genome.prune("weight", KEEP)
    genome.moments = {"weight": (torch.ones(2, 3), torch.full((2, 3), 2.0)), "bias": (torch.ones(2),)}
    with torch.no_grad():
        genome.module.weight.fill_(7.0)
    genome.enforce()
    assert genome.module.weight.tolist() == [[7.0, 0.0, 7.0], [0.0, 7.0, 7.0]]
    assert [moment.sum().item() for moment in genome.moments["weight"]] == [4.0, 8.0]
    assert genome.moments["bias"][0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_guarded_optimizer_leaves_masked_weights_at_zero(name):
    genome = linear()
    optimizer = OPTIMIZERS[name](genome.module.parameters())
    x = torch.rand(5, 3)
    step(genome, optimizer, x)  # momentum from before the pruning
    genome.prune("weight", KEEP)
    handle = genome.guard(optimizer)
    before = genome.module.weight.detach().clone()
    for _ in range(3):
        step(genome, optimizer, x)
        assert genome.module.weight[~KEEP].tolist() == [0.0, 0.0]
    assert bool((genome.module.weight[KEEP] != before[KEEP]).all())
    handle.remove()
    step(genome, optimizer, x)
    assert genome.module.weight[~KEEP].abs().min() > 0


def test_equality_is_network_weights_and_masks():
    genome = linear()
    assert genome == linear()
    assert genome != linear(bias=(0.5, 0.25))
    masked, zeroed = linear(bias=(0.0, 1.0)), linear(bias=(0.0, 1.0))
    masked.prune("bias", torch.tensor([False, True]))
    assert masked != zeroed  # same weights, other masks
    assert Genome(nn.Linear(2, 2), exclude="bias") != Genome(nn.Linear(2, 2))
    other = linear()
    other.age, other.steps, other.fitness.values, other.nonzero = 7, 8, (0.5,), 0.9
    assert other == genome
    assert genome != "a genome"


def test_equality_sees_the_nonlinearity_and_takes_nan_as_equal():
    torch.manual_seed(0)
    rectified = Genome(mlp_encoder([3, 2]))
    squashed = Genome(mlp_encoder([3, 2], activation="tanh"))
    squashed.module.load_state_dict(rectified.module.state_dict())
    assert rectified != squashed
    broken = linear(bias=(float("nan"), 1.0))
    assert broken == copy.deepcopy(broken)
    assert broken != linear(bias=(1.0, float("nan")))


@pytest.mark.parametrize("cls", [Genome, Encoder, Decoder])
def test_genomes_have_no_hash(cls):
    with pytest.raises(TypeError, match="unhashable"):
        hash(cls(nn.Linear(1, 1)))


class LossAndSize(base.Fitness):
    weights = (-1.0, -1.0)


def test_hall_of_fame_and_pareto_front_keep_one_of_equals():
    population = [linear(bias=(i, i)) for i in (0.0, 0.0, 1.0)]
    for genome, loss in zip(population, (0.1, 0.1, 0.2), strict=True):
        genome.fitness.values = (loss,)
    fame = tools.HallOfFame(3, similar=similar)
    fame.update(population)
    assert [genome.fitness.values for genome in fame] == [(0.1,), (0.2,)]
    fame[0].prune("bias", torch.tensor([True, False]))
    assert population[0].preserved == 1.0  # it keeps clones
    for genome, values in zip(population, ((0.1, 0.5), (0.1, 0.5), (0.2, 0.1)), strict=True):
        genome.fitness = LossAndSize(values)
    front = tools.ParetoFront(similar=similar)
    front.update(population)
    assert [genome.fitness.values for genome in front] == [(0.1, 0.5), (0.2, 0.1)]


def test_similar_is_picklable_by_name():
    assert pickle.loads(pickle.dumps(similar)) is similar


def test_the_genomes_of_an_individual():
    encoder, decoder = Encoder(mlp_encoder([4, 2])), Decoder(mlp_decoder([2, 4]))
    pair = Autoencoder([encoder, decoder])
    assert [genome is own for genome, own in zip(genomes(pair), (encoder, decoder), strict=True)] == [True, True]
    assert genomes(encoder)[0] is encoder
    things: list[Any] = [None, [], [1, 2], nn.Linear(1, 1), (encoder, decoder)]
    for thing in things:
        with pytest.raises(TypeError, match="expected a Genome or a Network of genomes"):
            genomes(thing)
