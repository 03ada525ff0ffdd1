"""Dead units that are taken out in place, by weights or for good by masks; what goes on with the genome then."""

import copy
import pickle
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.cutting import expand
from evoprune.individuals import genomes
from evoprune.mlp import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import OPERATORS, mutPruneUnits, mutTrain
from evoprune.shrinking.dead import Removed, difference, remove_dead, take_out, unmade, unread
from evoprune.shrinking.joints import chain
from evoprune.tied import TiedAutoencoder, TiedNetwork
from evoprune.training import train
from tests.evidence import taken
from tests.evoprune.shrinking.by_hand import (
    BORDER,
    Own,
    check_same,
    drop,
    ignoring,
    linear,
    norm,
    outputs,
    silent,
    widths,
)
from tests.evoprune.shrinking.drawn import individuals

ROWS = torch.rand(12, 6, generator=torch.Generator().manual_seed(1))


def pair(activation: str = "sigmoid") -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder((6, 5, 4), activation)), Decoder(mlp_decoder((4, 5, 6)))])


def stack(*between: nn.Module) -> Genome:
    """One input, two units, one output; unit 1 is pruned but for its bias, which is 2."""
    first, last = linear([[1.0], [5.0]], [0.0, 2.0]), linear([[1.0, 3.0]], [10.0])
    found = Genome(nn.Sequential(first, *between, last))
    drop(found, "0", makes=[1])
    return found


def bias(genome: Genome, name: str) -> list[float]:
    found: list[float] = genome.module.get_parameter(f"{name}.bias").tolist()
    return found


# By masks, for good


def test_what_masks_make_constant_is_folded():
    found = stack()
    assert remove_dead(found, masked=True) == Removed({"0": 1})
    assert bias(found, "1") == [16.0]  # 10 + 3 * 2
    assert found.sizes == (1 + 1 + 1 + 1, 7)


def test_what_is_zero_but_not_pruned_stays():
    found = Genome(nn.Sequential(linear([[1.0], [0.0]], [0.0, 2.0]), linear([[1.0, 0.0]], [10.0])))
    assert remove_dead(found, masked=True) == Removed()
    assert remove_dead(found) == Removed({"0": 1})


def test_what_is_excluded_is_never_dead_for_good():
    module = nn.Sequential(silent(nn.Linear(3, 4), 1), nn.Tanh(), nn.Linear(4, 2))
    found = Genome(module, exclude=["0.weight"])
    assert remove_dead(found, masked=True) == Removed()
    drop(found, "2", reads=[2])
    assert remove_dead(found, masked=True) == Removed({"0": 1})
    assert widths(found.module) == [(3, 3), (3, 2)]


def test_a_bias_that_is_pruned_never_comes_back():
    found = stack()
    found.prune("1.bias", torch.tensor([True]))
    found.masks["1.bias"] = torch.tensor([False])
    found.enforce()
    removed = remove_dead(found, masked=True)
    assert removed.units == {}
    assert removed.reasons == [f"units of 0 are the same for all samples, but {BORDER}"]
    found.masks["0.bias"] = torch.tensor([True, False])
    found.enforce()
    assert remove_dead(found, masked=True).units == {"0": 1}  # which adds nothing
    assert bias(found, "1") == [0.0]


def test_what_a_pruned_bias_cannot_stand_for_goes_in_the_end():
    found = stack()
    found.masks["1.bias"] = torch.tensor([False])
    found.enforce()
    assert remove_dead(found).units == {"0": 1}
    assert bias(found, "1") == [6.0]


def test_a_layer_without_a_bias_gets_none():
    found = Genome(nn.Sequential(linear([[1.0], [5.0]], [0.0, 2.0]), linear([[1.0, 3.0]])))
    drop(found, "0", makes=[1])
    assert remove_dead(found, masked=True).units == {}
    found.masks["0.bias"][1] = False
    found.enforce()
    assert remove_dead(found, masked=True).units == {"0": 1}
    layers: Any = found.module
    assert layers[1].bias is None


def test_before_a_norm_only_what_nothing_reads():
    """In training it would take the mean of the batch, and not what it has seen."""
    found = Genome(nn.Sequential(nn.Linear(3, 4), norm(nn.BatchNorm1d, 4), nn.ReLU(), nn.Linear(4, 2)))
    drop(found, "0", makes=[1])
    drop(found, "3", reads=[2])
    x = torch.randn(5, 3)
    wanted = outputs(found, x)
    assert remove_dead(found, masked=True).units == {"0": 1}
    check_same(wanted, outputs(found, x))
    assert found.module.get_buffer("1.running_mean").shape == (3,)
    assert remove_dead(found).units == {"0": 1}
    check_same(wanted, outputs(found, x))


