"""What happens in a cell in one generation: a pure function of the cell's neighbourhood, its rate and its seed."""

import copy
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from evoprune.checks import at_least, lookup
from evoprune.fitness import finite_values
from evoprune.genome import Autoencoder
from evoprune.operators.rate import SIGMA, moved
from evoprune.seeds import derive, seeded

CONCEPTS: dict[str, Callable[..., Any]] = {"minimum": np.min, "mean": np.mean, "maximum": np.max}
"""Solution concepts: what a genome's losses against its opponents amount to."""

# The streams of a cell in a generation: one for each part, so that no part shifts another. TOGETHER is what a train
# slot finds in the global generators, ORDER that in which a sequential update visits the cells.
SCORE, TRAIN, FINISH, ORDER, TOGETHER = range(5)


@dataclass(frozen=True)
class Cell:
    """A task: where and when a cell is, its own learning rate, and (step 1) the pairs of its neighbourhood in order."""

    number: int
    seed: int  # of the run
    generation: int
    learning_rate: float | None
    neighbourhood: list[Autoencoder]

    def key(self, part: int) -> int:
        """The seed of one of the cell's streams in this generation."""
        return derive(self.seed, self.number, self.generation, part)

    def stream(self, part: int) -> AbstractContextManager[None]:
        """Within the block the global generators draw from one of the cell's streams."""
        return seeded(self.key(part))


@dataclass(frozen=True)
class Offspring:
    """What a cell's generation gave: the pair that replaces the centre and what is worth logging."""

    pair: Autoencoder
    chosen: tuple[int, int]  # of the neighbourhood: the index the encoder came from, and the decoder
    train_loss: float
    evaluations: int


