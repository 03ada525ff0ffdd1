from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import compact
from evoprune.activations import ActivationProbe
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneConjunctive
from evoprune.operators.prune_conjunctive import inactive
from evoprune.operators.structured import joints_of
from evoprune.shrinking.counts import alive
from evoprune.tied import TiedAutoencoder, TiedNetwork

NAN = float("nan")
BOTH = pytest.mark.parametrize("persistent", [True, False])


def layer(units: int = 4, inputs: int = 2) -> Genome:
    genome = Genome(nn.Linear(inputs, units))
    for parameter in genome.module.parameters():
        nn.init.ones_(parameter)
    return genome


def left(genome: Genome) -> list[bool]:
    """Which units still have weights; asks that row and bias went together."""
    weight, bias = genome.module.get_parameter("weight"), genome.module.get_parameter("bias")
    rows = weight.count_nonzero(1)
    assert set(rows.tolist()) <= {0, weight.shape[1]}
    assert torch.equal(rows > 0, bias != 0)
    return (rows > 0).tolist()


# Every sample spans 0 to 10, so a unit is below the threshold of 0.1 where its activation is below 1.
MARKED = {
    "the first unit on all three": ([[0, 0.5, 10, 9], [0, 8, 10, 0.2], [0.9, 0, 10, 5]], [0], [0]),
    # After two samples only the first unit is left, so the reference never looks at the third, which would save it.
    "the third saves the first": ([[0, 0.5, 10, 9], [0, 8, 10, 0.2], [10, 0, 5, 5]], [], [0]),
    "one sample leaves one": ([[10, 9, 0, 1], [10, 0, 9, 2], [0, 1, 10, 9]], [], [2]),
    "two to the end": ([[0, 0.5, 10, 9], [0.5, 0, 1, 10], [0.9, 0, 10, 2]], [0, 1], [0, 1]),
    "three to the end": ([[0, 0, 0.9, 10], [0, 0, 0.9, 10], [0.9, 0, 0, 10]], [0, 1, 2], [0, 1, 2]),
    "two samples contradict": ([[0, 0, 10, 10], [10, 10, 0, 0], [0, 0, 0, 10]], [], []),
    "exactly at the threshold is not below": ([[1, 0, 0, 10], [1, 0, 0, 10], [1, 0, 0, 10]], [1, 2], [1, 2]),
    "a sample that is constant": ([[0, 0, 10, 10], [3, 3, 3, 3], [0, 0, 10, 10]], [], []),
    "a constant sample after the reference stopped": ([[0, 9, 10, 10], [3, 3, 3, 3], [0, 9, 10, 10]], [], [0]),
    "a layer that is constant": ([[0, 0, 0, 0], [1, 1, 1, 1], [-2, -2, -2, -2]], [], []),
    "what counts is the place in the range": ([[-60, 40, -51, 40], [3, 4, 3, 4], [-1, 9, -0.5, 9]], [0, 2], [0, 2]),
    "NaN on a sample says nothing of it": ([[0, 0, 10, 10], [0, 0, NAN, 10], [0, 0, 10, 10]], [], []),
}


@pytest.mark.parametrize(("samples", "persistent", "reference"), MARKED.values(), ids=MARKED)
def test_three_samples_and_four_units_by_hand(samples: Any, persistent: list[int], reference: list[int]) -> None:
    activations = torch.tensor(samples, dtype=torch.float32)
    assert inactive(activations, 0.1).nonzero().flatten().tolist() == persistent
    assert inactive(activations, 0.1, early_stop=True).nonzero().flatten().tolist() == reference

    ours, theirs = layer(), layer()
    ours.fitness.values = (0.5,)
    assert mutPruneConjunctive(ours, {"": activations})[0] is ours
    assert left(ours) == [unit not in persistent for unit in range(4)]
    assert ours.masks["weight"].all(1).tolist() == ours.masks["bias"].tolist() == left(ours)
    assert ours.nonzero is None
    assert ours.fitness.values == (0.5,)

    mutPruneConjunctive(theirs, {"": activations}, persistent=False)
    assert left(theirs) == [unit not in reference for unit in range(4)]
    assert theirs.preserved == 1.0
    assert theirs.nonzero == 1 - len(reference) / 4