def test_the_way_to_the_variance_reads_as_well():
    found = Genome(variational_encoder((6, 5, 4)))
    drop(found, "mean", reads=[1])
    assert remove_dead(found, masked=True).units == {}
    drop(found, "log_variance", reads=[1])
    noise = torch.randn(12, 4)
    with torch.no_grad():
        wanted = found.module(ROWS, noise)
    assert remove_dead(found, masked=True).units == {"trunk.0": 1}
    with torch.no_grad():
        for one, other in zip(wanted, found.module(ROWS, noise), strict=True):
            check_same(one, other)


def test_codes_of_a_variational_pair_go_from_both_heads():
    found = Autoencoder([Encoder(variational_encoder((6, 5, 4))), Decoder(mlp_decoder((4, 5, 6)))])
    drop(found.decoder, "0", reads=[1])
    wanted = outputs(found, ROWS)
    assert remove_dead(found, masked=True).units == {"encoder.mean": 1}
    check_same(wanted, outputs(found, ROWS))
    encoder: Any = found.encoder.module
    assert (encoder.noise_width, encoder.out_features) == (3, 3)
    train([found], [ROWS], "mse")


def test_tied_pairs_lose_both_ways():
    found = TiedAutoencoder(TiedNetwork((6, 5, 4, 3), activation="sigmoid"))
    drop(found.encoder, "encoder.0", makes=[1])
    drop(found.encoder, "encoder.4", makes=[0], reads=[2])
    before = copy.deepcopy(found)
    kept, total = found.encoder.sizes
    assert sum(remove_dead(found, masked=True).units.values()) == 3
    check_same(outputs(before, ROWS), outputs(found, ROWS))
    assert found.network.widths == (6, 4, 3, 2)
    assert found.encoder.sizes[1] == total
    assert found.encoder.sizes[0] < kept  # of units that something still led to or from
    train([found, before], [ROWS, ROWS], "mse")
    assert found.network.decoder[0].weight is found.network.encoder[4].weight
    expand(found.encoder)
    assert found.network.widths == (6, 5, 4, 3)


def test_units_of_pads_that_differ_at_the_border_stay_with_a_reason():
    found = Genome(nn.Sequential(nn.Conv1d(1, 2, 1), nn.Sigmoid(), nn.Conv1d(2, 1, 3, padding=1)))
    mask = torch.tensor([True, False]).view(2, 1, 1)
    found.prune("0.weight", mask)
    assert BORDER in remove_dead(found, masked=True).reasons[0]
    assert found.whole is None


# In place


def test_what_is_removed_is_counted_by_layer():
    found = pair()
    drop(found.encoder, "0", makes=[1, 2])
    drop(found.decoder, "0", reads=[0])
    assert remove_dead(found) == Removed({"encoder.0": 2, "encoder.2": 1})
    assert remove_dead(found) == Removed()


def test_a_network_loses_what_its_genomes_alone_may_not():
    found = pair()
    drop(found.encoder, "2", makes=[1])
    assert remove_dead(found.encoder, masked=True) == Removed()
    assert remove_dead(found, masked=True).units == {"encoder.2": 1}
    assert (found.encoder.whole is None, found.decoder.whole is None) == (False, False)


def test_modes_gradients_and_everything_else_stay():
    found = Genome(nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 2)).train())
    drop(found, "0", makes=[1])
    found.age, found.steps, found.fitness.values = 7, 9, (0.5,)
    module = found.module
    remove_dead(found, masked=True)
    assert found.module is module
    assert module.training
    assert (found.age, found.steps, found.fitness.values) == (7, 9, (0.5,))


def test_units_are_taken_out_by_place():
    found = Genome(nn.Sequential(linear([[1.0], [2.0], [3.0]], [4.0, 5.0, 6.0]), linear([[7.0, 8.0, 9.0]], [0.0])))
    (joint,) = chain(found).joints
    take_out(joint, torch.tensor([0, 2]))
    assert found.module.get_parameter("0.weight").tolist() == [[1.0], [3.0]]
    assert bias(found, "0") == [4.0, 6.0]
    assert found.module.get_parameter("1.weight").tolist() == [[7.0, 9.0]]


