"""Which pairs train together does not matter, nor what stands still beside them."""

import copy
from itertools import chain

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.training import train, train_epoch
from evoprune.training.stacked import MOST, chunks
from tests.evoprune.training.pairs import DATA, make_pair


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


def test_a_network_that_diverges_on_good_data_is_no_error():
    pair = make_pair()
    pair.encoder.module[0].weight.data[0, 0] = torch.nan
    assert train_epoch([pair], DATA).isnan().all()


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
