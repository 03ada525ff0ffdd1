"""What the cells of the spatial algorithm read, and what they leave."""

import random

import pytest
import torch
from deap import base, creator
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.algorithms import complete, ring, torus
from evoprune.evaluation import reconstruction_loss
from evoprune.seeds import derive
from tests.algorithms.small import DATA, make_grid, make_toolbox, run


def toy_grid(cells):
    """Pairs whose encoder's weight says which cell they are, and whose decoder's how often they trained."""
    grid = []
    for i in range(cells):
        encoder, decoder = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        encoder.weight.data.fill_(float(i))
        decoder.weight.data.fill_(0.0)
        grid.append(Autoencoder([Encoder(encoder), Decoder(decoder)]))
        grid[-1].learning_rate = 0.01 * (i + 1)
    return grid


def number(genome):
    return int(genome.module.weight.item())


class Toy:
    """Selects the neighbour at a fixed place, counts trainings, and writes down who was read."""

    def __init__(self, place=0):
        self.place, self.read, self.trained = place, [], []

    def toolbox(self):
        toolbox = base.Toolbox()
        toolbox.register("evaluate", lambda encoder, decoder: (1.0,))
        toolbox.register("select", self.select)
        toolbox.register("train", self.train)
        return toolbox

    def select(self, views, k):
        self.read.append([(number(view.encoder), number(view.decoder)) for view in views])
        return [views[self.place]]

    def train(self, pairs):
        self.trained.append([(number(pair.encoder), pair.learning_rate) for pair in pairs])
        for pair in pairs:
            pair.decoder.module.weight.data.add_(1)


def test_cells_read_their_neighbourhood_in_order_and_all_of_the_previous_generation():
    toy = Toy()
    grid, _ = run(toy_grid(5), 2, toy.toolbox(), ring(5), rate_sigma=0.0)
    assert toy.read == [[(k % 5, t) for k in (i, i + 1, i - 1)] for t in (0, 1) for i in range(5)]
    assert [number(pair.decoder) for pair in grid] == [2] * 5


def test_the_selected_neighbour_replaces_the_centre_unconditionally_at_the_cells_own_rate():
    toy = Toy(place=1)
    grid, _ = run(toy_grid(4), 2, toy.toolbox(), ring(4), rate_sigma=0.0)
    assert toy.trained == [[((i + t) % 4, 0.01 * (i + 1)) for i in range(4)] for t in (1, 2)]
    assert [number(pair.encoder) for pair in grid] == [2, 3, 0, 1]
    assert [pair.learning_rate for pair in grid] == [0.01, 0.02, 0.03, 0.04]


def test_sequential_cells_see_what_those_before_them_became():
    toy = Toy()
    run(toy_grid(5), 2, toy.toolbox(), ring(5), update="sequential")
    trained, expected, orders = [0] * 5, [], []
    for generation in (1, 2):
        order = list(range(5))
        random.Random(derive(7, 0, generation, 3)).shuffle(order)
        orders.append(order)
        for i in order:
            expected.append([(k % 5, trained[k % 5]) for k in (i, i + 1, i - 1)])
            trained[i] += 1
    assert toy.read == expected
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == list(range(5))
    assert len(toy.trained) == 10  # a cell at a time


@pytest.mark.parametrize(
    ("neighbourhoods", "nevals"),
    [
        (ring(4, 0), 4 * 2),
        (ring(4), 4 * 10),
        (torus(2, 2), 4 * 10),
        (complete(4), 4 * 17),
        ([[0], [1, 0], [2], [3]], 2 + 5 + 2 + 2),
    ],
)
def test_the_number_of_evaluations(neighbourhoods, nevals):
    _, logbook = run(neighbourhoods=neighbourhoods, ngen=1)
    assert [record["nevals"] for record in logbook] == [4, nevals]


def test_radius_zero_is_every_cell_for_itself():
    grid, _ = run(neighbourhoods=ring(4, 0), ngen=2)
    for i, pair in enumerate(grid):
        alone = make_grid()
        alone[i - 1].encoder.module[0].weight.data.fill_(0.0)
        again, _ = run(alone, neighbourhoods=ring(4, 0), ngen=2, chunk=1)
        torch.testing.assert_close(again[i].encoder.module.state_dict(), pair.encoder.module.state_dict())


@pytest.mark.parametrize("update", ["synchronous", "sequential"])
@pytest.mark.parametrize("opponents", ["selected", "random"])
def test_a_single_cell(update, opponents):
    before = make_grid(1)
    (pair,), logbook = run(make_grid(1), 2, neighbourhoods=[[0]], update=update, opponents=opponents)
    assert pair.encoder != before[0].encoder
    assert pair.decoder != before[0].decoder
    assert [record["nevals"] for record in logbook] == [1, 2, 2]


