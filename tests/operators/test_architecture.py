"""Operators on architectures: whatever they do, a valid architecture of the space comes out, with the same code."""

import copy
import random
from collections import Counter

import pytest
from deap import algorithms, base, tools
from hypothesis import given, strategies as st

from evoprune.architecture import Architecture, Conv, Linear, fault, parse_architecture
from evoprune.operators import (
    Space,
    cxOnePointLayers,
    mutActivation,
    mutArchitecture,
    mutDeleteLayer,
    mutInsertLayer,
    mutResizeLayer,
    random_architecture,
)

MUTATIONS = [mutActivation, mutArchitecture, mutDeleteLayer, mutInsertLayer, mutResizeLayer]
SPACE = Space((1, 8, 8), 10, channels=(4, 8), kernels=(3, 5), strides=(1, 2), widths=(16, 32, 64))


def sizes(largest: int) -> st.SearchStrategy:
    return st.lists(st.integers(1, largest), min_size=1, max_size=3, unique=True).map(tuple)


def limits() -> st.SearchStrategy:
    return st.tuples(st.integers(0, 2), st.integers(0, 2)).map(lambda pair: (pair[0], sum(pair)))


@st.composite
def spaces(draw) -> Space:
    """Spaces that hold something; the others say so, which another test looks at."""
    shape = tuple(draw(st.integers(1, most)) for most in (3, 9, 9))
    options = {
        "code": draw(st.integers(1, 6)),
        "activations": draw(st.sampled_from([("relu",), ("tanh", "sigmoid"), ("relu", "tanh", "leaky-relu")])),
        **{
            name: draw(sizes(largest))
            for name, largest in (("channels", 6), ("kernels", 5), ("strides", 3), ("widths", 40))
        },
        "convolutions": draw(limits()),
        "linear": draw(limits()),
    }
    try:
        return Space(shape, **options)
    except ValueError:
        return Space(shape, 1)


def check(individual: Architecture, space: Space) -> None:
    """All that holds for every member of a space."""
    assert fault(individual, space.shape, space.code) is None
    assert space.allows(individual)
    assert (individual.shape, individual.code) == (space.shape, space.code)
    assert individual.activation in space.activations
    for layer in individual:
        if isinstance(layer, Conv):
            assert (layer.channels in space.channels, layer.kernel in space.kernels) == (True, True)
            assert layer.stride in space.strides
        else:
            assert layer.width in space.widths
    convolutions = [isinstance(layer, Conv) for layer in individual]
    assert convolutions == sorted(convolutions, reverse=True)
    assert space.convolutions[0] <= sum(convolutions) <= space.convolutions[1]
    assert space.linear[0] <= len(individual) - sum(convolutions) <= space.linear[1]
    again = parse_architecture(individual.text)
    assert again == individual
    assert list(again) == list(individual)


@given(spaces(), st.integers(0, 2**32))
def test_whatever_the_operators_do_architectures_stay_valid(space, seed):
    rng = random.Random(seed)
    one, other = (random_architecture(space, rng) for _ in range(2))
    check(one, space)
    for mutate in rng.sample(MUTATIONS, len(MUTATIONS)):
        assert mutate(one, space, rng) == (one,)
        check(one, space)
        result = cxOnePointLayers(one, other, space, rng)
        assert result[0] is one
        assert result[1] is other
        check(one, space)
        check(other, space)


@given(st.integers(0, 2**32))
def test_every_mutation_changes_what_it_says(seed):
    rng = random.Random(seed)
    before = random_architecture(SPACE, rng)
    after = {mutate: mutate(copy.deepcopy(before), SPACE, rng)[0] for mutate in MUTATIONS}
    assert after[mutActivation].activation != before.activation
    assert list(after[mutActivation]) == list(before)
    if len(before) > 0:
        changed = [a != b for a, b in zip(before, after[mutResizeLayer], strict=True)]
        assert sum(changed) <= 1
        sizes = [vars(a).items() - vars(b).items() for a, b in zip(before, after[mutResizeLayer], strict=True)]
        assert sum(map(len, sizes)) == sum(changed)  # one size of it
        assert [type(layer) for layer in before] == [type(layer) for layer in after[mutResizeLayer]]
    if len(after[mutInsertLayer]) > len(before):
        places = range(len(before) + 1)
        made = after[mutInsertLayer]
        assert any([*made[:k], *made[k + 1 :]] == list(before) for k in places)
    if len(before) > 0:
        made = after[mutDeleteLayer]
        assert len(made) == len(before) - 1
        assert any([*before[:k], *before[k + 1 :]] == list(made) for k in range(len(before)))
    assert after[mutArchitecture] != before


