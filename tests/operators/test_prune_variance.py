from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import compact
from evoprune.activations import ActivationProbe
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneVariance

NAN = float("nan")


def varying(*deviations: float) -> dict[str, Tensor]:
    """Activations of one layer, whose units have these standard deviations over the samples."""
    return {"": torch.tensor([deviations, [-d for d in deviations]]) + 7}


def layer(inputs: int, units: int) -> Genome:
    genome = Genome(nn.Linear(inputs, units))
    for parameter in genome.module.parameters():
        nn.init.ones_(parameter)
    return genome


def rows(genome: Genome) -> list[int]:
    """How many weights of each unit are kept."""
    return [int(n) for n in genome.masks["weight"].sum(1)]


def reset(genome: Genome) -> None:
    genome.masks = {name: torch.ones_like(mask) for name, mask in genome.masks.items()}


@pytest.mark.parametrize(
    ("amount", "expected"),
    # The standard deviations 0, 1, 2, 4 scale to 0, 1/4, 1/2, 1: the weights of the draw are 4, 3, 2 and 0 of 9.
    [
        (0.25, {(0,): 4 / 9, (1,): 3 / 9, (2,): 2 / 9}),
        # one and then the other, or the other way round: 4/9 * 3/5 + 3/9 * 4/6, and so on
        (0.5, {(0, 1): 22 / 45, (0, 2): 32 / 105, (1, 2): 13 / 63}),
        (0.75, {(0, 1, 2): 1.0}),
    ],
)
def test_units_are_drawn_without_replacement_with_weight_1_minus_the_scaled_deviation(
    amount: float, expected: dict[tuple[int, ...], float]
) -> None:
    genome, source, seen = layer(1, 4), random.Random(1), Counter[tuple[int, ...]]()
    activations, repetitions = varying(0, 1, 2, 4), 2000
    for _ in range(repetitions):
        reset(genome)
        mutPruneVariance(genome, amount, activations, rng=source)
        seen[tuple(i for i, kept in enumerate(rows(genome)) if not kept)] += 1
        assert sum(genome.masks["bias"].tolist()) == 4 - 4 * amount
    assert set(seen) == set(expected)
    for which, share in expected.items():
        assert seen[which] / repetitions == pytest.approx(share, abs=0.056)  # five standard deviations at most


def test_low_variance_goes_within_a_tensor_of_many_weights() -> None:
    genome = layer(300, 3)
    mutPruneVariance(genome, 0.2, varying(1, 2, 3), rng=random.Random(1))
    # Weights 1, 1/2 and 0: about twice as many of the first unit as of the second, none of the third.
    first, second, third = (300 - kept for kept in rows(genome))
    assert first + second == 180
    assert 1.4 < first / second < 2.4
    assert third == 0


def test_the_steadiest_goes_first_and_the_most_varying_last_when_all_must() -> None:
    genome = layer(4, 2)
    mutPruneVariance(genome, 0.5, varying(5, 1))
    assert rows(genome) == [4, 0]
    assert genome.masks["bias"].tolist() == [True, False]
    mutPruneVariance(genome, 0.5, varying(5, 1))  # two more of what can only go because an amount was asked for
    assert rows(genome) == [2, 0]


def test_among_the_most_varying_the_draw_is_uniform() -> None:
    gone = torch.zeros(4)
    for seed in range(400):
        genome = layer(4, 2)
        mutPruneVariance(genome, 0.625, varying(5, 1), rng=random.Random(seed))
        assert rows(genome) == [3, 0]
        gone += ~genome.masks["weight"][0]
    assert (gone - 100).abs().max() < 44  # five standard deviations


def test_the_scale_is_that_of_the_layer_and_the_mean_does_not_matter() -> None:
    for scale in (1e-3, 1.0, 1e4):
        genome = layer(1, 2)
        mutPruneVariance(genome, 0.5, {"": scale * varying(2, 1)[""]})
        assert rows(genome) == [1, 0]


@pytest.mark.parametrize("deviations", [(3, 3), (0, 0), (NAN, 1), (1, NAN)])
def test_units_that_vary_alike_or_are_unknown_are_drawn_uniformly(deviations: Any) -> None:
    genome = layer(400, 2)
    mutPruneVariance(genome, 0.5, varying(*deviations), rng=random.Random(1))
    assert sum(rows(genome)) == 400
    assert abs(rows(genome)[0] - 200) < 50  # five standard deviations


