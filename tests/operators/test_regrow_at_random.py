"""What draws for weights that come back at random, and individuals that travel."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from evoprune.individuals import genomes
from evoprune.operators import mutPruneRandom, mutRegrow
from tests.evidence import BatchGradients
from tests.parts import INPUTS, one, one_in_a_list, residual, three, two

EVERYONE = pytest.mark.parametrize("make", [one, one_in_a_list, two, three, residual])


def masks(individual: Any) -> list[list[bool]]:
    return [mask.flatten().tolist() for genome in genomes(individual) for mask in genome.masks.values()]


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
def test_at_random_draws_once_from_the_global_random_whatever_the_amount(amount: float) -> None:
    individual = three()
    mutPruneRandom(individual, 0.5)
    random.seed(3)
    mutRegrow(individual, amount, "random")
    after = random.getstate()
    random.seed(3)
    random.getrandbits(63)
    assert random.getstate() == after


def test_by_gradients_draws_nothing_and_neither_does_a_source_of_ones_own() -> None:
    individual = two()
    mutPruneRandom(individual, 0.5)
    states = random.getstate(), torch.get_rng_state()
    mutRegrow(individual, 0.3, batch_gradients=BatchGradients(INPUTS))
    sources: list[Any] = [random.Random(1), np.random.default_rng(1), torch.Generator().manual_seed(1)]
    for source in sources:
        mutRegrow(individual, 0.3, "random", rng=source)
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])


@pytest.mark.parametrize("scope", ["global", "tensor"])
def test_at_random_the_source_decides(scope: str) -> None:
    start, found = three(), []
    mutPruneRandom(start, 0.5)
    for seed in (1, 1, 2):
        (grown,) = mutRegrow(copy.deepcopy(start), 0.5, "random", scope=scope, rng=random.Random(seed))
        found.append(masks(grown))
    assert found[0] == found[1] != found[2]


@EVERYONE
@pytest.mark.parametrize("settings", [{"batch_gradients": BatchGradients(INPUTS)}, {"score": "random"}])
def test_it_pickles_and_grows_the_same(make: Callable[[], Any], settings: dict[str, Any]) -> None:
    start, results = make(), []
    mutPruneRandom(start, 0.6)
    operator: Any = partial(mutRegrow, amount=0.5, **settings)
    for each in (operator, pickle.loads(pickle.dumps(operator))):
        random.seed(2)
        results.append(each(pickle.loads(pickle.dumps(start)))[0])
    assert results[0] == results[1] != start
    assert type(results[0]) is type(start)
