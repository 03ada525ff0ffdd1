"""Runs on arrays: names of functions, when pruning ends, and which network a run gives."""

import math
from functools import partial
from typing import Any

import pytest
import torch

from evoprune.benchmarks.problems.array_problem import problem_of_arrays
from evoprune.benchmarks.pruning.arrays import Best, array_settings, begin, evolve, named, settled, threads
from evoprune.operators import OPERATORS, SCHEDULES, Exponential, mutPruneMagnitude

SMALL = {"network": "2-2", "loss": "mse", "output_activation": "identity", "cells": 2, "radius": 1, "batch_size": 4}


def settings(**options):
    given = {"operator": "magnitude", "operator_options": {}, "generations": 11, **SMALL, **options}
    return array_settings(problem_of_arrays(torch.rand(10, 3)), **given)


def test_a_function_has_a_name_within_the_block():
    known = dict(OPERATORS), dict(SCHEDULES)
    with named("operator", partial(mutPruneMagnitude, amount=0.5)) as one, named("operator", mutPruneMagnitude) as two:
        assert OPERATORS[two] is mutPruneMagnitude
        assert one != two
    with named("schedule", Exponential(0.5)) as schedule:
        course: Any = SCHEDULES[schedule]
        assert course(10, 10) == Exponential(0.5)(10, 10)
    assert (dict(OPERATORS), dict(SCHEDULES)) == known
    with named("operator", "variance") as name:
        assert name == "variance"


@pytest.mark.parametrize(
    ("options", "last"),
    [({"finetune": 0.2}, 9), ({"finetune": 0.0}, 11), ({"schedule": "prune-after", "finetune": 0.5}, 6)],
)
def test_when_pruning_ends(options, last):
    assert settled(settings(**options)) == last
    assert settled(settings(**options | {"operator": "none"})) == 0


@pytest.mark.parametrize("kernel", ["auto", "torch"])
def test_the_log_says_when_it_ended(kernel):
    state = begin(settings(kernel=kernel))
    with threads(1) as map_:
        evolve(state, map_, best := Best(), until=11)
    assert [row["gen"] for row in state.log if row["mutpb"]] == list(range(1, 10))
    assert state.log[-1]["validation_loss"] == best.loss
    assert any(best.network is one for one in state.grid)


def test_without_patience_the_last_generation_counts():
    best = Best()
    assert [best.see(i, i, loss) for i, loss in enumerate([3.0, 1.0, 2.0])] == [True] * 3
    assert (best.network, best.loss) == (2, 2.0)


def test_with_patience_the_best_since_pruning_ended():
    best = Best(patience=2, tol=0.5, settled=1)
    losses = [0.1, 0.2, 5.0, 4.8, 3.0, 2.9, math.nan]  # 4.8 falls too little, 3.0 enough, then nothing does
    assert [best.see(i, i, loss) for i, loss in enumerate(losses)] == [True] * 6 + [False]
    assert (best.network, best.loss) == (5, 2.9)


def test_threads_put_back_how_many_torch_has():
    torch.set_num_threads(2)
    try:
        with threads(2) as map_:
            assert map_(abs, [-1, 2]) == [1, 2]
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_run_may_go_on_with_another_grid():
    first = begin(settings())
    with threads(1) as map_:
        evolve(first, map_, Best(), until=4)
        again = begin(settings(), first.grid, first.log)
        evolve(again, map_, Best(), until=11)
        whole = begin(settings())
        evolve(whole, map_, Best(), until=11)
    assert [row["gen"] for row in again.log] == list(range(12))
    assert again.grid[0].preserved == whole.grid[0].preserved == pytest.approx(0.2, abs=0.1)
