"""Whole units and channels go, with all that depends on them, and what is left can be made smaller."""

from __future__ import annotations

import copy
import inspect
import pickle
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from deap import algorithms, base, tools
from torch import nn

from evoprune import compact
from evoprune.activations import ActivationProbe
from evoprune.evaluation import evaluate
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, Network, genomes
from evoprune.measure import cost
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import (
    ScheduledProbability,
    gated,
    mutPruneMagnitude,
    mutPruneUnits,
    mutTrain,
    sequence,
    towards,
)
from evoprune.operators.schedules import Fixed
from evoprune.operators.structured import BOOKS, joints_of
from evoprune.operators.unit_scores import SCORES
from evoprune.shrinking.counts import MacCount, alive, macs_left
from evoprune.shrinking.dead import remove_dead
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.whole_units import (
    EVIDENCE,
    INDIVIDUALS,
    SAMPLES,
    check_smaller,
    check_whole,
    convolutional,
    kept,
    living,
    masks,
    mlp,
    outputs,
    shapes,
    total,
    variational,
    without_some,
)

EVERYONE = pytest.mark.parametrize("kind", INDIVIDUALS)
EVERY_SCORE = pytest.mark.parametrize("score", sorted(SCORES))
EVERY_MEASURE = pytest.mark.parametrize("measure", sorted(BOOKS))
SCOPES = pytest.mark.parametrize("scope", ["tensor", "global"])


def by_hand() -> Genome:
    """For (1, 2) and (2, 1) its units are 0, 10 and 9, and 2, 7 and 8."""
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        module.get_parameter("0.weight").copy_(torch.tensor([[1.0, -1], [1, 4], [2, 3]]))
        module.get_parameter("2.weight").copy_(torch.tensor([[4.0, 0.0625, -2]]))
        module.get_parameter("0.bias").fill_(1.0)
        module.get_parameter("2.bias").fill_(1.0)
    return Genome(module)


BY_HAND: dict[str, Any] = {
    "activations": ActivationProbe(torch.tensor([[1.0, 2], [2, 1]])),
    "samples": torch.tensor([[1.0, 2], [2, 1]]),
    "targets": torch.zeros(2, 1),
    "loss": lambda output, target: output.mean(),
}


@pytest.mark.parametrize(
    ("score", "order"),
    [
        ("l1", [1, 0, 2]),  # 1 + 1 + 4, 1 + 4 + 0.06 and 2 + 3 + 2
        ("l2", [2, 1, 0]),  # the roots of 18, 17.004 and 17
        ("activation", [1, 0, 2]),  # 4 times the root of 2, 0.06 times that of 74.5, 2 times that of 72.5
        ("variance", [1, 2, 0]),  # 4 times 1, 0.06 times 1.5, 2 times 0.5
        ("gradient", [1, 0, 2]),  # 4 times 1, 0.06 times 8.5, 2 times 8.5
    ],
)
@pytest.mark.parametrize("persistent", [True, False])
@SCOPES
@pytest.mark.parametrize("count", range(3))
def test_the_unit_of_the_lowest_score_goes_with_all_its_weights(
    score: Any, order: list[int], persistent: bool, scope: str, count: int
) -> None:
    genome = by_hand()
    genome.fitness.values = (0.5,)
    assert mutPruneUnits(genome, count / 3, score, **BY_HAND, persistent=persistent, scope=scope) == (genome,)
    stays = [unit not in order[:count] for unit in range(3)]
    expected = {
        "0.weight": [[stay] * 2 for stay in stays],
        "0.bias": stays,
        "2.weight": [stays],
        "2.bias": [True],
    }
    for name, keep in expected.items():
        weight = genome.module.get_parameter(name)
        assert torch.equal(weight, by_hand().module.get_parameter(name) * torch.tensor(keep))
        assert genome.masks[name].tolist() == keep or not persistent
    assert genome.preserved == ((13 - 4 * count) / 13 if persistent else 1.0)
    assert genome.nonzero == (None if persistent else (13 - 4 * count) / 13)
    assert genome.fitness.values == (0.5,)


