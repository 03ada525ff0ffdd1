"""Training many pairs together against a plain loop over each with torch's own modules, autograd and optimizers."""

import copy
from itertools import chain
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.seeds import derive
from evoprune.training import Epoch, train, train_epoch
from evoprune.training.optimizers import SGD, Adam, AdamAnew
from tests.evoprune.training.by_hand import pulled

RATES = (1e-3, 4e-3, 2e-2)
TORCH_LOSSES: dict[str, Any] = {"l1": F.l1_loss, "mse": F.mse_loss, "bce": F.binary_cross_entropy}


class Own(nn.Module):
    """A module of a user's own: no Sequential, a skip connection, a parameter outside any layer."""

    def __init__(self, inputs, outputs, last=torch.relu):
        super().__init__()
        self.hidden = nn.Linear(inputs, 7)
        self.out = nn.Linear(7, outputs)
        self.gain = nn.Parameter(torch.ones(7))
        self.last = last

    def forward(self, x):
        h = torch.tanh(self.hidden(x))
        return self.last(self.out(h + self.gain * F.relu(h)))


def mixed():
    encoder = nn.Sequential(nn.Linear(12, 9, bias=False), nn.Tanh(), nn.Linear(9, 6), nn.Linear(6, 4), nn.Sigmoid())
    decoder = nn.Sequential(nn.Linear(4, 9), nn.Identity(), nn.Linear(9, 9, bias=False), nn.ReLU(), nn.Linear(9, 12))
    return encoder, decoder


def convolutional():
    encoder = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5))
    up = nn.ConvTranspose2d(3, 1, 4, stride=2, padding=1)
    return encoder, nn.Sequential(nn.Linear(5, 48), nn.ReLU(), nn.Unflatten(1, (3, 4, 4)), up, nn.Sigmoid())


def normalized():
    encoder = nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    return encoder, nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 12), nn.Sigmoid())


NETWORKS: dict[str, Any] = {
    "mlp": ((12,), lambda: (mlp_encoder([12, 9, 4]), mlp_decoder([4, 9, 12]))),
    "mixed": ((12,), mixed),
    "own": ((12,), lambda: (Own(12, 4), Own(4, 12, torch.sigmoid))),
    "own-encoder": ((12,), lambda: (Own(12, 4), mlp_decoder([4, 9, 12]))),
    "convolutional": ((1, 8, 8), convolutional),
    "normalized": ((12,), normalized),
}
OPTIMIZERS: dict[str, Any] = {
    "adam": ("adam", lambda p, lr: torch.optim.Adam(p, lr)),
    "adam-0.5": ("adam-0.5", lambda p, lr: torch.optim.Adam(p, lr, betas=(0.5, 0.999))),
    "adam-decay": (
        Adam(betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1),
        lambda p, lr: torch.optim.Adam(p, lr, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1),
    ),
    "sgd": ("sgd", lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)),
    "sgd-decay": (SGD(0.5, 0.1), lambda p, lr: torch.optim.SGD(p, lr, momentum=0.5, weight_decay=0.1)),
    "adam-l1": (Adam(l1=2.0), pulled(lambda p, lr: torch.optim.Adam(p, lr), 2.0)),
    "adam-anew-l1": (AdamAnew(l1=0.5), pulled(lambda p, lr: torch.optim.Adam(p, lr, betas=(0.5, 0.999)), 0.5)),
    "sgd-l1": (SGD(l1=0.1), pulled(lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9), 0.1)),
    "sgd-plain": (SGD(0.0), lambda p, lr: torch.optim.SGD(p, lr)),
    "adam-anew": ("adam-anew", lambda p, lr: torch.optim.Adam(p, lr, betas=(0.5, 0.999))),
    "adam-anew-decay": (
        AdamAnew(weight_decay=0.1),
        lambda p, lr: torch.optim.Adam(p, lr, betas=(0.5, 0.999), weight_decay=0.1),
    ),
}


def make_pairs(network, count=3, dtype=torch.float64):
    pairs = []
    for i in range(count):
        encoder, decoder = NETWORKS[network][1]()
        pairs.append(Autoencoder([Encoder(encoder.to(dtype)), Decoder(decoder.to(dtype))]))
        pairs[-1].learning_rate, pairs[-1].seed = RATES[i % len(RATES)], 100 + i
    return pairs


