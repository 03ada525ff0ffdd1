"""The three programs agree with one another, and each is taken where it fits."""

import copy
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.training import train
from evoprune.training.optimizers import SGD
from evoprune.training.programs import LinearProgram, LoopProgram, VmapProgram, program_for
from evoprune.training.stacking import stack


def layers(*modules):
    return nn.Sequential(*modules)


def stacks_of(pairs, learns=(True, True)):
    return [stack([pair[k] for pair in pairs], 1, "cpu", learns[k]) for k in (0, 1)]


def pairs_of(encoder, decoder, count=3):
    return [Autoencoder([Encoder(encoder().double()), Decoder(decoder().double())]) for _ in range(count)]


def results(program, stacks, *batch):
    losses = program.gradients(*batch)
    return losses, [{name: grad.clone() for name, grad in stacked.grads.items()} for stacked in stacks]


def twice():
    """One activation object at two places, as many people write it."""
    act = nn.Tanh()
    return layers(nn.Linear(12, 7), act, nn.Linear(7, 4), act)


LINEAR = {
    "plain": (lambda: mlp_encoder([12, 7, 4]), lambda: mlp_decoder([4, 7, 12])),
    "tanh": (lambda: mlp_encoder([12, 7, 4], "tanh"), lambda: mlp_decoder([4, 7, 12], "sigmoid", "sigmoid")),
    "one activation twice": (twice, lambda: mlp_decoder([4, 12])),
    "no bias": (
        lambda: layers(nn.Linear(12, 4, bias=False)),
        lambda: layers(nn.Linear(4, 12, bias=False), nn.Sigmoid()),
    ),
}


@pytest.mark.parametrize("learns", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
@pytest.mark.parametrize("name", LINEAR)
def test_the_same_gradients_from_all_three(name, loss, learns):
    pairs = pairs_of(*LINEAR[name])
    batch = (torch.rand(3, 5, 12, dtype=torch.float64), torch.rand(3, 5, 12, dtype=torch.float64))
    stacks = stacks_of(pairs, learns)
    linear = program_for(pairs, stacks, loss)
    assert type(linear) is LinearProgram
    expected = results(linear, stacks, *batch)
    assert [bool(table) for table in expected[1]] == list(learns)
    for kind in (VmapProgram, LoopProgram):
        stacks = stacks_of(pairs, learns)
        program = kind(pairs, stacks, loss)
        torch.testing.assert_close(results(program, stacks, *batch), expected, rtol=1e-10, atol=1e-14)
    assert any(grad.abs().sum() > 0 for table in expected[1] for grad in table.values())


@pytest.mark.parametrize("name", ["own", "variational"])
def test_the_same_gradients_from_vmap_and_loop(name):
    encoder = {
        "own": lambda: layers(nn.Linear(12, 4), nn.GELU()),
        "variational": lambda: variational_encoder([12, 7, 4]),
    }
    pairs = pairs_of(encoder[name], lambda: mlp_decoder([4, 12]))
    x = torch.rand(3, 5, 12, dtype=torch.float64)
    noise = torch.randn(3, 5, 4, dtype=torch.float64) if name == "variational" else None
    stacks = stacks_of(pairs)
    vmapped = program_for(pairs, stacks, "bce")
    assert type(vmapped) is VmapProgram
    expected = results(vmapped, stacks, x, x, noise)
    assert vmapped.fallback is None
    torch.testing.assert_close(results(LoopProgram(pairs, stacks, "bce"), stacks, x, x, noise), expected)


def test_a_gradient_by_hand():
    encoder, decoder = nn.Linear(1, 1), nn.Linear(1, 1)
    for layer, weight, bias in ((encoder, 2.0, 1.0), (decoder, -3.0, 0.5)):
        layer.weight.data.fill_(weight)
        layer.bias.data.fill_(bias)
    pairs = [Autoencoder([Encoder(layers(encoder, nn.ReLU())), Decoder(layers(decoder))])]
    stacks = stacks_of(pairs)
    x = torch.tensor([[[1.0], [-2.0]]])  # codes 3 and 0, reconstructions -8.5 and 0.5, errors -9.5 and 2.5
    losses = program_for(pairs, stacks, "l1").gradients(x, x)
    assert losses.tolist() == [6.0]
    assert {name: grad.item() for name, grad in stacks[1].grads.items()} == {"0.weight": -1.5, "0.bias": 0.0}
    assert {name: grad.item() for name, grad in stacks[0].grads.items()} == {"0.weight": 1.5, "0.bias": 1.5}
    losses = program_for(pairs, stacks, "mse").gradients(x, x)
    assert losses.tolist() == [(90.25 + 6.25) / 2]
    assert stacks[1].grads["0.bias"].item() == -9.5 + 2.5


def test_cross_entropy_learns_even_where_the_sigmoid_is_saturated():
    pairs = pairs_of(lambda: mlp_encoder([12, 4]), lambda: mlp_decoder([4, 12]), 1)
    pairs[0].decoder.module[0].bias.data.fill_(100.0)
    stacks = stacks_of(pairs)
    x = torch.zeros(1, 5, 12, dtype=torch.float64)
    assert program_for(pairs, stacks, "bce").gradients(x, x).item() == pytest.approx(100.0)
    assert stacks[1].grads["0.bias"].flatten().tolist() == pytest.approx([1 / 12] * 12)


def test_samples_may_have_more_dimensions():
    pairs = pairs_of(lambda: mlp_encoder([12, 4]), lambda: mlp_decoder([4, 12]))
    stacks = stacks_of(pairs)
    x = torch.rand(3, 5, 2, 12, dtype=torch.float64)
    expected = results(VmapProgram(pairs, stacks, "l1"), stacks, x, x)
    torch.testing.assert_close(results(program_for(pairs, stacks, "l1"), stacks, x, x), expected)


def tied():
    module = layers(nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 12), nn.Linear(12, 4))
    module[2].weight = module[0].weight
    return module


