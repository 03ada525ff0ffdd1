"""Some more are pruned than wanted, and as many come back."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Tensor, nn

from evoprune import Genome
from evoprune.individuals import genomes
from evoprune.operators import (
    COURSES,
    Fixed,
    Rounds,
    ScheduledProbability,
    Until,
    exchange,
    gated,
    mutCompact,
    mutPruneMagnitude,
    mutPruneRandom,
    mutRegrow,
)
from tests.evidence import BatchGradients
from tests.parts import INPUTS, one, one_in_a_list, plain, residual, three, two

lowest = partial(mutPruneMagnitude, scope="global")
anywhere = partial(mutRegrow, score="random")
steepest = partial(mutRegrow, batch_gradients=BatchGradients(INPUTS))


def line(*values: float) -> Genome:
    layer = nn.Linear(len(values), 1, bias=False)
    layer.weight.data = torch.tensor([values])
    return Genome(layer)


def counts(individual: Any) -> tuple[int, int]:
    """How many weights are kept, and how many there once were."""
    left, total = zip(*(genome.sizes for genome in genomes(individual)), strict=True)
    return sum(left), sum(total)


def masks(individual: Any) -> list[Tensor]:
    return [mask.clone() for genome in genomes(individual) for mask in genome.masks.values()]


def never(individual: Any, amount: float) -> Any:
    pytest.fail(f"asked for {amount}")


def test_an_exchange_by_hand() -> None:
    # The first of two generations wants all 10: three tenths go, the lowest three, and as many come back from 0. The
    # second wants 4: six go.
    p = ScheduledProbability(Fixed(1.0), 2)
    genome = line(10.0, -9.0, 8.0, -7.0, 6.0, -5.0, 4.0, -3.0, 2.0, -1.0)
    genome.fitness.values = (0.5,)
    genome.moments = {"weight": (torch.ones(1, 10),)}
    operator = exchange(lowest, partial(anywhere, rng=random.Random(1)), 0.4, p)
    assert operator(genome)[0] is genome
    weight = genome.module.get_parameter("weight")
    assert genome.preserved == 1.0
    assert weight.tolist() == [[10.0, -9.0, 8.0, -7.0, 6.0, -5.0, 4.0, 0.0, 0.0, 0.0]]
    assert genome.moments["weight"][0].tolist() == [[1.0] * 7 + [0.0] * 3]
    p.seek(1)
    operator(genome)
    assert weight.tolist() == [[10.0, -9.0, 8.0, -7.0] + [0.0] * 6]
    assert genome.preserved == 0.4
    assert genome.fitness.values == (0.5,)


def test_half_way_half_the_share_is_exchanged() -> None:
    # Of 40 the linear course to 0.5 wants 30 in the second of three generations; 0.4 * (1 + cos(pi / 2)) / 2 are 6.
    asked: list[Any] = []

    def prune(genome: Genome, amount: float) -> tuple[Genome]:
        mutPruneMagnitude(genome, amount)
        asked.append(("prune", amount, counts(genome)[0]))
        return (genome,)

    def regrow(genome: Genome, amount: float) -> tuple[Genome]:
        mutRegrow(genome, amount, "random")
        asked.append(("regrow", amount, counts(genome)[0]))
        return (genome,)

    p = ScheduledProbability(Fixed(1.0), 3)
    p.seek(1)
    exchange(prune, regrow, 0.5, p, share=0.4, course="linear")(line(*map(float, range(1, 41))))
    assert asked == [("prune", pytest.approx(0.4), 24), ("regrow", pytest.approx(6 / 16), 30)]


@pytest.mark.parametrize("make", [one, one_in_a_list, two, three, residual])
@pytest.mark.parametrize("grow", [anywhere, steepest], ids=["random", "gradient"])
def test_every_generation_keeps_what_the_course_wants(make: Callable[[], Any], grow: Any) -> None:
    p = ScheduledProbability(Until(Fixed(1.0), 0.75), 13)  # t = 0..9 prune, of 12
    individual = make()
    operator, total = exchange(lowest, grow, 0.2, p), counts(individual)[1]
    for t in range(13):
        p.seek(t)
        operator(individual)
        left = COURSES["cubic"](0.2, min(1.0, t / 9)) * total
        assert abs(counts(individual)[0] - left) <= 0.5 + 1e-9


@settings(max_examples=60)
@given(
    target=st.floats(0.1, 1),
    share=st.floats(0, 0.99),
    course=st.sampled_from(sorted(COURSES)),
    generations=st.integers(1, 6),
    scopes=st.tuples(st.sampled_from(["tensor", "global"]), st.sampled_from(["tensor", "global"])),
)
def test_the_course_is_kept_to_the_weight_and_nothing_grows_at_the_end(
    target: float, share: float, course: str, generations: int, scopes: tuple[str, str]
) -> None:
    p = ScheduledProbability(Fixed(1.0), generations)
    individual, before = two(), 59
    prune, grow = partial(mutPruneMagnitude, scope=scopes[0]), partial(anywhere, scope=scopes[1])
    operator = exchange(prune, grow, target, p, share, course)
    slack = 0.5 + 1e-9 if scopes[0] == "global" else 2 + 1e-9  # each of four tensors is rounded by itself
    for t in range(generations):
        p.seek(t)
        last, old = t == generations - 1, masks(individual)
        operator(individual)
        left, found = 59 * (target if last else COURSES[course](target, t / (generations - 1))), counts(individual)[0]
        assert left - slack <= found <= max(4, left + slack)  # the last weight of a tensor stays
        assert found <= before
        if share and not last:
            assert found >= min(before, round(left))
        if last:
            assert not any(bool((new & ~mask).any()) for new, mask in zip(masks(individual), old, strict=True))
        before = found


def test_other_weights_are_there_than_before() -> None:
    p = ScheduledProbability(Until(Fixed(1.0), 0.5), 21)
    individual = two()
    mutPruneRandom(individual, 0.5, rng=random.Random(1))
    start, old = counts(individual)[0], masks(individual)
    exchange(lowest, partial(anywhere, rng=random.Random(2)), 0.1, p)(individual)
    grown = sum(int((new & ~mask).sum()) for new, mask in zip(masks(individual), old, strict=True))
    assert counts(individual)[0] == start
    assert 0 < grown <= round(0.3 * start)


@pytest.mark.parametrize("amount", [0.5, 0.9])
def test_who_is_sparse_already_keeps_as_many_as_it_has(amount: float) -> None:
    p = ScheduledProbability(Fixed(1.0), 11)
    individual = two()
    mutPruneRandom(individual, amount, rng=random.Random(1))
    start, history = counts(individual)[0], []
    operator = exchange(lowest, anywhere, 0.25, p, course="linear")
    for t in range(11):
        p.seek(t)
        operator(individual)
        history.append(counts(individual)[0])
    if amount == 0.9:
        assert history == [start] * 11
    else:
        assert history[:5] == [start] * 5  # at t = 5 the course wants 0.625 of all, at t = 7 0.475
        assert history[-1] == round(0.25 * 59)


def test_in_the_last_generation_nothing_is_asked_to_grow_even_if_rounding_left_too_few() -> None:
    p = ScheduledProbability(Fixed(1.0), 3)
    p.seek(2)
    individual = two()
    exchange(partial(mutPruneMagnitude, scope="tensor"), never, 0.5, p)(individual)
    assert counts(individual)[0] == 15 + 3 + 10 + 2
    genome = line(1.0, 2.0, 3.0)
    exchange(lowest, never, 0.45, p)(genome)  # 1.35 of 3
    assert counts(genome)[0] == 1


def test_a_share_of_0_only_prunes() -> None:
    p = ScheduledProbability(Fixed(1.0), 5)
    individual = two()
    operator = exchange(lowest, never, 0.2, p, share=0.0, course="linear")
    for t, left in enumerate([1.0, 0.8, 0.6, 0.4, 0.2]):
        p.seek(t)
        operator(individual)
        assert counts(individual)[0] == round(left * 59)


def test_between_rounds_it_catches_up() -> None:
    p = ScheduledProbability(Rounds(1.0, rounds=3), 9)  # t = 2 and t = 5
    individual = line(*map(float, range(1, 101)))
    operator, found = gated(exchange(lowest, anywhere, 0.2, p, course="geometric"), p), []
    for t in range(9):
        p.seek(t)
        operator(individual)
        found.append(counts(individual)[0])
    assert found == [100, 100, round(100 * 0.2 ** (2 / 5))] + [round(100 * 0.2 ** (2 / 5))] * 2 + [20] * 4


def smaller() -> Genome:
    """Six of eight hidden units are left, and all of their weights: 106 of 140."""
    genome, left = Genome(plain(12, 8, 4)), torch.arange(8) > 1
    genome.prune("0.weight", left.unsqueeze(1).expand(8, 12))
    genome.prune("0.bias", left)
    genome.prune("2.weight", left.expand(4, 8))
    mutCompact(genome)
    assert counts(genome) == (106, 140)
    assert all(bool(mask.all()) for mask in masks(genome))
    return genome


def test_units_that_were_taken_out_still_count_among_all_there_were() -> None:
    p = ScheduledProbability(Fixed(1.0), 11)
    individual = smaller()
    mutPruneRandom(individual, 0.6)
    start, _ = counts(individual)
    operator = exchange(lowest, anywhere, 0.1, p, course="linear")
    p.seek(3)  # wants 73 %: all that goes comes back
    operator(individual)
    assert counts(individual)[0] == start
    p.seek(8)
    operator(individual)
    assert counts(individual)[0] == round(0.28 * 140) < start


def test_no_more_comes_back_than_is_there() -> None:
    def compacting(genome: Genome, amount: float, last: int) -> tuple[Genome]:
        made = smaller()
        made.prune("2.bias", torch.arange(4) < last)
        return (made,)

    p = ScheduledProbability(Fixed(1.0), 3)  # the first generation wants all 140
    for last, grow in ((4, never), (1, anywhere)):
        (individual,) = exchange(partial(compacting, last=last), grow, 0.5, p)(Genome(plain(12, 8, 4)))
        assert counts(individual) == (106, 140)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prune": None}, TypeError, r"operator must be callable as operator\(individual\), got None"),
        ({"regrow": 0.3}, TypeError, r"operator must be callable as operator\(individual\), got 0.3"),
        ({"target_preserved": 0.0}, ValueError, "target_preserved must be above 0"),
        ({"target_preserved": 1.5}, ValueError, r"target_preserved must be a number in \[0, 1\], got 1.5"),
        ({"probability": 0.5}, TypeError, "probability must be a ScheduledProbability, .* got 0.5"),
        ({"share": 1.0}, ValueError, "share must be below 1"),
        ({"share": -0.1}, ValueError, r"share must be a number in \[0, 1\], got -0.1"),
        ({"course": "cube"}, ValueError, "unknown course 'cube'"),
        ({"course": None}, ValueError, "unknown course None"),
    ],
)
def test_what_it_cannot_take_is_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    valid: dict[str, Any] = {"prune": lowest, "regrow": anywhere, "target_preserved": 0.3}
    with pytest.raises(error, match=message):
        exchange(**{**valid, "probability": ScheduledProbability(Fixed(1.0), 5), **arguments})
