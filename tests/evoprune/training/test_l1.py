"""The proximal step of L1 after each gradient step: by hand, and in the kernel, units without a gradient too."""

import copy
import math
import random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators import mutPruneRandom
from evoprune.training import native, train_epoch
from evoprune.training.batches import Epoch
from evoprune.training.optimizers import SGD, Adam, AdamAnew, Optimizer
from evoprune.training.stacking import stack
from tests.parts import numbers

needs_kernel = pytest.mark.skipif(bool(native.missing()), reason=f"no kernel: {native.missing()}")
VARIANTS = list(native.variants())
PULLING = (Adam(l1=0.4), AdamAnew(l1=0.4), SGD(l1=0.2))
RATE = 0.01
DATA = (torch.rand(43, 40, generator=torch.Generator().manual_seed(1)) < 0.7).float()


def steps(optimizer: Optimizer, weights: list[float], grads: list[float], rates: tuple[float, ...] = (0.1,)) -> Tensor:
    """Weights of cells that start alike, (cells, weights), after steps with the same gradients."""
    genomes = [Encoder(nn.Linear(len(weights), 1, bias=False)) for _ in rates]
    stacked = stack(genomes, optimizer.moments, "cpu")
    stacked.params["weight"].copy_(torch.tensor(weights))
    step = optimizer.bind(stacked, torch.tensor(rates, dtype=torch.float64))
    with torch.no_grad():
        for grad in grads:
            stacked.grads["weight"].fill_(grad)
            step()
    return stacked.params["weight"].squeeze(1)


def made(kept: float = 1.0, widths: tuple[int, ...] = (40, 12, 5)) -> Autoencoder:
    """A pair of mirrored networks, a share of its weights kept."""
    torch.manual_seed(3)
    pair = Autoencoder([Encoder(mlp_encoder(widths)), Decoder(mlp_decoder(widths[::-1]))])
    pair.seed, pair.learning_rate = 1, RATE
    if kept < 1:
        mutPruneRandom(pair, amount=1 - kept, rng=random.Random(1))
    return pair


def epoch(
    pair: Autoencoder, optimizer: Optimizer, kernel: str, size: int = 5, parts: Any = None, data: Tensor = DATA
) -> None:
    """An epoch by torch, or by a variant of the compiled kernel."""
    if kernel == "torch":
        train_epoch([pair], data, size, optimizer=optimizer, kernel=kernel, parts=parts)
    else:
        cells = Epoch(data, size, [1]).of_cells([0])
        native.Trainer(parts, "l1", optimizer, kernel).train([pair], cells, [RATE])


def tensors(pair: Autoencoder) -> list[Tensor]:
    return [tensor for genome in pair for tensor in numbers(genome)]


def distance(one: Autoencoder, other: Autoencoder) -> float:
    return max(float((a.double() - b.double()).abs().max()) for a, b in zip(tensors(one), tensors(other), strict=True))


def soft(weights: Tensor, threshold: float) -> Tensor:
    return weights.sign() * (weights.abs() - threshold).clamp_min(0)


def test_steps_by_hand() -> None:
    assert steps(SGD(0.0, l1=2.0), [1.0, -1.0], [1.0])[0].tolist() == pytest.approx([0.9 - 0.2, -1.1 + 0.2])
    assert steps(AdamAnew(l1=0.5), [1.0, -1.0], [2.0])[0].tolist() == pytest.approx([0.9 - 0.05, -1.1 + 0.05])
    assert steps(Adam(l1=1.0), [1.0, -1.0], [-3.0])[0].tolist() == pytest.approx([1.1 - 0.1, -0.9 + 0.1])
    # Adam's second step is a third of the rate (see test_optimizers), that of L1 is the rate all the same.
    assert steps(Adam((0.5, 0.9), l1=1.0), [1.0], [1.0, -1.0]).item() == pytest.approx(0.9 - 0.1 + 0.1 / 3 - 0.1)


@pytest.mark.parametrize("optimizer", PULLING)
def test_every_cell_has_its_own_rate(optimizer: Optimizer) -> None:
    rates = (0.1, 0.2, 0.2, 0.0)
    together = steps(optimizer, [1.0, -2.0], [0.5, -0.25], rates)
    alone = [steps(optimizer, [1.0, -2.0], [0.5, -0.25], (rate,)) for rate in rates]
    torch.testing.assert_close(together, torch.cat(alone))
    assert together[3].tolist() == [1.0, -2.0]


@pytest.mark.parametrize("optimizer", [Adam(l1=0.5), AdamAnew(l1=0.5), SGD(l1=0.5)])
def test_what_is_within_the_threshold_becomes_zero_and_nan_stays(optimizer: Optimizer) -> None:
    weights = [0.05, -0.04, 0.0, -0.0, 0.25, -0.25, math.inf, -math.inf, math.nan]
    found = steps(optimizer, weights, [0.0])[0]
    assert found.tolist() == pytest.approx([0, 0, 0, 0, 0.2, -0.2, math.inf, -math.inf, math.nan], nan_ok=True)
    assert not found[:4].any()
    assert not found[:4].signbit().any()


@pytest.mark.parametrize("wrong", [-0.1, math.nan, math.inf, True, "much", None])
@pytest.mark.parametrize("kind", [Adam, AdamAnew, SGD])
def test_what_is_no_strength_is_refused(kind: Any, wrong: Any) -> None:
    with pytest.raises(ValueError, match="l1 must be"):
        kind(l1=wrong)


