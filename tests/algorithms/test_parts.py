"""Coevolution of genomes, and of networks of one, two and three parts: who meets whom, by hand, and whole runs."""

import pickle
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from deap import base, creator, tools

from evoprune import Genome, Network
from evoprune.algorithms import all_vs_all_generations, complete, eaAllVsAll, eaSpatialCoevolution, ring
from evoprune.algorithms.cells import CONCEPTS, Cell, CellUpdate
from evoprune.evaluation import draw_batch, evaluate, network_loss
from evoprune.individuals import genomes
from evoprune.operators import gated, mutPruneRandom
from evoprune.seeds import seeded
from evoprune.training import train_epoch
from tests.algorithms.small import pickling_map
from tests.parts import CLASSES, INPUTS, Residual, factor, one, one_in_a_list, plain, three, times, two

# Losses of the combinations of three neighbours' parts, [first][second][third].
CUBE = np.array(
    [
        [[9.0, 5.0, 7.0], [8.0, 6.0, 4.0], [9.0, 9.0, 9.0]],
        [[5.0, 5.0, 5.0], [5.0, 5.0, 5.0], [5.0, 5.0, 5.0]],
        [[1.0, 9.0, 9.0], [9.0, 2.0, 9.0], [9.0, 9.0, 3.0]],
    ]
)
OF_FIRST = {"minimum": [4.0, 5.0, 1.0], "mean": [66 / 9, 5.0, 60 / 9], "maximum": [9.0, 5.0, 9.0]}


def grid_of(make: Any, cells: int = 4) -> list[Any]:
    found = []
    for place in range(cells):
        with seeded(place):
            found.append(make())
        found[-1].learning_rate = 1e-2
    return found


def toolbox_of(**slots: Any) -> base.Toolbox:
    toolbox = base.Toolbox()
    toolbox.register("batch", draw_batch, (INPUTS, CLASSES), size=8)
    toolbox.register("evaluate", network_loss, loss="cross-entropy")
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", train_epoch, data=(INPUTS, CLASSES), loss="cross-entropy")
    toolbox.register("mutate", gated(partial(mutPruneRandom, amount=0.2), 0.5))
    for slot, function in slots.items():
        toolbox.register(slot, function)
    return toolbox


def spatial(grid: list[Any], ngen: int = 2, toolbox: Any = None, **options: Any) -> Any:
    options = {"seed": 7, "verbose": False, "neighbourhoods": ring(len(grid)), **options}
    return eaSpatialCoevolution(grid, toolbox or toolbox_of(), ngen, **options)


def full(grid: list[Any]) -> list[Any]:
    """Everything that a run leaves in a grid."""
    return [
        (
            one_,
            one_.fitness.values,
            one_.learning_rate,
            one_.seed,
            [(g.age, g.steps, g.preserved) for g in genomes(one_)],
        )
        for one_ in grid
    ]


class Recorder:
    """Slots of a cell that write down what they are called with; parts are numbers, their places in the grid."""

    def __init__(self, losses: np.ndarray) -> None:
        self.losses, self.met, self.seen = losses, list[tuple[int, ...]](), list[Any]()

    def evaluate(self, *parts: Genome) -> float:
        self.met.append(tuple(int(factor(part)) for part in parts))
        return float(self.losses[self.met[-1]])

    def select(self, views: list[Any], k: int) -> list[Any]:
        self.seen.append([view.fitness.values[0] for view in views])
        return tools.selBest(views, k)

    def toolbox(self) -> base.Toolbox:
        toolbox = base.Toolbox()
        toolbox.register("evaluate", self.evaluate)
        toolbox.register("select", self.select)
        toolbox.register("train", lambda individuals: [0.5] * len(individuals))
        return toolbox

    def update(self, **options: Any) -> CellUpdate:
        toolbox = self.toolbox()
        return CellUpdate(toolbox.evaluate, toolbox.select, toolbox.train, toolbox.clone, **options)


def numbered(parts: int, bare: bool = False) -> list[Any]:
    """Three individuals of so many parts, each multiplying by its number."""
    found: list[Any] = [times(i)[0] if bare else Network(times(*[i] * parts)) for i in range(3)]
    for individual in found:
        individual.fitness.values, individual.learning_rate = (99.0,), 0.25
    return found


