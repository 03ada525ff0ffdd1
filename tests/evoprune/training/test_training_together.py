"""Which pairs train together does not matter, and what cannot be trained is refused."""

import copy
from itertools import chain
from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.training import Epoch, train, train_epoch
from evoprune.training.stacked import MOST, chunks

DATA = (torch.rand(23, 12, generator=torch.Generator().manual_seed(1)) < 0.7).float()


def make_pair(seed=1, hidden=6, module=None):
    encoder = mlp_encoder([12, hidden, 4]) if module is None else module
    pair = Autoencoder([Encoder(encoder), Decoder(mlp_decoder([4, hidden, 12]))])
    pair.seed, pair.learning_rate = seed, 1e-3 * seed
    return pair


def states(pair):
    return [genome.module.state_dict() for genome in pair]


def assert_close(pair, other):
    torch.testing.assert_close(states(pair), states(other), rtol=1e-4, atol=1e-6)


def test_pairs_of_different_structure_give_the_same_as_alone():
    pairs = [
        make_pair(1),
        make_pair(2, hidden=9),
        make_pair(3),
        make_pair(4, 6, nn.Sequential(nn.Linear(12, 4), nn.ELU())),
    ]
    alone = copy.deepcopy(pairs)
    losses = train_epoch(pairs, DATA)
    expected = torch.cat([train_epoch([pair], DATA) for pair in alone])
    torch.testing.assert_close(losses, expected)
    for pair, other in zip(pairs, alone, strict=True):
        assert_close(pair, other)


def test_more_pairs_than_are_stacked_at_once():
    pairs = [make_pair(1 + i) for i in range(MOST + 3)]
    alone = copy.deepcopy(pairs)
    losses = train_epoch(pairs, DATA, batch_size=10)
    for i in (0, MOST - 1, MOST, MOST + 2):
        assert train_epoch([alone[i]], DATA, batch_size=10).item() == pytest.approx(losses[i].item(), rel=1e-5)
        assert_close(pairs[i], alone[i])


def test_the_order_of_the_pairs_does_not_matter():
    pairs = [make_pair(1 + i) for i in range(4)]
    turned = copy.deepcopy(pairs)[::-1]
    losses = train_epoch(pairs, DATA)
    torch.testing.assert_close(train_epoch(turned, DATA), losses.flip(0))
    for pair, other in zip(pairs, turned[::-1], strict=True):
        assert_close(pair, other)


def test_the_same_again_is_the_same_to_the_bit_whatever_the_global_generators_hold():
    pairs = [make_pair(1), make_pair(2)]
    again = copy.deepcopy(pairs)
    losses = train_epoch(pairs, DATA)
    torch.manual_seed(99)
    assert torch.equal(train_epoch(again, DATA), losses)
    assert pairs == again


def test_an_empty_list_of_pairs():
    assert train([], [DATA]).shape == train_epoch([], DATA).shape == (0,)


def test_age_counts_the_epochs_of_what_learns():
    pair = make_pair()
    train_epoch([pair], DATA)
    train_epoch([pair], DATA, parts=("encoder",))
    train_epoch([pair], DATA, parts=("decoder",))
    train_epoch([pair], DATA, parts=("decoder",))
    assert (pair.encoder.age, pair.decoder.age) == (2, 3)


@pytest.mark.parametrize("learner", [0, 1])
def test_the_part_that_does_not_learn_stays_to_the_bit(learner):
    norm = nn.Sequential(nn.Linear(12, 4), nn.BatchNorm1d(4))
    for pair in (make_pair(), make_pair(1, 6, norm)):
        train_epoch([pair], DATA, batch_size=8)  # so that there are moments and statistics to keep
        before = copy.deepcopy(pair)
        train_epoch([pair], DATA, batch_size=8, parts=(("encoder", "decoder")[learner],))
        assert pair[learner] != before[learner]
        assert pair[1 - learner] == before[1 - learner]
        torch.testing.assert_close(pair[1 - learner].moments, before[1 - learner].moments, rtol=0, atol=0)
        assert pair[1 - learner].steps == before[1 - learner].steps == 3
        assert pair[learner].steps == 6


