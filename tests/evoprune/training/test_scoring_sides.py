"""Losses of any number of sides by the compiled kernel, with classes and other targets, against torch's."""

import math
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evoprune import Genome
from evoprune.evaluation import network_loss, pairwise_losses
from evoprune.fitness import WORST
from evoprune.training import native
from evoprune.training.scoring import kernel_loss, kernel_losses
from tests.parts import Residual, plain, times

needs_kernel = pytest.mark.skipif(bool(native.missing()), reason=f"no kernel: {native.missing()}")
KERNELS = pytest.mark.parametrize("kernel", ["auto", "torch"])


def sides_of(parts: int, classes: int = 10, last: nn.Module | None = None) -> list[list[Genome]]:
    """Two genomes for the first part, three for the next, and so on."""
    torch.manual_seed(parts)
    widths: dict[int, list[tuple[int, ...]]]
    widths = {1: [(12, 9, classes)], 2: [(12, 9), (9, classes)], 3: [(12, 9), (9, 17, 5), (5, classes)]}
    sides = []
    for place, each in enumerate(widths[parts]):
        end = last if place == parts - 1 else nn.Tanh()
        sides.append([Genome(plain(*each, last=end)) for _ in range(2 + place)])
    return sides


def data_of(samples: int, classes: int) -> dict[str, tuple[Tensor, str]]:
    source = torch.Generator().manual_seed(samples)
    numbers = torch.randint(classes, (samples,), generator=source)
    shares = torch.rand(samples, classes, generator=source).softmax(1)
    return {"labels": (numbers, "cross-entropy"), "shares": (shares, "cross-entropy"), "values": (shares, "mse")}


def taken(sides: Any, inputs: Tensor, targets: Tensor, loss: str, variant: str) -> list[float]:
    """What a variant of the kernel gives."""
    losses = native.losses(sides, inputs, targets, loss, variant)
    assert losses is not None
    return losses


@needs_kernel
@pytest.mark.parametrize("samples", [1, 5, 39, 40, 41, 103])
@pytest.mark.parametrize("kind", ["labels", "shares", "values"])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_they_are_torchs_however_many_at_once(parts: int, kind: str, samples: int) -> None:
    sides, inputs = sides_of(parts), torch.rand(samples, 12)
    targets, loss = data_of(samples, 10)[kind]
    mine = np.array(kernel_losses(*sides, (inputs, targets), loss=loss))
    assert mine.shape == (*range(2, 2 + parts), 1)
    np.testing.assert_allclose(mine, np.array(pairwise_losses(*sides, (inputs, targets), loss=loss)), rtol=1e-5)
    for places in product(*(range(len(side)) for side in sides)):
        chosen = [side[place] for side, place in zip(sides, places, strict=True)]
        assert mine[places] == kernel_loss(*chosen, (inputs, targets), loss=loss)


@needs_kernel
@pytest.mark.parametrize("classes", [2, 16, 17, 100])
@pytest.mark.parametrize("kind", ["labels", "shares"])
def test_any_number_of_classes_and_the_same_bits_where_variants_round_alike(classes: int, kind: str) -> None:
    sides, inputs = sides_of(3, classes), torch.rand(57, 12)
    targets, loss = data_of(57, classes)[kind]
    expected = np.array(pairwise_losses(*sides, (inputs, targets), loss=loss)).flatten()
    found: dict[str, list[float]] = {}
    for variant, arithmetic in native.variants().items():
        losses = taken(sides, inputs, targets, loss, variant)
        assert found.setdefault(arithmetic, losses) == losses
        np.testing.assert_allclose(losses, expected, rtol=1e-5)


@needs_kernel
def test_the_last_side_changes_fastest() -> None:
    factors = (times(1.0, 2.0), times(1.0, 10.0, 100.0), times(-1.0, -3.0))
    sides = [[Genome(nn.Sequential(genome.module)) for genome in side] for side in factors]
    inputs, targets = torch.tensor([[1.0], [3.0]]), torch.zeros(2, 1)
    expected = [2.0 * a * b * c for a in (1, 2) for b in (1, 10, 100) for c in (1, 3)]
    assert taken(sides, inputs, targets, "l1", native.best()) == expected
    assert np.array(kernel_losses(*sides, (inputs, targets))).flatten().tolist() == expected


