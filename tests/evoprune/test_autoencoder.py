import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from deap import base, creator, tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, MinimizeLoss
from evoprune.networks import mlp_decoder, mlp_encoder


def pair() -> Any:
    return Autoencoder([Encoder(mlp_encoder([6, 4, 2])), Decoder(mlp_decoder([2, 4, 6]))])


def test_a_pair_is_a_list_of_two_genomes():
    encoder, decoder = Encoder(mlp_encoder([6, 2])), Decoder(mlp_decoder([2, 6]))
    pair = Autoencoder(genome for genome in (encoder, decoder))
    assert isinstance(pair, list)
    assert (pair.encoder is encoder, pair.decoder is decoder, len(pair)) == (True, True, 2)
    assert type(pair.fitness) is MinimizeLoss
    assert (pair.learning_rate, pair.seed, pair.age) == (None, None, 0)
    encoder.age = 3
    assert pair.age == 3
    x = torch.rand(5, 6)
    assert torch.equal(pair(x), decoder.module(encoder.module(x)))


def test_deap_builds_pairs():
    toolbox = base.Toolbox()
    toolbox.register("encoder", lambda: Encoder(mlp_encoder([6, 2])))
    toolbox.register("decoder", lambda: Decoder(mlp_decoder([2, 6])))
    toolbox.register("pair", tools.initCycle, Autoencoder, (toolbox.encoder, toolbox.decoder))
    toolbox.register("population", tools.initRepeat, list, toolbox.pair)
    population = toolbox.population(n=3)
    assert [(type(pair), type(pair[0]), type(pair[1])) for pair in population] == [(Autoencoder, Encoder, Decoder)] * 3
    assert population[0] != population[1]


def test_a_pair_of_one_kind_by_repetition():
    pair = tools.initRepeat(Autoencoder, lambda: Genome(nn.Linear(3, 3)), 2)
    assert pair(torch.rand(1, 3)).shape == (1, 3)


def test_setters_replace_one_side():
    one, other = pair(), pair()
    one.decoder = other.decoder
    assert one[1] is other[1]
    one.encoder = other.encoder
    assert one[0] is other[0]
    for side in ("encoder", "decoder"):
        with pytest.raises(TypeError, match="must be a Genome, got Linear"):
            setattr(one, side, nn.Linear(6, 2))


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        (
            [Encoder(nn.Linear(20, 10)), Decoder(nn.Linear(8, 20))],
            ValueError,
            "gives 10 values a sample, but the decoder takes 8",
        ),
        ([Encoder(mlp_encoder([20, 10])), Decoder(mlp_decoder([8, 20]))], ValueError, "10 values .* takes 8"),
        ([Encoder(nn.Linear(2, 2))], ValueError, "got 1 genomes"),
        ([], ValueError, "got 0 genomes"),
        ([Encoder(nn.Linear(2, 2))] * 3, ValueError, "got 3 genomes"),
        ([nn.Linear(2, 2), nn.Linear(2, 2)], TypeError, "got Linear"),
        ([Encoder(nn.Linear(2, 2)), None], TypeError, "got None"),
    ],
)
def test_what_is_no_pair_is_refused(parts, error, message):
    with pytest.raises(error, match=message):
        Autoencoder(parts)


def test_the_two_genomes_share_no_parameter():
    one, both = pair(), nn.Linear(2, 2)
    tied = mlp_decoder([2, 4, 6])
    tied[0].bias = one.encoder.module[0].bias
    for parts in ([Encoder(both), Decoder(both)], [Genome(both)] * 2, [one.encoder, Decoder(tied)]):
        with pytest.raises(ValueError, match=r"share a parameter, the decoder's .*: tied pairs are in evoprune\.tied"):
            Autoencoder(parts)
    before = list(one)
    with pytest.raises(ValueError, match=r"share a parameter, the decoder's 0\.bias"):
        one.decoder = Decoder(tied)
    other = Autoencoder([Encoder(mlp_encoder([6, 4, 2])), Decoder(tied)])
    with pytest.raises(ValueError, match="share a parameter"):
        other.encoder = one.encoder
    assert all(now is old for now, old in zip(one, before, strict=True))
    assert len(Autoencoder([Encoder(nn.Identity())] * 2)) == 2  # nothing to share


def test_setters_refuse_a_code_that_does_not_fit():
    one, wide = pair(), Autoencoder([Encoder(mlp_encoder([6, 3])), Decoder(mlp_decoder([3, 6]))])
    with pytest.raises(ValueError, match="gives 2 values a sample, but the decoder takes 3"):
        one.decoder = wide.decoder
    with pytest.raises(ValueError, match="gives 3 values a sample, but the decoder takes 2"):
        one.encoder = wide.encoder
    one[:] = wide
    assert one(torch.rand(1, 6)).shape == (1, 6)


def test_preserved_counts_parameters_not_genomes():
    pair: Any = Autoencoder([Encoder(nn.Linear(3, 1, bias=False)), Decoder(nn.Linear(1, 5, bias=False))])
    pair.decoder.prune("weight", torch.tensor([[True], [False], [False], [False], [False]]))
    assert pair.preserved == 4 / 8
    with torch.no_grad():
        pair.decoder.module.weight.fill_(1.0)
    pair.enforce()
    assert pair.decoder.module.weight.flatten().tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