def test_by_default_units_of_the_whole_individual_go_by_what_is_known_of_them() -> None:
    defaults = {name: each.default for name, each in inspect.signature(mutPruneUnits).parameters.items()}
    assert (defaults["scope"], defaults["measure"], defaults["persistent"]) == ("global", "units", True)
    known: dict[str, Any]
    for known, score in (({}, "l2"), ({"activations": ActivationProbe(SAMPLES)}, "activation")):
        results = []
        for given in ({}, {"score": None}, {"score": score}):
            random.seed(1)
            torch.manual_seed(1)
            results.append(mutPruneUnits(mlp(), 0.4, **(known | given))[0])
        assert results[0] == results[1] == results[2]
    assert mutPruneUnits(by_hand(), 1 / 3, activations=BY_HAND["activations"])[0].masks["0.bias"].tolist()[1] is False
    assert mutPruneUnits(by_hand(), 1 / 3)[0].masks["0.bias"].tolist()[2] is False


@pytest.mark.parametrize(
    ("kind", "score"),
    [(kind, "l2") for kind in INDIVIDUALS] + [("convolutional", score) for score in SCORES if score != "l2"],
)
def test_the_amount_of_units_goes_exactly(kind: str, score: Any) -> None:
    individual = INDIVIDUALS[kind]()
    units = total(individual)
    for _ in range(2):
        left = total(individual)
        mutPruneUnits(individual, 0.3, score, **EVIDENCE)
        assert total(individual) == left - round(0.3 * left)
        check_whole(individual)
    assert 0 < total(individual) < units
    check_smaller(individual)


@EVERYONE
def test_the_amount_of_every_layer_goes_exactly(kind: str) -> None:
    individual = INDIVIDUALS[kind]()
    for _ in range(4):
        before = living(individual)
        mutPruneUnits(individual, 0.4, scope="tensor")
        assert living(individual) == {label: n - min(round(0.4 * n), n - 1) for label, n in before.items()}
        check_whole(individual)
    check_smaller(individual)


@EVERYONE
@pytest.mark.parametrize(("scope", "measure"), [("tensor", "units"), ("global", "weights"), ("global", "macs")])
def test_one_unit_of_every_layer_stays_whatever_the_amount(kind: str, scope: str, measure: str) -> None:
    individual = INDIVIDUALS[kind]()
    assert total(individual) > len(living(individual))
    for _ in range(2):
        mutPruneUnits(individual, 1.0, scope=scope, measure=measure, samples=SAMPLES)
        assert set(living(individual).values()) == {1}
    check_whole(individual)
    check_smaller(individual)


@EVERYONE
@SCOPES
def test_a_share_of_the_weights_ends_nearest_to_it(kind: str, scope: str) -> None:
    individual = INDIVIDUALS[kind]()
    start, joints = kept(individual), joints_of(individual)
    books = BOOKS["weights"](individual, joints, [], None)
    largest = max(books.worth(joint, int(unit)) for joint in joints for unit in alive(joint).nonzero())
    mutPruneUnits(individual, 0.3, measure="weights", scope=scope)
    assert abs(kept(individual) - 0.7 * start) <= largest / 2
    check_whole(individual)


@EVERYONE
@SCOPES
def test_a_share_of_the_macs_ends_nearest_to_it(kind: str, scope: str) -> None:
    individual = INDIVIDUALS[kind]()
    before, joints = macs_left(individual, SAMPLES), joints_of(individual)
    count = MacCount(individual, joints, SAMPLES)
    largest = max(count.now - count.without(joint) for joint in joints) / count.before
    mutPruneUnits(individual, 0.4, measure="macs", samples=SAMPLES, scope=scope)
    assert abs(macs_left(individual, SAMPLES) - 0.6 * before) <= largest / 2 + 1e-9
    check_whole(individual)
    check_smaller(individual)
    after = cost(compact(individual if isinstance(individual, Genome | Network) else Network(individual)), SAMPLES, ())
    if kind not in ("removed", "variational"):  # of which more was there before; and whose other head is left out
        assert macs_left(individual, SAMPLES) == after.macs / count.before


