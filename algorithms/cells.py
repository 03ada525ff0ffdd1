"""What happens in a cell in one generation: a pure function of the cell's neighbourhood, its rate and its seed."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, cast

import numpy as np

from evoprune.checks import at_least, lookup, shown
from evoprune.evaluation import nested
from evoprune.fitness import finite_values
from evoprune.genome import Genome
from evoprune.individuals import Individual, genomes, names_of
from evoprune.operators.combine import prepare
from evoprune.operators.rate import SIGMA, next_rate
from evoprune.seeds import Stream, alone, seeding

REQUIRED = ("evaluate", "select", "train", "clone")  # slots of the toolbox
DEAPS = ("clone", "map")  # slots that every toolbox of DEAP has
CONCEPTS: dict[str, Callable[..., Any]] = {"minimum": np.min, "mean": np.mean, "maximum": np.max}
"""Solution concepts: what the losses of a genome with all that it may stand beside amount to."""


@dataclass(frozen=True)
class Cell:
    """A task: where and when a cell is, its own learning rate, and the individuals of its neighbourhood in order."""

    number: int
    seed: int  # of the run
    generation: int
    learning_rate: float | None
    neighbourhood: Sequence[Individual]

    def key(self, stream: Stream) -> int:
        """The seed of one of the cell's streams in this generation."""
        return stream.seed(self.seed, self.number, self.generation)


@dataclass(frozen=True)
class Offspring:
    """What a cell's generation gave: the individual that replaces the centre and what is worth logging."""

    individual: Individual
    chosen: tuple[int, ...]  # of the neighbourhood: for each part the index that it came from
    train_loss: float
    evaluations: int