SHAPES = [  # widths, batch, kept
    ((40, 12, 5), 5, 1.0),
    ((40, 12, 5), 8, 0.5),
    ((40, 9, 3), 5, 0.1),
    ((40, 17), 20, 0.05),
    ((40, 51, 7), 1, 1.0),  # wider first, then narrower
]


@needs_kernel
@pytest.mark.parametrize(("widths", "size", "kept"), SHAPES)
@pytest.mark.parametrize("optimizer", PULLING)
def test_the_kernel_agrees_with_float64_as_well_as_torch_does(widths, size, kept, optimizer) -> None:
    pairs = {name: made(kept, widths) for name in (VARIANTS[0], "torch", "exact")}
    for genome in pairs["exact"]:
        genome.module.double()
    for _ in range(2):
        for name, pair in pairs.items():
            exact = name == "exact"
            epoch(pair, optimizer, "torch" if exact else name, size, data=DATA.double() if exact else DATA)
    assert distance(pairs[VARIANTS[0]], pairs["exact"]) <= 3 * distance(pairs["torch"], pairs["exact"]) + 2e-6
    drawn = 0
    for genome in pairs[VARIANTS[0]]:
        for name, mask in genome.masks.items():
            weight = genome.module.get_parameter(name).detach()
            assert not weight[~mask].any()
            drawn += int((weight[mask] == 0).sum())
    assert 0 < drawn < sum(int(mask.sum()) for genome in pairs["torch"] for mask in genome.masks.values())


@needs_kernel
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("size", [1, 5, 8, 43])
@pytest.mark.parametrize("optimizer", PULLING)
def test_all_variants_that_round_alike_give_the_same_bits(kept: float, size: int, optimizer: Optimizer) -> None:
    found: dict[str, list[Autoencoder]] = {}
    for variant in VARIANTS:
        epoch(pair := made(kept), optimizer, variant, size)
        found.setdefault(native.arithmetic(variant), []).append(pair)
    for group in found.values():
        for other in group:
            assert all(torch.equal(a, b) for a, b in zip(tensors(group[0]), tensors(other), strict=True))


@pytest.mark.parametrize("kernel", ["torch", *VARIANTS])
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.1])  # 0.1: the kernel computes with the kept weights alone
@pytest.mark.parametrize("optimizer", [Adam(l1=0.5), AdamAnew(l1=0.5), SGD(l1=0.5)])
def test_units_without_a_gradient_are_drawn_to_zero(optimizer: Optimizer, kept: float, kernel: str) -> None:
    pair, idle = made(kept), [2, 3]
    with torch.no_grad():
        for genome in pair:
            genome.masks["0.bias"][idle] = True
            genome.module.get_parameter("0.bias")[idle] = -9.0  # no sample gets such a unit above zero
    before = copy.deepcopy(pair)
    epoch(pair, optimizer, kernel)
    threshold = 9 * RATE * 0.5  # 9 batches
    for genome, old in zip(pair, before, strict=True):
        for name, place in (("0.weight", idle), ("0.bias", idle), ("2.weight", (slice(None), idle))):
            mine, start = (one.module.get_parameter(name).detach()[place] for one in (genome, old))
            torch.testing.assert_close(mine, soft(start, threshold), rtol=1e-5, atol=1e-7)
            assert name == "0.bias" or kept < 1 or 0 < int((mine == 0).sum()) < mine.numel()


@pytest.mark.parametrize("kernel", ["torch", *VARIANTS])
@pytest.mark.parametrize("optimizer", PULLING)
def test_what_does_not_learn_stays_also_while_the_rest_learns(optimizer: Optimizer, kernel: str) -> None:
    pair = made()
    for name in ("0.weight", "2.bias"):
        pair.encoder.module.get_parameter(name).requires_grad_(False)
    before, by_torch = copy.deepcopy(pair), copy.deepcopy(pair)
    epoch(pair, optimizer, kernel, parts=("encoder",))
    epoch(by_torch, optimizer, "torch", parts=("encoder",))
    assert distance(pair, by_torch) < 1e-5
    assert pair.decoder == before.decoder
    same = {
        name: torch.equal(parameter, before.encoder.module.get_parameter(name))
        for name, parameter in pair.encoder.module.named_parameters()
    }
    assert same == {"0.weight": True, "0.bias": False, "2.weight": False, "2.bias": True}


@needs_kernel
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kept", [1.0, 0.1])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38])
@pytest.mark.parametrize("where", ["0.weight", "2.bias"])
def test_weights_that_are_not_finite_do_what_they_do_in_torch(variant, kept, value, where) -> None:
    pairs = [made(kept) for _ in range(2)]
    for pair, kernel in zip(pairs, (variant, "torch"), strict=True):
        parameter = pair.decoder.module.get_parameter(where)
        mask = pair.decoder.masks.get(where, torch.ones_like(parameter, dtype=torch.bool))
        with torch.no_grad():
            parameter.view(-1)[int(mask.view(-1).nonzero()[0])] = value
        epoch(pair, Adam(l1=0.5), kernel)
    for mine, torchs in zip(*map(tensors, pairs), strict=True):
        assert torch.equal(mine.isfinite(), torchs.isfinite())
        assert torch.equal(mine.isnan(), torchs.isnan())