@pytest.mark.parametrize("concept", OF_FIRST)
def test_three_parts_meet_in_all_combinations(concept: str) -> None:
    recorder, neighbours = Recorder(CUBE), numbered(3)
    update = recorder.update(concept=concept, rate_sigma=0.0)
    (offspring,) = update([Cell(3, 1, 4, 0.5, neighbours)])
    assert recorder.met[:27] == list(product(range(3), repeat=3))
    assert recorder.seen == [pytest.approx(OF_FIRST[concept])]
    best = int(np.argmin(OF_FIRST[concept]))
    assert offspring.chosen == (best,) * 3
    assert offspring.evaluations == 28
    made: Any = offspring.individual
    assert [factor(part) for part in made] == [best] * 3
    assert made.fitness.values == (CUBE[best, best, best],)
    assert made.learning_rate == 0.5
    assert update.score(neighbours).shape == (3, 3, 3, 1)
    for part in range(3):  # the losses of a part over all that it may stand beside
        recorder.seen.clear()
        update.choose(neighbours, update.score(neighbours), 1, part)
        others = tuple(axis for axis in range(3) if axis != part)
        reduced: Any = CONCEPTS[concept](CUBE, axis=others)
        assert recorder.seen == [pytest.approx(reduced.tolist())]


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("concept", OF_FIRST)
def test_one_part_meets_nobody(concept: str, bare: bool) -> None:
    recorder, neighbours = Recorder(np.array([4.0, 2.0, 3.0])), numbered(1, bare)
    (offspring,) = recorder.update(concept=concept, rate_sigma=0.0)([Cell(3, 1, 4, 0.5, neighbours)])
    assert recorder.met == [(0,), (1,), (2,), (1,)]
    assert recorder.seen == [[4.0, 2.0, 3.0]]
    assert (offspring.chosen, offspring.evaluations, offspring.train_loss) == ((1,), 4, 0.5)
    assert type(offspring.individual) is (Genome if bare else Network)
    assert offspring.individual == neighbours[1]
    assert offspring.individual is not neighbours[1]
    assert offspring.individual.fitness.values == (2.0,)
    assert [one_.fitness.values for one_ in neighbours] == [(99.0,)] * 3


@pytest.mark.parametrize(("parts", "bare"), [(1, True), (1, False), (2, False), (3, False)])
def test_all_versus_all_scores_every_combination_once(parts: int, bare: bool) -> None:
    losses = CUBE[(0,) * (3 - parts)]
    recorder, population = Recorder(losses), numbered(parts, bare)
    first, second = all_vs_all_generations(population, recorder.toolbox(), 1, rate_sigma=0.0)
    assert first.evaluations == 0
    assert recorder.met[: 3**parts] == list(product(range(3), repeat=parts))
    assert second.evaluations == 3**parts + 3
    of_first = losses.min(axis=tuple(range(1, parts))).tolist()
    assert recorder.seen == [of_first]
    order = sorted(range(3), key=lambda place: of_first[place])
    assert [made.chosen for made in second.offspring] == [(place,) * parts for place in order]
    assert [individual.fitness.values[0] for individual in population] == [losses[(place,) * parts] for place in order]


@pytest.mark.parametrize("make", [one, one_in_a_list, two, three])
def test_runs_are_functions_of_their_seeds_and_resume(make: Any) -> None:
    whole, logbook = spatial(grid_of(make), 4)
    half, _ = spatial(grid_of(make), 2)
    resumed, _ = spatial(pickle.loads(pickle.dumps(half)), 4, start=2)
    assert full(resumed) == full(whole) != full(spatial(grid_of(make), 4, seed=8)[0])
    parts = len(genomes(make()))
    assert logbook.select("nevals") == [4] + [4 * (3**parts + 1)] * 4
    assert all(genome.age == 4 for individual in whole for genome in genomes(individual))
    assert any(individual.preserved < 1 for individual in whole)


@pytest.mark.parametrize("make", [one, one_in_a_list, two, three])
@pytest.mark.parametrize("chunk", [1, 3, None])
def test_any_map_gives_the_same_bits(chunk: int | None, make: Any) -> None:
    here, _ = spatial(grid_of(make), chunk=chunk)
    there, _ = spatial(grid_of(make), chunk=chunk, toolbox=toolbox_of(map=pickling_map))
    assert full(here) == full(there)