@pytest.mark.parametrize(("threshold", "marked"), [(0, []), (0.1, [0]), (0.3, [0, 1]), (0.99, [0, 1, 2])])
def test_the_threshold(threshold: float, marked: list[int]) -> None:
    genome = layer()
    mutPruneConjunctive(genome, {"": torch.tensor([[0.0, 2, 5, 10]])}, threshold)
    assert left(genome) == [unit not in marked for unit in range(4)]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, NAN, True, False, "0.1", None, torch.tensor(0.1)])
def test_a_threshold_that_is_no_share_is_refused(threshold: Any) -> None:
    with pytest.raises(ValueError, match=r"threshold must be a number in \[0, 1\], got"):
        mutPruneConjunctive(layer(), {"": torch.zeros(1, 4)}, threshold)


@pytest.mark.parametrize("threshold", [1, 1.0])
def test_a_threshold_of_1_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold must be below 1"):
        mutPruneConjunctive(layer(), {"": torch.zeros(1, 4)}, threshold)


@BOTH
def test_never_all_units_of_a_layer(persistent: bool) -> None:
    for seed in range(20):
        activations = torch.randn(3, 4, generator=torch.Generator().manual_seed(seed))
        genome = layer()
        mutPruneConjunctive(genome, {"": activations}, 0.999, persistent)
        assert any(left(genome))
    lonely = layer(units=1)
    mutPruneConjunctive(lonely, {"": torch.tensor([[0.0], [1.0]])}, 0.999, persistent)
    assert left(lonely) == [True]


def test_where_only_marked_units_survive_the_largest_weight_stays() -> None:
    genome = layer()
    genome.module.get_parameter("weight").data[0, 1] = -3.0
    genome.prune("weight", torch.tensor([[True, True], [False, False], [False, False], [False, False]]))
    mutPruneConjunctive(genome, {"": torch.tensor([[0.0, 10, 10, 10]])})
    assert genome.masks["weight"].tolist() == [[False, True], [False, False], [False, False], [False, False]]
    assert genome.masks["bias"].tolist() == [False, True, True, True]


def test_a_second_call_with_other_evidence_prunes_further_and_brings_nothing_back() -> None:
    genome = layer()
    mutPruneConjunctive(genome, {"": torch.tensor([[0.0, 10, 10, 10]])})
    mutPruneConjunctive(genome, {"": torch.tensor([[10.0, 0, 10, 10]])})
    assert left(genome) == [False, False, True, True]


def pair(*codes: list[float]) -> tuple[Autoencoder, dict[str, dict[str, Tensor]]]:
    individual = Autoencoder([Encoder(nn.Linear(3, 2)), Decoder(nn.Linear(2, 3, bias=False))])
    nested = {"encoder": {"": torch.tensor(codes)}, "decoder": {"": torch.tensor([[1.0, 2.0, 3.0]])}}
    return individual, nested


@BOTH
def test_a_pair_takes_evidence_for_both_parts(persistent: bool) -> None:
    individual, nested = pair([0.0, 1.0], [2.0, 3.0])
    mutPruneConjunctive(individual, nested, persistent=persistent)
    assert [part.bool().flatten().tolist() for genome in individual for part in genome.module.parameters()] == [
        [False] * 3 + [True] * 3,
        [False, True],
        [False] * 2 + [True] * 4,
    ]


@BOTH
def test_the_units_of_convolutions_are_their_channels(persistent: bool) -> None:
    first, last = nn.Conv2d(1, 2, 2), nn.ConvTranspose2d(2, 4, 2, groups=2)
    module = nn.Sequential(first, nn.ReLU(), last)
    for parameter in module.parameters():
        nn.init.ones_(parameter)
    last.get_parameter("bias").data[1] = -9.0  # the second channel is far below the others
    genome = Genome(module)
    mutPruneConjunctive(genome, ActivationProbe(torch.rand(5, 1, 4, 4)), persistent=persistent)
    # The weight is (2 inputs, 2 outputs of a group, 2, 2).
    assert last.weight.flatten(2).count_nonzero(2).tolist() == [[4, 0], [4, 4]]
    assert last.get_parameter("bias").tolist() == [1, 0, 1, 1]
    assert int(first.weight.count_nonzero()) == 8  # both channels are alike: constant