def test_one_part_learns_as_it_would_with_the_other_frozen():
    pair = make_pair()
    frozen = copy.deepcopy(pair)
    frozen.decoder.module.requires_grad_(False)
    train_epoch([pair], DATA, parts=("encoder",))
    train_epoch([frozen], DATA)
    assert pair == frozen


def test_frozen_parameters_inside_a_network_stay():
    plain, frozen = make_pair(), make_pair(1, 6, nn.Sequential(nn.Linear(12, 6), nn.ELU(), nn.Linear(6, 4)))
    for pair in (plain, frozen):
        pair.encoder.module[0].weight.requires_grad_(False)
        before = copy.deepcopy(pair)
        for parts in (("encoder", "decoder"), ("encoder",)):
            train_epoch([pair], DATA, parts=parts)
        assert torch.equal(pair.encoder.module[0].weight, before.encoder.module[0].weight)
        assert not torch.equal(pair.encoder.module[0].bias, before.encoder.module[0].bias)
        assert not torch.equal(pair.encoder.module[2].weight, before.encoder.module[2].weight)


def test_one_opponent_is_the_same_as_having_it_for_a_partner():
    pairs, other = [make_pair(1), make_pair(2)], make_pair(3)
    married = [Autoencoder([copy.deepcopy(pair.encoder), copy.deepcopy(other.decoder)]) for pair in pairs]
    for pair, twin in zip(pairs, married, strict=True):
        twin.seed, twin.learning_rate = pair.seed, pair.learning_rate
    before = copy.deepcopy([pairs, other])
    losses = train_epoch(pairs, DATA, parts=("encoder",), opponents=[[other.decoder]] * 2)
    assert torch.equal(losses, train_epoch(married, DATA, parts=("encoder",), kernel="torch"))
    for pair, twin, old in zip(pairs, married, before[0], strict=True):
        assert pair.encoder == twin.encoder
        assert pair.decoder == old.decoder
    assert other == before[1]


def test_opponents_are_drawn_by_the_pairs_seed_and_bring_their_buffers():
    def normed():
        return nn.Sequential(nn.Linear(12, 4), nn.BatchNorm1d(4))

    pairs = [make_pair(1 + i, 6, normed()) for i in range(2)]
    pools = [[make_pair(9, 6, normed()).encoder for _ in range(3)] for _ in pairs]
    for encoder in chain(*pools):
        encoder.module[1].running_mean.normal_()
    alone = copy.deepcopy(pairs)
    train_epoch(pairs, DATA, parts=("decoder",), opponents=pools)
    for pair, pool in zip(alone, pools, strict=True):
        kept = copy.deepcopy([pair.encoder, pool])
        train_epoch([pair], DATA, parts=("decoder",), opponents=[pool])
        assert [pair.encoder, pool] == kept
    assert pairs[1] == alone[1]
    assert pairs[0] == alone[0]
    other = copy.deepcopy(pairs[0])
    for encoder in pools[0]:
        encoder.module[1].running_mean += 1
    train_epoch([pairs[0]], DATA, parts=("decoder",), opponents=[pools[0]])
    train_epoch([other], DATA, parts=("decoder",), opponents=[[pools[0][0]]])
    assert pairs[0] != other


def test_opponents_differ_with_the_seed_only():
    pool = [make_pair(9).decoder for _ in range(5)]
    pairs = [make_pair(1) for _ in range(3)]
    for pair, seed in zip(pairs, (1, 1, 2), strict=True):
        pair.encoder, pair.seed = copy.deepcopy(pairs[0].encoder), seed
    train(pairs, DATA.split(5), parts=("encoder",), opponents=[pool] * 3)
    assert pairs[0].encoder == pairs[1].encoder != pairs[2].encoder


