"""Small against accurate: NSGA-II on (loss, share of weights kept), with classes made by deap.creator."""

import random
from functools import partial

import torch
from deap import algorithms, base, creator, tools

from evoprune import Autoencoder, Decoder, Encoder, MinimizeLoss, similar
from evoprune.benchmarks import BinaryClustering
from evoprune.evaluation import evaluate
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import gated, mutPruneMagnitude, mutTrain, sequence

creator.create("LossAndSize", MinimizeLoss, weights=(-1.0, -1.0))
creator.create("Individual", Autoencoder, fitness=creator.LossAndSize)


def loss_and_size(pair: Autoencoder, problem: BinaryClustering) -> tuple[float, float]:
    """Both are minimized: the mean L1 on the validation split, and the share of weights that are left."""
    (loss,) = evaluate(pair, problem)
    return loss, pair.preserved


def main(generations: int = 30, mu: int = 8, n_dim: int = 200) -> tools.ParetoFront:
    """Evolve, print the front, and return it."""
    random.seed(1)
    torch.manual_seed(1)
    problem = BinaryClustering(n_samples=200, n_dim=n_dim)
    prune = partial(mutPruneMagnitude, amount=0.2, scope="global")
    train = partial(mutTrain, data=problem, loss="bce", batch_size=10, learning_rate=1e-2)

    toolbox = base.Toolbox()
    toolbox.register("encoder", lambda: Encoder(mlp_encoder([n_dim, 20, 8])))
    toolbox.register("decoder", lambda: Decoder(mlp_decoder([8, 20, n_dim])))
    toolbox.register("individual", tools.initCycle, creator.Individual, (toolbox.encoder, toolbox.decoder))
    toolbox.register("population", tools.initRepeat, list, toolbox.individual)
    toolbox.register("evaluate", loss_and_size, problem=problem)
    toolbox.register("select", tools.selNSGA2)
    toolbox.register("mate", tools.cxOnePoint)
    toolbox.register("mutate", sequence(gated(prune, 0.5), train))

    front = tools.ParetoFront(similar=similar)
    algorithms.eaMuPlusLambda(
        toolbox.population(n=mu),
        toolbox,
        mu=mu,
        lambda_=mu,
        cxpb=0.1,
        mutpb=0.9,
        ngen=generations,
        halloffame=front,
        verbose=False,
    )
    print("  loss  weights kept")
    for pair in front:
        loss, share = pair.fitness.values
        print(f"{loss:.4f}  {share:12.1%}")
    return front


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
