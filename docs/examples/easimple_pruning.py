"""Pruning in DEAP's own eaSimple: a mutation trains a pair for an epoch, and prunes it with a growing probability."""

import random
from functools import partial

import numpy as np
import torch
from deap import algorithms, base, tools

from evoprune import Autoencoder, Decoder, Encoder, similar
from evoprune.benchmarks import BinaryClustering
from evoprune.evaluation import evaluate
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import Exponential, ScheduledProbability, gated, mutPruneMagnitude, mutTrain, sequence, towards


def main(generations: int = 20, size: int = 4, n_dim: int = 200, keep: float = 0.3) -> tools.HallOfFame:
    """Evolve `size` pairs, keep a share `keep` of their weights, and return the best pair in a hall of fame."""
    random.seed(1)
    torch.manual_seed(1)
    problem = BinaryClustering(n_samples=200, n_dim=n_dim)
    probability = ScheduledProbability(Exponential(0.5), generations)
    prune = towards(partial(mutPruneMagnitude, scope="global"), keep, probability)
    train = partial(mutTrain, data=problem, loss="bce", batch_size=10, learning_rate=1e-2)

    toolbox = base.Toolbox()
    toolbox.register("encoder", lambda: Encoder(mlp_encoder([n_dim, 20, 8])))
    toolbox.register("decoder", lambda: Decoder(mlp_decoder([8, 20, n_dim])))
    toolbox.register("pair", tools.initCycle, Autoencoder, (toolbox.encoder, toolbox.decoder))
    toolbox.register("population", tools.initRepeat, list, toolbox.pair)
    toolbox.register("evaluate", evaluate, data=problem)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("mate", tools.cxOnePoint)  # two pairs swap their decoders
    toolbox.register("mutate", sequence(train, gated(prune, probability)))

    stats = tools.Statistics(lambda pair: (pair.fitness.values[0], pair.preserved))
    stats.register("mutpb", probability.observe)  # logs the probability and moves it on
    stats.register("loss", lambda rows: np.mean([loss for loss, _ in rows]))
    stats.register("preserved", lambda rows: np.mean([share for _, share in rows]))
    best = tools.HallOfFame(1, similar=similar)
    algorithms.eaSimple(
        toolbox.population(n=size), toolbox, cxpb=0.2, mutpb=1, ngen=generations, stats=stats, halloffame=best
    )
    return best


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(main()[0])