def test_the_part_that_does_not_learn_is_in_evaluation_mode():
    norm = nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4)).train()
    pair = make_pair(1, 6, norm)
    twin = copy.deepcopy(pair)
    twin.encoder.module.eval()
    codes = [twin.encoder(x).detach() for x in DATA.split(5)]
    train([pair], DATA.split(5), optimizer="sgd", parts=("decoder",))
    optimizer = torch.optim.SGD(twin.decoder.module.parameters(), lr=1e-3, momentum=0.9)
    for code, x in zip(codes, DATA.split(5), strict=True):
        optimizer.zero_grad()
        nn.functional.l1_loss(twin.decoder(code), x).backward()
        optimizer.step()
    assert_close(pair, twin)


def test_a_genome_or_a_parameter_in_two_places_is_an_error():
    one, other = make_pair(1), make_pair(2)
    other.encoder = one.encoder
    with pytest.raises(ValueError, match="stands twice in the pairs to train: clone it first"):
        train_epoch([one, other], DATA)
    with pytest.raises(ValueError, match="stands twice"):
        train_epoch([one, one], DATA)
    train_epoch([one, other], DATA, parts=("decoder",))  # nothing wrong with a shared part that stays
    other.encoder = Encoder(one.encoder.module)
    with pytest.raises(ValueError, match="stands twice"):
        train_epoch([one, other], DATA)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "l2"}, "unknown loss 'l2'"),
        ({"learning_rate": -1}, "learning_rate must be a number of at least 0, got -1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number of at least 0, got nan"),
        ({"learning_rate": float("inf"), "optimizer": "sgd"}, "learning_rate must be finite, got inf"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here; there is cpu"),
        ({"optimizer": "adamm"}, "unknown optimizer 'adamm': did you mean 'adam'"),
        ({"parts": ()}, "parts must be some of"),
        ({"parts": ("encoder", "code")}, "parts must be some of"),
        ({"batch_size": 24}, "batch size 24 is larger than the 23 training samples"),
        ({"opponents": [[make_pair().decoder]]}, "opponents need one part that learns"),
        ({"parts": ("encoder",), "opponents": []}, "opponents need one part"),
        ({"parts": ("encoder",), "opponents": [[]]}, "at least one opponent for each pair"),
        ({"parts": ("encoder",), "opponents": [[make_pair(1, 7).decoder]]}, "another structure than the part"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_any_work(settings, message):
    pair = make_pair()
    before = copy.deepcopy(pair)
    with pytest.raises(ValueError, match=message):
        train_epoch([pair], DATA, **settings)
    assert pair == before
    assert pair.age == 0


def test_batches_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="no batches to train on"):
        train([make_pair()], iter([]))
    with pytest.raises(ValueError, match="1 sources of randomness for 2 pairs"):
        train([make_pair(), make_pair()], Epoch(DATA, 5, [1]))
    with pytest.raises(ValueError, match="a batch must be"):
        train([make_pair(), make_pair()], [torch.rand(3, 5, 12)])


def test_a_decoder_of_the_wrong_width_is_an_error_not_a_broadcast():
    for last in (nn.Sigmoid(), nn.Softplus()):
        decoder = Decoder(nn.Sequential(nn.Linear(4, 1), last))
        with pytest.raises(ValueError, match="the decoder gives"):
            train_epoch([Autoencoder([make_pair().encoder, decoder])], DATA)


def test_nothing_to_learn_is_an_error():
    pair = make_pair()
    pair.encoder.module.requires_grad_(False)
    with pytest.raises(ValueError, match="nothing learns: no encoder has a parameter"):
        train_epoch([pair], DATA, parts=("encoder",))


def test_pairs_train_together_in_even_parts_that_suit_their_size():
    members = list(range(25))
    small, large = (
        make_pair(1),
        Autoencoder([Encoder(mlp_encoder([1000, 30, 10])), Decoder(mlp_decoder([10, 30, 1000]))]),
    )
    assert [len(part) for part in chunks(members, small)] == [25]
    assert [len(part) for part in chunks(members, large)] == [9, 9, 7]  # at most 12 of 61,670 parameters
    assert sorted(i for part in chunks(members, large) for i in part) == members


@pytest.mark.parametrize("before", [True, False])
def test_denormal_numbers_are_flushed_in_training_alone(before: bool):
    torch.set_flush_denormal(before)
    try:
        train([make_pair(1)], [torch.rand(4, 12)])
        assert ((torch.tensor(1e-39) * 1).item() == 0) is before
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("optimizer", ["adam", "adam-anew", "sgd"])
@pytest.mark.parametrize(
    ("rate", "message"), [(-1, "at least 0, got -1"), (float("nan"), "got nan"), (float("inf"), "finite, got inf")]
)
def test_a_rate_of_a_pair_is_checked(optimizer, rate, message):
    pairs = [make_pair(1), make_pair(2)]
    pairs[1].learning_rate = rate
    before = copy.deepcopy(pairs)
    with pytest.raises(ValueError, match=f"the learning_rate of pair 1 must be .*{message}"):
        train_epoch(pairs, DATA, optimizer=optimizer)
    assert pairs == before


@pytest.mark.parametrize("wrong", [make_pair(), [[*make_pair()]], [make_pair().encoder], iter([make_pair()]), None])
def test_pairs_are_a_list_of_pairs(wrong: Any):
    for call in (lambda: train(wrong, [DATA]), lambda: train_epoch(wrong, DATA)):
        with pytest.raises(TypeError, match="pairs must be a list of autoencoders"):
            call()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_where_there_is_none():
    with pytest.raises(ValueError, match="device 'cuda' cannot be used here; there is cpu"):
        train([make_pair()], [DATA], device="cuda")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("module", [None, nn.Sequential(nn.Linear(12, 4), nn.BatchNorm1d(4))])
def test_data_that_are_not_finite_change_nothing(value, module):
    data = DATA.clone()
    data[7, 3] = value
    pair = make_pair(1, 6, module)
    before = copy.deepcopy(pair)
    for call in (lambda: train_epoch([pair], data), lambda: train([pair], data.split(5))):
        with pytest.raises(ValueError, match="the data to train on hold NaN or infinity"):
            call()
    assert pair == before
    assert pair.age == pair.encoder.steps == 0


def test_a_network_that_diverges_on_good_data_is_no_error():
    pair = make_pair()
    pair.encoder.module[0].weight.data[0, 0] = torch.nan
    assert train_epoch([pair], DATA).isnan().all()


@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
def test_data_of_a_type_that_the_network_refuses(kind):
    pair = make_pair()
    before = copy.deepcopy(pair)
    with pytest.raises(TypeError, match=rf"refuses data of type {kind}, try data\.float\(\)"):
        train_epoch([pair], DATA.to(kind))
    assert pair == before


@pytest.mark.filterwarnings("ignore:trained but never pruned")
def test_whole_numbers_are_for_embeddings():
    embedding = nn.Sequential(nn.Embedding(2, 3), nn.Flatten(), nn.Linear(36, 4))
    assert train_epoch([make_pair(1, 6, embedding)], DATA.long()).isfinite().all()


def broken(module, inputs, output):
    raise RuntimeError("broken")


@pytest.mark.parametrize("parts", [("encoder", "decoder"), ("encoder",), ("decoder",)])
def test_every_module_is_left_in_its_mode(parts):
    pair = make_pair(1, 6, nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4)))
    pair.encoder.module[1].eval()
    pair.decoder.module.eval()
    modules = [module for genome in pair for module in genome.module.modules()]
    before = [module.training for module in modules]
    train_epoch([pair], DATA, parts=parts)
    assert [module.training for module in modules] == before
    pair.encoder.module[0].register_forward_hook(broken)
    with pytest.raises(RuntimeError, match="broken"):
        train([pair], [DATA], parts=parts)
    assert [module.training for module in modules] == before