@dataclass(frozen=True)
class CellUpdate:
    """One generation of cells that do not read each other's offspring: select, train together, evaluate, prune.

    Holds the toolbox's functions rather than the toolbox, so that it can be sent to a worker. Its methods are the
    steps that :func:`~evoprune.algorithms.eaSpatialCoevolution` numbers.
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
        at_least("rate_sigma", self.rate_sigma, 0)
        lookup("concept", self.concept, CONCEPTS)
        lookup("order of pruning", self.prune, dict.fromkeys(("after", "before")))
        lookup("kind of opponents", self.opponents, dict.fromkeys(("selected", "random")))

    def __call__(self, cells: Sequence[Cell]) -> list[Offspring]:
        selected = [self.select_pair(cell) for cell in cells]
        pairs = [pair for pair, _ in selected]
        losses = self.train_pairs(pairs, cells)
        counts = [len(cell.neighbourhood) ** 2 + 1 for cell in cells]
        return [
            Offspring(self.finish(pair, cell), chosen, loss, count)
            for (pair, chosen), cell, loss, count in zip(selected, cells, losses, counts, strict=True)
        ]

    def select_pair(self, cell: Cell) -> tuple[Autoencoder, tuple[int, int]]:
        """Steps 2 and 3: score all combinations on one batch; the tournament's winner is cloned."""
        with cell.stream(SCORE):
            losses = self.score(cell.neighbourhood)
            (first,) = self.choose(cell.neighbourhood, CONCEPTS[self.concept](losses, axis=1), 1)
            second = first
            if self.opponents == "random":
                (second,) = self.choose(cell.neighbourhood, CONCEPTS[self.concept](losses, axis=0), 1)
            pair = self.offspring(cell.neighbourhood[first], cell)
            if second != first:
                pair.decoder = self.clone(cell.neighbourhood[second].decoder)
        return pair, (first, second)

    def choose(self, pairs: Sequence[Autoencoder], losses: np.ndarray, count: int) -> list[int]:
        """Indices of the pairs that the select slot takes by these losses, (pairs, objectives)."""
        views = ranked(pairs, losses)
        places = {id(view): i for i, view in enumerate(views)}
        try:
            return [places[id(view)] for view in self.select(views, count)]
        except KeyError:
            raise ValueError("select must return individuals that it was given, not copies of them") from None

    def offspring(self, parent: Autoencoder, cell: Cell) -> Autoencoder:
        """A clone, not evaluated yet, with the rate of its cell (not of its parent) and a stream to train by."""
        pair = self.clone(parent)
        del pair.fitness.values
        pair.learning_rate = cell.learning_rate
        pair.seed = cell.key(TRAIN)
        return pair

    def score(self, pairs: Sequence[Autoencoder]) -> np.ndarray:
        """Losses of every encoder with every decoder on one batch, (encoders, decoders, objectives), all finite."""
        batch = self.draw()
        return np.array([[self.loss(one, other, batch) for other in pairs] for one in pairs], dtype=float)

    def train_pairs(self, pairs: Sequence[Autoencoder], cells: Sequence[Cell]) -> list[float]:
        """Step 4: an epoch for all pairs together; the mean loss of each, NaN where the slot returns none."""
        with cells[0].stream(TOGETHER):  # for a train slot that draws from the global generators
            if self.opponents == "selected":
                return _losses(self.train(pairs), len(pairs))
            # Lipi-AE: each side trains against opponents drawn from the neighbourhood anew for every batch.
            encoders = [[pair.encoder for pair in cell.neighbourhood] for cell in cells]
            decoders = [[pair.decoder for pair in cell.neighbourhood] for cell in cells]
            losses = _losses(self.train(pairs, parts=("encoder",), opponents=decoders), len(pairs))
            self.train(pairs, parts=("decoder",), opponents=encoders)
            return losses

    def finish(self, pair: Autoencoder, cell: Cell) -> Autoencoder:
        """Steps 5, 6 and 8: loss on one batch, pruning before or after it, and the step of the learning rate."""
        with cell.stream(FINISH):
            batch = self.draw()
            if self.prune == "before":
                pair = self.mutated(pair)
            values = self.loss(pair, pair, batch)
            if self.prune == "after":
                pair = self.mutated(pair)
            pair.fitness.values = values
            pair.learning_rate = self.moved(cell.learning_rate)
        pair.seed = None
        return pair

    def moved(self, rate: float | None) -> float | None:
        """Step 8: the learning rate of a cell after a random step."""
        if rate is None:
            return None
        return moved(rate, self.rate_sigma)

    def draw(self) -> Any:
        """One batch, where the toolbox has the slot for it."""
        return None if self.batch is None else self.batch()

    def loss(self, one: Autoencoder, other: Autoencoder, batch: Any) -> tuple[float, ...]:
        """The evaluate slot's value for an encoder with another pair's decoder, as a tuple of finite numbers."""
        arguments = (one.encoder, other.decoder) if self.batch is None else (one.encoder, other.decoder, batch)
        values = self.evaluate(*arguments)
        return finite_values(values if isinstance(values, Sequence) else (values,), one.fitness.weights)

    def mutated(self, pair: Autoencoder) -> Autoencoder:
        """The pair after the mutate slot, which decides itself whether to prune."""
        if self.mutate is None:
            return pair
        (pair,) = self.mutate(pair)
        return pair


def update_from(toolbox: Any, **options: Any) -> CellUpdate:
    """The cell update that a toolbox describes.

    :raises ValueError: where a slot is missing.
    """
    missing = [slot for slot in ("evaluate", "select", "train", "clone") if not hasattr(toolbox, slot)]
    if missing:
        raise ValueError(f"the toolbox lacks {', '.join(missing)}: register evaluate, select and train")
    return CellUpdate(
        evaluate=toolbox.evaluate,
        select=toolbox.select,
        train=toolbox.train,
        clone=toolbox.clone,
        mutate=getattr(toolbox, "mutate", None),
        batch=getattr(toolbox, "batch", None),
        **options,
    )


def ranked(pairs: Sequence[Autoencoder], losses: np.ndarray) -> list[Autoencoder]:
    """The same genomes in new pairs that carry these losses as their fitness, for a selection to choose from."""
    views = []
    for pair, values in zip(pairs, losses, strict=True):
        view = copy.copy(pair)
        view.fitness = copy.deepcopy(pair.fitness)
        view.fitness.values = tuple(values)
        views.append(view)
    return views


def _losses(returned: Any, count: int) -> list[float]:
    losses = [math.nan] * count if returned is None else [float(loss) for loss in returned]
    if len(losses) != count:
        raise ValueError(f"train returned {len(losses)} losses for {count} pairs; it may also return None")
    return losses
