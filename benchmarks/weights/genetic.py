"""A generation: the better half survives and is refined, the rest is replaced by its offspring.

Gradient descent alone is the same with one individual, no offspring, and as many gradient steps. Source: David and
Greental 2014 (arXiv 1711.07655).
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from deap import algorithms, base, tools
from torch import Tensor

from evoprune.benchmarks.weights.settings import WeightsSettings
from evoprune.evaluation import reconstruct
from evoprune.fitness import MaximizeScore
from evoprune.operators import cxUniformWeights, mutZeroWeights
from evoprune.seeds import Stream, seeded
from evoprune.tied import TiedAutoencoder, TiedNetwork, deepen, freeze
from evoprune.training import train_epoch
from evoprune.training.kernel import Kernel

LOSS = "mse"
EXACT = 1e-12  # an RMSE below counts as this, so that its inverse stays finite


class Candidate(TiedAutoencoder):
    """A tied autoencoder whose fitness is maximized; ``born`` is the generation that made it."""

    def __init__(self, network: TiedNetwork) -> None:
        super().__init__(network)
        self.fitness = MaximizeScore()
        self.born = 0


def rmse(pair: TiedAutoencoder, data: Tensor) -> float:
    """Root of the mean squared difference between ``data`` (samples, inputs) and its reconstruction."""
    return float((reconstruct(pair, data) - data).square().mean().sqrt())


def score(pair: TiedAutoencoder, data: Tensor) -> tuple[float]:
    """The fitness, 1/RMSE."""
    return (1 / max(rmse(pair, data), EXACT),)


def candidate(widths: Sequence[int], activation: str, output: str, frozen: int = 0) -> Candidate:
    """A new one, of which the outermost ``frozen`` layers do not learn."""
    pair = Candidate(TiedNetwork(widths, activation, output))
    freeze(pair.network, frozen)
    return pair


def first_candidate(settings: WeightsSettings) -> Candidate:
    """A network of one layer, or for ``sgd`` of all layers, drawn at random."""
    widths = settings.widths[:2] if settings.layerwise else settings.widths
    return candidate(widths, settings.activation, settings.output_activation)


def first_population(settings: WeightsSettings) -> list[Candidate]:
    """The first networks, evaluated."""
    return _population(settings, 0, partial(first_candidate, settings))


def next_population(settings: WeightsSettings, best: Candidate) -> list[Candidate]:
    """The best network with its layers frozen and one more, drawn anew for each individual."""
    layer = len(best.network.widths) - 1
    return _population(settings, layer, lambda: deepen(best, settings.hidden[layer]))


def make_toolbox(
    settings: WeightsSettings, map: Callable[..., Any] = map, kernel: Kernel | None = None
) -> base.Toolbox:
    """The operators of a run.

    :param map: where individuals are refined and evaluated; tasks depend on their arguments alone.
    :param kernel: what the setting has come to, perhaps on another machine.
    """
    toolbox = base.Toolbox()
    toolbox.register("map", map)
    toolbox.register("select", tools.selBest)
    toolbox.register("cross", cxUniformWeights, ratio=settings.ratio)
    toolbox.register("mutate", mutZeroWeights, indpb=settings.indpb, persistent=settings.persistent)
    toolbox.register("mate", _mate, toolbox)
    toolbox.register("refine", _in_tasks, toolbox, partial(refined, kernel=kernel), settings)
    toolbox.register("evaluate", _in_tasks, toolbox, evaluated, settings)
    return toolbox


def generation(
    settings: WeightsSettings, population: Sequence[Candidate], toolbox: base.Toolbox, number: int
) -> list[Candidate]:
    """The next population: refined survivors, best first as they were selected, then their offspring."""
    genetic = settings.method == "genetic"
    survivors = toolbox.refine(toolbox.select(population, settings.survivors if genetic else 1), number)
    with seeded(Stream.OFFSPRING.seed(settings.seed, number)):
        count, copies = settings.population - len(survivors), 1 - settings.cxpb
        offspring = algorithms.varOr(survivors, toolbox, count, settings.cxpb, copies) if genetic else []
    for child in offspring:
        child.born = number
    return survivors + toolbox.evaluate(offspring, number)


def refined(
    settings: WeightsSettings, pairs: list[Candidate], number: int, first: int, kernel: Kernel | None = None
) -> list[Candidate]:
    """Some of the survivors after their epochs of gradient descent, evaluated; a task of its own.

    :param number: of the generation; ``first`` is the place of the first pair among the survivors.
    """
    how: dict[str, Any] = {"optimizer": settings.optimizer, "learning_rate": settings.rate_in(number)}
    how |= {"loss": LOSS, "kernel": kernel or settings.kernel}
    epochs = settings.epochs * (1 if settings.method == "genetic" else settings.survivors)
    for epoch in range(epochs):
        for place, pair in enumerate(pairs, start=first):
            pair.seed = Stream.REFINEMENT.seed(settings.seed, number, place, epoch)
        train_epoch(pairs, settings.training, settings.batch_size, **how)
    return evaluated(settings, pairs, number, first)


def evaluated(settings: WeightsSettings, pairs: list[Candidate], number: int, first: int) -> list[Candidate]:
    """Some individuals with their fitness on the training data; a task of its own."""
    for pair in pairs:
        pair.seed = None
        pair.fitness.values = score(pair, settings.training)
    return pairs


def _population(settings: WeightsSettings, layer: int, make: Callable[[], Candidate]) -> list[Candidate]:
    population = []
    for place in range(settings.population if settings.method == "genetic" else 1):
        with seeded(Stream.NETWORKS.seed(settings.seed, layer, place)):
            pair = make()
        pair.fitness.values = score(pair, settings.training)
        population.append(pair)
    return population


def _mate(toolbox: base.Toolbox, one: Candidate, other: Candidate) -> tuple[Candidate, Candidate]:
    """Children of two survivors, mutated as the copies of one are."""
    children = toolbox.cross(one, other)
    for child in children:
        toolbox.mutate(child)
    return children


def _in_tasks(
    toolbox: base.Toolbox, task: Callable[..., Any], settings: WeightsSettings, pairs: list[Any], number: int
) -> list[Any]:
    """The results of a task on a few individuals at a time."""
    size = settings.chunk or -(-settings.survivors // 2)
    starts = range(0, len(pairs), size)
    parts = [pairs[start : start + size] for start in starts]
    count = len(parts)
    return list(chain.from_iterable(toolbox.map(task, [settings] * count, parts, [number] * count, starts)))
