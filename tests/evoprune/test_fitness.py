import copy
import math
import pickle
import random

import numpy as np
import pytest
import torch
from deap import creator, tools
from hypothesis import given, strategies as st

from evoprune import MinimizeLoss
from evoprune.fitness import WORST, finite

BROKEN = [float("nan"), float("inf"), float("-inf")]


class LossAndSize(MinimizeLoss):
    weights = (-1.0, -1.0)


class LossAndSparsity(MinimizeLoss):
    weights = (-2.0, 0.5)


class Individual:
    def __init__(self, *values, kind=MinimizeLoss):
        self.fitness = kind(values)


def test_smaller_is_better():
    assert MinimizeLoss((0.1,)) > MinimizeLoss((0.2,))
    assert MinimizeLoss((0.1,)).values == (0.1,)
    assert not MinimizeLoss((0.1,)).nonfinite


@pytest.mark.parametrize("value", BROKEN)
def test_what_is_not_finite_becomes_the_finite_worst(value):
    fitness = MinimizeLoss((value,))
    assert fitness.values == (WORST,)
    assert (fitness.valid, fitness.nonfinite, math.isfinite(WORST)) == (True, True, True)
    assert fitness < MinimizeLoss((torch.finfo(torch.float32).max,))
    assert np.isfinite(np.std([fitness.values, (0.1,)]))


@pytest.mark.parametrize("value", [1e39, 1e300, -1e300])
def test_what_no_float32_can_hold_counts_as_infinite(value):
    assert MinimizeLoss((value,)).nonfinite
    assert MinimizeLoss((value,)).values == (WORST,)


def test_the_largest_float32_does_not():
    assert not MinimizeLoss((torch.finfo(torch.float32).max,)).nonfinite


@given(st.floats())
def test_finite_is_the_value_or_the_worst(value):
    if abs(value) < 3.5e38:
        assert finite(value) == value
    elif not abs(value) < 1e39:
        assert finite(value) == WORST
    assert MinimizeLoss((value,)).values == (finite(value),)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.sampled_from(BROKEN))
def test_a_broken_individual_ranks_last(losses, broken):
    individuals = [Individual(loss) for loss in losses]
    worst = Individual(broken)
    assert tools.selBest([worst, *individuals], len(losses) + 1)[-1] is worst
    assert tools.selWorst([worst, *individuals], 1)[0] is worst


def test_a_broken_individual_loses_every_tournament_it_can():
    random.seed(0)
    population = [Individual(float("nan")), *(Individual(0.1 * i) for i in range(5))]
    winners = tools.selTournament(population, 500, tournsize=len(population) * 5)
    assert population[0] not in winners


@pytest.mark.parametrize("select", [tools.selNSGA2, tools.selSPEA2])
@pytest.mark.parametrize("values", [(float("nan"), 0.0), (float("inf"), 0.0), (0.0, float("nan"))])
def test_small_but_broken_is_not_on_the_pareto_front(select, values):
    good = [Individual(0.1 * i, 1.0 - 0.1 * i, kind=LossAndSize) for i in range(1, 6)]
    broken = Individual(*values, kind=LossAndSize)
    assert broken.fitness.values == (WORST, WORST)
    assert broken not in select([broken, *good], 5)
    assert all(individual.fitness.dominates(broken.fitness) for individual in good)


def test_maximized_objectives_get_their_own_worst():
    fitness = LossAndSparsity((float("nan"), 0.9))
    assert fitness.values == (WORST, -WORST)
    assert fitness.nonfinite
    assert fitness < LossAndSparsity((1.0, 0.0))
    assert LossAndSparsity((0.25, 0.5)).values == (0.25, 0.5)


def test_creator_makes_more_of_them():
    creator.create("FitnessOfTestFitness", MinimizeLoss, weights=(-1.0, 1.0))
    try:
        fitness = creator.FitnessOfTestFitness((float("nan"), 0.5))
        assert fitness.values == (WORST, -WORST)
        assert pickle.loads(pickle.dumps(fitness)).values == (WORST, -WORST)
    finally:
        del creator.FitnessOfTestFitness


@pytest.mark.parametrize("values", [(0.5,), (float("nan"),), ()])
def test_copies_and_pickles(values):
    fitness = MinimizeLoss(values)
    for new in (copy.deepcopy(fitness), pickle.loads(pickle.dumps(fitness))):
        assert type(new) is MinimizeLoss
        assert (new.values, new.valid, new == fitness) == (fitness.values, bool(values), True)


def test_deleting_the_values_makes_it_invalid():
    fitness = MinimizeLoss((float("nan"),))
    del fitness.values
    assert (fitness.valid, fitness.values, fitness.nonfinite) == (False, (), False)
    fitness.values = (0.25,)
    assert (fitness.valid, fitness.values) == (True, (0.25,))


@pytest.mark.parametrize("value", [torch.tensor(0.5), np.float32(0.5), 0.5])
def test_any_number_is_stored_as_a_float(value):
    fitness = MinimizeLoss((value,))
    assert type(fitness.values[0]) is float
    assert fitness.values == (0.5,)


def test_a_missing_comma_is_pointed_out():
    with pytest.raises(TypeError, match=r"must be a sequence such as \(loss,\), got 0\.5"):
        MinimizeLoss().values = 0.5


@pytest.mark.parametrize("values", [(0.5, 0.5), (float("nan"), 0.5)])
def test_the_number_of_objectives_must_fit(values):
    with pytest.raises(AssertionError, match="not the same length"):
        MinimizeLoss().values = values
