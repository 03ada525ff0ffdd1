"""Islands: generations in which cells meet, and those in which each is alone with itself."""

import random

import pytest

from evoprune.algorithms import ring, spatial_generations
from evoprune.seeds import derive
from tests.algorithms.small import full, make_grid, make_toolbox, pickling_map, run
from tests.algorithms.test_parts import grid_of, spatial
from tests.algorithms.test_spatial import Toy, number, toy_grid
from tests.parts import one, three

NGEN, CELLS = 8, 4


def met(toy):
    """Generation by generation how many each cell read."""
    return [{len(views) for views in toy.read[t * CELLS : (t + 1) * CELLS]} for t in range(NGEN)]


@pytest.mark.parametrize("update", ["synchronous", "sequential"])
@pytest.mark.parametrize("chunk", [None, 1, 3])
@pytest.mark.parametrize(
    ("options", "generations"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"migrate_every": 1, "migrate_after": 0}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"migrate_every": 3}, [3, 6]),
        ({"migrate_every": 8}, [8]),
        ({"migrate_every": 9}, []),
        ({"migrate_after": 5}, [6, 7, 8]),
        ({"migrate_every": 2, "migrate_after": 3}, [5, 7]),
        ({"migrate_every": 3, "migrate_after": 2}, [5, 8]),
        ({"migrate_after": 8}, []),
    ],
)
def test_cells_meet_in_these_generations_only(update, chunk, options, generations):
    toy = Toy()
    _, logbook = run(toy_grid(CELLS), NGEN, toy.toolbox(), ring(CELLS), update=update, chunk=chunk, **options)
    assert met(toy) == [{3} if t in generations else {1} for t in range(1, NGEN + 1)]
    # All pairs of three neighbours and the offspring, or the pair itself and the offspring.
    nevals = [CELLS * (3 * 3 + 1) if t in generations else CELLS * 2 for t in range(1, NGEN + 1)]
    assert logbook.select("nevals") == [CELLS, *nevals]


def test_offspring_come_from_neighbours_only_then():
    toy = Toy(place=-1)  # the left neighbour, or the cell where it is alone
    grid = toy_grid(CELLS)
    course = spatial_generations(grid, toy.toolbox(), 7, ring(CELLS), migrate_every=3, rate_sigma=0.0, seed=7)
    stood, places = [], []
    for generation in course:
        stood.append([number(pair.encoder) for pair in grid])
        places.append({made.chosen for made in generation.offspring})
    stays, one_on, two_on = [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]
    assert stood == [stays, stays, stays, one_on, one_on, one_on, two_on, two_on]
    assert places == [set(), {(0, 0)}, {(0, 0)}, {(2, 2)}, {(0, 0)}, {(0, 0)}, {(2, 2)}, {(0, 0)}]
    assert [pair.learning_rate for pair in grid] == [0.01, 0.02, 0.03, 0.04]  # of the cell, as ever
    assert [pair.cell for pair in grid] == [0, 1, 2, 3]


def test_a_sequential_update_visits_cells_in_the_same_order_alone_or_not():
    orders = []
    for every in (1, 2):
        toy = Toy()
        run(toy_grid(5), 1, toy.toolbox(), ring(5), update="sequential", migrate_every=every)
        orders.append([views[0][0] for views in toy.read])
    order = list(range(5))
    random.Random(derive(7, 0, 1, 3)).shuffle(order)
    assert orders == [order, order]


def test_always_is_the_default_and_never_is_a_ring_of_radius_0():
    plain, _ = run()
    always, _ = run(migrate_every=1, migrate_after=0)
    assert full(always) == full(plain)
    alone, _ = run(neighbourhoods=ring(4, 0))
    never, _ = run(migrate_after=3)
    assert full(never) == full(alone)
    assert full(never) != full(plain)


@pytest.mark.parametrize("update", ["synchronous", "sequential"])
def test_a_run_in_two_parts_is_the_run_in_one(update):
    options = {"migrate_every": 2, "migrate_after": 1, "update": update}
    whole, _ = run(ngen=5, **options)
    grid, _ = run(ngen=2, **options)
    run(grid, ngen=5, start=2, **options)
    assert full(grid) == full(whole)


@pytest.mark.parametrize("chunk", [1, 3])
def test_cells_that_travel_meet_as_those_that_stay(chunk):
    here, _ = run(chunk=chunk, migrate_every=2)
    there, _ = run(chunk=chunk, migrate_every=2, toolbox=make_toolbox(map=pickling_map))
    assert full(there) == full(here)


@pytest.mark.parametrize("make", [one, three])
def test_networks_of_any_number_of_parts(make):
    grid, logbook = spatial(grid_of(make), migrate_every=2)
    parts = 1 if make is one else 3
    assert logbook.select("nevals") == [4, 4 * 2, 4 * (3**parts + 1)]
    assert all(each.fitness.valid for each in grid)


def test_beside_random_opponents_a_cell_alone_trains_against_itself():
    grid, logbook = run(ngen=2, opponents="random", migrate_every=2)
    assert logbook.select("nevals") == [4, 4 * 2, 4 * 10]
    assert all(pair.encoder.age == pair.decoder.age == 2 for pair in grid)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"migrate_every": 0}, "migrate_every must be a whole number of at least 1, got 0"),
        ({"migrate_every": 1.5}, "migrate_every must be a whole number of at least 1, got 1.5"),
        ({"migrate_every": True}, "migrate_every must be a whole number of at least 1, got True"),
        ({"migrate_after": -1}, "migrate_after must be a whole number of at least 0, got -1"),
        ({"migrate_after": None}, "migrate_after must be a whole number of at least 0, got None"),
    ],
)
def test_what_is_no_number_of_generations_is_refused_before_any_work(options, message):
    toolbox = make_toolbox(evaluate=lambda *_: pytest.fail("work was done"))
    with pytest.raises(ValueError, match=message):
        run(make_grid(), toolbox=toolbox, **options)