def plain(pair, batches, loss, make_optimizer, anew=False):
    """The mean loss of a plain loop in which nothing of ours takes part but the networks."""
    modules: list[Any] = [genome.module.train() for genome in pair]
    parameters = list(chain(*(module.parameters() for module in modules)))
    optimizer, losses = make_optimizer(parameters, pair.learning_rate), []
    for x, target, *noise in batches:
        if anew:
            optimizer = make_optimizer(parameters, pair.learning_rate)
        code, penalty = modules[0](x, *noise) if noise else (modules[0](x), 0.0)
        value = TORCH_LOSSES[loss](modules[1](code), target) + penalty
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return sum(losses) / len(losses)


def assert_same(pairs, others, rtol, atol):
    for pair, other in zip(pairs, others, strict=True):
        for genome, twin in zip(pair, other, strict=True):
            state = twin.module.state_dict()
            for name, tensor in genome.module.state_dict().items():
                torch.testing.assert_close(tensor, state[name], rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_and_optimizer(network, name):
    optimizer, make_optimizer = OPTIMIZERS[name]
    shape, _ = NETWORKS[network]
    pairs = make_pairs(network)
    twins = copy.deepcopy(pairs)
    batches = torch.rand(10, len(pairs), 5, *shape, dtype=torch.float64)
    losses = train(pairs, batches, loss="mse", optimizer=optimizer)
    expected = [plain(t, [(b[i], b[i]) for b in batches], "mse", make_optimizer, "anew" in name)
                for i, t in enumerate(twins)]  # fmt: skip
    # Adam divides a gradient by itself, so rounding shows where a gradient is almost zero.
    assert_same(pairs, twins, rtol=1e-7, atol=1e-8)
    assert losses.tolist() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("network", ["mlp", "own", "convolutional", "normalized"])
@pytest.mark.parametrize("loss", TORCH_LOSSES)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_every_loss_and_precision(network, loss, dtype, rtol):
    pairs = make_pairs(network, dtype=dtype)
    twins = copy.deepcopy(pairs)
    batches = torch.rand(10, len(pairs), 5, *NETWORKS[network][0], dtype=dtype)
    losses = train(pairs, batches, loss=loss, optimizer="sgd")
    expected = [plain(t, [(b[i], b[i]) for b in batches], loss, OPTIMIZERS["sgd"][1]) for i, t in enumerate(twins)]
    assert_same(pairs, twins, rtol=rtol, atol=rtol * 0.1)
    assert losses.dtype == torch.float64
    assert losses.tolist() == pytest.approx(expected, rel=rtol)


def test_single_precision_adam():
    pairs = make_pairs("mlp", dtype=torch.float32)
    twins = copy.deepcopy(pairs)
    batches = torch.rand(10, len(pairs), 5, 12)
    train(pairs, batches, optimizer="adam")
    for i, twin in enumerate(twins):
        plain(twin, [(b[i], b[i]) for b in batches], "l1", OPTIMIZERS["adam"][1])
    assert_same(pairs, twins, rtol=1e-4, atol=1e-6)


def epoch_by_hand(seed, data, size, corruption=0.0, width=0):
    """What a pair sees in an epoch: its seed draws the order, then the corruption, then the noise."""
    source = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data), generator=source)
    keep = torch.rand(data.shape, generator=source) >= corruption if corruption else torch.ones(data.shape)
    noise = torch.randn(len(data), width, generator=source).to(data) if width else None
    for k in range(0, len(data), size):
        target = data[order[k : k + size]]
        yield target * keep[k : k + size], target, *([] if noise is None else [noise[k : k + size]])


@pytest.mark.parametrize("corruption", [0.0, 0.3])
@pytest.mark.parametrize("network", ["mlp", "convolutional"])
def test_an_epoch_plain_and_denoising(network, corruption):
    data = torch.rand(23, *NETWORKS[network][0], dtype=torch.float64)
    pairs = make_pairs(network)
    twins = copy.deepcopy(pairs)
    losses = train_epoch(pairs, data, batch_size=5, corruption=corruption, optimizer="sgd")
    expected = [plain(t, epoch_by_hand(t.seed, data, 5, corruption), "l1", OPTIMIZERS["sgd"][1]) for t in twins]
    assert_same(pairs, twins, rtol=1e-9, atol=1e-10)
    assert losses.tolist() == pytest.approx(expected, rel=1e-9)


def variational_pairs(*latents):
    pairs = []
    for i, latent in enumerate(latents):
        encoder, decoder = (
            variational_encoder([12, 9, latent], beta=0.5).double(),
            mlp_decoder([latent, 9, 12]).double(),
        )
        pairs.append(Autoencoder([Encoder(encoder), Decoder(decoder)]))
        pairs[-1].learning_rate, pairs[-1].seed = RATES[i % len(RATES)], 100 + i
    return pairs


