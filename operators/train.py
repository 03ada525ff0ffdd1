"""Training as a mutation: an epoch of gradient steps changes an individual as any other variation does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evoprune.checks import MOST, at_least, of_type
from evoprune.genome import Genome
from evoprune.individuals import IndividualT, Network
from evoprune.seeds import Stream
from evoprune.training import train_epoch


@dataclass(frozen=True)
class StepDecay:
    """A learning rate that is multiplied by ``factor`` every ``every`` epochs of the individual's age.

    The paper's canonical baseline multiplies by 0.1 at every quarter of the run.
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        at_least("rate", self.rate, 0, finite=True)
        at_least("every", self.every, 1, whole=True)
        at_least("factor", self.factor, 0, finite=True)

    def __call__(self, age: int) -> float:
        at_least("age", age, 0, whole=True, most=MOST)
        try:
            return float(self.rate * self.factor ** (age // self.every))
        except OverflowError:
            raise ValueError(f"at age {age} the rate of {self!r} is too large for a number") from None


def mutTrain(
    individual: IndividualT,
    data: Any,
    learning_rate: float | Callable[[int], float] = 1e-3,
    epochs: int = 1,
    **settings: Any,
) -> tuple[IndividualT]:
    """Train an individual by gradient descent, in place, masks respected.

    :param individual: a Genome, an Autoencoder or another Network.
    :param data: a problem, whose ``train`` split is used, a tensor, or (inputs, targets): all that
        :func:`evoprune.data.samples_of` takes.
    :param learning_rate: a number, or a function of the individual's age in epochs such as :class:`StepDecay`; used
        where the individual has no ``learning_rate`` of its own.
    :param epochs: passes over the data, at least 1.
    :param settings: ``loss``, a name of :data:`evoprune.losses.LOSSES` or a function of output and target (default
        ``"l1"``); ``batch_size``, ``optimizer``, ``corruption``, ``shuffle``, ``mirror``, ``rng``, ``device`` and
        ``kernel``; as in :func:`evoprune.training.train_epoch`.
    :returns: ``(individual,)``; fitness is not touched. ``individual.train_loss`` is the mean loss of the last epoch.
    :raises TypeError: for anything but an individual, and no data.
    :raises ValueError: for epochs below 1, and a learning rate that is negative or not finite.
    """
    of_type("individual", individual, Genome | Network, "a Genome, an Autoencoder or another Network")
    at_least("epochs", epochs, 1, whole=True, most=MOST)
    seed = individual.seed
    try:
        for epoch in range(epochs):
            if seed is not None and epoch > 0:
                individual.seed = Stream.EPOCHS.seed(seed, epoch)  # else each epoch would take the batches of the first
            rate = learning_rate(individual.age) if callable(learning_rate) else learning_rate
            (loss,) = train_epoch([individual], data, learning_rate=rate, **settings)
            individual.train_loss = float(loss)
    finally:
        individual.seed = seed
    return (individual,)
