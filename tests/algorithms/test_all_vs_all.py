import pickle
import random
from typing import Any

import pytest
import torch
from deap import base, tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.algorithms import all_vs_all_generations, eaAllVsAll
from evoprune.evaluation import draw_batch, reconstruction_loss
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.seeds import seeded
from evoprune.training import train_epoch

DATA = (torch.rand(20, 12, generator=torch.Generator().manual_seed(1)) < 0.7).float()


def make_population(size=4):
    population = []
    for i in range(size):
        with seeded(i):
            population.append(Autoencoder([Encoder(mlp_encoder([12, 6, 3])), Decoder(mlp_decoder([3, 6, 12]))]))
        population[-1].learning_rate = 1e-3
    return population


def make_toolbox():
    toolbox = base.Toolbox()
    toolbox.register("batch", draw_batch, DATA, size=5)
    toolbox.register("evaluate", reconstruction_loss)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", train_epoch, data=DATA)
    return toolbox


def run(population=None, ngen=3, **options):
    population = make_population() if population is None else population
    return eaAllVsAll(population, make_toolbox(), ngen, **{"seed": 7, "verbose": False, **options})


def full(population):
    return [(pair, pair.fitness.values, pair.learning_rate, pair.seed, pair.age) for pair in population]


def test_a_run_is_a_function_of_its_seed_and_can_be_resumed():
    whole, logbook = run(ngen=4)
    random.seed(9)
    half, _ = run(ngen=2)
    resumed, rest = run(pickle.loads(pickle.dumps(half)), ngen=4, start=2)
    assert full(resumed) == full(whole) != full(run(ngen=4, seed=8)[0])
    assert logbook.select("gen") == [0, 1, 2, 3, 4]
    assert logbook.select("nevals") == [4, 20, 20, 20, 20]
    assert rest.select("gen") == [3, 4]
    assert all(pair.age == 4 for pair in whole)


def test_books_and_no_generations(capsys):
    best = tools.HallOfFame(1)
    stats = tools.Statistics(lambda pair: pair.fitness.values[0])
    stats.register("min", min)
    population, logbook = run(ngen=0, stats=stats, halloffame=best, verbose=True)
    assert population == make_population()
    assert list(logbook) == [{"gen": 0, "nevals": 4, "min": best[0].fitness.values[0]}]
    assert capsys.readouterr().out.split() == ["gen", "nevals", "min", "0", "4", f"{logbook[0]['min']:g}"]


def toy(tag):
    genomes = [Encoder(nn.Linear(1, 1, bias=False)), Decoder(nn.Linear(1, 1, bias=False))]
    for genome in genomes:
        nn.init.constant_(genome.module.get_parameter("weight"), float(tag))
    pair = Autoencoder(genomes)
    pair.learning_rate, pair.fitness.values = 0.1 * (tag + 1), (9.0,)
    return pair


@pytest.mark.parametrize(
    ("concept", "losses"), [("minimum", [1, 4, 2]), ("mean", [5, 4, 13 / 3]), ("maximum", [9, 4, 8])]
)
def test_everyone_meets_everyone_and_rates_belong_to_places(concept, losses):
    table = [[5, 1, 9], [4, 4, 4], [2, 8, 3]]
    seen: list[Any] = []
    trained: list[Any] = []

    def select(views, k):
        seen.append(([view.fitness.values[0] for view in views], k))
        return [views[2], views[0], views[2]]

    def train(pairs):
        trained.extend((int(pair.encoder.module.weight.item()), pair.learning_rate) for pair in pairs)
        return [3.0, 2.0, 1.0]

    toolbox = base.Toolbox()
    toolbox.register("evaluate", lambda encoder, decoder: table[int(encoder.module.weight)][int(decoder.module.weight)])
    toolbox.register("select", select)
    toolbox.register("train", train)
    population = [toy(i) for i in range(3)]
    generations = all_vs_all_generations(population, toolbox, 1, concept=concept, rate_sigma=0.0)
    assert next(generations).evaluations == 0  # all had a fitness
    generation = next(generations)
    assert seen == [(pytest.approx(losses), 3)]
    assert trained == [(2, 0.1), (0, 0.2), (2, pytest.approx(0.3))]
    assert [made.chosen for made in generation.offspring] == [(2, 2), (0, 0), (2, 2)]
    assert [made.train_loss for made in generation.offspring] == [3.0, 2.0, 1.0]
    assert [pair.fitness.values for pair in population] == [(3.0,), (5.0,), (3.0,)]
    assert population[0] is not population[2]
    assert generation.evaluations == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ngen": -1}, "ngen must be"),
        ({"start": -1}, "start must be"),
        ({"concept": "best"}, "unknown concept 'best'"),
        ({"population": []}, "size of the population must be"),
        ({"population": [make_population(1)[0]] * 2}, "places 0 and 1 of the population hold the same genome"),
    ],
)
def test_what_cannot_be_run_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        run(**options)


def test_a_population_that_cannot_be_changed_is_refused_before_any_work():
    toolbox = make_toolbox()
    toolbox.register("evaluate", lambda *_: pytest.fail("work was done"))
    with pytest.raises(TypeError, match="changed in place and must be a list of individuals, got tuple"):
        eaAllVsAll(tuple(make_population()), toolbox, 1)  # type: ignore[arg-type]


def test_a_mutation_that_prepares_does_so_once_a_generation():
    events: list[Any] = []

    class Mutation:
        def prepare(self, pairs):
            events.append(len(pairs))

        def __call__(self, pair):
            events.append("mutate")
            return (pair,)

    toolbox = make_toolbox()
    toolbox.register("mutate", Mutation())
    eaAllVsAll(make_population(3), toolbox, 2, seed=1, verbose=False)
    assert events == [3, "mutate", "mutate", "mutate"] * 2
