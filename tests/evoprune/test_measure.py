"""Costs worked out by hand."""

import copy
import dataclasses
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network, measure
from evoprune.measure import FORMULAS, Cost, Latency, cost
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.tied import TiedConvolutions


class Function(nn.Module):
    """A module that computes a function."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


class Adapted(nn.Linear):
    """A layer with a layer inside."""

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.inner = nn.Linear(4, 4)

    def forward(self, input: Tensor) -> Tensor:
        out: Tensor = self.inner(super().forward(input))
        return out


class Clock(nn.Module):
    """Says that each call takes the next of some seconds, the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
        super().__init__()
        self.seconds = itertools.chain(seconds, itertools.repeat(seconds[-1]))
        self.now, self.calls = 0.0, 0
        monkeypatch.setattr(measure, "perf_counter", lambda: self.now)

    def forward(self, x: Tensor) -> Tensor:
        self.now, self.calls = self.now + next(self.seconds), self.calls + 1
        return x


def still(module: Any, *shape: int, samples: int = 2) -> Cost:
    """The cost without a latency, of samples of a shape."""
    return cost(module, torch.rand(samples, *shape), batches=())


def half(module: nn.Module) -> nn.Module:
    """With every other entry of every weight set to zero."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith("weight"):
                parameter.view(-1)[::2] = 0
    return module


def doubled(x: Tensor) -> Tensor:
    return x.mul_(2)


def attention(x: Tensor) -> Tensor:
    return functional.scaled_dot_product_attention(x, x, x)


def test_a_linear_layer():
    assert still(nn.Linear(4, 3), 4) == Cost(
        parameters=15,  # 4 * 3 and 3 biases
        nonzero=15,
        macs=12,
        effective_macs=12,
        bytes=60,
        sparse_bytes=60,  # a bit an entry would come on top
        activation_bytes=28,  # 4 inputs, 3 outputs
    )


MACS: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    "steps": (nn.Linear(4, 3), (5, 4), 5 * 12),
    "stack": (nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2, bias=False)), (4,), 12 + 6),
    "convolution": (nn.Conv2d(2, 6, 3), (2, 8, 8), 6 * 2 * 9 * 36),
    "stride, padding, groups": (nn.Conv2d(4, 6, 3, 2, 1, groups=2), (4, 8, 8), 6 * 2 * 9 * 16),
    "depthwise": (nn.Conv2d(4, 4, 3, padding="same", groups=4), (4, 8, 8), 4 * 9 * 64),
    "dilation": (nn.Conv1d(2, 3, 3, dilation=2), (2, 10), 3 * 2 * 3 * 6),
    "3 dimensions": (nn.Conv3d(2, 3, 2), (2, 4, 4, 4), 3 * 2 * 8 * 27),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2), (4, 5, 5), 4 * 6 * 9 * 25),  # each input meets the whole kernel
    "transposed, groups": (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), (4, 5, 5), 4 * 3 * 9 * 25),
    "transposed, 1 dimension": (nn.ConvTranspose1d(4, 6, 3), (4, 5), 4 * 6 * 3 * 5),
    "matrices": (Function(lambda x: x @ x.mT), (3, 4, 5), 3 * 4 * 4 * 5),
    "vector": (Function(lambda x: x @ torch.ones(4)), (5, 4), 20),
    "added vector": (Function(lambda x: torch.addmv(torch.ones(5), x[0], torch.ones(4))), (5, 4), 20),
    "scalar product": (Function(lambda x: torch.dot(x[0], x[0])), (4,), 4),
    "attention": (Function(attention), (2, 7, 4), 2 * (7 * 7 * 4 + 7 * 7 * 4)),  # scores, and values under them
    "transformer": (
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        (7, 8),
        7 * 8 * 24 + 2 * 2 * 7 * 7 * 4 + 7 * 8 * 8 + 2 * 7 * 8 * 16,  # three projections, two heads, out, two layers
    ),
    "recurrent": (nn.RNN(4, 5, batch_first=True), (7, 4), 7 * (20 + 25)),
    "gru": (nn.GRU(4, 5, batch_first=True), (7, 4), 7 * 3 * (20 + 25)),
    "lstm": (nn.LSTM(4, 5, batch_first=True), (7, 4), 7 * 4 * (20 + 25)),
    "lstm, 2 layers, both ways": (
        nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True),
        (7, 4),
        7 * 4 * 2 * (20 + 25) + 7 * 4 * 2 * (50 + 25),
    ),
    "elementwise": (nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.Softmax(1)), (4,), 0),
}


@pytest.mark.parametrize("name", MACS)
def test_multiply_accumulates(name: str):
    module, shape, macs = MACS[name]
    found = still(module, *shape)
    assert (found.macs, found.effective_macs) == (macs, macs)
    assert still(module, *shape, samples=1).macs == macs


def test_the_formula_of_cudnns_recurrent_layers():
    layer = nn.LSTM(4, 5, 2, bidirectional=True, proj_size=2)
    shapes = [list(weight.shape) for weight in layer.parameters()]
    # four gates read 4 inputs, then the 2 * 2 outputs of the layer below, and their own 2; the projection reads 5
    macs = 7 * 2 * (20 * (4 + 2) + 2 * 5) + 7 * 2 * (20 * (4 + 2) + 2 * 5)
    assert FORMULAS[torch.ops.aten._cudnn_rnn]([7, 1, 4], shapes, 4, out_shape=None) == 2 * macs


@pytest.mark.parametrize("name", ["steps", "stack", "stride, padding, groups", "3 dimensions", "transposed, groups"])
def test_half_of_the_weights_takes_half_of_the_arithmetic(name: str):
    module, shape, macs = MACS[name]
    found = still(half(copy.deepcopy(module)), *shape)
    assert (found.macs, found.effective_macs) == (macs, macs / 2)


def test_other_layers_are_dense():
    lstm, shape, macs = MACS["lstm"]
    assert still(half(copy.deepcopy(lstm)), *shape).effective_macs == macs
    mixed = nn.Sequential(half(nn.Linear(4, 2)), nn.Flatten(), Function(lambda x: x @ torch.ones(2)))
    assert (still(mixed, 4).macs, still(mixed, 4).effective_macs) == (10, 6)


def test_a_layer_in_a_layer_has_its_own_share():
    layer = Adapted()
    nn.init.zeros_(layer.weight)
    assert (still(layer, 4).macs, still(layer, 4).effective_macs) == (32, 16)


def test_a_layer_that_is_called_twice_counts_twice():
    layer = half(nn.Linear(4, 4, bias=False))
    found = still(nn.Sequential(layer, nn.ReLU(), layer), 4)
    assert (found.parameters, found.nonzero, found.macs, found.effective_macs, found.bytes) == (16, 8, 32, 16, 64)


def test_a_weight_that_is_computed_counts_as_it_comes_out():
    layer = nn.Linear(4, 4)
    parametrize.register_parametrization(layer, "weight", Function(torch.tril))
    assert (still(layer, 4).macs, still(layer, 4).effective_macs) == (16, 10)
    assert still(layer, 4).nonzero == 20


def test_a_tied_pair():
    pair = TiedAutoencoder(TiedNetwork([6, 4, 2]))
    pair.encoder.prune("encoder.0.weight", (torch.arange(24) % 2 == 0).view(4, 6))
    found = still(pair, 6)
    assert (found.parameters, found.nonzero) == (24 + 8 + 4 + 2 + 4 + 6, 48 - 12)
    assert (found.macs, found.effective_macs) == (2 * (24 + 8), 2 * (12 + 8))  # both ways through each weight
    assert (found.bytes, found.sparse_bytes) == (48 * 4, 48 * 4 - 24 * 4 + 3 + 12 * 4)


def test_a_module_of_the_users_own():
    module = TiedConvolutions(5)
    found = still(module, 25)
    first, up = 4 * 9 * 9, 4 * 2 * 9 * 9  # 3 by 3 places each
    assert found.macs == found.effective_macs == first + up + 100 * 5 + 25 + 25
    parameters = 40 + 8 + (72 + 4) + 505 + (25 + 5) + 5
    assert found.parameters == parameters
    assert found.bytes == 4 * parameters + 4 * 8 + 8  # running mean and variance, and how many batches


def test_bytes_of_sparse_tensors():
    layer = nn.Linear(10, 10, bias=False)
    nn.init.zeros_(layer.weight)
    assert still(layer, 10).sparse_bytes == 13  # 100 bits
    with torch.no_grad():
        layer.weight[0, :5] = torch.tensor([1.0, -1.0, torch.nan, 2.0, -0.0])
    found = still(layer, 10)
    assert (found.nonzero, found.bytes, found.sparse_bytes) == (4, 400, 13 + 4 * 4)
    found = still(layer.to(torch.bfloat16), 10)
    assert (found.nonzero, found.bytes, found.sparse_bytes) == (4, 200, 13 + 4 * 2)
    assert found.activation_bytes == 40  # the example is made bfloat16 as well
    layer.register_buffer("seen", torch.zeros(8, dtype=torch.int64))
    found = still(layer, 10)
    assert (found.parameters, found.bytes, found.sparse_bytes) == (100, 264, 21 + 1)


ACTIVATIONS: dict[str, tuple[list[nn.Module], tuple[int, ...], int]] = {
    "nothing": ([nn.Identity()], (4,), 4),
    "one layer": ([nn.Linear(4, 3)], (4,), 4 + 3),
    "not in place": ([nn.Linear(4, 3), nn.ReLU()], (4,), 4 + 3 + 3),
    "in place": ([nn.Linear(4, 3), nn.ReLU(inplace=True)], (4,), 4 + 3),
    "stack": ([nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)], (4,), 4 + 3 + 3),  # then 4 + 3 + 2
    "stack in place": ([nn.Linear(4, 3), nn.ReLU(inplace=True), nn.Linear(3, 2)], (4,), 4 + 3 + 2),
    "widest": ([nn.Linear(4, 3), nn.Linear(3, 9), nn.Linear(9, 1)], (4,), 4 + 3 + 9),  # then 4 + 9 + 1
    "views": ([nn.Flatten(), nn.Unflatten(1, (2, 2)), Function(lambda x: x.mT[:, :1])], (4,), 4),
    "steps": ([nn.Linear(4, 3), nn.Dropout()], (5, 4), 20 + 15),
    "kept": ([Function(lambda x: (x + 1, x + 2, x + 3))], (4,), 4 + 12),
    "dropped": ([Function(lambda x: x.exp().exp().exp())], (4,), 4 + 4 + 4),
    "part of a storage": ([Function(lambda x: x.repeat(1, 5)[:, :1]), Function(torch.exp)], (4,), 4 + 20 + 1),
    "input in place": ([Function(doubled)], (4,), 4),
    "convolution": ([nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True)], (1, 6, 6), 36 + 2 * 16),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_that_live_at_once(name: str):
    stack, shape, numbers = ACTIVATIONS[name]
    assert still(nn.Sequential(*stack), *shape).activation_bytes == 4 * numbers
    assert still(nn.Sequential(*stack).double(), *shape, samples=1).activation_bytes == numbers * (
        8 if any(isinstance(part, nn.Linear | nn.Conv2d) for part in stack) else 4
    )


def test_what_was_there_before_is_no_activation():
    module = nn.Sequential(nn.Embedding(9, 4), nn.BatchNorm1d(4), nn.Flatten())
    table = torch.rand(100, 4)
    module.append(Function(lambda x: table[:1].view(-1)[:1] * x[0, 0]))
    tokens = torch.zeros(2, 4, dtype=torch.int64)
    # 4 tokens of 8 bytes, 4 vectors, and these normalized; the rest is smaller
    assert cost(module, tokens, ()).activation_bytes == 32 + 64 + 64
    assert still(Function(lambda x: table[:1] * 1), 4).activation_bytes == 4 * (4 + 4)


def test_individuals_are_what_they_hold():
    encoder, decoder = mlp_encoder([6, 4, 3]), mlp_decoder([3, 6])
    expected = still(nn.Sequential(encoder, decoder), 6)
    pair = Autoencoder([Encoder(encoder), Decoder(decoder)])
    assert still(pair, 6) == still([pair.encoder, pair.decoder], 6) == expected
    assert expected.macs == 24 + 12 + 18
    assert still(Genome(encoder), 6) == still(Network([Genome(encoder)]), 6) == still(encoder, 6)


def test_without_latency_the_same_each_time():
    example = torch.rand(3, 6)
    module = nn.Sequential(nn.Linear(6, 4), nn.Dropout(), nn.Linear(4, 2))
    before = torch.get_rng_state()
    first = cost(module, example, batches=())
    assert first.latency == ()
    assert cost(module, example, batches=[]) == first
    assert torch.equal(torch.get_rng_state(), before)


def test_quartiles_of_ten_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure, "LONG", 0)
    clock = Clock(monkeypatch, 0, 50, 50, 50, 4, 2, 1, 3, 10, 5, 6, 9, 8, 7)  # one pass, three calls to warm up
    assert cost(clock, torch.rand(1, 2), [4]).latency == (Latency(4, 5.5, 3.25, 7.75, 10),)


def test_runs_take_a_while_together(monkeypatch: pytest.MonkeyPatch):
    (found,) = cost(Clock(monkeypatch, 2**-6), torch.rand(1, 2), [1]).latency
    assert found == Latency(1, 2**-6, 2**-6, 2**-6, 13)  # 12.8 of them are 0.2 seconds


@pytest.mark.parametrize(("seconds", "calls"), [(2.0**-15, 4), (2.0**-13, 1), (0, 7)])
def test_short_calls_are_timed_together(monkeypatch: pytest.MonkeyPatch, seconds: float, calls: int):
    monkeypatch.setattr(measure, "LONG", 0)
    monkeypatch.setattr(measure, "RESOLUTION", 2**-16)
    clock = Clock(monkeypatch, seconds)
    (found,) = cost(clock, torch.rand(1, 2), [1]).latency
    assert (found.median, found.runs) == (seconds, 10)
    assert clock.calls == 1 + 3 + 10 * calls


def test_latency(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure, "LONG", 0)
    found = cost(nn.Linear(6, 4), torch.rand(3, 6), [2, 1, 7])
    assert [each.batch for each in found.latency] == [2, 1, 7]
    for each in found.latency:
        assert 0 < each.low <= each.median <= each.high
        assert each.runs >= 10
    text = json.loads(json.dumps(dataclasses.asdict(found)))
    assert text["latency"][2] == dataclasses.asdict(found.latency[2])
    assert (text["macs"], found.row["macs"]) == (24, 24)
    assert list(found.row)[-3:] == ["latency_2", "latency_1", "latency_7"]
    assert found.row["latency_7"] == found.latency[2].median


def test_what_the_network_is_called_with(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(measure, "LONG", 0)
    monkeypatch.setattr(measure, "SHORTEST", 1e-9)
    seen: list[Any] = []
    layer = nn.Linear(1, 1)

    def see(x: Tensor) -> Tensor:
        modes = module.training, layer.training, torch.is_inference_mode_enabled(), torch.is_grad_enabled()
        seen.append((x.flatten().tolist(), modes, torch.get_num_threads()))
        return layer(x)

    module = nn.Sequential(Function(see), layer)
    torch.set_num_threads(2)
    try:
        cost(module, torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64), [2, 7])
    finally:
        torch.set_num_threads(1)
    assert seen[0] == ([1], (False, False, False, False), 2)
    assert {str(each) for each in seen[1:]} == {
        str(([1.0, 2.0], (False, False, True, False), 1)),
        str(([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0], (False, False, True, False), 1)),
    }


@pytest.mark.parametrize("most", [0, 1, 2])
def test_all_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch, most: int):
    monkeypatch.setattr(measure, "LONG", 0)

    def refuse(x: Tensor) -> Tensor:
        if len(x) > most:
            raise RuntimeError("too many")
        return x

    module = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 4), nn.BatchNorm1d(4), Function(refuse))
    module[2].eval()
    before, example = copy.deepcopy(module.state_dict()), torch.rand(3, 6) - 0.5
    kept = example.clone()
    torch.set_num_threads(2)
    try:
        if most < 2:
            with pytest.raises(RuntimeError, match=r"^too many$"):
                cost(module, example, [2])
        else:
            cost(module, example, [2])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert [part.training for part in module.modules()] == [True, True, True, False, True]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert all(torch.equal(module.state_dict()[name], value) for name, value in before.items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert torch.equal(example, kept)
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("module", "example", "batches", "error", "message"),
    [
        (3, torch.rand(2, 4), (), TypeError, "^module must be a torch.nn.Module, a Genome or a Network .*, got 3$"),
        ([], torch.rand(2, 4), (), TypeError, r"Genome or a Network of genomes, got \[\]$"),
        (nn.Linear(4, 3), [1.0], (), TypeError, r"^example must be a tensor \(samples, ...\), got \[1.0\]$"),
        (nn.Linear(4, 3), torch.rand(0, 4), (), ValueError, r"^example must have at least one sample.* \(0, 4\)$"),
        (nn.Linear(4, 3), torch.tensor(1.0), (), ValueError, r"^example must have at least one sample.* \(\)$"),
        (nn.Linear(4, 3), torch.rand(2, 4), 5, TypeError, "^batches must be a list of numbers of samples, got 5$"),
        (nn.Linear(4, 3), torch.rand(2, 4), (1, 0), ValueError, "^batches must be a whole number of at least 1, got 0"),
        (nn.Linear(4, 3), torch.rand(2, 4), (2.0,), ValueError, "^batches must be a whole number .*, got 2.0$"),
        (nn.Linear(4, 3), torch.rand(2, 4), (10**15,), ValueError, "a batch of 1000000000000000 samples"),
        (nn.LazyLinear(3), torch.rand(2, 4), (), ValueError, "^the module has parameters without a shape: call it"),
        (nn.Linear(4, 3), torch.rand(2, 5), (), ValueError, "^the module reads 4 values a sample, but the data have 5"),
        (Genome(nn.Linear(4, 3)), torch.rand(2, 5), (), ValueError, "^the network reads 4 values a sample, but"),
        (TiedAutoencoder(TiedNetwork([6, 3])), torch.rand(2, 5), (), ValueError, "^the encoder reads 6 values"),
        (nn.Linear(4, 3), torch.ones(2, 4, dtype=torch.int64), (), TypeError, r"data of type torch.int64, try data"),
    ],
)
def test_refusals(module: Any, example: Any, batches: Any, error: Any, message: str):
    with pytest.raises(error, match=message):
        cost(module, example, batches)