def test_a_genome_is_a_network_of_one_part() -> None:
    for run in (spatial, lambda grid: eaAllVsAll(grid, toolbox_of(), 2, seed=7, verbose=False)):
        bare, listed = run(grid_of(one)), run(grid_of(one_in_a_list))
        assert [genome for (genome,) in listed[0]] == bare[0]
        assert [one_.fitness.values for one_ in listed[0]] == [one_.fitness.values for one_ in bare[0]]
        assert listed[1] == bare[1]


def test_evaluations_of_individuals_do_for_one_part() -> None:
    by_parts, _ = spatial(grid_of(one))
    whole, _ = spatial(grid_of(one), toolbox=toolbox_of(evaluate=partial(evaluate, loss="cross-entropy")))
    assert by_parts == whole
    assert [one_.fitness.values for one_ in by_parts] == [one_.fitness.values for one_ in whole]


@pytest.mark.parametrize("update", ["synchronous", "sequential"])
def test_a_classifier_of_features_and_a_head_learns(update: str) -> None:
    grid, _ = spatial(grid_of(two), 0, update=update)
    before = np.mean([individual.fitness.values[0] for individual in grid])
    toolbox = toolbox_of(mutate=lambda individual: (individual,), batch=lambda: (INPUTS, CLASSES))
    grid, _ = spatial(grid_of(two), 8, toolbox, update=update)
    assert np.mean([individual.fitness.values[0] for individual in grid]) < before


def test_other_modules_coevolve_too() -> None:
    def mixed() -> Network:
        return Network([Genome(plain(6, 5)), Genome(Residual(5, 4))])

    grid, _ = spatial(grid_of(mixed))
    population, _ = eaAllVsAll(grid_of(mixed), toolbox_of(), 2, seed=7, verbose=False)
    assert all(individual.fitness.valid and individual.age == 2 for individual in (*grid, *population))


def test_classes_of_the_creator() -> None:
    creator.create("CellsFitness", base.Fitness, weights=(-1.0,))
    creator.create("CellsGenome", Genome, fitness=creator.CellsFitness)
    try:
        grid, _ = spatial(grid_of(lambda: creator.CellsGenome(plain(6, 5, 4))))
        assert {type(genome) for genome in grid} == {creator.CellsGenome}
        assert [one_.fitness.values for one_ in grid] == [one_.fitness.values for one_ in spatial(grid_of(one))[0]]
    finally:
        del creator.CellsFitness, creator.CellsGenome


RUNS = [spatial, lambda grid, **options: eaAllVsAll(grid, toolbox_of(), 1, verbose=False)]


@pytest.mark.parametrize("run", RUNS)
def test_what_cannot_meet_is_refused_before_any_work(run: Any) -> None:
    slim = Network([Genome(plain(6, 3)), Genome(plain(3, 4))])
    deep = Network([Genome(plain(6, 5)), Genome(plain(5, 2)), Genome(plain(2, 4))])
    cases: list[tuple[list[Any], str]] = [
        ([two(), three()], r"must have the same number of parts, got \[2, 3\]"),
        ([one(), two()], r"must have the same number of parts, got \[1, 2\]"),
        ([two(), slim], "places 0 and 1 of the .* meet: a part that gives 5 values, one that takes 3"),
        ([three(), deep], "places 0 and 1 of the .* meet: a part that gives 3 values, one that takes 2"),
    ]
    for grid, message in cases:
        with pytest.raises(ValueError, match=message):
            run(grid, neighbourhoods=complete(2))
        assert not any(individual.fitness.valid for individual in grid)
    run([one(), Genome(plain(6, 9, 4))], neighbourhoods=complete(2))  # one part fits everywhere


@pytest.mark.parametrize("make", [one, one_in_a_list, three])
def test_random_opponents_are_for_two_parts(make: Any) -> None:
    grid = grid_of(make)
    with pytest.raises(ValueError, match=f"opponents random needs networks of two parts, got {len(genomes(grid[0]))}"):
        spatial(grid, opponents="random")
    assert not any(individual.fitness.valid for individual in grid)
    pairs, _ = spatial(grid_of(two), opponents="random")
    assert all(genome.age == 2 for pair in pairs for genome in pair)