def used_twice():
    layer = nn.Linear(12, 12)
    return layers(layer, nn.Tanh(), layer, nn.Linear(12, 4))


def hooked():
    module = mlp_encoder([12, 4])
    module[0].register_forward_hook(lambda _layer, _inputs, output: output * 2)
    return module


ELSEWHERE = {
    "tied weights": (tied, VmapProgram),
    "a layer used twice": (used_twice, VmapProgram),
    "a hook": (hooked, VmapProgram),
    "a nonlinearity first": (lambda: layers(nn.ReLU(), nn.Linear(12, 4)), VmapProgram),
    "two nonlinearities in a row": (lambda: layers(nn.Linear(12, 4), nn.Tanh(), nn.Sigmoid()), VmapProgram),
    "nested": (lambda: layers(layers(nn.Linear(12, 4))), VmapProgram),
    "no layer at all": (lambda: layers(nn.Identity()), VmapProgram),
    "buffers": (lambda: layers(nn.Linear(12, 4), nn.BatchNorm1d(4)), LoopProgram),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_the_linear_program_leaves_to_others_trains_as_in_torch(name):
    encoder, kind = ELSEWHERE[name]
    width = 12 if name == "no layer at all" else 4
    pairs = pairs_of(encoder, lambda: mlp_decoder([width, 12]))
    assert type(program_for(pairs, stacks_of(pairs), "mse")) is kind
    twins = copy.deepcopy(pairs)
    batches = torch.rand(4, 3, 5, 12, dtype=torch.float64)
    train(pairs, batches, "mse", SGD(0.0), learning_rate=0.5)
    for i, (pair, twin) in enumerate(zip(pairs, twins, strict=True)):
        modules = [genome.module.train() for genome in twin]
        optimizer = torch.optim.SGD([p for module in modules for p in module.parameters()], 0.5)
        for batch in batches:
            optimizer.zero_grad()
            nn.functional.mse_loss(modules[1](modules[0](batch[i])), batch[i]).backward()
            optimizer.step()
        for genome, other in zip(pair, twin, strict=True):
            torch.testing.assert_close(genome.module.state_dict(), other.module.state_dict())


def test_cross_entropy_without_a_sigmoid_is_not_taken_for_one_with():
    pairs = pairs_of(lambda: mlp_encoder([12, 4]), lambda: layers(nn.Linear(4, 12), nn.Sigmoid(), nn.Identity()))
    assert type(program_for(pairs, stacks_of(pairs), "bce")) is VmapProgram
    pairs = pairs_of(lambda: mlp_encoder([12, 4]), lambda: layers(nn.Linear(4, 12), nn.Tanh()))
    assert type(program_for(pairs, stacks_of(pairs), "bce")) is VmapProgram


class Counting(nn.Module):
    """A module that replaces its buffer instead of changing it."""

    seen: torch.Tensor

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 4)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.seen = self.seen + len(x)
        return self.layer(x)


