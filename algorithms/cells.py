"""What happens in a cell in one generation: a pure function of the cell's neighbourhood, its rate and its seed."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from evoprune.checks import at_least, lookup, shown
from evoprune.fitness import finite_values
from evoprune.genome import Autoencoder, Genome
from evoprune.operators.combine import prepare
from evoprune.operators.rate import SIGMA, next_rate
from evoprune.seeds import Stream, alone, seeding

REQUIRED = ("evaluate", "select", "train", "clone")  # slots of the toolbox
DEAPS = ("clone", "map")  # slots that every toolbox of DEAP has
CONCEPTS: dict[str, Callable[..., Any]] = {"minimum": np.min, "mean": np.mean, "maximum": np.max}
"""Solution concepts: what a genome's losses against its opponents amount to."""


@dataclass(frozen=True)
class Cell:
    """A task: where and when a cell is, its own learning rate, and the pairs of its neighbourhood in order."""

    number: int
    seed: int  # of the run
    generation: int
    learning_rate: float | None
    neighbourhood: list[Autoencoder]

    def key(self, stream: Stream) -> int:
        """The seed of one of the cell's streams in this generation."""
        return stream.seed(self.seed, self.number, self.generation)


@dataclass(frozen=True)
class Offspring:
    """What a cell's generation gave: the pair that replaces the centre and what is worth logging."""

    pair: Autoencoder
    chosen: tuple[int, int]  # of the neighbourhood: the index the encoder came from, and the decoder
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
        """The steps that :func:`~evoprune.algorithms.eaSpatialCoevolution` numbers; all pairs train together."""
        chosen, pairs = [], []
        with seeding() as start:
            for cell in cells:
                start(cell.key(Stream.SCORE))
                neighbours = cell.neighbourhood  # 1. Copy the neighbourhood: a cell comes with those who stood there.
                losses = self.score(neighbours)  # 2. Score all combinations of an encoder and a decoder on one batch.
                chosen.append(self.tournament(neighbours, losses))  # 3. A tournament picks the parents,
                pairs.append(self.offspring(cell, *chosen[-1]))  # whose clone is the offspring.
            start(cells[0].key(Stream.TOGETHER))
            train_losses = self.train_together(pairs, cells)  # 4. The offspring trains for an epoch.
            for i, cell in enumerate(cells):
                start(cell.key(Stream.FINISH))
                pairs[i] = self.evaluate_and_prune(pairs[i])  # 5. Evaluate on one batch. 6. Prune, with a probability.
                pairs[i].learning_rate = self.move(cell.learning_rate)  # 8. The cell's learning rate takes a step.
        counts = [len(cell.neighbourhood) ** 2 + 1 for cell in cells]
        return list(map(Offspring, pairs, chosen, train_losses, counts))  # 7. The offspring replaces the centre.

    def score(self, pairs: Sequence[Autoencoder]) -> np.ndarray:
        """Losses of every encoder with every decoder on one batch, (encoders, decoders, objectives), all finite."""
        data = self.data(self.draw())
        values = all_values(self.evaluate, [pair.encoder for pair in pairs], [pair.decoder for pair in pairs], *data)
        rows = zip(pairs, values, strict=True)
        return np.array([[_finite(value, pair.fitness.weights) for value in row] for pair, row in rows], dtype=float)

    def tournament(self, pairs: Sequence[Autoencoder], losses: np.ndarray) -> tuple[int, int]:
        """Indices of the pairs that give the encoder and the decoder: one index, in the older Lipi-AE two."""
        (encoder,) = self.choose(pairs, losses, 1)
        (decoder,) = (encoder,) if self.opponents == "selected" else self.choose(pairs, losses, 1, over=0)
        return encoder, decoder

    def choose(self, pairs: Sequence[Autoencoder], losses: np.ndarray, count: int, over: int = 1) -> list[int]:
        """Indices of the pairs that the select slot takes by the concept's value of their losses.

        :param losses: as :meth:`score` gives them.
        :param over: 1 for the loss of an encoder over the decoders, 0 for that of a decoder over the encoders.
        :raises ValueError: for a selection that returns copies.
        """
        views = list(map(copy.copy, pairs))  # the same genomes, with these losses as their fitness
        for view, values in zip(views, CONCEPTS[self.concept](losses, axis=over), strict=True):
            view.fitness = copy.deepcopy(view.fitness)
            view.fitness.values = tuple(values)
        places = {id(view): i for i, view in enumerate(views)}
        try:
            return [places[id(view)] for view in self.select(views, count)]
        except KeyError:
            raise ValueError("select must return individuals that it was given, not copies of them") from None

    def offspring(self, cell: Cell, encoder: int, decoder: int) -> Autoencoder:
        """A clone, not evaluated yet, with the rate of its cell (not of its parent) and a stream to train by."""
        pair = self.clone(cell.neighbourhood[encoder])
        del pair.fitness.values
        pair.learning_rate = cell.learning_rate
        pair.seed = cell.key(Stream.TRAIN)
        if decoder != encoder:
            pair.decoder = self.clone(cell.neighbourhood[decoder].decoder)
        return pair

    def train_together(self, pairs: list[Autoencoder], cells: Sequence[Cell]) -> list[float]:
        """An epoch for all pairs: the mean loss of each, NaN where the slot returns none. Then mutation prepares.

        The caller starts the global generators for it: a train slot may draw from them.
        """
        if self.opponents == "selected":
            losses = _losses(self.train(pairs), len(pairs))
        else:  # Lipi-AE: each side trains against opponents drawn from the neighbourhood anew for every batch.
            encoders = [[pair.encoder for pair in cell.neighbourhood] for cell in cells]
            decoders = [[pair.decoder for pair in cell.neighbourhood] for cell in cells]
            losses = _losses(self.train(pairs, parts=("encoder",), opponents=decoders), len(pairs))
            self.train(pairs, parts=("decoder",), opponents=encoders)
        prepare(self.mutate, pairs)
        return losses

    def evaluate_and_prune(self, pair: Autoencoder) -> Autoencoder:
        """What the mutate slot makes of the pair, with its loss on one batch after or before that."""
        batch = self.draw()
        if self.prune == "before":
            pair = self.mutated(pair)
        values = self.loss(pair, pair, batch)
        if self.prune == "after":
            pair = self.mutated(pair)
        pair.fitness.values, pair.seed = values, None
        return pair

    def move(self, rate: float | None) -> float | None:
        """A cell's learning rate after a normal step, where it has one."""
        return None if rate is None else next_rate(rate, self.rate_sigma)

    def draw(self) -> Any:
        """One batch, where the toolbox has the slot for it."""
        return None if self.batch is None else self.batch()

    def loss(self, one: Autoencoder, other: Autoencoder, batch: Any) -> tuple[float, ...]:
        """The evaluate slot's value for an encoder with another pair's decoder, as a tuple of finite numbers."""
        return _finite(self.evaluate(one.encoder, other.decoder, *self.data(batch)), one.fitness.weights)

    def data(self, batch: Any) -> tuple[Any, ...]:
        """What the evaluate slot takes after the genomes: the batch, where the toolbox has the slot for it."""
        return () if self.batch is None else (batch,)

    def mutated(self, pair: Autoencoder) -> Autoencoder:
        """The pair after the mutate slot, which decides itself whether to prune."""
        if self.mutate is None:
            return pair
        (pair,) = self.mutate(pair)
        return pair


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