def test_macs_left_are_those_of_the_smaller_network() -> None:
    """16-8-6-8-16 has 352; the code loses two, and each of the others half."""
    individual = mlp()
    amount = 1 - (2 * 16 * 4 + 2 * 4 * 4) / 352
    mutPruneUnits(individual, amount, "l1", measure="macs", samples=SAMPLES, scope="tensor")
    sizes = [shape[0] for shape in shapes(individual)[:-1]]
    macs = 16 * (sizes[0] + sizes[2]) + sizes[1] * (sizes[0] + sizes[2])
    assert macs_left(individual, SAMPLES) == macs / 352
    assert abs(macs - 160) <= 11  # half of what the largest unit takes


@EVERYONE
@pytest.mark.parametrize("score", ["l2", "gradient"])
def test_an_amount_of_0_changes_nothing_nor_does_reading(kind: str, score: Any) -> None:
    individual = INDIVIDUALS[kind]()
    modes = [[module.training for module in genome.module.modules()] for genome in genomes(individual)]
    before, state = copy.deepcopy(individual), random.getstate()
    for measure in BOOKS:
        mutPruneUnits(individual, 0.0, score, **EVIDENCE, measure=measure)
    assert individual == before
    assert [[module.training for module in genome.module.modules()] for genome in genomes(individual)] == modes
    assert all(parameter.grad is None for genome in genomes(individual) for parameter in genome.module.parameters())
    assert random.getstate() == state


@EVERYONE
def test_zeroed_once_by_share_of_all(kind: str) -> None:
    individual = INDIVIDUALS[kind]()
    units, before = living(individual), masks(individual)
    for _ in range(2):
        mutPruneUnits(individual, 0.5, persistent=False)
        assert all(map(torch.equal, masks(individual), before))
        assert living(individual) == units
        for genome in filter(lambda genome: genome.masks, genomes(individual)):
            left = sum(int(genome.module.get_parameter(name).count_nonzero()) for name in genome.masks)
            assert genome.nonzero == left / genome.sizes[1]
    pruned = copy.deepcopy(individual)
    for genome in genomes(pruned):
        for name in genome.masks:
            genome.prune(name, genome.module.get_parameter(name) != 0)
    assert total(pruned) == sum(units.values()) - round(sum(units.values()) / 2)  # the same went the second time
    check_smaller(pruned)
    assert torch.equal(outputs(pruned), outputs(individual))


def test_what_was_zeroed_once_moves_again_where_zero_activates() -> None:
    """Behind a sigmoid; a unit without weights that is zero has no gradient."""
    individual = Autoencoder(
        [Encoder(mlp_encoder([16, 8, 6], "sigmoid")), Decoder(mlp_decoder([6, 8, 16], activation="sigmoid"))]
    )
    mutPruneUnits(individual, 0.5, persistent=False)
    zeros = sum(int((parameter == 0).sum()) for genome in individual for parameter in genome.module.parameters())
    mutTrain(individual, SAMPLES, loss="mse", epochs=2)
    after = sum(int((parameter == 0).sum()) for genome in individual for parameter in genome.module.parameters())
    assert zeros > 200
    assert after == 0


@pytest.mark.parametrize("kind", ["mlp", "convolutional", "variational", "tied", "removed"])
def test_what_is_pruned_stays_so_in_training(kind: str) -> None:
    individual = INDIVIDUALS[kind]()
    mutTrain(individual, SAMPLES, loss="mse")  # moments from before
    mutPruneUnits(individual, 0.5, "gradient", **EVIDENCE)
    before = masks(individual)
    mutTrain(individual, SAMPLES, loss="mse", epochs=2)
    assert all(map(torch.equal, masks(individual), before))
    for genome in genomes(individual):
        for name, mask in genome.masks.items():
            assert not genome.module.get_parameter(name)[~mask].any()
    check_whole(individual)
    check_smaller(individual)


def test_both_ways_of_a_tied_pair_lose_the_same_units() -> None:
    individual = TiedAutoencoder(TiedNetwork((16, 8, 6)))
    mutPruneUnits(individual, 0.5, scope="tensor")
    assert shapes(individual) == [[4, 16], [3, 4], [3, 4], [4, 16]]
    network: Any = individual.network
    assert network.decoder[2].weight is network.encoder[0].weight
    masks = individual.encoder.masks
    assert torch.equal(masks["encoder.0.bias"], masks["decoder.0.bias"])
    assert masks["decoder.2.bias"].all()
    smaller: Any = compact(individual)
    assert smaller.encoder.widths == (16, 4, 3)


