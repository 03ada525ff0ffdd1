"""A new pruning operator is a new score. This one asks how much the loss would change if a weight were gone.

On the command line: evoprune run --operator docs/examples/new_operator.py:mutPruneSensitivity
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from deap import algorithms, base, tools
from torch import Tensor
from torch.nn import functional

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.benchmarks import Digits
from evoprune.evaluation import evaluate
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import Increase, ScheduledProbability, gated, mutTrain, sequence
from evoprune.operators.choice import check, prune_lowest


def mutPruneSensitivity(
    individual: Any,
    amount: float,
    samples: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    persistent: bool = True,
    scope: str = "tensor",
    power: float = 1.0,
) -> tuple[Any]:
    """Prune the weights to which the loss is least sensitive, in place: the score is ``|weight * gradient| ** power``.

    :param individual: an Autoencoder.
    :param amount: the share of the survivors that goes, in [0, 1]; of every tensor, or of the whole individual.
    :param samples: (samples, inputs) on which the loss is differentiated; ``targets`` what they should become.
    :param loss: ``loss(output, target)`` gives a scalar.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :returns: ``(individual,)``; fitness is not touched.
    :raises ValueError: for an amount outside [0, 1] or an unknown scope, before any work.

    Source: the connection sensitivity of Lee, Ajanthan and Torr 2019, "SNIP" (arXiv 1810.02340).
    """
    check(amount, scope)
    weights = [genome.module.get_parameter(name) for genome in individual for name in genome.masks]
    found = torch.autograd.grad(loss(individual(samples), targets), weights, allow_unused=True, materialize_grads=True)
    gradients = iter(found)
    scores = [
        (genome, {name: (genome.module.get_parameter(name) * next(gradients)).abs() ** power for name in genome.masks})
        for genome in individual
    ]
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)


def main(generations: int = 8, size: int = 3) -> list[Autoencoder]:
    """The new operator in eaSimple; returns the last population."""
    torch.manual_seed(1)
    problem = Digits()
    probability = ScheduledProbability(Increase(1.0), generations)
    samples = problem.validation[:100]
    prune = partial(mutPruneSensitivity, amount=0.2, samples=samples, targets=samples, loss=functional.mse_loss)
    train = partial(mutTrain, data=problem, batch_size=32, loss="mse", learning_rate=1e-2)

    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate, data=problem)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("mutate", sequence(train, gated(prune, probability)))

    population = [
        Autoencoder([Encoder(mlp_encoder([64, 32, 8])), Decoder(mlp_decoder([8, 32, 64]))]) for _ in range(size)
    ]
    stats = tools.Statistics(lambda pair: pair.preserved)
    stats.register("mutpb", probability.observe)
    stats.register("preserved", lambda shares: sum(shares) / len(shares))
    population, _ = algorithms.eaSimple(population, toolbox, cxpb=0, mutpb=1, ngen=generations, stats=stats)
    return population


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
