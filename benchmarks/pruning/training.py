"""Training in two phases: while there is pruning with an L1 proximal step, and fine-tuning at a rate that falls."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from evoprune.benchmarks.pruning.settings import Settings
from evoprune.individuals import Individual
from evoprune.operators import ScheduledProbability
from evoprune.training.optimizers import OPTIMIZERS, Optimizer

Rate = float | Callable[[int], float]


def phased(
    settings: Settings, clock: ScheduledProbability, train: Callable[..., Any], rate: Rate | None = None
) -> Callable[..., Any]:
    """What trains one or several individuals, as the generation of a clock asks for.

    :param train: called with them, and with the optimizer.
    :param rate: of those that have no learning rate of their own, perhaps a function of their age.
    """
    if not settings.l1 and settings.finetune_rate == 1:
        return train
    first = replace(OPTIMIZERS[settings.optimizer], l1=settings.l1)
    least = settings.finetune_rate
    return _Phased(train, first, replace(first, l1=0.0), clock, settings.generations, least, rate)


@dataclass(frozen=True, slots=True)
class _Phased:
    train: Callable[..., Any]
    pruning: Optimizer
    finetuning: Optimizer
    clock: ScheduledProbability
    generations: int
    least: float
    rate: Rate | None

    def __call__(self, individuals: Any, **settings: Any) -> Any:
        late = self.clock.t - self.clock.last
        if late <= 0:
            return self.train(individuals, optimizer=self.pruning, **settings)
        factor = max(self.least, 1 - late / (self.generations - self.clock.last))
        with self._slower([individuals] if hasattr(individuals, "fitness") else individuals, factor):
            return self.train(individuals, optimizer=self.finetuning, **settings)

    @contextmanager
    def _slower(self, individuals: Sequence[Individual], factor: float) -> Iterator[None]:
        """Within the block the individuals have a factor of their learning rates."""
        before = [one.learning_rate for one in individuals]
        try:
            for one, own in zip(individuals, before, strict=True):
                rate = self.rate(one.age) if callable(self.rate) else self.rate
                one.learning_rate = factor * (own if own is not None else rate or 0.0)
            yield
        finally:
            for one, own in zip(individuals, before, strict=True):
                one.learning_rate = own