@SCOPES
@pytest.mark.parametrize("score", ["l1", "l2"])
def test_units_with_weights_that_are_nan_go_first(score: Any, scope: str) -> None:
    individual = mlp()
    individual.encoder.module.get_parameter("0.weight").data[5, 1] = float("nan")
    individual.decoder.module.get_parameter("2.weight").data[3, 7] = float("nan")
    assert not outputs(individual).isfinite().all()
    mutPruneUnits(individual, 0.09, score, scope=scope)  # round(1.98) of all, round(0.72) of each 8, round(0.54) of 6
    assert individual.encoder.masks["0.bias"].tolist() == [unit != 5 for unit in range(8)]
    assert individual.decoder.masks["0.bias"].tolist() == [unit != 7 for unit in range(8)]
    assert total(individual) == (20 if scope == "global" else 19)
    assert outputs(individual).isfinite().all()
    check_smaller(individual)


def test_of_equal_units_the_first_go() -> None:
    individual = mlp()
    for genome in individual:
        for parameter in genome.module.parameters():
            parameter.data.fill_(0.5)
    mutPruneUnits(individual, 0.5, scope="tensor")
    biases = [genome.masks["0.bias"].tolist() for genome in individual]
    assert biases == [[False] * 4 + [True] * 4] * 2
    assert individual.encoder.masks["2.bias"].tolist() == [False] * 3 + [True] * 3


def test_parameters_that_are_not_prunable_hold_their_units() -> None:
    genome = without_some()  # nothing may read the second layer less, and a bias stays where its unit goes
    before = genome.module.get_parameter("0.bias").clone()
    for _ in range(2):
        mutPruneUnits(genome, 1.0, scope="tensor")
    assert shapes(genome) == [[1, 16], [6, 1], [16, 6]]
    assert torch.equal(genome.module.get_parameter("0.bias"), before)
    assert genome.masks["2.bias"].all()
    all_of_it = Genome(mlp_encoder([16, 8, 6]), exclude=[""])
    mutPruneUnits(all_of_it, 1.0)
    assert all_of_it.preserved == 1.0
    assert not any((parameter == 0).any() for parameter in all_of_it.module.parameters())


def test_a_layer_on_its_own_has_nothing_to_lose() -> None:
    for module in (nn.Linear(16, 4), nn.Flatten(), nn.Sequential()):
        genome = Genome(module)
        for measure in BOOKS:
            mutPruneUnits(genome, 1.0, measure=measure, samples=SAMPLES)
        assert genome.preserved == 1.0


def test_a_network_without_its_dead_units_goes_on_from_what_it_has() -> None:
    individual = mlp()
    mutPruneUnits(individual, 0.5, scope="tensor")
    share = individual.preserved
    remove_dead(individual, masked=True)
    assert shapes(individual) == [[4, 16], [3, 4], [4, 3], [16, 4]]
    assert (individual.preserved, total(individual)) == (share, 11)
    mutPruneUnits(individual, 0.5, scope="tensor")  # round(1.5) is 2
    assert shapes(individual) == [[2, 16], [1, 2], [2, 1], [16, 2]]
    left = 2 * 16 + 2 + 2 + 1 + 2 + 2 + 16 * 2 + 16
    assert individual.preserved == left / (128 + 8 + 48 + 6 + 48 + 8 + 128 + 16)
    assert macs_left(individual, SAMPLES) == (2 * 16 + 2 + 2 + 2 * 16) / 352
    mutPruneUnits(individual, 0.5, measure="macs", samples=SAMPLES)  # with each of the others go 16 + 1
    assert shapes(individual) == [[1, 16], [1, 1], [1, 1], [16, 1]]
    assert macs_left(individual, SAMPLES) == (16 + 1 + 1 + 16) / 352


