"""Survivors are the better ones, offspring really differ, and every method makes the same number of gradient steps."""

import copy

import pytest
import torch

from evoprune.benchmarks.weights.genetic import (
    Candidate,
    candidate,
    first_population,
    generation,
    make_toolbox,
    next_population,
    refined,
    rmse,
    score,
)
from evoprune.benchmarks.weights.settings import make_settings
from evoprune.engines import ProcessEngine
from tests.benchmarks.weights.tiny import TINY


def settings(**changes):
    return make_settings(TINY, changes)


def weights(pairs) -> list[torch.Tensor]:
    return [parameter.detach() for pair in pairs for parameter in pair.network.parameters()]


def test_the_fitness_is_one_over_the_rmse():
    pair = candidate((2, 1), "relu", "identity")
    with torch.no_grad():
        for parameter in pair.network.parameters():
            parameter.zero_()
    data = torch.tensor([[3.0, 4.0], [0.0, 5.0]])
    assert rmse(pair, data) == pytest.approx((50 / 4) ** 0.5)
    assert score(pair, data)[0] == pytest.approx(1 / (50 / 4) ** 0.5)
    pair.fitness.values = score(pair, torch.zeros(2, 2))
    assert not pair.fitness.nonfinite  # exact is not infinitely good
    pair.fitness.values = score(pair, data * float("nan"))
    assert pair.fitness.nonfinite
    assert pair.fitness < candidate((2, 1), "relu", "identity").fitness.__class__((0.1,))


def test_the_better_half_survives_and_is_refined():
    chosen = settings()
    population = first_population(chosen)
    order = sorted(copy.deepcopy(population), key=lambda pair: rmse(pair, chosen.training))
    seen: list[Candidate] = []
    toolbox = make_toolbox(chosen)
    refine = toolbox.refine

    def spy(pairs, number):
        seen.extend(copy.deepcopy(pairs))
        return refine(pairs, number)

    toolbox.register("refine", spy)
    after = generation(chosen, population, toolbox, 1)
    assert seen == order[:3]
    assert len(after) == 6
    for old, new in zip(order, after[:3], strict=False):
        assert rmse(new, chosen.training) < rmse(old, chosen.training)
        assert new.encoder.age == 1
    assert [pair.born for pair in after] == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("persistent", [False, True])
def test_offspring_have_their_parents_weights_or_zero(persistent):
    chosen = settings(cxpb=1.0, indpb=0.05, persistent=persistent)
    after = generation(chosen, first_population(chosen), make_toolbox(chosen), 1)
    survivors, offspring = after[:3], after[3:]
    for child in offspring:
        for name, value in child.network.named_parameters():
            theirs = torch.stack([pair.network.get_parameter(name).detach() for pair in survivors])
            assert bool((torch.eq(theirs, value).any(0) | torch.eq(value, 0)).all())
        weight = child.network.get_parameter("encoder.0.weight")
        assert all(not torch.equal(weight, pair.network.get_parameter("encoder.0.weight")) for pair in survivors)
        assert child.fitness.values == score(child, chosen.training)
        assert weight.eq(0).any()
        assert (child.preserved < 1) is persistent


def test_with_one_parent_an_offspring_is_its_mutated_copy():
    chosen = settings(cxpb=0.0, indpb=0.0)
    after = generation(chosen, first_population(chosen), make_toolbox(chosen), 1)
    assert all(child in after[:3] for child in after[3:])


def test_a_further_layer_stands_on_the_best():
    chosen = settings()
    best = first_population(chosen)[2]
    population = next_population(chosen, best)
    after = generation(chosen, population, make_toolbox(chosen), 4)
    for pair in after:
        assert pair.network.widths == (64, 6, 3)
        assert torch.equal(
            pair.network.get_parameter("encoder.0.weight"), best.network.get_parameter("encoder.0.weight")
        )
    news = [pair.network.get_parameter("encoder.2.weight") for pair in population]
    assert all(not torch.equal(news[0], other) for other in news[1:])


def test_the_methods_start_alike_and_make_as_many_gradient_steps():
    steps = []
    for method in ("genetic", "sgd-layerwise"):
        chosen = settings(method=method)
        population = first_population(chosen)
        assert len(population) == (6 if method == "genetic" else 1)
        after = generation(chosen, population, make_toolbox(chosen), 1)
        steps.append(sum(pair.encoder.steps for pair in after[:3]))
    assert steps == [3 * 3] * 2 == [chosen.steps] * 2  # three survivors or three epochs, three batches each
    one, many = first_population(settings(method="sgd-layerwise")), first_population(settings())
    assert one[0] == many[0]


def test_refining_is_a_function_of_its_arguments():
    chosen = settings()
    population = first_population(chosen)
    results = [refined(chosen, copy.deepcopy(population[:2]), 1, first) for first in (0, 0, 1)]
    assert results[0] == results[1]
    assert results[0] != results[2]


@pytest.mark.slow
def test_engines_agree():
    chosen = settings()
    with ProcessEngine(2) as engine:
        toolboxes = make_toolbox(chosen), make_toolbox(chosen, engine.map)
        results = []
        for toolbox in toolboxes:
            population = first_population(chosen)
            for number in (1, 2):
                population = generation(chosen, population, toolbox, number)
            results.append(population)
    assert all(torch.equal(a, b) for a, b in zip(*map(weights, results), strict=True))
    assert [p.fitness.values for p in results[0]] == [p.fitness.values for p in results[1]]
