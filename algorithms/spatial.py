"""Lipi-AE-S: spatial cooperative coevolution (Jorgensen et al. 2025, arXiv 2505.05138), of any number of parts."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, cast

from deap import tools

from evoprune.algorithms.cells import Cell, Offspring, check_slots, update_from
from evoprune.algorithms.generations import Generation, check_books, check_codes, check_run, generations, log
from evoprune.algorithms.topologies import check
from evoprune.checks import at_least, lookup
from evoprune.individuals import IndividualT, genomes
from evoprune.seeds import Stream

UPDATES = ("synchronous", "sequential")


def eaSpatialCoevolution(
    grid: list[IndividualT],
    toolbox: Any,
    ngen: int,
    neighbourhoods: Sequence[Sequence[int]],
    stats: tools.Statistics | None = None,
    halloffame: tools.HallOfFame | None = None,
    verbose: bool = __debug__,
    **options: Any,
) -> tuple[list[IndividualT], tools.Logbook]:
    """Coevolve a grid of individuals, in place, for ``ngen`` generations.

    In each, every cell (1) reads the centres of its neighbourhood, (2) scores all combinations of their parts on one
    batch, (3) selects one of them by its first part's loss and clones it, (4) trains the clone for an epoch at the
    cell's own learning rate, (5) evaluates it on a batch, (6) mutates it, which is where pruning happens, (7) replaces
    its centre by it, whatever the fitness, and (8) moves its learning rate by a small normal step.

    Of autoencoders, two parts each, this is Lipi-AE-S: all encoders meet all decoders. Of genomes, or networks of one
    part, it is a cellular evolutionary algorithm.

    :param grid: an individual a cell, all of as many parts; one whose ``learning_rate`` is a number takes that as its
        cell's rate.
    :param toolbox: has ``evaluate(*parts)``, for autoencoders ``evaluate(encoder, decoder)`` (with one more argument,
        the batch, if ``batch()`` is registered), ``select``, ``train(individuals)`` and, where pruning is wanted,
        ``mutate(individual)``; ``clone`` and ``map`` are DEAP's. An ``evaluate`` that has ``pairwise(*sides)``, as
        :func:`~evoprune.evaluation.network_loss` has, gives the losses of all combinations in one call,
        ``[encoder][decoder]``, and promises to change nothing. Where the mutation is an object with a method
        ``prepare``, ``prepare(individuals)`` is called once for those of each task of ``map`` when they have trained,
        before any of them is evaluated or mutated, so that it may compute something, such as gradients, for all of them
        together.
    :param neighbourhoods: for every cell the cells it reads, itself first: :func:`ring`, :func:`torus`, :func:`graph`.
    :param stats: compiled over the grid after every generation. ``stats.register("mutpb", p.observe)`` moves a
        :class:`~evoprune.operators.ScheduledProbability` on.
    :param options: as in :func:`spatial_generations`.
    :returns: ``(grid, logbook)``.
    """
    check_books(stats, halloffame, verbose)
    course = spatial_generations(grid, toolbox, ngen, neighbourhoods, **options)
    return grid, log(course, grid, stats, halloffame, verbose)


def spatial_generations(
    grid: list[IndividualT],
    toolbox: Any,
    ngen: int,
    neighbourhoods: Sequence[Sequence[int]],
    *,
    concept: str = "minimum",
    update: str = "synchronous",
    prune: str = "after",
    opponents: str = "selected",
    rate_sigma: float = 1e-5,
    migrate_every: int = 1,
    migrate_after: int = 0,
    chunk: int | None = None,
    seed: int | None = None,
    start: int = 0,
) -> Iterator[Generation]:
    """The same, a generation at a time: a generator that changes ``grid`` in place before each ``yield``.

    :param concept: a part's loss is the ``"minimum"``, ``"mean"`` or ``"maximum"`` over its neighbours' other parts.
    :param update: ``"synchronous"``: every cell reads the previous generation. ``"sequential"``: cells are visited in a
        shuffled order and read what is there, as the paper's code does; ``toolbox.map`` is not used then.
    :param prune: the mutation ``"after"`` the offspring's evaluation, as in the paper, or ``"before"`` it.
    :param opponents: ``"selected"``: all parts of the selected one train together. ``"random"``, for two parts: the
        older Lipi-AE, in which a selected encoder and a selected decoder each train against random opponents.
    :param rate_sigma: standard deviation of a generation's change of a cell's learning rate.
    :param migrate_every: cells read their neighbours in every so manieth generation after the first ``migrate_after``,
        and only themselves in the others: islands (Whitley et al. 1998).
    :param chunk: cells a task of ``toolbox.map``; all in one by default. It belongs to the run: another chunk may
        change the last bits.
    :param seed: of all streams; drawn from Python's ``random`` by default.
    :param start: generations that a resumed grid has behind it; 0 evaluates the initial grid and yields it first.
    :raises TypeError: for a grid whose items cannot be assigned, such as a tuple.
    :raises ValueError: for options that are unknown or do not fit, an individual or genome that stands in two cells, a
        neighbourhood that does not begin with its cell, neighbours whose parts do not fit as far as the layers tell,
        and slots that the toolbox lacks; before any work.
    """
    check_run("grid", grid, ngen, start, seed)
    at_least("migrate_every", migrate_every, 1, whole=True)
    at_least("migrate_after", migrate_after, 0, whole=True)
    if chunk is not None:
        at_least("chunk", chunk, 1, whole=True)
    check(neighbourhoods, len(grid))
    check_codes("grid", grid, neighbourhoods)
    check_slots(toolbox, ("map",) if update == "synchronous" else ())
    lookup("update", update, dict.fromkeys(UPDATES))
    cell_update = update_from(toolbox, concept=concept, prune=prune, opponents=opponents, rate_sigma=rate_sigma)
    if opponents == "random" and len(genomes(grid[0])) != 2:
        raise ValueError(f"opponents random needs networks of two parts, got {len(genomes(grid[0]))}")
    run = random.getrandbits(63) if seed is None else seed

    def read(cell: int, number: int) -> Cell:  # step 1
        meets = number > migrate_after and (number - migrate_after) % migrate_every == 0
        neighbours = neighbourhoods[cell] if meets else [cell]
        return Cell(cell, run, number, grid[cell].learning_rate, [grid[k] for k in neighbours])

    def together(number: int) -> list[Offspring]:  # cells are independent, and can be computed anywhere
        cells = [read(i, number) for i in range(len(grid))]
        size = chunk or len(cells)
        tasks = [cells[first : first + size] for first in range(0, len(cells), size)]
        offspring = [made for results in toolbox.map(cell_update, tasks) for made in results]
        if len(offspring) != len(grid):
            raise ValueError(f"map returned {len(offspring)} offspring for {len(grid)} cells")
        grid[:] = [cast(Any, made.individual) for made in offspring]  # step 7, whatever the fitness
        return offspring

    def one_by_one(number: int) -> list[Offspring]:  # each reads what those before it have become
        order = list(range(len(grid)))
        random.Random(read(0, number).key(Stream.ORDER)).shuffle(order)
        offspring: dict[int, Offspring] = {}
        for i in order:
            (offspring[i],) = cell_update([read(i, number)])
            grid[i] = cast(Any, offspring[i].individual)  # step 7
        return [offspring[i] for i in range(len(grid))]

    step = one_by_one if update == "sequential" else together
    return generations(grid, cell_update, run, step, ngen, start)