COPIES: dict[str, Callable[[Any], Any]] = {
    "deepcopy": copy.deepcopy,
    "clone": base.Toolbox().clone,
    "pickle": lambda individual: pickle.loads(pickle.dumps(individual)),
}


@pytest.mark.parametrize("way", COPIES)
def test_all_of_a_pair_is_copied_and_nothing_is_shared(way):
    original: Any = pair()
    original.encoder.prune("0.weight", torch.rand(4, 6) < 0.5)
    original.encoder.moments = {"0.weight": (torch.rand(4, 6),)}
    original.encoder.age, original.encoder.steps, original.encoder.nonzero = 5, 9, 0.25
    original.fitness.values, original.encoder.fitness.values = (0.5,), (0.75,)
    original.learning_rate, original.seed = 1e-4, 77
    original.notes, original.encoder.tags = {"a": [1]}, ["x"]
    original.encoder.enforce()
    new: Any = COPIES[way](original)
    assert [type(new), type(new[0])] == [Autoencoder, Encoder]
    assert new == original
    assert (new.encoder.age, new.encoder.steps, new.encoder.nonzero) == (5, 9, 0.25)
    assert (new.fitness.values, new.encoder.fitness.values, new.learning_rate, new.seed) == ((0.5,), (0.75,), 1e-4, 77)
    assert torch.equal(new.encoder.moments["0.weight"][0], original.encoder.moments["0.weight"][0])
    assert (new.notes, new.encoder.tags) == ({"a": [1]}, ["x"])

    before = COPIES[way](original)
    new.encoder.prune("2.weight", torch.zeros(2, 4, dtype=torch.bool))
    new.encoder.masks["0.bias"][0] = False
    new.encoder.enforce()
    new.encoder.moments["0.weight"][0].fill_(9.0)
    new.notes["a"].append(2)
    new.encoder.tags.append("y")
    del new.fitness.values, new.encoder.fitness.values
    assert original == before
    assert original.encoder.moments["0.weight"][0].max() < 9.0
    assert (original.notes, original.encoder.tags) == ({"a": [1]}, ["x"])
    assert original.fitness.valid
    assert original.encoder.fitness.valid


def test_a_population_that_shares_a_genome_shares_it_in_the_copy():
    one, other = pair(), pair()
    other.encoder = one.encoder
    for new in (copy.deepcopy([one, other]), pickle.loads(pickle.dumps([one, other]))):
        assert new[0].encoder is new[1].encoder
        assert new[0].encoder is not one.encoder


def test_a_shallow_copy_shares_the_module():
    genome = pair().encoder
    new = copy.copy(genome)
    assert (type(new), new.module is genome.module, new.masks is genome.masks) == (Encoder, True, True)
    new.age = 3
    assert genome.age == 0


def test_a_shallow_copy_of_a_pair_shares_its_genomes():
    creator.create("SharingPair", Autoencoder, fitness=MinimizeLoss)
    try:
        original: Any = creator.SharingPair(pair())
        original.notes = []
        new = copy.copy(original)
        assert type(new) is creator.SharingPair
        assert new.encoder is original.encoder
        assert new.decoder is original.decoder
        assert vars(new) == vars(original)
        new.learning_rate, new[:] = 1e-4, pair()
        assert original.learning_rate is None
        assert new.encoder is not original.encoder
    finally:
        del creator.SharingPair


def test_a_clone_trains_on_its_own():
    original = pair()
    new = copy.deepcopy(original)
    weights = copy.deepcopy(original.encoder.module.state_dict())
    optimizer = torch.optim.SGD([*new.encoder.module.parameters(), *new.decoder.module.parameters()], 0.5)
    new(torch.ones(2, 6)).sum().backward()
    optimizer.step()
    assert new != original
    assert all(torch.equal(tensor, weights[name]) for name, tensor in original.encoder.module.state_dict().items())
    assert all(parameter.grad is None for parameter in original.encoder.module.parameters())


def test_a_pickled_pair_pruned_to_a_fifth_is_small():
    full = Autoencoder([Encoder(mlp_encoder([1000, 30, 10])), Decoder(mlp_decoder([10, 30, 1000]))])
    assert full.encoder.sizes[1] + full.decoder.sizes[1] == 61_670
    pruned = copy.deepcopy(full)
    for genome in pruned:
        for name, mask in genome.masks.items():
            genome.prune(name, torch.rand(mask.shape) < 0.2)
    assert pruned.preserved == pytest.approx(0.2, abs=0.01)
    data = pickle.dumps(pruned)
    assert len(data) < 0.3 * len(pickle.dumps(full))
    assert len(pickle.dumps(full)) < 4 * 61_670 + 5_000  # no headers to speak of, no bits for full masks
    new = pickle.loads(data)
    assert new == pruned
    for genome in new:
        for name, mask in genome.masks.items():
            assert genome.module.get_parameter(name)[~mask].abs().sum() == 0


def test_a_picklable_partial_over_a_pair_is_what_a_worker_gets():
    task = pickle.loads(pickle.dumps(partial(Autoencoder.__call__, pair())))
    assert task(torch.rand(2, 6)).shape == (2, 6)