def test_buffers_that_a_module_replaces():
    pairs = pairs_of(Counting, lambda: mlp_decoder([4, 12]))
    train(pairs, torch.rand(4, 3, 5, 12, dtype=torch.float64))
    assert [pair.encoder.module.seen.item() for pair in pairs] == [20.0] * 3
    train(pairs, torch.rand(4, 3, 5, 12, dtype=torch.float64), parts=("decoder",))
    assert [pair.encoder.module.seen.item() for pair in pairs] == [20.0] * 3


class Branching(nn.Module):
    """Control flow that depends on data, which vmap refuses."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(12, 4)

    def forward(self, x):
        code = self.layer(x)
        return code if code.sum() > 0 else -code


class Broken(Branching):
    def forward(self, x):
        return self.layer(x[:, :5])


def test_what_vmap_refuses_goes_through_the_loop_and_mistakes_show():
    pairs = pairs_of(Branching, lambda: mlp_decoder([4, 12]))
    stacks = stacks_of(pairs)
    program = program_for(pairs, stacks, "l1")
    x = torch.rand(3, 5, 12, dtype=torch.float64)
    losses = program.gradients(x, x)
    expected = [(pair(x[i]) - x[i]).abs().mean().item() for i, pair in enumerate(pairs)]
    assert losses.tolist() == pytest.approx(expected)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train(pairs_of(Broken, lambda: mlp_decoder([4, 12])), [x[0]])


def test_the_global_generator_is_put_back_after_an_error():
    pairs = pairs_of(Broken, lambda: mlp_decoder([4, 12]))
    for pair in pairs:
        pair.seed = 1
    x = torch.rand(3, 5, 12, dtype=torch.float64)
    program, state = LoopProgram(pairs, stacks_of(pairs), "l1"), torch.get_rng_state()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        program.gradients(x, x)
    assert torch.equal(torch.get_rng_state(), state)


class DrawsTwice(nn.Linear):
    """Noise before and after, and between them time for another thread to draw."""

    def forward(self, x):
        before = torch.rand(())
        time.sleep(0.01)
        return super().forward(x) * before + torch.rand(())


def test_threads_side_by_side_draw_what_each_draws_alone():
    x = torch.rand(2, 5, 12, dtype=torch.float64)

    def losses(seed):
        torch.manual_seed(seed)
        pairs = pairs_of(lambda: DrawsTwice(12, 4), lambda: mlp_decoder([4, 12]), count=2)
        for pair in pairs:
            pair.seed = seed
        program = LoopProgram(pairs, stacks_of(pairs), "l1")
        return lambda: [program.gradients(x, x).tolist() for _ in range(3)]

    expected = [losses(seed)() for seed in range(2)]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda task: task(), [losses(seed) for seed in range(2)])) == expected