def all_values(
    evaluate: Callable[..., Any], encoders: Sequence[Genome], decoders: Sequence[Genome], *data: Any
) -> Sequence[Sequence[Any]]:
    """What ``evaluate`` gives for every encoder with every decoder, ``[encoder][decoder]``.

    A function that has an attribute ``pairwise`` is asked at once: ``evaluate.pairwise(encoders, decoders, *data)``. It
    promises to leave the genomes as they are.
    """
    if (pairwise := _pairwise_of(evaluate)) is not None:
        values: Sequence[Sequence[Any]] = pairwise(encoders, decoders, *data)
        return values
    return [[evaluate(one, other, *data) for other in decoders] for one in encoders]


def _pairwise_of(evaluate: Callable[..., Any]) -> Callable[..., Any] | None:
    """The ``pairwise`` of a function, with the named arguments of partials around it."""
    if isinstance(evaluate, partial):  # as Toolbox.register makes one, which has the attributes of what it calls
        inner = None if evaluate.args else _pairwise_of(evaluate.func)
        return None if inner is None else partial(inner, **evaluate.keywords)
    if hasattr(evaluate, "__wrapped__"):  # a decorator took over the attributes, but computes something else
        return None
    return getattr(evaluate, "pairwise", None)


def _finite(values: Any, weights: Sequence[float]) -> tuple[float, ...]:
    return finite_values(values if isinstance(values, Sequence) else (values,), weights)


def _losses(returned: Any, count: int) -> list[float]:
    losses = [math.nan] * count if returned is None else [float(loss) for loss in returned]
    if len(losses) != count:
        raise ValueError(f"train returned {len(losses)} losses for {count} pairs; it may also return None")
    return losses
