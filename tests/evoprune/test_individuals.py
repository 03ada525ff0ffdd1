"""Networks in parts as DEAP individuals; a bare genome is one too. Pairs of two parts: see test_autoencoder.py."""

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from deap import base, creator, tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, MinimizeLoss, Network, similar
from evoprune.genome import Autoencoder as Moved
from evoprune.individuals import genomes, names_of
from tests.parts import factor, one, plain, three, times, two


def test_a_network_is_a_list_of_genomes_applied_one_after_the_other():
    parts = times(2.0, 3.0, -1.0)
    network = Network(part for part in parts)
    assert isinstance(network, list)
    assert all(mine is given for mine, given in zip(network, parts, strict=True))
    assert network(torch.tensor([[1.0], [0.5]])).tolist() == [[-6.0], [-3.0]]
    assert type(network.fitness) is MinimizeLoss
    assert (network.learning_rate, network.seed, network.train_loss, network.age) == (None, None, None, 0)
    parts[1].age = 4
    assert network.age == 4


def test_the_cell_it_stands_in_travels_along_and_an_older_pickle_has_none():
    for individual in (two(), one()):
        assert individual.cell is None
        individual.cell = 3
        for twin in (copy.deepcopy(individual), copy.copy(individual), pickle.loads(pickle.dumps(individual))):
            assert twin.cell == 3
        assert individual == copy.deepcopy(individual)
        del vars(individual)["cell"]
        assert pickle.loads(pickle.dumps(individual)).cell is None


def test_one_part_is_enough():
    (part,) = times(2.0)
    network = Network([part])
    assert network(torch.ones(1, 1)).tolist() == [[2.0]]
    assert network != Network(times(3.0))
    assert network == Network(times(2.0))


def test_names_are_numbers_unless_a_class_has_others():
    class Classifier(Network):
        names = ("features", "head")

    assert Network(times(1, 2, 3)).names == ("0", "1", "2")
    assert Network(times(1)).names == names_of(times(1)[0]) == names_of(times(1)) == ("network",)
    assert Classifier(times(1, 2)).names == names_of(Classifier(times(1, 2))) == ("features", "head")
    with pytest.raises(ValueError, match=r"the parts of a Classifier are \('features', 'head'\), got 3 genomes"):
        Classifier(times(1, 2, 3))
    with pytest.raises(ValueError, match="the features gives 5 values a sample, but the head takes 4"):
        Classifier([Genome(nn.Linear(6, 5)), Genome(nn.Linear(4, 2))])


def test_what_parts_a_list_is_of():
    pair = [Encoder(nn.Linear(2, 1)), Decoder(nn.Linear(1, 2))]
    assert names_of(pair) == names_of(Autoencoder(pair)) == ("encoder", "decoder")
    assert names_of(times(1, 2)) == names_of(Network(times(1, 2))) == ("0", "1")
    genome = times(1)[0]
    assert [found is genome for found in genomes(genome)] == [True]
    assert genomes(Network([genome]))[0] is genome
    empty = Network(times(1))
    empty[:] = []
    for wrong in (None, [], [1], (genome,), "ab", nn.Linear(1, 1), empty):
        with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
            genomes(wrong)


REFUSED: dict[str, tuple[Callable[[], Any], Any, str]] = {
    "none": (list, ValueError, "a network needs at least one genome, got none"),
    "a module": (lambda: [nn.Linear(1, 1)], TypeError, "part network of a network must be a Genome, got Linear"),
    "no genome": (lambda: [*times(1, 2), None], TypeError, "part 2 of a network must be a Genome, got None"),
    "a genome": (lambda: times(1)[0], TypeError, "genomes must be a list of genomes, got Genome"),
    "a text": (lambda: "ab", TypeError, "genomes must be a list of genomes, got 'ab'"),
    "nothing": (lambda: None, TypeError, "genomes must be a list of genomes, got None"),
    "widths": (
        lambda: [*times(1), Genome(plain(1, 3)), Genome(plain(4, 2))],
        ValueError,
        "part 1 gives 3 values a sample, but part 2 takes 4",
    ),
    "twice": (lambda: [times(1)[0]] * 2, ValueError, "the genomes share a parameter, part 1's weight"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_network_is_refused(name: str):
    parts, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        Network(parts())


def test_a_parameter_in_two_parts_is_refused_wherever_they_stand():
    first, middle, last = times(1, 2, 3)
    last.module.weight = first.module.weight
    with pytest.raises(ValueError, match=r"share a parameter, part 2's weight"):
        Network([first, middle, last])


def test_parts_that_fit_only_together_are_assigned_together():
    network = two()
    network[:] = [Genome(plain(6, 2)), Genome(plain(2, 2)), Genome(plain(2, 4))]
    assert network.names == ("0", "1", "2")
    assert network(torch.rand(3, 6)).shape == (3, 4)


def test_preserved_counts_the_parameters_of_all_parts():
    network: Any = Network(
        [Genome(nn.Linear(3, 1, bias=False)), Genome(nn.Tanh()), Genome(nn.Linear(1, 5, bias=False))]
    )
    assert network.preserved == 1.0
    network[2].prune("weight", torch.tensor([[True], [False], [False], [False], [True]]))
    assert network.preserved == 5 / 8
    with torch.no_grad():
        network[2].module.weight.fill_(1.0)
    network.enforce()
    assert network[2].module.weight.flatten().tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]


def test_a_call_says_what_does_not_fit():
    with pytest.raises(ValueError, match=r"^part 0 reads 6 values a sample, but the data have 5$"):
        three()(torch.rand(2, 5))
    with pytest.raises(TypeError, match=r"refuses data of type torch.int64, try data.float\(\)"):
        three()(torch.ones(2, 6, dtype=torch.int64))
    network = two()
    network[:] = [Genome(plain(6, 5)), Genome(plain(3, 4))]
    with pytest.raises(ValueError, match=r"^part 0 gives 5 values a sample, but part 1 takes 3$"):
        network(torch.rand(2, 6))


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "clone": base.Toolbox().clone,
    "pickle": lambda individual: pickle.loads(pickle.dumps(individual)),
}


