"""A run of the spatial algorithm is a function of its seed, can be sent away or resumed, and keeps books as in DEAP."""

import copy
import pickle
import random
from functools import partial

import numpy as np
import pytest
import torch
from deap import tools

from evoprune.algorithms import ring, spatial_generations
from evoprune.operators import Increase, ScheduledProbability, gated, mutPruneRandom
from tests.algorithms.small import full, make_grid, make_toolbox, pickling_map, run


@pytest.mark.parametrize("update", ["synchronous", "sequential"])
@pytest.mark.parametrize("opponents", ["selected", "random"])
def test_a_run_is_a_function_of_its_seed(update, opponents):
    start = full(make_grid())
    grid, _ = run(update=update, opponents=opponents)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    again, _ = run(update=update, opponents=opponents)
    assert full(grid) == full(again)
    assert full(grid) != full(run(update=update, opponents=opponents, seed=8)[0])
    assert all(new[0] != old[0] for new, old in zip(full(grid), start, strict=True))
    assert all(genome.age == 3 or (genome.age > 3 and update == "sequential") for pair in grid for genome in pair)
    assert any(pair.preserved < 1 for pair in grid)


def test_a_run_leaves_the_global_generators_alone_unless_it_takes_its_seed_from_them():
    grid = make_grid()
    states = random.getstate(), torch.get_rng_state()
    run(grid)
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])
    random.seed(3)
    first = full(run(seed=None)[0])
    second = full(run(seed=None)[0])
    random.seed(3)
    assert full(run(seed=None)[0]) == first != second


@pytest.mark.parametrize("update", ["synchronous", "sequential"])
def test_resuming_changes_nothing(update):
    whole, logbook = run(ngen=6, update=update)
    half, first = run(ngen=3, update=update)
    resumed, second = run(pickle.loads(pickle.dumps(half)), ngen=6, update=update, start=3)
    assert full(resumed) == full(whole)
    assert [record["gen"] for record in second] == [4, 5, 6]
    assert list(first) + list(second) == list(logbook)
    done, nothing = run(copy.deepcopy(whole), ngen=6, start=6)
    assert full(done) == full(whole)
    assert len(nothing) == 0


@pytest.mark.parametrize("chunk", [1, 3, None])
@pytest.mark.parametrize("opponents", ["selected", "random"])
def test_any_map_gives_the_same_bits(chunk, opponents):
    here, _ = run(chunk=chunk, opponents=opponents)
    there, _ = run(toolbox=make_toolbox(map=pickling_map), chunk=chunk, opponents=opponents)
    assert full(there) == full(here)


def test_the_chunk_changes_rounding_only():
    one, _ = run(chunk=1)
    for chunk in (3, 9, None):
        other, _ = run(chunk=chunk)
        for pair, twin in zip(one, other, strict=True):
            for genome, same in zip(pair, twin, strict=True):
                torch.testing.assert_close(genome.module.state_dict(), same.module.state_dict(), rtol=1e-3, atol=1e-5)
                assert all(torch.equal(genome.masks[name], same.masks[name]) for name in genome.masks)
            assert pair.learning_rate == twin.learning_rate


def test_the_grid_is_changed_in_place_a_generation_at_a_time():
    grid = make_grid()
    generations = spatial_generations(grid, make_toolbox(), 2, ring(4), seed=7)
    assert not any(pair.fitness.valid for pair in grid)
    first = next(generations)
    assert (first.number, first.offspring, first.evaluations) == (0, [], 4)
    assert all(pair.fitness.valid for pair in grid)
    second = next(generations)
    assert [made.individual for made in second.offspring] == grid
    assert all(made.individual is pair for made, pair in zip(second.offspring, grid, strict=True))
    assert all(made.train_loss > 0 for made in second.offspring)
    assert full(grid) == full(run(ngen=1)[0])
    assert [generation.number for generation in generations] == [2]
    assert full(grid) == full(run(ngen=2)[0])


def test_no_generations_evaluate_the_grid_and_nothing_else():
    grid = make_grid()
    result, logbook = run(grid, ngen=0)
    assert result is grid
    assert grid == make_grid()
    assert list(logbook) == [{"gen": 0, "nevals": 4}]
    assert all(0 < pair.fitness.values[0] < 1 for pair in grid)


def test_only_what_is_not_evaluated_is_evaluated_at_first():
    grid = make_grid()
    grid[2].fitness.values = (0.125,)
    _, logbook = run(grid, ngen=0)
    assert logbook[0]["nevals"] == 3
    assert grid[2].fitness.values == (0.125,)


def test_books_are_kept_as_in_deap(capsys):
    stats = tools.Statistics(lambda pair: pair.fitness.values[0])
    stats.register("min", np.min)
    best = tools.HallOfFame(2)
    grid, logbook = run(stats=stats, halloffame=best, verbose=True)
    assert logbook.header == ["gen", "nevals", "min"]
    assert logbook.select("gen") == [0, 1, 2, 3]
    assert logbook.select("nevals") == [4, 40, 40, 40]
    assert logbook[-1]["min"] == min(pair.fitness.values[0] for pair in grid)
    assert best[0].fitness.values[0] == min(logbook.select("min"))
    assert len(best) == 2
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].split() == ["gen", "nevals", "min"]
    assert [line.split()[0] for line in lines[1:5]] == ["0", "1", "2", "3"]
    run(ngen=1)
    assert capsys.readouterr().out == ""


def test_chapters_of_a_multi_statistics():
    stats = tools.MultiStatistics(
        loss=tools.Statistics(lambda pair: pair.fitness.values[0]), size=tools.Statistics(lambda pair: pair.preserved)
    )
    stats.register("mean", np.mean)
    _, logbook = run(ngen=1, stats=stats)
    assert logbook.header == ["gen", "nevals", "loss", "size"]
    assert len(logbook.chapters["size"]) == 2
    assert logbook.chapters["size"][0]["mean"] == 1.0


@pytest.mark.parametrize("map_", [map, pickling_map])
def test_a_scheduled_probability_follows_its_schedule(map_):
    probability, seen = ScheduledProbability(Increase(1.0), 5), tools.Statistics()
    seen.register("mutpb", probability.observe)
    seen.register("preserved", lambda grid: [pair.preserved for pair in grid])
    mutate = gated(partial(mutPruneRandom, amount=0.1), probability)
    _, logbook = run(ngen=5, toolbox=make_toolbox(mutate=mutate, map=map_), stats=seen)
    assert logbook.select("mutpb") == [0.0, 0.0, 0.25, 0.5, 0.75, 1.0]
    assert logbook.select("preserved")[1] == [1.0] * 4  # probability 0
    assert all(share < 1 for share in logbook.select("preserved")[5])
