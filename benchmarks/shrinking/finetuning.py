"""Training a network of a run further, as the run trained it, without anything that is zero coming back."""

from typing import Any

from evoprune.benchmarks.pruning.experiment import device_of
from evoprune.benchmarks.weights.genetic import LOSS
from evoprune.benchmarks.weights.settings import WeightsSettings
from evoprune.individuals import Individual, genomes
from evoprune.operators import mutTrain
from evoprune.runs.terminal import progress_bar
from evoprune.seeds import seeded

ALIKE = ("batch_size", "optimizer", "kernel", "corruption", "shuffle")
"""Settings of runs that are settings of training, as far as a run has them."""


def loss_of(settings: Any) -> str:
    """The loss that a run trained with."""
    return LOSS if isinstance(settings, WeightsSettings) else str(settings.loss)


def finetune(individual: Individual, settings: Any, epochs: int, bar: bool = False) -> None:
    """Train an individual for some epochs, in place, from the stream of the run's seed.

    Weights that are zero are pruned first: reference semantics leaves zeros without masks.

    :param settings: those of the run, of any experiment.
    :param bar: show a progress bar.
    """
    for genome in genomes(individual):
        for name, mask in genome.masks.items():
            genome.masks[name] = mask & (genome.module.get_parameter(name).detach() != 0)
    how = {name: getattr(settings, name) for name in ALIKE if hasattr(settings, name)}
    if isinstance(settings, WeightsSettings):
        how |= {"data": settings.training, "learning_rate": settings.rate}
    else:
        how |= {"data": settings.problem, "learning_rate": settings.learning_rate}
        how["mirror"] = settings.problem.image if settings.horizontal_flip else None
        how["device"] = device_of("cpu" if getattr(settings, "device", "cpu") == "cpu" else "auto")
    with seeded(settings.seed), progress_bar(epochs, 0, "fine-tuning", bar) as shown:
        for _ in range(epochs):
            mutTrain(individual, loss=loss_of(settings), **how)
            shown.set_postfix_str(f"loss {individual.train_loss:.4f}", refresh=False)
            shown.update(1)
