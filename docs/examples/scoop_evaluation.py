"""Evaluation on many processes or machines with SCOOP: masks evolve, and each evaluation trains a copy from scratch.

    python -m scoop -n 2 docs/examples/scoop_evaluation.py

Without `-m scoop` the same script runs in one process. SCOOP exits with 0 even after an exception, so the last line,
`done`, is what says that the run has finished.
"""

import copy
import random
from functools import partial

import scoop
import torch
from deap import algorithms, base, tools
from scoop import futures

from evoprune import Autoencoder, Decoder, Encoder, MinimizeLoss
from evoprune.benchmarks import Digits
from evoprune.evaluation import evaluate
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import gated, mutPruneRandom, mutTrain

# Workers read this file too, down to `main`: what they need to unpickle a task has to stand at the top level.
torch.set_num_threads(1)  # one worker a core
PROBLEM = Digits()  # a recipe: each worker loads the data itself, once


class LossAndSize(MinimizeLoss):
    """Both are minimized: the loss after training, and the share of weights that are left."""

    weights = (-1.0, -1.0)


def make_pair() -> Autoencoder:
    """An untrained pair."""
    pair = Autoencoder([Encoder(mlp_encoder([64, 32, 8])), Decoder(mlp_decoder([8, 32, 64]))])
    pair.fitness = LossAndSize()
    return pair


def train_and_evaluate(pair: Autoencoder, epochs: int = 5) -> tuple[float, float]:
    """A pure function of the pair: a copy is trained with a seed of its own, and plain numbers go back."""
    trained = copy.deepcopy(pair)
    mutTrain(trained, PROBLEM, epochs=epochs, batch_size=32, loss="mse", learning_rate=1e-2, rng=random.Random(0))
    (loss,) = evaluate(trained, PROBLEM)
    return loss, pair.preserved


toolbox = base.Toolbox()
toolbox.register("population", tools.initRepeat, list, make_pair)
toolbox.register("evaluate", train_and_evaluate)
toolbox.register("mate", tools.cxOnePoint)
toolbox.register("mutate", gated(partial(mutPruneRandom, amount=0.3), 0.9))
toolbox.register("select", tools.selNSGA2)
if scoop.IS_RUNNING:
    toolbox.register("map", futures.map)


def main(generations: int = 3, mu: int = 6) -> list[Autoencoder]:
    """Evolve, print the last population, and return it."""
    random.seed(1)
    torch.manual_seed(1)
    population = toolbox.population(n=mu)
    population, _ = algorithms.eaMuPlusLambda(
        population, toolbox, mu=mu, lambda_=mu, cxpb=0.2, mutpb=0.8, ngen=generations, verbose=False
    )
    for pair in sorted(population, key=lambda pair: pair.preserved):
        print(f"loss {pair.fitness.values[0]:.4f} with {pair.preserved:.1%} of the weights")
    return population


if __name__ == "__main__":
    main()
    print("done")