def test_one_sample_says_nothing_so_the_draw_is_uniform() -> None:
    genome = layer(400, 2)
    mutPruneVariance(genome, 0.5, {"": torch.tensor([[1.0, 5.0]])}, rng=random.Random(1))
    assert abs(rows(genome)[0] - 200) < 50


def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([8, 5, 3])), Decoder(mlp_decoder([3, 5, 8]))])


@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_a_pair_and_a_probe(scope: str) -> None:
    individual, probe = pair(), ActivationProbe(torch.rand(20, 8))
    individual.fitness.values = (0.5,)
    assert mutPruneVariance(individual, 0.5, probe, scope=scope, rng=random.Random(1))[0] is individual
    kept = [int(mask.sum()) for genome in individual for mask in genome.masks.values()]
    # Per tensor round(2.5) is 2, round(7.5) is 8 and round(1.5) is 2; of all 131 round(65.5) is 66.
    assert (kept == [20, 3, 7, 1, 7, 3, 20, 4]) == (scope == "tensor")
    assert sum(kept) == 131 - 66
    mutPruneVariance(individual, 1.0, probe, scope=scope)
    assert all(int(mask.sum()) == 1 for genome in individual for mask in genome.masks.values())
    assert individual.fitness.values == (0.5,)


def test_channels_are_the_units_of_convolutions() -> None:
    images = torch.zeros(2, 1, 4, 4)
    images[1] = 1
    convolution = nn.Conv2d(1, 2, 2)
    module = nn.Sequential(convolution, nn.ReLU(), nn.ConvTranspose2d(2, 2, 2, groups=2))
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    convolution.weight.data[1] = 3.0  # the second channel varies three times as much, in both layers
    genome = Genome(module)
    mutPruneVariance(genome, 0.5, ActivationProbe(images))
    assert genome.masks["0.weight"].flatten(1).sum(1).tolist() == [0, 4]
    assert genome.masks["2.weight"].flatten(1).sum(1).tolist() == [0, 4]
    assert genome.masks["2.bias"].tolist() == [False, True]


def test_reference_high_variance_goes_whole_and_the_lowest_stays() -> None:
    genome = layer(400, 3)
    mutPruneVariance(genome, 0.1, varying(4, 0, 1), persistent=False, rng=random.Random(1))
    left = [int(n) for n in genome.module.get_parameter("weight").count_nonzero(1)]
    assert left[:2] == [0, 400]
    assert abs(left[2] - 300) < 44  # kept with probability 3/4, five standard deviations
    assert genome.preserved == 1.0
    assert genome.nonzero == pytest.approx((left[2] + 400 + int(genome.module.get_parameter("bias").sum())) / 1203)


def test_reference_ignores_the_amount_and_the_scope() -> None:
    results = []
    for amount, scope in [(0.0, "tensor"), (0.1, "tensor"), (1.0, "global")]:
        genome = layer(20, 3)
        mutPruneVariance(genome, amount, varying(4, 0, 1), False, random.Random(1), scope)
        results.append(genome)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    ("deviations", "chances"),
    [
        ((0, 0), (1, 1)),  # where all units vary alike, 1 - std is the chance as it is
        ((0.25, 0.25), (0.75, 0.75)),
        ((3, 3), (0, 0)),
        ((0.25,), (0.75,)),  # as in every layer of one unit
        ((NAN, 0), (0, 1)),  # where one is NaN as well, and this unit goes
        ((NAN, 0.25, 3), (0, 0.75, 0)),
    ],
)
def test_reference_a_layer_that_cannot_be_scaled_keeps_with_1_minus_the_deviation(
    deviations: Any, chances: tuple[float, ...]
) -> None:
    genome = layer(1600, len(deviations))
    mutPruneVariance(genome, 0.5, varying(*deviations), persistent=False, rng=random.Random(1))
    left = genome.module.get_parameter("weight").count_nonzero(1).tolist()
    assert left == [pytest.approx(1600 * chance, abs=87 if 0 < chance < 1 else 0) for chance in chances]  # 5 deviations
    assert genome.preserved == 1.0