@dataclass(frozen=True)
class CellUpdate:
    """One generation of Lipi-AE-S, for cells that do not read each other's offspring.

    Holds the toolbox's functions rather than the toolbox, so that it can be sent to a worker.
    """

    evaluate: Callable[..., Any]  # a number or a sequence of them
    select: Callable[..., list[Any]]
    train: Callable[..., Any]
    clone: Callable[[Any], Any]
    mutate: Callable[..., tuple[Any, ...]] | None = None
    batch: Callable[[], Any] | None = None
    concept: str = "minimum"
    prune: str = "after"
    opponents: str = "selected"
    rate_sigma: float = SIGMA

    def __post_init__(self) -> None:
        at_least("rate_sigma", self.rate_sigma, 0, finite=True)
        lookup("concept", self.concept, CONCEPTS)
        lookup("order of pruning", self.prune, dict.fromkeys(("after", "before")))
        lookup("kind of opponents", self.opponents, dict.fromkeys(("selected", "random")))

    @property
    def only_reads(self) -> bool:
        """Whether an engine in this process need not copy the cells: only clones change, and no slot sees others.

        But for the evaluate slot, which promises to leave them as they are where it has a ``pairwise``.
        """
        return self.opponents == "selected" and _pairwise_of(self.evaluate) is not None

    @alone()  # the slots belong to all threads: only training may step out of it
    def __call__(self, cells: Sequence[Cell]) -> list[Offspring]:
        """The steps that :func:`~evoprune.algorithms.eaSpatialCoevolution` numbers; all offspring train together."""
        chosen, made = [], []
        with seeding() as start:
            for cell in cells:
                start(cell.key(Stream.SCORE))
                neighbours = cell.neighbourhood  # 1. Copy the neighbourhood: a cell comes with those who stood there.
                losses = self.score(neighbours)  # 2. Score all combinations of their parts on one batch.
                chosen.append(self.tournament(neighbours, losses))  # 3. A tournament picks the parents,
                made.append(self.offspring(cell, chosen[-1]))  # whose clone is the offspring.
            start(cells[0].key(Stream.TOGETHER))
            train_losses = self.train_together(made, cells)  # 4. The offspring trains for an epoch.
            for i, cell in enumerate(cells):
                start(cell.key(Stream.FINISH))
                made[i] = self.evaluate_and_prune(made[i])  # 5. Evaluate on one batch. 6. Prune, with a probability.
                made[i].learning_rate = self.move(cell.learning_rate)  # 8. The cell's learning rate takes a step.
        counts = [len(cell.neighbourhood) ** len(parts) + 1 for cell, parts in zip(cells, chosen, strict=True)]
        return list(map(Offspring, made, chosen, train_losses, counts))  # 7. The offspring replaces the centre.

    def score(self, neighbours: Sequence[Individual]) -> np.ndarray:
        """Losses of all combinations of the neighbours' parts on one batch, (first part, ..., objectives), all finite.

        For autoencoders (encoders, decoders, objectives).
        """
        data = self.data(self.draw())
        sides = list(zip(*map(genomes, neighbours), strict=True))
        values = all_values(self.evaluate, sides, *data)
        return np.array([_all_finite(row, one, len(sides) - 1) for row, one in zip(values, neighbours, strict=True)])

    def tournament(self, neighbours: Sequence[Individual], losses: np.ndarray) -> tuple[int, ...]:
        """For each part the index of the neighbour that gives it: one index, in the older Lipi-AE two."""
        parts = losses.ndim - 1
        (first,) = self.choose(neighbours, losses, 1)
        if self.opponents == "selected":
            return (first,) * parts
        return (first, *(self.choose(neighbours, losses, 1, part)[0] for part in range(1, parts)))

    def choose(self, neighbours: Sequence[Individual], losses: np.ndarray, count: int, part: int = 0) -> list[int]:
        """Indices of the neighbours that the select slot takes by the concept's value of their losses.

        :param losses: as :meth:`score` gives them.
        :param part: whose losses: 0 for those of an encoder over the decoders, 1 for those of a decoder.
        :raises ValueError: for a selection that returns copies.
        """
        views = list(map(copy.copy, neighbours))  # the same genomes, with these losses as their fitness
        others = tuple(axis for axis in range(losses.ndim - 1) if axis != part)
        means = CONCEPTS[self.concept](losses, axis=others) if others else losses
        for view, values in zip(views, means, strict=True):
            view.fitness = copy.deepcopy(view.fitness)
            view.fitness.values = tuple(values)
        places = {id(view): i for i, view in enumerate(views)}
        try:
            return [places[id(view)] for view in self.select(views, count)]
        except KeyError:
            raise ValueError("select must return individuals that it was given, not copies of them") from None

    def offspring(self, cell: Cell, chosen: Sequence[int]) -> Individual:
        """A clone, not evaluated yet, with the rate of its cell (not of its parent) and a stream to train by."""
        made: Any = self.clone(cell.neighbourhood[chosen[0]])
        del made.fitness.values
        made.learning_rate = cell.learning_rate
        made.seed, made.cell = cell.key(Stream.TRAIN), cell.number
        for part, index in enumerate(chosen):
            if index != chosen[0]:
                made[part] = self.clone(genomes(cell.neighbourhood[index])[part])
        return cast(Individual, made)

    def train_together(self, made: list[Individual], cells: Sequence[Cell]) -> list[float]:
        """An epoch for all: the mean loss of each, NaN where the slot returns none. Then mutation prepares.

        The caller starts the global generators for it: a train slot may draw from them.
        """
        if self.opponents == "selected":
            losses = _losses(self.train(made), len(made))
        else:  # Lipi-AE: each side trains against opponents drawn from the neighbourhood anew for every batch.
            encoders = [[genomes(one)[0] for one in cell.neighbourhood] for cell in cells]
            decoders = [[genomes(one)[1] for one in cell.neighbourhood] for cell in cells]
            there, back = names_of(made[0])
            losses = _losses(self.train(made, parts=(there,), opponents=decoders), len(made))
            self.train(made, parts=(back,), opponents=encoders)
        prepare(self.mutate, made)
        return losses

    def evaluate_and_prune(self, made: Individual) -> Individual:
        """What the mutate slot makes of the offspring, with its loss on one batch after or before that."""
        batch = self.draw()
        if self.prune == "before":
            made = self.mutated(made)
        values = self.loss(made, batch)
        if self.prune == "after":
            made.fitness.values = values  # which an operator may read, as in DEAP's own algorithms
            made = self.mutated(made)
        made.fitness.values, made.seed = values, None
        return made

    def move(self, rate: float | None) -> float | None:
        """A cell's learning rate after a normal step, where it has one."""
        return None if rate is None else next_rate(rate, self.rate_sigma)

    def draw(self) -> Any:
        """One batch, where the toolbox has the slot for it."""
        return None if self.batch is None else self.batch()

    def loss(self, one: Individual, batch: Any) -> tuple[float, ...]:
        """The evaluate slot's value for the parts of an individual, as a tuple of finite numbers."""
        return _finite(self.evaluate(*genomes(one), *self.data(batch)), one.fitness.weights)

    def data(self, batch: Any) -> tuple[Any, ...]:
        """What the evaluate slot takes after the genomes: the batch, where the toolbox has the slot for it."""
        return () if self.batch is None else (batch,)

    def mutated(self, made: Individual) -> Individual:
        """The offspring after the mutate slot, which decides itself whether to prune."""
        if self.mutate is None:
            return made
        (made,) = self.mutate(made)
        return made


