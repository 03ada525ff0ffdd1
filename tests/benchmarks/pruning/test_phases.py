"""Training in two phases: with the L1 step while there is pruning, then without it at a rate that falls."""

from typing import Any

import pytest

from evoprune.benchmarks.pruning.networks import initial_grid
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.training import phased
from tests.benchmarks.tiny import TINY

SETTINGS = TINY | {"generations": 11, "finetune": 0.5, "l1": 0.2, "finetune_rate": 0.1, "rate_sigma": 0.0}


class Spy:
    """Notes what it is called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, float]] = []

    def __call__(self, individuals: Any, optimizer: Any) -> None:
        one = individuals if hasattr(individuals, "fitness") else individuals[0]
        self.calls.append((optimizer.l1, one.learning_rate))


def calls(settings: Any, spy: Spy, single: bool) -> list[tuple[float, float]]:
    clock = settings.scheduled
    train = phased(settings, clock, spy, settings.learning_rate)
    grid = initial_grid(settings)
    before = [one.learning_rate for one in grid]
    for t in range(settings.generations):
        clock.seek(t)
        train(grid[0] if single else grid)
    assert [one.learning_rate for one in grid] == before
    return spy.calls


@pytest.mark.parametrize("single", [True, False])
def test_l1_while_pruning_and_a_falling_rate_after(single: bool):
    settings = make_settings(SETTINGS)
    found = calls(settings, Spy(), single)
    assert found[:6] == [(0.2, 0.01)] * 6  # t = 0..5, the last in which there is pruning
    assert [l1 for l1, _ in found[6:]] == [0.0] * 5
    assert [rate for _, rate in found[6:]] == pytest.approx([0.01 * (1 - k / 6) for k in range(1, 6)])


def test_the_rate_falls_no_further_than_to_its_share():
    settings = make_settings(SETTINGS, finetune_rate=0.6)
    assert min(rate for _, rate in calls(settings, Spy(), False)) == pytest.approx(0.006)


def test_those_without_a_rate_of_their_own_get_that_of_the_run():
    settings = make_settings(SETTINGS, algorithm="canonical", cells=1)
    (individual,) = initial_grid(settings)
    assert individual.learning_rate is None
    spy, clock = Spy(), settings.scheduled
    clock.seek(10)
    phased(settings, clock, spy, lambda age: 0.5 + age)(individual)
    assert spy.calls[0] == pytest.approx((0.0, 0.5 * (1 - 5 / 6)))
    assert individual.learning_rate is None


def test_nothing_is_wrapped_where_there_is_one_phase():
    spy = Spy()
    assert phased(make_settings(TINY), make_settings(TINY).scheduled, spy) is spy