@pytest.mark.parametrize("persistent", [True, False])
def test_the_same_seed_prunes_the_same_and_a_call_draws_once(persistent: bool) -> None:
    start, probe, results = pair(), ActivationProbe(torch.rand(9, 8)), []
    for seed in (3, 3, 4):
        random.seed(seed)
        individual = start.__deepcopy__({})
        mutPruneVariance(individual, 0.4, probe, persistent)
        results.append(individual)
        after = random.random()
        random.seed(seed)
        random.random()
        assert random.random() == after
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_masks_only_shrink() -> None:
    individual, probe, history = pair(), ActivationProbe(torch.rand(9, 8)), []
    for _ in range(6):
        history.append([mask for genome in individual for mask in genome.masks.values()])
        mutPruneVariance(individual, 0.3, probe)
    for earlier, later in pairwise(history):
        assert all(bool((old | ~new).all()) for old, new in zip(earlier, later, strict=True))


def test_errors_come_before_any_work() -> None:
    individual, state = pair(), random.getstate()
    with pytest.raises(ValueError, match=r"amount must be a number in \[0, 1\], got 1.5"):
        mutPruneVariance(individual, 1.5, None, persistent=False)
    with pytest.raises(ValueError, match="unknown scope 'row'"):
        mutPruneVariance(individual, 0.5, None, scope="row")
    assert random.getstate() == state
    with pytest.raises(ValueError, match="activations lack 'encoder'"):
        mutPruneVariance(individual, 0.5, {})
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes"):
        mutPruneVariance([], 0.5, ActivationProbe(torch.rand(2, 2)))
    assert individual.preserved == 1.0


def stack(units: int) -> Genome:
    """Units between one input and two outputs; every weight is 1."""
    genome = Genome(nn.Sequential(nn.Linear(1, units), nn.ReLU(), nn.Linear(units, 2)))
    for parameter in genome.module.parameters():
        nn.init.ones_(parameter)
    return genome


def of_stack(*deviations: float) -> dict[str, Tensor]:
    return {"0": varying(*deviations)[""], "2": varying(0, 1)[""]}


def alone(genome: Genome, amount: float, activations: Any, **settings: Any) -> tuple[int, ...]:
    """Which units go; asks that all went with them, and nothing else."""
    (result,) = mutPruneVariance(genome, amount, activations, structured=True, **settings)
    assert result is genome
    weights = {name: genome.module.get_parameter(name) != 0 for name in genome.masks}
    left = weights["0.bias"]
    assert torch.equal(weights["0.weight"], left[:, None])
    assert torch.equal(weights["2.weight"], left.expand(2, -1))
    assert weights["2.bias"].all()
    return tuple(unit for unit, stays in enumerate(left.tolist()) if not stays)


@pytest.mark.parametrize(
    ("scope", "amount", "expected"),
    # Weights of 4, 3, 2 and 0 of 9, as above.
    [
        ("tensor", 0.25, {(0,): 4 / 9, (1,): 3 / 9, (2,): 2 / 9}),
        ("global", 0.5, {(0, 1): 22 / 45, (0, 2): 32 / 105, (1, 2): 13 / 63}),
    ],
)
def test_structured_units_are_drawn_with_all_that_makes_and_reads_them(
    scope: str, amount: float, expected: dict[tuple[int, ...], float]
) -> None:
    source, activations, repetitions = random.Random(1), of_stack(0, 1, 2, 4), 400
    genome, start = stack(4), stack(4).module.state_dict()
    seen = Counter[tuple[int, ...]]()
    for _ in range(repetitions):
        reset(genome)
        genome.module.load_state_dict(start)
        seen[alone(genome, amount, activations, rng=source, scope=scope)] += 1
    assert set(seen) == set(expected)
    for which, share in expected.items():
        assert seen[which] / repetitions == pytest.approx(share, abs=0.125)  # five standard deviations at most


@pytest.mark.parametrize("amount", [0.75, 0.9, 1.0])
def test_structured_the_one_that_stays_is_the_one_that_varies_most(amount: float) -> None:
    for seed in range(10):
        assert alone(stack(4), amount, of_stack(0, 4, 1, 2), rng=random.Random(seed)) == (0, 2, 3)


def test_structured_over_all_layers_each_unit_is_drawn_by_its_own_weight() -> None:
    """One of the first layer, whose other has no weight at all, and four of the second are alike."""
    source, repetitions, seen = random.Random(1), 200, Counter[str]()
    activations = {"0": varying(0, 1)[""], "2": varying(1, 1, 1, 1)[""], "4": varying(1)[""]}
    for _ in range(repetitions):
        genome = Genome(nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)))
        mutPruneVariance(genome, 1 / 6, activations, rng=source, scope="global", structured=True)
        seen[next(name for name in ("0.bias", "2.bias") if not genome.masks[name].all())] += 1
    assert seen["0.bias"] / repetitions == pytest.approx(0.2, abs=0.142)  # five standard deviations


