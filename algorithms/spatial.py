"""Lipi-AE-S: spatial cooperative coevolution of encoders and decoders (Jorgensen et al. 2025, arXiv 2505.05138)."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from deap import tools

from evoprune.algorithms.cells import FINISH, ORDER, Cell, CellUpdate, Offspring, update_from
from evoprune.algorithms.topologies import check
from evoprune.checks import at_least, lookup
from evoprune.genome import Autoencoder

UPDATES = ("synchronous", "sequential")
Read = Callable[[int, int], Cell]  # cell and generation -> its task


@dataclass(frozen=True)
class Generation:
    """A generation that has ended: its number (0 is the initial grid), and what each cell made (empty at 0)."""

    number: int
    offspring: list[Offspring]
    evaluations: int


def eaSpatialCoevolution(
    grid: list[Autoencoder],
    toolbox: Any,
    ngen: int,
    neighbourhoods: Sequence[Sequence[int]],
    stats: tools.Statistics | None = None,
    halloffame: tools.HallOfFame | None = None,
    verbose: bool = __debug__,
    **options: Any,
) -> tuple[list[Autoencoder], tools.Logbook]:
    """Coevolve a grid of pairs, in place, for ``ngen`` generations.

    In each, every cell (1) reads the centres of its neighbourhood, (2) scores all their encoders with all decoders on
    one batch, (3) selects one of them by its encoder's loss and clones it, (4) trains the clone for an epoch at the
    cell's own learning rate, (5) evaluates it on a batch, (6) mutates it, which is where pruning happens, (7) replaces
    its centre by it, whatever the fitness, and (8) moves its learning rate by a small normal step.

    :param grid: a pair a cell; a pair whose ``learning_rate`` is a number takes that as its cell's rate.
    :param toolbox: has ``evaluate(encoder, decoder)`` (with a third argument, the batch, if ``batch()`` is registered),
        ``select``, ``train(pairs)`` and, where pruning is wanted, ``mutate(pair)``; ``clone`` and ``map`` are DEAP's.
    :param neighbourhoods: for every cell the cells it reads, itself first: :func:`ring`, :func:`torus`, :func:`graph`.
    :param stats: compiled over the grid after every generation. ``stats.register("mutpb", p.observe)`` moves a
        :class:`~evoprune.operators.ScheduledProbability` on.
    :param options: as in :func:`spatial_generations`.
    :returns: ``(grid, logbook)``.
    """
    generations = spatial_generations(grid, toolbox, ngen, neighbourhoods, **options)
    return grid, log(generations, grid, stats, halloffame, verbose)


def spatial_generations(
    grid: list[Autoencoder],
    toolbox: Any,
    ngen: int,
    neighbourhoods: Sequence[Sequence[int]],
    *,
    concept: str = "minimum",
    update: str = "synchronous",
    prune: str = "after",
    opponents: str = "selected",
    rate_sigma: float = 1e-5,
    chunk: int | None = None,
    seed: int | None = None,
    start: int = 0,
) -> Iterator[Generation]:
    """The same, a generation at a time: a generator that changes ``grid`` in place before each ``yield``.

    :param concept: an encoder's loss is the ``"minimum"``, ``"mean"`` or ``"maximum"`` over its neighbours' decoders.
    :param update: ``"synchronous"``: every cell reads the previous generation. ``"sequential"``: cells are visited in a
        shuffled order and read what is there, as the paper's code does; ``toolbox.map`` is not used then.
    :param prune: the mutation ``"after"`` the offspring's evaluation, as in the paper, or ``"before"`` it.
    :param opponents: ``"selected"``: the encoder and the decoder at the selected index train together. ``"random"``:
        the older Lipi-AE, in which a selected encoder and a selected decoder each train against random opponents.
    :param rate_sigma: standard deviation of a generation's change of a cell's learning rate.
    :param chunk: cells a task of ``toolbox.map``; all in one by default. It belongs to the run: another chunk may
        change the last bits.
    :param seed: of all streams; drawn from Python's ``random`` by default.
    :param start: generations that a resumed grid has behind it; 0 evaluates the initial grid and yields it first.
    :raises TypeError: for a grid whose items cannot be assigned, such as a tuple.
    :raises ValueError: for options that are unknown or do not fit, before any work.
    """
    if not hasattr(grid, "__setitem__"):
        raise TypeError(f"the grid is changed in place and must be a list of pairs, got {type(grid).__name__}")
    at_least("cells of the grid", len(grid), 1, whole=True)
    at_least("ngen", ngen, 0, whole=True)
    at_least("start", start, 0, whole=True)
    if chunk is not None:
        at_least("chunk", chunk, 1, whole=True)
    check(neighbourhoods, len(grid))
    lookup("update", update, dict.fromkeys(UPDATES))
    cell_update = update_from(toolbox, concept=concept, prune=prune, opponents=opponents, rate_sigma=rate_sigma)
    run = random.getrandbits(63) if seed is None else seed

    def read(cell: int, generation: int) -> Cell:  # (1) the centres of its neighbourhood
        return Cell(cell, run, generation, grid[cell].learning_rate, [grid[k] for k in neighbourhoods[cell]])

    if update == "sequential":
        return _generations(grid, ngen, start, run, cell_update, partial(_one_by_one, grid, cell_update, read))
    together = partial(_together, grid, cell_update, read, toolbox.map, chunk or len(grid))
    return _generations(grid, ngen, start, run, cell_update, together)


def _generations(
    grid: list[Autoencoder],
    ngen: int,
    start: int,
    run: int,
    cell_update: CellUpdate,
    step: Callable[[int], list[Offspring]],
) -> Iterator[Generation]:
    if start == 0:
        yield Generation(0, [], evaluate_initial(grid, cell_update, run))
    for generation in range(start + 1, ngen + 1):
        offspring = step(generation)
        yield Generation(generation, offspring, sum(made.evaluations for made in offspring))


def _together(
    grid: list[Autoencoder], cell_update: CellUpdate, read: Read, map_: Any, chunk: int, generation: int
) -> list[Offspring]:
    """Synchronous: every cell reads the previous generation, so that cells can be computed anywhere."""
    cells = [read(i, generation) for i in range(len(grid))]
    tasks = [cells[first : first + chunk] for first in range(0, len(cells), chunk)]
    offspring = [made for results in map_(cell_update, tasks) for made in results]
    if len(offspring) != len(grid):
        raise ValueError(f"map returned {len(offspring)} offspring for {len(grid)} cells")
    grid[:] = [made.pair for made in offspring]  # (7) unconditionally
    return offspring


def _one_by_one(grid: list[Autoencoder], cell_update: CellUpdate, read: Read, generation: int) -> list[Offspring]:
    """Sequential: cells in a shuffled order, each of which reads what those before it have become."""
    order = list(range(len(grid)))
    random.Random(read(0, generation).key(ORDER)).shuffle(order)
    offspring: dict[int, Offspring] = {}
    for i in order:
        (offspring[i],) = cell_update([read(i, generation)])
        grid[i] = offspring[i].pair  # (7)
    return [offspring[i] for i in range(len(grid))]


def evaluate_initial(grid: list[Autoencoder], cell_update: CellUpdate, run: int) -> int:
    """Evaluate the pairs whose fitness is invalid, each on a batch from its cell's stream; how many those were."""
    invalid = [(i, pair) for i, pair in enumerate(grid) if not pair.fitness.valid]
    for i, pair in invalid:
        with Cell(i, run, 0, pair.learning_rate, [pair]).stream(FINISH):
            pair.fitness.values = cell_update.loss(pair, pair, cell_update.draw())
    return len(invalid)


def log(
    generations: Iterator[Generation],
    population: list[Autoencoder],
    stats: tools.Statistics | None,
    halloffame: tools.HallOfFame | None,
    verbose: bool,
) -> tools.Logbook:
    """Run the generations and keep the books as DEAP's own algorithms do."""
    logbook = tools.Logbook()
    logbook.header = ["gen", "nevals", *(stats.fields if stats else [])]
    for generation in generations:
        if halloffame is not None:
            halloffame.update(population)
        record = stats.compile(population) if stats else {}
        logbook.record(gen=generation.number, nevals=generation.evaluations, **record)
        if verbose:
            print(logbook.stream)
    return logbook