@pytest.mark.parametrize("make", [one, two, three])
@pytest.mark.parametrize("way", COPIES)
def test_all_of_an_individual_is_copied_and_nothing_is_shared(way, make):
    original: Any = make()
    first = genomes(original)[0]
    first.prune("0.weight", torch.arange(30).view(5, 6) % 2 == 0)
    first.age, first.steps = 5, 9
    original.fitness.values, original.notes = (0.5,), {"a": [1]}
    original.learning_rate, original.seed, original.train_loss = 1e-4, 77, 0.25
    new: Any = COPIES[way](original)
    assert (type(new), new) == (type(original), original)
    assert (new.fitness.values, new.notes, new.age) == ((0.5,), {"a": [1]}, 5)
    assert (new.learning_rate, new.seed, new.train_loss) == (1e-4, 77, 0.25)
    new.notes["a"].append(2)
    del new.fitness.values
    with torch.no_grad():
        for genome in genomes(new):
            for parameter in genome.module.parameters():
                parameter.fill_(1.0)
    assert original.notes == {"a": [1]}
    assert original.fitness.values == (0.5,)
    assert all(mine != theirs for mine, theirs in zip(genomes(new), genomes(original), strict=True))
    assert similar(original, copy.deepcopy(original))
    assert not similar(original, new)


def test_a_shallow_copy_has_the_same_genomes_in_a_list_of_its_own():
    original: Any = three()
    original.notes = ["x"]
    new = copy.copy(original)
    assert type(new) is Network
    assert all(mine is theirs for mine, theirs in zip(new, original, strict=True))
    assert vars(new)["notes"] is original.notes
    new.pop()
    assert len(original) == 3


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle(protocol: int):
    network = three()
    assert pickle.loads(pickle.dumps(network, protocol)) == network


def test_pairs_that_version_0_1_pickled_load():
    assert Moved is Autoencoder
    pair = Autoencoder([Encoder(nn.Linear(2, 1)), Decoder(nn.Linear(1, 2))])
    data = pickle.dumps(pair, 2)
    old = data.replace(b"cevoprune.individuals\nAutoencoder\n", b"cevoprune.genome\nAutoencoder\n")
    assert old != data
    assert type(pickle.loads(old)) is Autoencoder
    assert pickle.loads(old) == pair


def test_deap_builds_networks_of_classes_of_the_creator():
    creator.create("PartsFitness", base.Fitness, weights=(-1.0, 1.0))
    creator.create("PartsNetwork", Network, fitness=creator.PartsFitness)
    creator.create("PartsGenome", Genome, fitness=creator.PartsFitness)
    try:
        toolbox = base.Toolbox()
        toolbox.register("features", lambda: Genome(plain(6, 3)))
        toolbox.register("head", lambda: Genome(plain(3, 4)))
        toolbox.register("network", tools.initCycle, creator.PartsNetwork, (toolbox.features, toolbox.head))
        toolbox.register("population", tools.initRepeat, list, toolbox.network)
        first, second = toolbox.population(2)
        assert [type(first), len(first), type(first.fitness)] == [creator.PartsNetwork, 2, creator.PartsFitness]
        assert first != second
        for individual in (first, creator.PartsGenome(plain(6, 4))):
            individual.fitness.values = (1.0, 2.0)
            for way in COPIES.values():
                new = way(individual)
                # DEAP makes the class anew where it is unpickled.
                assert (type(new).__name__, new.fitness.values) == (type(individual).__name__, (1.0, 2.0))
                assert new == individual
    finally:
        del creator.PartsFitness, creator.PartsNetwork, creator.PartsGenome


def test_crossover_at_a_point_swaps_what_comes_after_a_part():
    one, other = Network(times(1, 2, 3)), Network(times(10, 20, 30))
    random.seed(0)
    tools.cxOnePoint(one, other)
    random.seed(0)
    at = random.randint(1, 2)
    expected = [[1, 2, 3][:at] + [10, 20, 30][at:], [10, 20, 30][:at] + [1, 2, 3][at:]]
    assert [[factor(genome) for genome in network] for network in (one, other)] == expected
    assert type(one) is Network