def test_random_opponents_train_both_sides():
    before = make_grid()
    grid, _ = run(ngen=1, opponents="random", toolbox=make_toolbox(mutate=lambda pair: (pair,)))
    for pair in grid:
        assert pair.encoder.age == pair.decoder.age == 1
        assert all(pair.encoder != old.encoder and pair.decoder != old.decoder for old in before)
    assert any(list(a) != list(b) for a, b in zip(grid, run(ngen=1)[0], strict=True))


def test_rates_stay_none_where_there_are_none_and_walk_where_there_are():
    grid, _ = run(make_grid(rate=None))
    assert [pair.learning_rate for pair in grid] == [None] * 4
    grid, _ = run()
    steps = [pair.learning_rate - 1e-3 for pair in grid]
    assert len(set(steps)) == 4
    assert all(0 < abs(step) < 1e-4 for step in steps)
    assert [pair.learning_rate for pair in run(rate_sigma=0.0)[0]] == [1e-3] * 4


def test_evaluate_without_a_batch_slot():
    toolbox = make_toolbox(evaluate=lambda encoder, decoder: reconstruction_loss(encoder, decoder, DATA)[0])
    del toolbox.batch
    grid, _ = run(toolbox=toolbox, ngen=1)
    assert all(pair.fitness.valid for pair in grid)


def test_classes_that_creator_made():
    creator.create("GridFitness", base.Fitness, weights=(-1.0,))
    creator.create("GridPair", Autoencoder, fitness=creator.GridFitness)
    try:
        grid, _ = run(make_grid(kind=creator.GridPair))
        assert {type(pair) for pair in grid} == {creator.GridPair}
        plain, _ = run()
        assert [list(pair) for pair in grid] == [list(pair) for pair in plain]
        assert [pair.fitness.values for pair in grid] == [pair.fitness.values for pair in plain]
    finally:
        del creator.GridFitness, creator.GridPair


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neighbourhoods": ring(3)}, "3 neighbourhoods were given for a grid of 4 cells"),
        ({"neighbourhoods": [[0], [1], [2], [4]]}, "neighbourhood of cell 3 must name cells from 0 to 3"),
        ({"neighbourhoods": [[0], [1], [2], []]}, "at least one"),
        ({"neighbourhoods": [[0], [0, 1], [2], [3]]}, "neighbourhood of cell 1 must begin with 1 itself"),
        ({"ngen": -1}, "ngen must be a whole number of at least 0"),
        ({"start": -1}, "start must be a whole number of at least 0"),
        ({"chunk": 0}, "chunk must be a whole number of at least 1"),
        ({"update": "asynchronous"}, "unknown update 'asynchronous'"),
        ({"concept": "min"}, "unknown concept 'min'"),
        ({"toolbox": base.Toolbox()}, "the toolbox lacks evaluate, select, train"),
        ({"grid": [], "neighbourhoods": [[0]]}, "size of the grid must be a whole number of at least 1"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_work(options, message):
    with pytest.raises(ValueError, match=message):
        run(**options)


def test_a_grid_that_cannot_be_changed_is_refused_before_any_work():
    toolbox = make_toolbox(evaluate=lambda *_: pytest.fail("work was done"))
    with pytest.raises(TypeError, match="the grid is changed in place and must be a list of individuals, got tuple"):
        run(tuple(make_grid()), toolbox=toolbox)


def repeated(what):
    grid = make_grid()
    if what == "pair":
        grid[3] = grid[1]
    else:
        setattr(grid[3], what, getattr(grid[1], what))
    return grid


@pytest.mark.parametrize("what", ["pair", "encoder", "decoder"])
def test_a_pair_or_genome_in_two_cells_is_refused_before_any_work(what):
    toolbox = make_toolbox(evaluate=lambda *_: pytest.fail("work was done"))
    with pytest.raises(ValueError, match="places 1 and 3 of the grid hold the same genome: clone it first"):
        run(repeated(what), toolbox=toolbox)


def test_what_is_no_pair_is_refused():
    with pytest.raises(TypeError, match=r"place 3 of the grid must be a Genome, .* or another Network, got 3"):
        run([*make_grid(3), 3])


def test_a_map_that_loses_results_is_an_error():
    with pytest.raises(ValueError, match="map returned 0 offspring for 4 cells"):
        run(toolbox=make_toolbox(map=lambda function, tasks: []))