def test_after_weights_went_one_by_one() -> None:
    """What is alive is what still has weights; nothing comes back, and what is computed is what a smaller one does."""
    for seed in range(5):
        torch.manual_seed(seed)
        individual = mlp()
        mutPruneMagnitude(individual, 0.6)
        for _ in range(3):
            before, left = masks(individual), total(individual)
            mutPruneUnits(individual, 0.2)
            assert total(individual) <= left - round(0.2 * left)  # a neighbour may die with its last weight
            assert not any(bool((new & ~old).any()) for old, new in zip(before, masks(individual), strict=True))
        smaller = compact(individual)
        assert torch.allclose(smaller(SAMPLES), outputs(individual), atol=1e-6)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "amount": ({"amount": 1.5}, r"amount must be a number in \[0, 1\], got 1.5"),
    "amount below": ({"amount": -0.1}, r"amount must be a number in \[0, 1\], got -0.1"),
    "nan": ({"amount": float("nan")}, r"amount must be a number in \[0, 1\], got nan"),
    "bool": ({"amount": True}, r"amount must be a number in \[0, 1\], got True"),
    "text": ({"amount": "0.5"}, r"amount must be a number in \[0, 1\], got '0.5'"),
    "scope": ({"scope": "layer"}, "unknown scope 'layer'; known: tensor, global"),
    "no scope": ({"scope": None}, "unknown scope None; known: tensor, global"),
    "persistent": ({"persistent": 1}, "persistent must be True or False, got 1"),
    "score": ({"score": "L2"}, "unknown score 'L2': did you mean 'l2'"),
    "a number": ({"score": 3}, "unknown score 3; known: activation, gradient, l1, l2, variance"),
    "function": ({"score": torch.norm}, "unknown score <function norm"),
    "measure": ({"measure": "mac"}, "unknown measure 'mac': did you mean 'macs'"),
    "no measure": ({"measure": 3}, "unknown measure 3; known: macs, units, weights"),
    "macs of nothing": ({"measure": "macs"}, "measure macs needs samples"),
    "macs of a list": ({"measure": "macs", "samples": [1]}, r"samples must be a tensor .* got \[1\]"),
    "activation": ({"score": "activation"}, "need activations, an ActivationProbe or what it returned; got None"),
    "variance": ({"score": "variance"}, "need activations, an ActivationProbe or what it returned; got None"),
    "no probe": ({"score": "variance", "activations": 3}, "activations must be a probe or a mapping .* got 3"),
    "half a table": ({"score": "activation", "activations": {"encoder": {}}}, "activations lack 'decoder'"),
    "no samples": ({"score": "gradient", "loss": "mse", "targets": SAMPLES}, "got no samples"),
    "no targets": ({"score": "gradient", "loss": "mse", "samples": SAMPLES}, "got no targets"),
    "no loss": ({"score": "gradient", "samples": SAMPLES, "targets": SAMPLES}, "got no loss"),
    "other targets": (
        {"score": "gradient", "loss": "mse", "samples": SAMPLES, "targets": SAMPLES[:, 1:]},
        r"the network gives \(9, 16\) where the data are \(9, 15\)",
    ),
    "nobody": ({"individual": None}, "expected a Genome or a Network of genomes, got None"),
    "a module": ({"individual": nn.Linear(2, 2)}, "expected a Genome or a Network of genomes, got Linear"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_errors_come_before_any_work(given: dict[str, Any], message: str) -> None:
    individual = mlp()
    before, state = copy.deepcopy(individual), random.getstate()
    arguments: dict[str, Any] = {"individual": individual, "amount": 0.5} | given
    with pytest.raises((TypeError, ValueError), match=message):
        mutPruneUnits(**arguments)
    assert individual == before
    assert random.getstate() == state


def test_no_probe_is_asked_where_something_else_is_wrong() -> None:
    def probe(individual: Any) -> Any:
        raise AssertionError("asked")

    several: list[dict[str, Any]] = [{"amount": 2}, {"scope": "layer"}, {"measure": "mac"}, {"persistent": None}]
    for wrong in several:
        arguments: dict[str, Any] = {"amount": 0.5, "score": "variance", "activations": probe} | wrong
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} "):
            mutPruneUnits(mlp(), **arguments)


MISTAKEN: dict[str, tuple[dict[str, Any], str]] = {
    "loss": ({"score": "gradient", "loss": "mean"}, "unknown loss 'mean'"),
    "loss of another type": ({"score": "gradient", "loss": 3}, "loss"),
    "samples in a list": ({"score": "gradient", "samples": [[0.0] * 16]}, "samples"),
    "targets in text": ({"score": "gradient", "targets": "classes"}, "targets"),
    "no sample": ({"score": "gradient", "samples": SAMPLES[:0], "targets": SAMPLES[:0]}, "samples"),
    "narrow samples": ({"score": "gradient", "samples": SAMPLES[:, 1:]}, "15"),
    "samples for macs": ({"measure": "macs", "samples": SAMPLES[:, 1:]}, "15"),
    "no samples for macs": ({"measure": "macs", "samples": SAMPLES[:0]}, "samples"),
}


