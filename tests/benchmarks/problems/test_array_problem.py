"""A problem of tensors that are there: its splits, and which samples validate."""

import gc
import weakref

import numpy as np
import pytest
import torch

from evoprune.benchmarks.problems.array_problem import ArrayProblem, held_out, problem_of_arrays
from evoprune.benchmarks.problems.problem import SPLITS, validate
from evoprune.data import whole

INPUTS = torch.arange(12.0).view(6, 2)
LABELS = torch.tensor([0, 1, 0, 1, 0, 1])


def test_some_samples_validate_and_the_others_train():
    problem = problem_of_arrays(INPUTS, LABELS, "classification", 3, held_out=np.array([4, 1]))
    assert problem.train[:, 0].tolist() == [0, 4, 6, 10]
    assert problem.validation[:, 0].tolist() == problem.test[:, 0].tolist() == [8, 2]
    assert [whole(one).tolist() for split in SPLITS if (one := problem.targets(split)) is not None] == [
        [0, 0, 1, 1],
        [0, 1],
        [0, 1],
    ]
    assert (problem.inputs, problem.outputs, problem.name) == (2, 3, "arrays")
    validate(problem, 4)


def test_where_none_is_held_out_all_train_and_validate():
    problem = problem_of_arrays(INPUTS)
    assert problem.train is problem.validation is problem.test is INPUTS
    assert problem.targets("train") is None
    assert problem.outputs == 2


def test_values_and_what_is_missing():
    values = INPUTS[:, :1]
    assert problem_of_arrays(INPUTS, values, "regression").outputs == 1
    with pytest.raises(ValueError, match="has no values, so it cannot be a task of regression"):
        problem_of_arrays(INPUTS, task="regression").targets("train")


def test_it_is_equal_to_itself_alone_and_goes_with_the_last_who_has_it():
    problem = problem_of_arrays(INPUTS.clone(), LABELS, "classification", 2)
    assert problem != ArrayProblem(problem.held, "classification", 2)
    validate(problem, 4)
    inputs = weakref.ref(problem.train)
    del problem
    gc.collect()
    assert inputs() is None


@pytest.mark.parametrize(("count", "fraction", "expected"), [(100, 0.1, 10), (10, 0.1, 1), (9, 0.5, 0), (100, 0.0, 0)])
def test_how_many_are_held_out(count, fraction, expected):
    places = held_out(count, fraction, seed=1)
    assert len(set(places.tolist())) == len(places) == expected
    assert np.array_equal(places, held_out(count, fraction, seed=1))


def test_classes_are_held_out_alike():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    assert np.bincount(labels[held_out(100, 0.1, 0, labels)]).tolist() == [6, 3, 1]
    assert len(held_out(100, 0.01, 0, labels)) == 3  # as many as there are classes at least
    assert not len(held_out(100, 0.1, 0, np.where(np.arange(100) == 7, 3, labels)))  # a class of one
    assert not len(held_out(100, 0.99, 0, labels))  # each has to train
