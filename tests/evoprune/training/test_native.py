"""The compiled kernel against the torch programs and float64, variant against variant, and what it refuses."""

import copy
import importlib
import itertools
import math
import random
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneRandom
from evoprune.training import native, train, train_epoch
from evoprune.training.batches import Epoch
from evoprune.training.kernel import kernel_for
from evoprune.training.optimizers import SGD, Adam, AdamAnew, Optimizer, optimizer_for

pytestmark = pytest.mark.skipif(bool(native.missing()), reason=f"no kernel: {native.missing()}")

LOSSES = ("l1", "mse", "bce")
OPTIMIZERS = ("adam", "adam-anew", "sgd")
PULLING = (Adam(l1=3.0), AdamAnew(l1=0.5), SGD(l1=0.2))
VARIANTS = list(native.variants())


def made(widths: list[int], kept: float = 1.0, seed: int = 0, rate: float = 1e-3, **options: Any) -> Autoencoder:
    """A pair of mirrored networks, a share of its weights kept."""
    torch.manual_seed(seed)
    encoder = mlp_encoder(widths, **options)
    decoder = mlp_decoder(widths[::-1], output="sigmoid", **options)
    pair = Autoencoder([Encoder(encoder), Decoder(decoder)])
    pair.seed, pair.learning_rate = seed, rate
    if kept < 1:
        mutPruneRandom(pair, amount=1 - kept, rng=random.Random(seed))
    return pair


def bits(samples: int, inputs: int) -> Tensor:
    return (torch.rand(samples, inputs, generator=torch.Generator().manual_seed(samples)) < 0.7).float()


def by(variant: str, pairs: list[Autoencoder], data: Tensor, size: int, loss: str, optimizer: Optimizer, **more: Any):
    """An epoch by one variant of the kernel."""
    epoch = Epoch(data, size, [pair.seed or 0 for pair in pairs], more.pop("corruption", 0.0))
    trainer = native.Trainer(more.pop("parts", None), loss, optimizer, variant, **more)
    return trainer.train(pairs, epoch.of_cells(range(len(pairs))), [float(pair.learning_rate or 0) for pair in pairs])


def tensors(pair: Autoencoder) -> list[Tensor]:
    """All that training changes."""
    found = [p.detach() for genome in pair for p in genome.module.parameters()]
    return found + [m for genome in pair for name in sorted(genome.moments) for m in genome.moments[name]]


def distance(one: Autoencoder, other: Autoencoder) -> float:
    return max(float((a.double() - b.double()).abs().max()) for a, b in zip(tensors(one), tensors(other), strict=True))


def same(one: Autoencoder, other: Autoencoder) -> bool:
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


SHAPES = [  # widths, batch, corruption, kept
    ([40, 12, 5], 5, 0.0, 1.0),
    ([40, 12, 5], 5, 0.0, 0.5),
    ([70, 9, 3], 5, 0.2, 0.1),
    ([33, 17], 8, 0.0, 0.05),
    ([20, 31, 7], 1, 0.3, 1.0),  # wider first, then narrower
]


@pytest.mark.parametrize(("widths", "size", "corruption", "kept"), SHAPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_agrees_with_float64_as_well_as_torch_does(widths, size, corruption, kept, loss, optimizer) -> None:
    data = bits(43, widths[0])  # the last batch is smaller
    pairs = {name: made(widths, kept) for name in ("native", "torch", "exact")}
    for genome in pairs["exact"]:
        genome.module.double()
    losses = {}
    for _ in range(2):  # the second goes on with moments and steps of the first
        for name, pair in pairs.items():
            kernel = "native" if name == "native" else "torch"
            source = data.double() if name == "exact" else data
            settings = {"corruption": corruption, "loss": loss, "optimizer": optimizer, "kernel": kernel}
            if name == "exact" and corruption:  # float64 draws other numbers
                pairs["exact"] = copy.deepcopy(pairs["torch"])
                continue
            losses[name] = train_epoch([pair], source, size, **settings).item()
    assert losses["native"] == pytest.approx(losses["torch"], rel=1e-5)
    torchs = distance(pairs["torch"], pairs["exact"])
    assert distance(pairs["native"], pairs["exact"]) <= 3 * torchs + 2e-6
    for one, other in zip(pairs["native"], pairs["torch"], strict=True):
        assert (one.steps, one.age, one.moments.keys()) == (other.steps, other.age, other.moments.keys())
        for name, mask in one.masks.items():
            assert not one.module.get_parameter(name)[~mask].any()


DECAYING = (Adam((0.8, 0.99), 1e-4, 0.1), AdamAnew(1e-6, 0.2), SGD(0.0, 0.3), SGD(1.0))


@pytest.mark.parametrize("optimizer", [*DECAYING, *PULLING, Adam(weight_decay=0.1, l1=0.1)])
@pytest.mark.parametrize("nonlinearity", ["relu", "tanh", "sigmoid"])
def test_weight_decay_l1_and_nonlinearities(optimizer: Optimizer, nonlinearity: str) -> None:
    data = torch.rand(37, 21, generator=torch.Generator().manual_seed(0))
    one, other = (made([21, 11, 6], 0.6, activation=nonlinearity) for _ in range(2))
    for _ in range(3):
        losses = [
            train_epoch([pair], data, 5, loss="mse", optimizer=optimizer, kernel=kernel)
            for pair, kernel in ((one, "native"), (other, "torch"))
        ]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)
    assert distance(one, other) < 2e-5