@pytest.mark.parametrize(("given", "message"), MISTAKEN.values(), ids=MISTAKEN)
def test_samples_targets_and_losses_that_do_not_fit_are_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        mutPruneUnits(mlp(), 0.5, **(EVIDENCE | given))


@EVERY_SCORE
@EVERY_MEASURE
def test_it_pickles_and_takes_the_same(score: Any, measure: str) -> None:
    operator: Any = partial(mutPruneUnits, amount=0.4, score=score, measure=measure, **EVIDENCE)
    start = convolutional().encoder
    operator.keywords["targets"] = torch.zeros(9, 3)
    results = [
        each(individual)[0]
        for each in (operator, pickle.loads(pickle.dumps(operator)))
        for individual in (copy.deepcopy(start), pickle.loads(pickle.dumps(start)))
    ]
    assert all(result == results[0] != start for result in results)
    again = pickle.loads(pickle.dumps(results[0]))
    assert again == results[0]
    assert living(again) == living(results[0])


def macs_of(individual: Any) -> float:
    return macs_left(individual, SAMPLES)


@pytest.mark.parametrize("make", [mlp, convolutional, variational, lambda: TiedAutoencoder(TiedNetwork((16, 8, 6)))])
def test_a_mutation_of_a_stock_algorithm_that_ends_at_a_share_of_the_macs(make: Callable[[], Any]) -> None:
    random.seed(2)
    p = ScheduledProbability(Fixed(0.7), 4)
    prune = towards(partial(mutPruneUnits, measure="macs", samples=SAMPLES), 0.4, p, macs_of)
    toolbox, stats = base.Toolbox(), tools.Statistics()
    toolbox.register("mutate", sequence(partial(mutTrain, data=SAMPLES, loss="mse"), gated(prune, p)))
    toolbox.register("evaluate", evaluate, data=SAMPLES, loss="mse")
    toolbox.register("select", tools.selTournament, tournsize=2)
    stats.register("mutpb", p.observe)
    population = [make() for _ in range(2)]
    last, _ = algorithms.eaSimple(population, toolbox, cxpb=0, mutpb=1, ngen=4, stats=stats, verbose=False)
    for individual in last:
        assert individual.fitness.valid
        assert individual.age == 4
        check_whole(individual)
        check_smaller(individual)
        p.seek(3)
        prune(individual)  # the last event goes on until the target is met
        assert macs_of(individual) <= 0.4
        assert set(living(individual).values()) != {1}


def test_towards_a_share_of_the_weights() -> None:
    p = ScheduledProbability(Fixed(1.0), 4)
    prune = towards(partial(mutPruneUnits, measure="weights"), 0.5, p)
    individual, shares = mlp(), []
    for t in range(4):
        p.seek(t)
        prune(individual)
        shares.append(individual.preserved)
    assert shares == sorted(shares, reverse=True)
    assert abs(shares[-1] - 0.5) < 0.04  # half of a unit's weights, 24 of 390, and a little


def test_a_layer_that_reads_what_it_makes() -> None:
    layer, act = nn.Linear(5, 5), nn.ReLU()
    genome = Genome(nn.Sequential(nn.Linear(16, 5), act, layer, act, layer, act, nn.Linear(5, 2)))
    mutPruneUnits(genome, 0.4)
    left = genome.masks["0.bias"]
    assert int(left.sum()) == 3
    assert torch.equal(genome.masks["2.weight"], left[:, None] & left)
    check_smaller(genome)


def test_units_behind_a_hook_stay() -> None:
    layer = nn.Linear(16, 4)
    layer.register_forward_hook(lambda module, given, output: output.flip(-1))
    network = Network([Genome(layer), Genome(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))])
    with pytest.warns(UserWarning, match="no units can be pruned"):
        mutPruneUnits(network, 0.5)
    assert network.preserved == 1.0
