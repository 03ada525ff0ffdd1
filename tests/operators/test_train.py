from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from deap import algorithms, base
from torch import Tensor, nn

from evoprune.benchmarks import BinaryClustering
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import StepDecay, mutPruneRandom, mutTrain


def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([6, 4, 3])), Decoder(mlp_decoder([3, 4, 6]))])


def data() -> Tensor:
    return (torch.rand(20, 6, generator=torch.Generator().manual_seed(1)) < 0.5).float()


def l1(individual: Autoencoder, x: Tensor) -> float:
    return (individual(x) - x).abs().mean().item()


def output_bias(individual: Autoencoder) -> Tensor:
    return individual.decoder.module.get_parameter("2.bias").detach().clone()


def moved(individual: Autoencoder, **settings: Any) -> list[float]:
    """How far the output biases move in one step of Adam built anew, which is the learning rate."""
    before = output_bias(individual)
    mutTrain(individual, torch.ones(1, 6), batch_size=1, optimizer="adam-anew", **settings)
    return (output_bias(individual) - before).tolist()


def test_it_trains_in_place_and_ages_and_leaves_fitness() -> None:
    individual, x = pair(), data()
    individual.fitness.values = (0.5,)
    loss = l1(individual, x)
    assert mutTrain(individual, x, learning_rate=0.01, epochs=30)[0] is individual
    assert l1(individual, x) < 0.8 * loss
    assert (individual.age, individual.encoder.age, individual.decoder.age) == (30, 30, 30)
    assert individual.fitness.values == (0.5,)


def test_a_step_is_as_long_as_the_learning_rate() -> None:
    assert moved(pair(), learning_rate=0.125) == pytest.approx([0.125] * 6, rel=1e-4)


def test_step_decay_follows_the_age() -> None:
    individual, decay = pair(), StepDecay(0.1, every=2, factor=0.5)
    assert [decay(age) for age in range(6)] == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    steps = [moved(individual, learning_rate=decay)[0] for _ in range(5)]
    assert steps == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025], rel=1e-4)
    # Ages 5 to 7 in one call: the rate is asked for anew in every epoch.
    assert moved(individual, learning_rate=decay, epochs=3)[0] == pytest.approx(0.025 + 2 * 0.0125, rel=1e-4)


def test_the_papers_baseline_divides_by_10_every_quarter() -> None:
    decay = StepDecay(1e-5, every=100)
    assert [decay(age) for age in (0, 99, 100, 399)] == pytest.approx([1e-5, 1e-5, 1e-6, 1e-8])


def test_a_rate_of_the_pairs_own_wins() -> None:
    individual = pair()
    individual.learning_rate = 0.25
    assert moved(individual, learning_rate=0.125) == pytest.approx([0.25] * 6, rel=1e-4)
    assert moved(individual, learning_rate=StepDecay(0.1, 1)) == pytest.approx([0.25] * 6, rel=1e-4)