@needs_kernel
def test_what_the_kernel_takes() -> None:
    inputs, variant = torch.rand(7, 12), native.best()
    labels = torch.arange(7)
    values = torch.rand(7, 10)
    assert native.losses(sides_of(2), inputs, labels, "cross-entropy", variant) is not None
    assert native.losses(sides_of(2, last=nn.Sigmoid()), inputs, labels, "cross-entropy", variant) is None
    assert native.losses(sides_of(2), inputs, values, "bce", variant) is None
    assert native.losses(sides_of(2, last=nn.Sigmoid()), inputs, values, "bce", variant) is not None
    for wrong in (labels + 4, labels - 1, labels[:6], labels[:, None], values[:, :9], values.double()):
        assert native.losses(sides_of(2), inputs, wrong, "cross-entropy", variant) is None
    assert native.losses(sides_of(2), inputs, labels, "mse", variant) is None
    residual = [*sides_of(2)[:1], [Genome(Residual(9, 10))]]
    assert native.losses(residual, inputs, labels, "cross-entropy", variant) is None
    library = native._library()
    with pytest.raises(ValueError, match="there are no sides"):
        library.scores(variant, (), inputs.numpy(), labels.numpy(), 3)


@KERNELS
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_what_it_does_not_take_is_torchs(parts: int, kernel: str) -> None:
    sides, inputs, labels = sides_of(parts), torch.rand(7, 12), torch.arange(7)
    sides[-1].append(Genome(Residual({1: 12, 2: 9, 3: 5}[parts], 10)))
    expected = pairwise_losses(*sides, (inputs, labels), loss="cross-entropy")
    assert kernel_losses(*sides, (inputs, labels), loss="cross-entropy", kernel=kernel) == expected
    for loss in ("hinge", nn.CrossEntropyLoss()):
        chosen = [side[0] for side in sides]
        found = kernel_loss(*chosen, data=(inputs, labels), loss=loss, kernel=kernel)
        assert found == network_loss(*chosen, (inputs, labels), loss=loss)


@KERNELS
def test_a_value_a_sample_and_problems_with_targets(kernel: str) -> None:
    sides, inputs = sides_of(2, 1), torch.rand(7, 12)
    for targets in (torch.arange(7), torch.rand(7)):
        problem = SimpleNamespace(validation=(inputs, targets))
        expected = pairwise_losses(*sides, (inputs, targets[:, None].float()))
        np.testing.assert_allclose(np.array(kernel_losses(*sides, problem, kernel=kernel)), np.array(expected), 1e-5)


@KERNELS
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_errors_are_those_of_torch(parts: int, kernel: str) -> None:
    sides, inputs, labels = sides_of(parts), torch.rand(7, 12), torch.arange(7)
    for data, loss, message in (
        ((inputs, labels + 4), "cross-entropy", "0 to 9, but they go from 4 to 10"),
        ((inputs, labels - 1), "cross-entropy", "0 to 9, but they go from -1 to 5"),
        ((inputs, labels), "l1", "loss l1 reads values, but the targets are classes"),
        ((inputs, labels[:, None]), "cross-entropy", r"got targets \(7, 1\) of torch.int64"),
        ((inputs, torch.rand(7, 9)), "cross-entropy", r"got targets \(7, 9\) of torch.float32"),
        ((inputs, labels[:6]), "cross-entropy", "got 6 targets for 7 samples"),
        ((inputs * math.nan, labels), "cross-entropy", "the data hold NaN or infinity"),
    ):
        with pytest.raises(ValueError, match=message):
            kernel_losses(*sides, data, loss=loss, kernel=kernel)


@KERNELS
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_broken_genome_is_the_worst_with_everyone(parts: int, kernel: str) -> None:
    sides, inputs, labels = sides_of(parts), torch.rand(7, 12), torch.arange(7)
    for place, side in enumerate(sides):
        with torch.no_grad():
            side[1].module.get_parameter("0.bias")[0] = math.nan
        table = np.array(kernel_losses(*sides, (inputs, labels), loss="cross-entropy", kernel=kernel))[..., 0]
        broken = np.take(table, 1, axis=place)
        assert (broken == WORST).all()
        assert table[(0,) * parts] < 10
        with torch.no_grad():
            side[1].module.get_parameter("0.bias")[0] = 0.0