def check_slots(toolbox: Any, required: Sequence[str]) -> None:
    """Refuse a toolbox without a slot that is needed, or with something in it that cannot be called.

    :raises ValueError: naming the slots.
    """
    missing = [slot for slot in required if getattr(toolbox, slot, None) is None]
    if missing:
        ours = [slot for slot in required if slot not in DEAPS]
        words = f"register {', '.join(ours[:-1])} and {ours[-1]}" if ours else "it must be a base.Toolbox"
        raise ValueError(f"the toolbox lacks {', '.join(missing)}: {words}; got {shown(toolbox)}")
    for slot in (*required, "mutate", "batch"):
        if not callable(getattr(toolbox, slot, len)):
            raise ValueError(f"{slot} of the toolbox must be a function, got {shown(getattr(toolbox, slot))}")


def update_from(toolbox: Any, **options: Any) -> CellUpdate:
    """The cell update that a toolbox describes.

    :raises ValueError: where a slot is missing.
    """
    slots: dict[str, Any] = {slot: getattr(toolbox, slot, None) for slot in (*REQUIRED, "mutate", "batch")}
    check_slots(toolbox, REQUIRED)
    return CellUpdate(**slots, **options)


def all_values(evaluate: Callable[..., Any], sides: Sequence[Sequence[Genome]], *data: Any) -> Any:
    """What ``evaluate`` gives for all combinations of a genome of each side, nested: ``[encoder][decoder]``.

    A function that has an attribute ``pairwise`` is asked at once: ``evaluate.pairwise(*sides, *data)``. It promises to
    leave the genomes as they are.
    """
    if (pairwise := _pairwise_of(evaluate)) is not None:
        return pairwise(*map(list, sides), *data)
    return nested([evaluate(*parts, *data) for parts in product(*sides)], list(map(len, sides)))


def _pairwise_of(evaluate: Callable[..., Any]) -> Callable[..., Any] | None:
    """The ``pairwise`` of a function, with the named arguments of partials around it."""
    if isinstance(evaluate, partial):  # as Toolbox.register makes one, which has the attributes of what it calls
        inner = None if evaluate.args else _pairwise_of(evaluate.func)
        return None if inner is None else partial(inner, **evaluate.keywords)
    if hasattr(evaluate, "__wrapped__"):  # a decorator took over the attributes, but computes something else
        return None
    return getattr(evaluate, "pairwise", None)


def _all_finite(values: Any, individual: Individual, depth: int) -> Any:
    """The values of an individual's first part, nested so deep, each as a tuple of finite numbers."""
    if not depth:
        return _finite(values, individual.fitness.weights)
    return [_all_finite(value, individual, depth - 1) for value in values]


def _finite(values: Any, weights: Sequence[float]) -> tuple[float, ...]:
    return finite_values(values if isinstance(values, Sequence) else (values,), weights)


def _losses(returned: Any, count: int) -> list[float]:
    losses = [math.nan] * count if returned is None else [float(loss) for loss in returned]
    if len(losses) != count:
        raise ValueError(f"train returned {len(losses)} losses for {count} individuals; it may also return None")
    return losses