@pytest.mark.parametrize(("name", "value"), [("rate", -1), ("rate", float("nan")), ("every", 0), ("every", 1.5)])
def test_step_decay_checks_its_numbers(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a .*number of at least"):
        StepDecay(**{"rate": 0.1, "every": 2, name: value})


@pytest.mark.parametrize("factor", [-0.1, float("nan"), "0.1", None])
def test_step_decay_checks_its_factor(factor: Any) -> None:
    with pytest.raises(ValueError, match="factor must be a number of at least 0"):
        StepDecay(0.1, 2, factor)


@pytest.mark.parametrize("optimizer", ["adam", "adam-anew", "sgd"])
def test_what_is_pruned_stays_zero(optimizer: str) -> None:
    individual = pair()
    mutTrain(individual, data(), epochs=2, optimizer=optimizer)
    mutPruneRandom(individual, 0.5)
    masks = [mask.clone() for genome in individual for mask in genome.masks.values()]
    mutTrain(individual, data(), learning_rate=0.1, epochs=3, optimizer=optimizer)
    names = [(genome, name) for genome in individual for name in genome.masks]
    for mask, (genome, name) in zip(masks, names, strict=True):
        assert torch.equal(mask, genome.masks[name])
        assert bool((genome.module.get_parameter(name)[~mask] == 0).all())


def test_a_problem_gives_its_training_samples() -> None:
    problem = BinaryClustering(n_clusters=2, n_samples=20, n_dim=6, seed=1)
    one = pair()
    twin = one.__deepcopy__({})
    mutTrain(one, problem, rng=random.Random(1))
    mutTrain(twin, problem.train, rng=random.Random(1))
    assert one == twin


def test_the_last_epochs_loss_stays_with_the_pair() -> None:
    one, x = pair(), data()
    assert one.train_loss is None
    mutTrain(one, x, learning_rate=0.0, batch_size=5, epochs=2)
    assert one.train_loss == pytest.approx(l1(one, x))  # batches of equal size, and nothing has moved
    assert one.__deepcopy__({}).train_loss == one.train_loss


def test_it_is_reproducible_and_draws_one_number_an_epoch() -> None:
    start, results = pair(), []
    for seed in (3, 3, 4):
        individual = start.__deepcopy__({})
        random.seed(seed)
        mutTrain(individual, data(), epochs=2)
        results.append(individual)
        after = random.random()
        random.seed(seed)
        assert [random.random() for _ in range(3)][-1] == after
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_epochs_of_a_pair_with_a_seed_have_batches_of_their_own() -> None:
    start = pair()
    start.seed = 7

    def trained(*epochs: int, seed: int = 7) -> Autoencoder:
        individual = start.__deepcopy__({})
        individual.seed = seed
        for count in epochs:
            mutTrain(individual, data(), epochs=count)
            assert individual.seed == seed
        return individual

    assert trained(1) == trained(1)
    assert trained(1) != trained(1, seed=8)
    assert trained(2) == trained(2)
    assert trained(2) != trained(1, 1)  # two calls repeat the seed's batches, two epochs do not


def test_any_module_trains() -> None:
    encoder = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    decoder = nn.Sequential(nn.Linear(3, 16), nn.Unflatten(1, (4, 2, 2)), nn.ConvTranspose2d(4, 1, 2, stride=2))
    individual = Autoencoder([Encoder(encoder), Decoder(decoder)])
    mutPruneRandom(individual, 0.5)
    before = individual.__deepcopy__({})
    mutTrain(individual, torch.rand(10, 1, 4, 4), learning_rate=0.01)
    assert individual != before
    assert individual.preserved == before.preserved
    assert individual.age == 1


def test_it_is_a_mutation_in_a_stock_algorithm() -> None:
    toolbox, x = base.Toolbox(), data()
    toolbox.register("mutate", mutTrain, data=x, learning_rate=StepDecay(0.01, every=5))
    toolbox.register("evaluate", lambda individual: (l1(individual, x),))
    toolbox.register("select", lambda individuals, k: individuals)
    first = pair()
    first.fitness.values = toolbox.evaluate(first)
    (last,), _ = algorithms.eaSimple([first], toolbox, cxpb=0, mutpb=1, ngen=10, verbose=False)
    assert last.fitness.values[0] < first.fitness.values[0]
    assert (last.age, first.age) == (10, 0)


@pytest.mark.parametrize("wrong", [nn.Linear(6, 6), [pair().encoder, pair().decoder], None])
def test_what_is_no_individual_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="individual must be a Genome, an Autoencoder or another Network, got"):
        mutTrain(wrong, data())


@pytest.mark.parametrize("epochs", [0, -1, 1.5, True])
def test_epochs_are_counted_from_1(epochs: Any) -> None:
    with pytest.raises(ValueError, match="epochs must be a whole number of at least 1"):
        mutTrain(pair(), data(), epochs=epochs)


@pytest.mark.parametrize("rate", [-0.1, float("nan"), "0.1", None, lambda age: -1.0])
def test_a_learning_rate_is_a_number_of_at_least_0(rate: Any) -> None:
    individual = pair()
    with pytest.raises(ValueError, match="learning_rate must be a number of at least 0"):
        mutTrain(individual, data(), learning_rate=rate)
    assert individual.age == 0


@pytest.mark.parametrize("rate", [float("inf"), lambda age: float("inf")])
def test_a_learning_rate_is_finite(rate: Any) -> None:
    with pytest.raises(ValueError, match="learning_rate must be finite, got inf"):
        mutTrain(pair(), data(), learning_rate=rate)


def test_a_failure_leaves_the_seed() -> None:
    individual = pair()
    individual.seed = 7
    with pytest.raises(ValueError, match="unknown loss 'l3'"):
        mutTrain(individual, data(), epochs=2, loss="l3")
    assert individual.seed == 7