@given(st.integers(0, 2**32))
def test_crossover_exchanges_what_follows_the_cuts(seed):
    rng = random.Random(seed)
    one, other = (random_architecture(SPACE, rng) for _ in range(2))
    first, second = list(one), list(other)
    activations = one.activation, other.activation
    cxOnePointLayers(one, other, SPACE, rng)
    assert (one.activation, other.activation) == activations
    assert Counter([*one, *other]) == Counter([*first, *second])  # nothing is lost, nothing is new
    assert any(
        (first[:i] + second[k:], second[:k] + first[i:]) == (list(one), list(other))
        for i in range(len(first) + 1)
        for k in range(len(second) + 1)
    )


def test_crossover_by_hand():
    """Each cut that makes two valid children comes up, and no other."""
    space = Space((1, 8, 8), 4, channels=(4,), kernels=(3,), strides=(1,), widths=(8, 16), convolutions=(0, 1))
    seen = set()
    for seed in range(60):
        one, other = space.make([Conv(4, 3), Linear(8)], "relu"), space.make([Linear(16)], "tanh")
        cxOnePointLayers(one, other, space, random.Random(seed))
        seen.add((one.text.split(";", 2)[2], other.text.split(";", 2)[2]))
    assert seen == {
        ("linear_64_16;linear_16_4", "conv_1_4_3;linear_144_8;linear_8_4"),
        ("conv_1_4_3;linear_144_16;linear_16_4", "linear_64_8;linear_8_4"),
        ("conv_1_4_3;linear_144_4", "linear_64_16;linear_16_8;linear_8_4"),
    }


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"code": 65}, "a code of 65 is larger than the 64 values"),
        ({"linear": (1, 2), "widths": (4, 8)}, "the code of 10 is larger than the 8 features"),
        ({"linear": (1, 2), "widths": (65,), "convolutions": (0, 0)}, "increases the features, which are 64"),
        ({"convolutions": (1, 2), "kernels": (9,)}, "does not fit into 8 x 8"),
        ({"convolutions": (4, 9), "kernels": (3,)}, "does not fit into 2 x 2"),
        ({"convolutions": (1, 1), "kernels": (7,), "channels": (2,)}, "the code of 10 is larger than the 8 features"),
    ],
)
def test_a_space_that_holds_nothing_is_an_error(space, message):
    with pytest.raises(ValueError, match=f"no architecture for 1 x 8 x 8 .*{message}"):
        Space((1, 8, 8), **({"code": 10} | space))


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"linear": (3, 2)}, "at least 3 and at most 2 layers contradict"),
        ({"channels": ()}, "channels must name at least one size"),
        ({"kernels": (0,)}, "kernels must be a whole number of at least 1, got 0"),
        ({"activations": ("rellu",)}, "did you mean 'relu'"),
        ({"activations": ()}, "activations must name at least one"),
    ],
)
def test_a_space_that_makes_no_sense(space, message):
    with pytest.raises(ValueError, match=message):
        Space((1, 8, 8), 10, **space)


def test_only_one_architecture_stays_what_it_is():
    space = Space((1, 1, 4), 2, activations=("relu",), convolutions=(0, 0), linear=(0, 0))
    one, other = random_architecture(space), random_architecture(space)
    for mutate in MUTATIONS:
        assert mutate(one, space)[0].text == "arch:1x1x4;relu;linear_4_2"
    assert cxOnePointLayers(one, other, space) == (one, other)


def test_they_draw_from_pythons_random_as_deaps_own_do():
    random.seed(5)
    first = mutArchitecture(random_architecture(SPACE), SPACE)[0]
    random.seed(5)
    assert mutArchitecture(random_architecture(SPACE), SPACE)[0] == first


def test_in_a_stock_algorithm():
    """Where the fitness is the number of parameters, architectures shrink."""
    toolbox = base.Toolbox()
    toolbox.register("individual", random_architecture, SPACE)
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", lambda individual: (float(individual.parameters),))
    toolbox.register("mate", cxOnePointLayers, space=SPACE)
    toolbox.register("mutate", mutArchitecture, space=SPACE)
    toolbox.register("select", tools.selBest)
    population = toolbox.population(n=8)
    smallest = min(individual.parameters for individual in population)
    population, _ = algorithms.eaMuPlusLambda(population, toolbox, 8, 8, 0.4, 0.5, 20, verbose=False)
    assert all(individual.parameters <= smallest for individual in population)
    assert all(individual.fitness.values == (individual.parameters,) for individual in population)
    assert min(individual.parameters for individual in population) < smallest / 2
    for individual in population:
        check(individual, SPACE)


@pytest.mark.parametrize("code", [0, -1, 1.5, True, "10", None])
def test_the_code_is_a_positive_whole_number(code):
    with pytest.raises(ValueError, match=f"code must be a whole number of at least 1, got {code!r}"):
        Space((1, 8, 8), code)