def test_unread_and_unmade_units():
    found = stack()
    one = chain(found).joints[0].passes[0]
    assert unmade(one, masked=True).tolist() == unmade(one, masked=False).tolist() == [False, True]
    assert unread(one, masked=True).tolist() == [False, False]
    with torch.no_grad():
        found.module.get_parameter("1.weight").zero_()
    assert unread(one, masked=False).tolist() == [True, True]
    assert unread(one, masked=True).tolist() == [False, False]


def test_weights_that_are_nan_are_there():
    first = linear([[float("nan")], [0.0]], [0.0, 1.0])
    one = chain(Genome(nn.Sequential(first, linear([[0.0, float("nan")]])))).joints[0].passes[0]
    assert unmade(one, masked=False).tolist() == [False, True]
    assert unread(one, masked=False).tolist() == [True, False]


# What goes on


def test_units_come_back_as_they_were_but_for_what_was_pruned():
    found = pair()
    drop(found.encoder, "0", makes=[1, 2])
    drop(found.decoder, "0", reads=[3])
    before = copy.deepcopy(found)
    remove_dead(found, masked=True)
    wanted = outputs(found, ROWS)
    for genome in found:
        expand(genome)
    check_same(outputs(before, ROWS), wanted)
    check_same(wanted, outputs(found, ROWS))
    for genome, old in zip(found, before, strict=True):
        assert genome.module.state_dict().keys() == old.module.state_dict().keys()
        assert repr(genome.module) == repr(old.module)
        for name, mask in genome.masks.items():
            assert not bool((mask & ~old.masks[name]).any())


def test_shares_stay_relative_to_the_whole():
    found = pair()
    mutPruneUnits(found, 0.4)
    sizes = [genome.sizes for genome in found]
    preserved = found.preserved
    remove_dead(found, masked=True)
    assert [genome.sizes for genome in found] == sizes
    assert found.preserved == preserved
    assert widths(found.encoder.module) != [(6, 5), (5, 4)]
    keep = found.encoder.masks["0.weight"].clone()
    keep[0, :3] = False
    found.encoder.prune("0.weight", keep)
    assert found.encoder.sizes == (sizes[0][0] - 3, sizes[0][1])


def test_the_share_of_what_is_not_zero_is_relative_to_the_whole():
    found = pair()
    drop(found.encoder, "0", makes=[0])
    drop(found.encoder, "2", reads=[0])
    found.encoder.masks["0.bias"][0] = False
    found.encoder.enforce()
    kept, total = found.encoder.sizes
    remove_dead(found.encoder, masked=True)
    found.encoder.zero({})
    assert found.encoder.nonzero == kept / total


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adam-anew"])
def test_training_goes_on_as_it_would_have(optimizer: str):
    """Units with nothing left learn nothing, so what is left learns the same with and without them."""
    found = pair("relu")
    train([found], [ROWS] * 3, "mse", optimizer, 1e-2)
    mutPruneUnits(found, 0.3)
    whole = copy.deepcopy(found)
    assert remove_dead(found, masked=True).units
    for genome in found:
        for name, moments in genome.moments.items():
            assert {moment.shape for moment in moments} == {genome.module.get_parameter(name).shape}
    train([found, whole], [ROWS] * 3, "mse", optimizer, 1e-2)  # of different widths, together
    check_same(outputs(whole, ROWS), outputs(found, ROWS), 1e-4)
    for genome, other in zip(found, whole, strict=True):
        steps = genome.steps, genome.age
        assert steps == (other.steps, other.age)
        expand(genome)
        for name, parameter in genome.module.named_parameters():
            assert torch.allclose(parameter, other.module.get_parameter(name), atol=1e-4)


def test_pairs_of_different_widths_train_as_each_alone():
    several = [pair() for _ in range(3)]
    drop(several[1].encoder, "0", makes=[0])
    drop(several[2].decoder, "0", reads=[1, 2])
    for one in several:
        remove_dead(one, masked=True)
    alone = copy.deepcopy(several)
    losses = train(several, [ROWS] * 2, "mse", learning_rate=1e-2)
    for number, one in enumerate(alone):
        assert train([one], [ROWS] * 2, "mse", learning_rate=1e-2).tolist() == pytest.approx([float(losses[number])])
        check_same(outputs(one, ROWS), outputs(several[number], ROWS), 1e-4)