@BOTH
def test_errors_come_before_any_work_and_nothing_is_drawn(persistent: bool) -> None:
    state = random.getstate()
    individual, nested = pair([0.0, 1.0])
    del nested["decoder"]
    with pytest.raises(ValueError, match="activations lack 'decoder'; they hold 'encoder'"):
        mutPruneConjunctive(individual, nested, persistent=persistent)
    nested["decoder"] = {"": torch.zeros(2, 2)}
    with pytest.raises(ValueError, match=r"of layer '' must be a tensor \(samples, 3 units\), got \(2, 2\)"):
        mutPruneConjunctive(individual, nested, persistent=persistent)
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes"):
        mutPruneConjunctive(nn.Linear(1, 1), nested)
    assert individual.preserved == 1.0
    assert individual.encoder.nonzero is None
    assert random.getstate() == state


def stack() -> Genome:
    """Four units between two inputs and three outputs; every weight is 1."""
    genome = Genome(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3)))
    for parameter in genome.module.parameters():
        nn.init.ones_(parameter)
    return genome


OUTPUTS = torch.tensor([[0.0, 5, 10]] * 3)


@pytest.mark.parametrize(("samples", "persistent", "reference"), MARKED.values(), ids=MARKED)
def test_structured_what_reads_a_marked_unit_goes_as_well(
    samples: Any, persistent: list[int], reference: list[int]
) -> None:
    activations = {"0": torch.tensor(samples, dtype=torch.float32), "2": OUTPUTS}
    for kept, marked in ((True, persistent), (False, reference)):
        genome = stack()
        genome.fitness.values = (0.5,)
        assert mutPruneConjunctive(genome, activations, persistent=kept, structured=True) == (genome,)
        stays = [float(unit not in marked) for unit in range(4)]
        assert genome.module.get_parameter("0.weight").tolist() == [[stay] * 2 for stay in stays]
        assert genome.module.get_parameter("0.bias").tolist() == stays
        assert genome.module.get_parameter("2.weight").tolist() == [stays] * 3
        assert genome.module.get_parameter("2.bias").tolist() == [1.0] * 3  # outputs stay, though one is marked
        left = (27 - 6 * len(marked)) / 27
        assert genome.preserved == (left if kept else 1.0)
        assert genome.nonzero == (None if kept else left)
        assert genome.fitness.values == (0.5,)


def test_structured_without_it_what_reads_them_stays_and_outputs_go() -> None:
    genome, activations = stack(), {"0": torch.tensor([[0.0, 10, 10, 10]]), "2": OUTPUTS}
    mutPruneConjunctive(genome, activations)
    assert genome.masks["2.weight"].tolist() == [[False] * 4, [True] * 4, [True] * 4]
    assert genome.masks["2.bias"].tolist() == [False, True, True]


@BOTH
def test_structured_in_a_pair_the_decoder_loses_what_reads_the_code(persistent: bool) -> None:
    individual, nested = pair([0.0, 1.0], [2.0, 3.0])
    mutPruneConjunctive(individual, nested, persistent=persistent, structured=True)
    assert [part.bool().flatten().tolist() for genome in individual for part in genome.module.parameters()] == [
        [False] * 3 + [True] * 3,
        [False, True],
        [False, True] * 3,
    ]


@BOTH
def test_structured_a_channel_stays_where_one_of_its_places_is_active(persistent: bool) -> None:
    first, middle, last = nn.Linear(1, 6), nn.Conv1d(3, 2, 1), nn.Linear(4, 1)
    genome = Genome(nn.Sequential(first, nn.Unflatten(1, (3, 2)), middle, nn.Flatten(), last))
    activations = {
        "0": torch.tensor([[0.0, 0, 0, 9, 0, 0]]),
        "2": torch.tensor([[7.0, -1]]),
        "4": torch.ones(1, 1),
    }
    mutPruneConjunctive(genome, activations, persistent=persistent, structured=True)
    assert first.weight.count_nonzero(1).tolist() == [0, 0, 1, 1, 0, 0]
    assert middle.weight[..., 0].bool().tolist() == [[False, True, False], [False] * 3]
    assert last.weight.bool().tolist() == [[True, True, False, False]]