def test_a_variational_encoder_takes_its_noise_from_the_pairs_seed():
    data = torch.rand(23, 12, dtype=torch.float64)
    pairs = [*variational_pairs(4, 4, 2), *make_pairs("mlp", 1)]  # other widths, and none at all, beside it
    twins = copy.deepcopy(pairs)
    losses = train_epoch(pairs, data, batch_size=5, optimizer="sgd")
    expected = [
        plain(t, epoch_by_hand(t.seed, data, 5, width=width), "l1", OPTIMIZERS["sgd"][1])
        for t, width in zip(twins, (4, 4, 2, 0), strict=True)
    ]
    assert_same(pairs, twins, rtol=1e-9, atol=1e-10)
    assert losses.tolist() == pytest.approx(expected, rel=1e-9)


def test_a_variational_encoder_on_given_batches():
    pairs = variational_pairs(4, 4)
    twins = copy.deepcopy(pairs)
    batches = torch.rand(6, 5, 12, dtype=torch.float64)
    train(pairs, batches, optimizer="sgd")
    for i, twin in enumerate(twins):
        source = torch.Generator().manual_seed(derive(100 + i, 2))
        noisy = [(b, b, torch.randn(5, 4, generator=source).double()) for b in batches]
        plain(twin, noisy, "l1", OPTIMIZERS["sgd"][1])
    assert_same(pairs, twins, rtol=1e-9, atol=1e-10)


def test_pairs_of_unequal_beta_are_not_mixed_up():
    pairs = variational_pairs(4, 4)
    pairs[1].encoder.module.beta = 5.0
    twins = copy.deepcopy(pairs)
    data = torch.rand(10, 12, dtype=torch.float64)
    train_epoch(pairs, data, optimizer="sgd")
    for twin in twins:
        plain(twin, epoch_by_hand(twin.seed, data, 5, width=4), "l1", OPTIMIZERS["sgd"][1])
    assert_same(pairs, twins, rtol=1e-9, atol=1e-10)


def test_dropout_draws_from_the_pairs_seed_and_leaves_the_global_generator_alone():
    pairs = []
    for i in range(3):
        encoder = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 4))
        pairs.append(Autoencoder([Encoder(encoder), Decoder(mlp_decoder([4, 8, 12]))]))
        pairs[-1].learning_rate, pairs[-1].seed = RATES[i], 7 + i
    twins = copy.deepcopy(pairs)
    batches = torch.rand(6, 3, 5, 12)
    state = torch.get_rng_state()
    train(pairs, batches, optimizer="sgd")
    assert torch.equal(torch.get_rng_state(), state)
    for i, twin in enumerate(twins):
        torch.manual_seed(derive(7 + i, 3))
        plain(twin, [(b[i], b[i]) for b in batches], "l1", OPTIMIZERS["sgd"][1])
    assert_same(pairs, twins, rtol=1e-4, atol=1e-6)


def test_shared_batches_and_one_each():
    shared = torch.rand(5, 12)
    pairs = make_pairs("mlp", dtype=torch.float32)
    twins = copy.deepcopy(pairs)
    assert torch.equal(train(pairs, [shared]), train(twins, [shared.expand(3, 5, 12)]))
    assert_same(pairs, twins, rtol=0, atol=0)


def test_the_learning_rate_argument_is_for_pairs_without_their_own():
    pairs = make_pairs("mlp", 2)
    pairs[1].learning_rate = None
    before = copy.deepcopy(pairs)
    train(pairs, [torch.rand(5, 12)], optimizer="adam-anew", learning_rate=0.0)
    assert pairs[0] != before[0]
    assert pairs[1] == before[1]


def test_data_take_the_type_of_the_network():
    pairs = make_pairs("mlp", 1)
    train(pairs, [torch.rand(5, 12)])
    train(pairs, Epoch(torch.rand(10, 12), 5, [1]))
    assert pairs[0].encoder.module[0].weight.dtype == torch.float64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("network", NETWORKS)
def test_on_a_gpu(network, name):
    pairs = make_pairs(network)
    for name, mask in pairs[1].encoder.masks.items():
        pairs[1].encoder.prune(name, torch.rand(mask.shape) < 0.7)
    twins = copy.deepcopy(pairs)
    data = torch.rand(23, *NETWORKS[network][0], dtype=torch.float64)
    settings: dict[str, Any] = {"corruption": 0.1, "optimizer": OPTIMIZERS[name][0], "loss": "mse"}
    losses = train_epoch(pairs, data, device="cuda", **settings)
    torch.testing.assert_close(losses, train_epoch(twins, data, **settings), rtol=1e-7, atol=1e-8)
    assert_same(pairs, twins, rtol=1e-6, atol=1e-7)
