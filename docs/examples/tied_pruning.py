"""A tied autoencoder pruned in DEAP's eaSimple: one mask for both ways, and crossover that exchanges single weights."""

import random
from functools import partial

import torch
from deap import algorithms, base, tools

from evoprune import similar
from evoprune.benchmarks import Digits
from evoprune.evaluation import evaluate
from evoprune.operators import (
    Exponential,
    ScheduledProbability,
    cxUniformWeights,
    gated,
    mutPruneMagnitude,
    mutTrain,
    sequence,
    towards,
)
from evoprune.tied import TiedAutoencoder, TiedNetwork


def main(generations: int = 30, size: int = 4, keep: float = 0.3) -> tools.HallOfFame:
    """Evolve `size` tied autoencoders, keep a share `keep` of their weights, and return the best in a hall of fame."""
    random.seed(1)
    torch.manual_seed(1)
    problem = Digits()
    probability = ScheduledProbability(Exponential(0.5), generations)
    prune = towards(partial(mutPruneMagnitude, scope="global"), keep, probability)
    train = partial(mutTrain, data=problem, loss="mse", batch_size=32, learning_rate=1e-2)

    toolbox = base.Toolbox()
    toolbox.register("individual", lambda: TiedAutoencoder(TiedNetwork([64, 48, 16], activation="tanh")))
    toolbox.register("evaluate", evaluate, data=problem, loss="mse")
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("mate", cxUniformWeights, ratio=0.1)
    toolbox.register("mutate", sequence(train, gated(prune, probability)))

    stats = tools.Statistics(lambda individual: individual.preserved)
    stats.register("mutpb", probability.observe)  # logs the probability and moves it on
    stats.register("smallest", min)
    best = tools.HallOfFame(1, similar=similar)
    population = tools.initRepeat(list, toolbox.individual, size)
    algorithms.eaSimple(population, toolbox, cxpb=0.1, mutpb=1, ngen=generations, stats=stats, halloffame=best)
    return best


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(main()[0])