def test_structured_amounts_are_shares_of_units() -> None:
    individual, probe = pair(), ActivationProbe(torch.rand(20, 8))
    individual.fitness.values = (0.5,)
    mutPruneVariance(individual, 0.5, probe, structured=True)  # round(2.5) is 2, and so is round(1.5)
    kept = [int(mask.sum()) for genome in individual for mask in genome.masks.values()]
    assert kept == [3 * 8, 3, 3 * 1, 1, 3 * 1, 3, 8 * 3, 8]
    mutPruneVariance(individual, 0.5, probe, scope="global", structured=True)  # round(3.5) is 4 of 3 + 1 + 3
    assert sum(int(genome.masks["0.bias"].sum()) for genome in individual) == 2
    mutPruneVariance(individual, 1.0, probe, structured=True)
    kept = [int(mask.sum()) for genome in individual for mask in genome.masks.values()]
    assert kept == [8, 1, 1, 1, 1, 1, 8, 8]
    assert individual.fitness.values == (0.5,)
    smaller, x = compact(individual), torch.rand(5, 8)
    assert torch.allclose(smaller(x), individual(x), atol=1e-6)


def test_structured_a_unit_of_several_places_varies_as_they_do_on_average() -> None:
    """Deviations of 3 and 0, and of 2 and 2: the first goes."""
    module = nn.Sequential(nn.Linear(1, 4), nn.Unflatten(1, (2, 2)), nn.Conv1d(2, 1, 1), nn.Flatten())
    genome = Genome(module)
    mutPruneVariance(genome, 0.5, {"0": varying(3, 0, 2, 2)[""], "2": varying(1)[""]}, structured=True)
    assert genome.masks["0.bias"].tolist() == [False, False, True, True]
    assert genome.masks["2.weight"].flatten().tolist() == [False, True]


@pytest.mark.parametrize(
    ("deviations", "chances"),
    [
        ((4, 0, 1), (0, 1, 0.75)),  # scaled, high variance goes
        ((0, 0), (1, 1)),
        ((0.25, 0.25), (0.75, 0.75)),
        ((3, 3), (0, 0)),  # also where it is all of a layer
        ((NAN, 0.25, 3), (0, 0.75, 0)),
    ],
)
def test_structured_reference_a_unit_stays_with_the_chance_of_its_weights(
    deviations: Any, chances: tuple[float, ...]
) -> None:
    source, units, repetitions, stays = random.Random(1), len(deviations), 200, Counter[int]()
    for _ in range(repetitions):
        genome = stack(units)
        gone = alone(genome, 0.5, of_stack(*deviations), persistent=False, rng=source)
        assert genome.preserved == 1.0
        assert genome.nonzero == (4 * units + 2 - 4 * len(gone)) / (4 * units + 2)
        stays.update(set(range(units)) - set(gone))
    for unit, chance in enumerate(chances):
        assert stays[unit] / repetitions == pytest.approx(chance, abs=0.154 if 0 < chance < 1 else 0)  # 5 deviations


def test_structured_reference_ignores_the_amount_and_the_scope() -> None:
    results = []
    for amount, scope in [(0.0, "tensor"), (0.1, "tensor"), (1.0, "global")]:
        genome = stack(9)
        alone(genome, amount, of_stack(*range(9)), persistent=False, rng=random.Random(1), scope=scope)
        results.append(genome)
    assert results[0] == results[1] == results[2] != stack(9)


@pytest.mark.parametrize("persistent", [True, False])
def test_structured_the_same_seed_prunes_the_same_and_a_call_draws_once(persistent: bool) -> None:
    results = []
    for seed in (3, 3, 4):
        random.seed(seed)
        genome = stack(12)
        alone(genome, 0.4, of_stack(*range(12)), persistent=persistent)
        results.append(genome)
        after = random.random()
        random.seed(seed)
        random.random()
        assert random.random() == after
    assert results[0] == results[1]
    assert results[0] != results[2]


@pytest.mark.parametrize("structured", ["yes", 1, None])
def test_structured_is_true_or_false(structured: Any) -> None:
    genome, state = stack(2), random.getstate()
    with pytest.raises(ValueError, match=f"structured must be True or False, got {structured!r}"):
        mutPruneVariance(genome, 0.5, of_stack(1, 2), structured=structured)
    assert random.getstate() == state
    assert genome.preserved == 1.0