def test_the_training_mutation_takes_what_was_cut():
    found = pair()
    mutTrain(found, ROWS, loss="mse")
    drop(found.encoder, "0", makes=[0, 3])
    remove_dead(found, masked=True)
    before = outputs(found, ROWS)
    mutTrain(found, ROWS, 1e-2, loss="mse")
    assert not torch.equal(before, outputs(found, ROWS))
    assert found.encoder.age == 2
    assert widths(found.encoder.module) == [(6, 3), (3, 4)]


@pytest.mark.parametrize("name", OPERATORS)
def test_pruning_operators_work_on_what_is_left(name: str):
    found = pair()
    drop(found.encoder, "0", makes=[1, 2])
    drop(found.decoder, "0", reads=[3])
    remove_dead(found, masked=True)
    before = found.preserved
    OPERATORS[name](found, **taken(OPERATORS[name], ROWS, amount=0.3, threshold=0.9))
    assert found.preserved < before
    wanted = outputs(found, ROWS)
    remove_dead(found, masked=True)
    check_same(wanted, outputs(found, ROWS))


def test_cut_genomes_are_stored_and_come_back():
    found = pair()
    mutTrain(found, ROWS, loss="mse")
    mutPruneUnits(found, 0.4)
    remove_dead(found, masked=True)
    fresh = pair()
    for genome, other in zip(found, fresh, strict=True):
        other.load_state(genome.state())
        assert other == genome
        assert other.sizes == genome.sizes
    check_same(outputs(found, ROWS), outputs(fresh, ROWS), 0.0)
    for again in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert again == found
        assert again.preserved == found.preserved
        check_same(outputs(found, ROWS), outputs(again, ROWS), 0.0)
        train([again], [ROWS], "mse")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(individuals())
def test_any_network_by_its_masks(drawn: tuple[Any, Tensor]):
    """Outputs are the same with units taken out and put back, masks only narrow, and totals stay."""
    individual, x = drawn
    if isinstance(individual, nn.Module):
        individual = Genome(individual)
    before, wanted = copy.deepcopy(individual), outputs(individual, x)
    tolerance = 1e-5 if x.dtype == torch.float32 else 1e-12
    remove_dead(individual, masked=True)
    check_same(wanted, outputs(individual, x), tolerance)
    for genome, old in zip(genomes(individual), genomes(before), strict=True):
        assert genome.sizes[1] == old.sizes[1]
        assert genome.sizes[0] <= old.sizes[0]
        for name, mask in genome.masks.items():
            parameter = genome.module.get_parameter(name)
            assert not bool(parameter.detach()[~mask].any())
        fresh = copy.deepcopy(old)
        fresh.load_state(genome.state())
        assert fresh == genome
        expand(genome)
        assert repr(genome.module) == repr(old.module)
        for name, mask in genome.masks.items():
            assert not bool((mask & ~old.masks[name]).any())
    check_same(wanted, outputs(individual, x), tolerance)


# Whether two modules compute the same


def test_differences():
    one: Any = nn.Sequential(nn.Linear(3, 2), nn.Dropout())
    x = torch.randn(4, 3)
    assert difference(one, copy.deepcopy(one), x) == ""
    other = copy.deepcopy(one)
    with torch.no_grad():
        other[0].bias[0] += 0.01
    assert difference(one, other, x) == "without them the outputs are others"
    assert difference(one, nn.Linear(3, 1), x) == "they are outputs"
    assert difference(one, nn.Linear(4, 2), x).startswith("without them its forward fails (mat1 and mat2")
    assert one.training


def test_differences_that_the_example_does_not_show_noise_does():
    assert difference(nn.Identity(), nn.ReLU(), torch.ones(4, 3)) == "without them the outputs are others"
    assert difference(nn.Identity(), nn.Identity(), torch.ones(4, 3, dtype=torch.long)) == ""


def test_outputs_that_are_not_finite_are_the_same():
    nan = Own(lambda _, x: x * float("nan"))
    assert difference(nan, nan, torch.ones(2, 2)) == ""
    assert difference(nan, nn.Identity(), torch.ones(2, 2)) != ""


def test_outputs_that_are_several():
    both = Own(lambda _, x: (x, {"double": x * 2}))
    other = Own(lambda _, x: (x, {"double": x * 3}))
    assert difference(both, both, torch.ones(2, 2)) == ""
    assert difference(both, other, torch.ones(2, 2)) != ""


def test_a_network_of_three_parts():
    parts = [Genome(nn.Linear(6, 5)), Genome(nn.Sigmoid()), Genome(ignoring(nn.Linear(5, 2), 3))]
    found = Network(parts)
    assert remove_dead(found) == Removed({"0": 1})