def test_structured_a_tied_unit_goes_where_it_is_marked_both_ways() -> None:
    individual = TiedAutoencoder(TiedNetwork((3, 4, 2)))
    there, back = torch.tensor([[0.0, 0, 9, 9]]), torch.tensor([[0.0, 9, 0, 9]])
    others = {"encoder.2": torch.ones(1, 2), "decoder.2": torch.ones(1, 3)}
    found = {"encoder": {"encoder.0": there, "decoder.0": back} | others, "decoder": {}}
    mutPruneConjunctive(individual, found, structured=True)
    masks = individual.encoder.masks
    assert masks["encoder.0.weight"].all(1).tolist() == [False, True, True, True]
    assert masks["encoder.2.weight"].all(0).tolist() == [False, True, True, True]
    assert masks["encoder.0.bias"].tolist() == masks["decoder.0.bias"].tolist() == [False, True, True, True]
    assert masks["decoder.2.bias"].all()


def test_structured_units_with_a_weight_that_is_not_prunable_stay() -> None:
    activations = {"0": torch.tensor([[0.0, 10, 10, 10]]), "2": OUTPUTS}
    for exclude in ("0.weight", "2.weight", "0", "2"):
        genome = Genome(stack().module, exclude=exclude)
        mutPruneConjunctive(genome, activations, structured=True)
        assert genome.preserved == 1.0
    genome = Genome(stack().module, exclude="0.bias")
    mutPruneConjunctive(genome, activations, structured=True)
    assert genome.masks["0.weight"].all(1).tolist() == [False, True, True, True]
    assert genome.module.get_parameter("0.bias").all()


def test_structured_a_smaller_network_computes_the_same() -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        individual = Autoencoder([Encoder(mlp_encoder([9, 8, 6])), Decoder(mlp_decoder([6, 8, 9]))])
        x = torch.rand(20, 9)
        mutPruneConjunctive(individual, ActivationProbe(x), 0.4, structured=True)
        assert individual.preserved < 1
        smaller = compact(individual)
        assert sum(parameter.numel() for parameter in smaller.parameters()) <= sum(
            genome.sizes[0] for genome in individual
        )
        assert torch.allclose(smaller(x), individual(x), atol=1e-6)


def test_structured_the_last_living_unit_of_a_layer_stays() -> None:
    """The first is dead, so its activation is 0, and after tanh that may be the most."""
    genome = Genome(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)))
    with torch.no_grad():
        genome.module.get_parameter("0.weight").copy_(torch.tensor([[1.0, 1], [2, 2], [1, 1]]))
        genome.module.get_parameter("2.weight").copy_(torch.tensor([[1.0, 1, 2], [1, 1, 2]]))
    others = {"2": torch.tensor([[0.0, 1]])}
    mutPruneConjunctive(genome, {"0": torch.tensor([[-1.0, 0, 1]])} | others, structured=True)
    assert genome.masks["0.bias"].tolist() == [False, True, True]
    mutPruneConjunctive(genome, {"0": torch.tensor([[0.0, -1, -1]])} | others, structured=True)
    (joint,) = joints_of(genome)
    assert alive(joint).any()


@pytest.mark.parametrize("structured", ["yes", 1, None])
def test_structured_is_true_or_false(structured: Any) -> None:
    genome = stack()
    with pytest.raises(ValueError, match=f"structured must be True or False, got {structured!r}"):
        mutPruneConjunctive(genome, {"0": torch.zeros(1, 4), "2": OUTPUTS}, structured=structured)
    with pytest.raises(ValueError, match=r"of layer '0' must be a tensor \(samples, 4 units\), got \(1, 3\)"):
        mutPruneConjunctive(genome, {"0": torch.zeros(1, 3), "2": OUTPUTS}, structured=True)
    assert genome.preserved == 1.0