@pytest.mark.parametrize("kept", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("size", [1, 4, 5, 7, 8, 10, 16, 43])
@pytest.mark.parametrize(("loss", "optimizer"), [("l1", "adam"), ("bce", "adam-anew"), ("mse", "sgd")])
def test_all_variants_that_round_alike_give_the_same_bits(kept: float, size: int, loss: str, optimizer: str) -> None:
    data = bits(43, 77)
    found: dict[str, list[Autoencoder]] = {}
    for variant in VARIANTS:
        pair = made([77, 19, 4], kept)
        for _ in range(2):
            by(variant, [pair], data, size, loss, optimizer_for(optimizer))
        found.setdefault(native.arithmetic(variant), []).append(pair)
    assert all(same(group[0], other) for group in found.values() for other in group)
    first, *others = (group[0] for group in found.values())
    assert all(distance(first, other) < 1e-4 for other in others)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("optimizer", [*map(optimizer_for, OPTIMIZERS), *PULLING])
@pytest.mark.parametrize("size", [3, 8, 20])
def test_kept_weights_alone_give_what_the_whole_matrix_gives(variant: str, optimizer: Optimizer, size: int) -> None:
    data = bits(40, 60)
    dense, sparse = (made([60, 14, 5], 0.3) for _ in range(2))
    for pair, below in ((dense, 0.0), (sparse, 1.0)):
        by(variant, [pair], data, size, "l1", optimizer, sparse_below=below)
    assert distance(dense, sparse) < 1e-5
    moments = [m[~pair.masks[name]] for pair in sparse for name in pair.moments for m in pair.moments[name]]
    assert not any(bool(moment.any()) for moment in moments)


def test_a_layer_is_sparse_by_its_mask_alone() -> None:
    data = bits(40, 60)
    alone, first, second = made([60, 14, 5], 0.1), made([60, 14, 5], 0.1), made([60, 14, 5], 0.9, seed=1)
    train_epoch([alone], data, 5)
    train_epoch([second, first], data, 5)
    assert same(alone, first)


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_part_that_is_fixed_stays_and_lets_the_gradient_through(part: str) -> None:
    data, (one, other) = bits(40, 30), (made([30, 8, 3], 0.7) for _ in range(2))
    before = copy.deepcopy(one)
    for pair, kernel in ((one, "native"), (other, "torch")):
        train_epoch([pair], data, 5, parts=(part,), kernel=kernel)
    assert distance(one, other) < 1e-5
    learns = 0 if part == "encoder" else 1
    assert one[1 - learns] == before[1 - learns]
    assert one[learns] != before[learns]
    assert [genome.age for genome in one] == [1 - learns, learns]


@pytest.mark.parametrize("frozen", ["0.weight", "0.bias", "2.weight", "2.bias"])
def test_parameters_that_do_not_learn_stay(frozen: str) -> None:
    data, (one, other) = bits(40, 30), (made([30, 8, 3]) for _ in range(2))
    for pair, kernel in ((one, "native"), (other, "torch")):
        pair.encoder.module.get_parameter(frozen).requires_grad_(False)
        start = pair.encoder.module.get_parameter(frozen).clone()
        train_epoch([pair], data, 5, kernel=kernel)
        assert torch.equal(start, pair.encoder.module.get_parameter(frozen))
        assert frozen not in pair.encoder.moments
    assert distance(one, other) < 1e-5


def test_layers_without_bias_single_units_and_many_layers() -> None:
    data = bits(23, 9)
    widths = [9, 1, 7, 18, 3]
    for bias, ends in itertools.product((True, False), (nn.Identity, nn.Tanh)):
        pairs = []
        for _ in range(2):
            torch.manual_seed(0)
            layers = [nn.Linear(a, b, bias) for a, b in itertools.pairwise(widths)]
            encoder = nn.Sequential(*(part for layer in layers for part in (layer, ends())))
            decoder = nn.Sequential(*(nn.Linear(3, 3) for _ in range(40)), nn.Linear(3, 9, bias), nn.ReLU())
            pairs.append(Autoencoder([Encoder(encoder), Decoder(decoder)]))
            pairs[-1].seed = 1
        for pair, kernel in zip(pairs, ("native", "torch"), strict=True):
            train_epoch([pair], data, 4, kernel=kernel, learning_rate=1e-4)
        assert distance(*pairs) < 1e-5


def test_given_batches_of_any_sizes_and_a_set_of_their_own_for_each_pair() -> None:
    groups = [[made([30, 8, 3], seed=seed) for seed in range(2)] for _ in range(2)]
    shared, own = bits(12, 30), torch.rand(2, 6, 30)
    deep = torch.rand(2, 3, 2, 30)  # Linear layers take further dimensions
    losses = [
        train(group, [shared[:5], shared[5:], own, deep], kernel=kernel)
        for group, kernel in zip(groups, ("native", "torch"), strict=True)
    ]
    assert losses[0].tolist() == pytest.approx(losses[1].tolist(), rel=1e-5)
    assert all(distance(one, other) < 1e-5 for one, other in zip(*groups, strict=True))
    assert groups[0][0].encoder.steps == 4


def test_samples_of_several_rows_train_as_torch_does_it() -> None:
    data = torch.rand(11, 3, 8)
    one, other = made([8, 5, 2]), made([8, 5, 2])
    for pair, kernel in ((one, "native"), (other, "torch")):
        train_epoch([pair], data, 4, corruption=0.2, kernel=kernel)
    assert distance(one, other) < 1e-5


def test_matrices_that_are_not_contiguous_are_trained_in_place() -> None:
    data, (one, other) = bits(20, 12), (made([12, 6, 3]) for _ in range(2))
    layer: Any = one.encoder.module.get_submodule("0")
    layer.weight = nn.Parameter(layer.weight.detach().mT.contiguous().mT)
    weight = layer.weight
    for pair in (one, other):
        train_epoch([pair], data, 5, kernel="native")
    assert layer.weight is weight
    assert not weight.is_contiguous()
    assert same(one, other)


def test_moments_of_torch_go_on_in_the_kernel_and_back() -> None:
    data = bits(40, 30)
    mixed, plain = made([30, 8, 3]), made([30, 8, 3])
    for kernel in ("torch", "native", "torch", "native"):
        train_epoch([mixed], data, 5, kernel=kernel)
        train_epoch([plain], data, 5, kernel="torch")
    assert distance(mixed, plain) < 1e-5
    assert mixed.encoder.steps == plain.encoder.steps == 32
    train_epoch([mixed], data, 5, optimizer="sgd", kernel="native")  # remembers other things
    assert mixed.encoder.steps == 8


STRANGE = {"nan": math.nan, "inf": math.inf, "minus": -math.inf, "huge": 3e38}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("where", ["encoder", "decoder"])
@pytest.mark.parametrize("kept", [1.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_weights_that_are_not_finite_do_what_they_do_in_torch(value: float, where: str, kept: float, loss: str) -> None:
    data, pairs, losses = bits(20, 30), [made([30, 8, 3], kept) for _ in range(2)], []
    for pair, kernel in zip(pairs, ("native", "torch"), strict=True):
        genome = getattr(pair, where)
        name = next(iter(genome.masks))
        with torch.no_grad():
            weight = genome.module.get_parameter(name)
            weight.view(-1)[int(genome.masks[name].view(-1).nonzero()[0])] = value
        losses.append(train_epoch([pair], data, 5, loss=loss, kernel=kernel).item())
    assert math.isnan(losses[0]) == math.isnan(losses[1])
    for mine, torchs in zip(*map(tensors, pairs), strict=True):
        assert torch.equal(mine.isfinite(), torchs.isfinite())


def test_data_that_change_between_two_epochs_are_looked_at_again() -> None:
    data, pair = bits(20, 30), made([30, 8, 3])
    train_epoch([pair], data, 5)
    data[3, 4] = math.nan
    before = copy.deepcopy(pair)
    with pytest.raises(ValueError, match="the data to train on hold NaN or infinity"):
        train_epoch([pair], data, 5)
    assert pair == before
    data[3, 4] = 1.0
    train_epoch([pair], data, 5)
    data.numpy()[3, 4] = math.inf  # torch does not know of it
    with pytest.raises(ValueError, match="the data to train on hold NaN or infinity"):
        train_epoch([pair], data, 5, loss="mse")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_that_lets_it_diverge_diverges_as_in_torch(optimizer: str) -> None:
    data, pairs = bits(40, 30), [made([30, 8, 3], rate=1e30) for _ in range(2)]
    losses = [
        train_epoch([pair], data, 5, loss="mse", optimizer=optimizer, kernel=kernel).item()
        for pair, kernel in zip(pairs, ("native", "torch"), strict=True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4, nan_ok=True)


def test_an_eps_of_zero_does_not_leak_into_other_weights() -> None:
    data, (one, other) = bits(40, 30), (made([30, 8, 3]) for _ in range(2))
    for pair, kernel in ((one, "native"), (other, "torch")):
        train_epoch([pair], data, 5, optimizer=Adam(eps=0.0), kernel=kernel)
    assert all(torch.equal(a.isfinite(), b.isfinite()) for a, b in zip(tensors(one), tensors(other), strict=True))


def test_a_network_that_is_all_pruned_stays_so() -> None:
    pair = made([30, 8, 3])
    for genome in pair:
        for name, mask in genome.masks.items():
            genome.masks[name] = torch.zeros_like(mask)
        genome.enforce()
    train_epoch([pair], bits(20, 30), 5, kernel="native")
    assert not any(bool(tensor.any()) for tensor in tensors(pair))


def test_masks_are_enforced_before_and_after() -> None:
    pair = made([30, 8, 3], 0.5)
    with torch.no_grad():
        for parameter in pair.encoder.module.parameters():
            parameter.add_(1.0)  # also where it is pruned
    train_epoch([pair], bits(20, 30), 5, kernel="native")
    for genome in pair:
        for name, mask in genome.masks.items():
            assert not genome.module.get_parameter(name)[~mask].any()


def test_threads_side_by_side_give_the_same() -> None:
    data = bits(60, 50)
    alone, side_by_side = ([made([50, 12, 4], seed=seed) for seed in range(6)] for _ in range(2))
    for pair in alone:
        train_epoch([pair], data, 5)
    meet = threading.Barrier(6, timeout=60)

    def work(pair: Autoencoder) -> None:
        meet.wait()
        train_epoch([pair], data, 5)

    threads = [threading.Thread(target=work, args=(pair,)) for pair in side_by_side]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert all(same(one, other) for one, other in zip(alone, side_by_side, strict=True))


def test_numbers_are_not_flushed_to_zero_afterwards() -> None:
    torch.set_flush_denormal(False)
    train_epoch([made([30, 8, 3])], bits(20, 30), 5, kernel="native")
    assert float(torch.tensor(1e-39) * 1) > 0


class Own(Adam):
    """An optimizer of somebody's own."""


def test_what_it_does_not_take_is_said_and_trained_by_torch() -> None:
    pair, adam = made([30, 8, 3]), optimizer_for("adam")
    assert native.refuses(pair, "l1", adam) == ""
    assert "Own" in native.refuses(pair, "l1", Own())
    assert "opponents" in native.refuses(pair, "l1", adam, opponents=True)
    assert "processor" in native.refuses(pair, "l1", adam, "cuda")
    assert native.refuses(pair, "l1", adam, None) == ""  # as torch has it: where the parameters are
    with pytest.raises(ValueError, match="opponents must be True or False"):
        native.refuses(pair, "l1", adam, opponents=[])  # type: ignore[arg-type]
    assert "float64" in native.refuses([Encoder(mlp_encoder([4, 2]).double()), pair.decoder], "l1", adam)
    open_end = Decoder(mlp_decoder([3, 8, 30], output="identity"))
    assert "bce behind Identity" in native.refuses([pair.encoder, open_end], "bce", adam)
    normed = Encoder(nn.Sequential(nn.Linear(30, 3), nn.BatchNorm1d(3)))
    assert "plain stacks" in native.refuses([normed, pair.decoder], "l1", adam)
    mixed = Autoencoder([normed, pair.decoder])
    assert train_epoch([mixed], bits(20, 30), 5, kernel="native").isfinite().all()


def test_the_library_is_that_of_these_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    library = importlib.import_module("evoprune.training._kernel")
    monkeypatch.setattr(library, "source", "s0", raising=True)
    native._library.cache_clear()
    try:
        assert "other sources" in native.missing()
        assert native.variants() == {}
        assert kernel_for("auto").name == "torch"
        with pytest.raises(ValueError, match="kernel native is not here: it was built from other sources"):
            kernel_for("native")
    finally:
        monkeypatch.undo()
        native._library.cache_clear()
    assert kernel_for("native").variant == VARIANTS[0]
