"""Masks and memories on their way into a stack, through training, and back."""

import copy

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder
from evoprune.training import train, train_epoch
from evoprune.training.optimizers import OPTIMIZERS, SGD, Adam, AdamAnew
from evoprune.training.stacking import stack, unstack

DATA = torch.rand(20, 12, generator=torch.Generator().manual_seed(1))
DECAYING = {"adam": Adam(weight_decay=0.1), "adam-anew": AdamAnew(weight_decay=0.1), "sgd": SGD(weight_decay=0.1)}
PULLING = [Adam(l1=0.05), AdamAnew(l1=0.05), SGD(l1=0.05)]
ALL_OPTIMIZERS = [*OPTIMIZERS.values(), *DECAYING.values()]


def linear(weight, bias=None):
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    layer.weight.data = torch.tensor(weight)
    if bias is not None:
        layer.bias.data = torch.tensor(bias)
    return Encoder(nn.Sequential(layer))


def make_pair(share=None, seed=0, middle=nn.ReLU):
    encoder = nn.Sequential(nn.Linear(12, 6), middle(), nn.Linear(6, 4))
    pair = Autoencoder([Encoder(encoder), Decoder(mlp_decoder([4, 6, 12]))])
    pair.seed = seed
    if share is not None:
        for genome in pair:
            for name, mask in genome.masks.items():
                genome.prune(name, torch.rand(mask.shape) < share)
    return pair


def assert_pruned_is_zero(pair):
    for genome in pair:
        for name, mask in genome.masks.items():
            gone = genome.module.get_parameter(name).detach()[~mask]
            assert torch.equal(gone, torch.zeros_like(gone)), name
            for moment in genome.moments.get(name, ()):
                assert torch.equal(moment[~mask], torch.zeros_like(gone)), name


def test_a_stack_by_hand():
    one, other = linear([[1.0, 2.0]], [3.0]), linear([[4.0, 5.0]], [6.0])
    one.prune("0.weight", torch.tensor([[False, True]]))
    other.moments, other.steps = {"0.weight": (torch.tensor([[7.0, 8.0]]),), "0.bias": (torch.tensor([9.0]),)}, 5
    stacked = stack([one, other], moments=1, device="cpu")
    assert stacked.params["0.weight"].tolist() == [[[0.0, 2.0]], [[4.0, 5.0]]]
    assert stacked.params["0.bias"].tolist() == [[3.0], [6.0]]
    assert {name: mask.tolist() for name, mask in stacked.masks.items()} == {"0.weight": [[[0, 1]], [[1, 1]]]}
    assert stacked.moments["0.weight"][0].tolist() == [[[0.0, 0.0]], [[7.0, 8.0]]]
    assert stacked.steps.tolist() == [0, 5]
    assert stacked.state == {}
    stacked.grads["0.weight"].fill_(2.0)
    stacked.mask_gradients()
    assert stacked.grads["0.weight"].tolist() == [[[0.0, 2.0]], [[2.0, 2.0]]]
    stacked.params["0.weight"] += 1
    stacked.steps += 1
    unstack(stacked, [one, other])
    assert one.module[0].weight.tolist() == [[0.0, 3.0]]
    assert other.module[0].weight.tolist() == [[5.0, 6.0]]
    assert (one.steps, other.steps) == (1, 6)
    assert other.moments["0.bias"][0].tolist() == [9.0]


def test_without_training_everything_is_fixed():
    stacked = stack([linear([[1.0]], [2.0])], 2, "cpu", trains=False)
    assert stacked.params == stacked.moments == stacked.masks == {}
    assert {name: tensor.tolist() for name, tensor in stacked.state.items()} == {
        "0.weight": [[[1.0]]],
        "0.bias": [[2.0]],
    }


def test_stacks_share_no_memory_with_the_genomes():
    genome = linear([[1.0]])
    stacked = stack([genome], 1, "cpu")
    stacked.params["0.weight"] += 1
    stacked.moments["0.weight"][0].add_(1)
    assert genome.module[0].weight.item() == 1.0
    unstack(stacked, [genome])
    stacked.moments["0.weight"][0].add_(1)
    stacked.params["0.weight"] += 1
    assert genome.module[0].weight.item() == 2.0
    assert genome.moments["0.weight"][0].item() == 1.0


def test_a_mask_of_some_cells_only_and_parameters_excluded_in_others():
    pruned = linear([[1.0, 2.0]])
    pruned.prune("0.weight", torch.tensor([[True, False]]))
    without = Encoder(linear([[3.0, 4.0]]).module, exclude=["0.weight"])
    stacked = stack([linear([[5.0, 6.0]]), without, pruned], 0, "cpu")
    assert stacked.masks["0.weight"].tolist() == [[[1, 1]], [[1, 1]], [[1, 0]]]


def test_memories_that_do_not_fit_start_anew_without_harm_to_the_neighbour():
    kept, foreign, reshaped = (linear([[1.0]]) for _ in range(3))
    for genome in (kept, foreign, reshaped):
        genome.moments, genome.steps = {"0.weight": (torch.tensor([[2.0]]),)}, 3
    foreign.moments = {"0.weight": (torch.tensor([[2.0]]),) * 2}
    reshaped.moments = {"0.weight": (torch.tensor([[2.0, 3.0]]),)}
    stacked = stack([kept, foreign, reshaped], 1, "cpu")
    assert stacked.moments["0.weight"][0].flatten().tolist() == [2.0, 0.0, 0.0]
    assert stacked.steps.tolist() == [3, 0, 0]


@pytest.mark.parametrize("middle", [nn.ReLU, nn.ELU, nn.Dropout])  # a middle for each program
@pytest.mark.parametrize("optimizer", [*ALL_OPTIMIZERS, *PULLING])
def test_pruned_weights_stay_exactly_zero_whatever_the_optimizer(optimizer, middle):
    pairs = [make_pair(share, middle=middle) for share in (0.5, None, 0.2, 0.8)]  # masks differ among the cells
    before = copy.deepcopy(pairs)
    for _ in range(2):
        train_epoch(pairs, DATA, optimizer=optimizer)
    for pair, old in zip(pairs, before, strict=True):
        assert_pruned_is_zero(pair)
        assert pair != old
        assert pair.preserved == old.preserved
        assert all(torch.isfinite(p).all() for genome in pair for p in genome.module.parameters())


@pytest.mark.parametrize("middle", [nn.ReLU, nn.ELU, nn.Dropout])
@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
@pytest.mark.parametrize("optimizer", ALL_OPTIMIZERS)
def test_pruned_weights_stay_exactly_zero_when_training_diverges(optimizer, loss, middle):
    pairs = [make_pair(0.5, middle=middle) for _ in range(3)]
    pairs[0].learning_rate = 1e30
    pairs[1].decoder.module[2].bias.data[pairs[1].decoder.masks["2.bias"].nonzero()[0]] = torch.nan
    losses = train(pairs, [DATA[:5], DATA[5:10]] * 3, loss, optimizer)
    assert losses[1].isnan()
    assert losses[2].isfinite()
    assert pairs[0].encoder.module[0].weight.abs().max() > 1e20 or not losses[0].isfinite()
    for pair in pairs:
        assert_pruned_is_zero(pair)


def test_a_cell_that_diverges_leaves_the_others_alone():
    pairs = [make_pair(0.5, seed=i) for i in range(3)]
    pairs[1].learning_rate = 1e30
    alone = copy.deepcopy(pairs[2])
    losses = train_epoch(pairs, DATA, loss="mse", optimizer="sgd")
    assert train_epoch([alone], DATA, loss="mse", optimizer="sgd").item() == pytest.approx(losses[2].item(), rel=1e-6)
    torch.testing.assert_close(pairs[2].encoder.module.state_dict(), alone.encoder.module.state_dict())


def test_masks_that_were_set_by_hand_are_enforced_from_the_first_step():
    one, other = make_pair(), make_pair()
    other[:] = copy.deepcopy(one[:])
    mask = torch.rand(6, 12) < 0.5
    one.encoder.masks["0.weight"] = mask
    other.encoder.prune("0.weight", mask)
    assert torch.equal(train_epoch([one], DATA), train_epoch([other], DATA))
    assert one == other


def test_a_pruned_network_trains_as_a_dense_one_whose_weights_are_multiplied_by_the_mask():
    pair = make_pair(0.5)
    reference = copy.deepcopy(pair)
    train(pair_list := [pair], batches := list(DATA.split(5)), optimizer="sgd", learning_rate=0.1)
    assert pair_list == [pair]
    modules = [genome.module for genome in reference]
    optimizer = torch.optim.SGD([p for m in modules for p in m.parameters()], lr=0.1, momentum=0.9)
    for x in batches:
        optimizer.zero_grad()
        tables = [
            {name: p * genome.masks[name] for name, p in genome.module.named_parameters()} for genome in reference
        ]
        code = torch.func.functional_call(modules[0], tables[0], (x,))
        (torch.func.functional_call(modules[1], tables[1], (code,)) - x).abs().mean().backward()
        optimizer.step()
    for genome, twin in zip(pair, reference, strict=True):
        twin.enforce()
        torch.testing.assert_close(genome.module.state_dict(), twin.module.state_dict())
