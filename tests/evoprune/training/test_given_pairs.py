"""Batches that are given as pairs of inputs and targets: shared, or each individual's own; images; refused ones."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from evoprune import Genome, Network
from evoprune.networks import variational_encoder
from evoprune.seeds import Stream
from evoprune.training import native, train
from evoprune.training.batches import Given
from tests.evoprune.training.by_hand import Loop, states
from tests.parts import CLASSES, INPUTS, SHARES, one, residual, three

LIKE = torch.zeros(1)
SHARED = [(INPUTS[:5], CLASSES[:5]), (INPUTS[5:], CLASSES[5:])]
OWN = (torch.rand(3, 4, 6), torch.arange(12).view(3, 4) % 4)
IMAGES = torch.rand(5, 1, 4, 4)


def taken(batches: Any, cells: list[int], count: int = 3) -> list[tuple[Tensor, Tensor]]:
    return [(x, y) for x, y, _ in Given(batches, [one() for _ in range(count)]).take(cells, LIKE)]


def test_shared_ones_and_one_each() -> None:
    (first, labels), (second, own) = taken([SHARED[0], OWN], [2, 0])
    assert torch.equal(first, torch.stack([INPUTS[:5]] * 2))
    assert torch.equal(labels, torch.stack([CLASSES[:5]] * 2))
    assert labels.dtype == torch.int64
    assert torch.equal(second, OWN[0][[2, 0]])
    assert torch.equal(own, OWN[1][[2, 0]])
    ((x, y),) = taken([(OWN[0], SHARES[:12].view(3, 4, 4))], [1])
    assert torch.equal(x[0], OWN[0][1])
    assert torch.equal(y[0], SHARES[:12].view(3, 4, 4)[1])


def test_inputs_that_are_their_own_targets() -> None:
    given = Given([INPUTS, (INPUTS, INPUTS)], [one()])
    assert not given.labelled
    assert [x is y for x, y, _ in given.take([0], LIKE)] == [True, True]
    assert Given([INPUTS, (INPUTS, INPUTS.clone())], [one()]).labelled


@pytest.mark.parametrize("targets", [CLASSES[:5], SHARES[:5], torch.rand(5, 1, 4, 4)])
def test_images_for_all_and_for_each(targets: Tensor) -> None:
    ((x, y),) = taken([(IMAGES, targets)], [0, 2])
    assert torch.equal(x, torch.stack([IMAGES] * 2))
    assert torch.equal(y, torch.stack([targets] * 2))
    each = torch.stack([IMAGES, IMAGES * 2, IMAGES * 3])
    ((x, y),) = taken([(each, torch.stack([targets] * 3))], [0, 2])
    assert torch.equal(x, each[[0, 2]])
    assert torch.equal(y, torch.stack([targets] * 2))


def test_as_many_samples_as_individuals() -> None:
    """Labels, and values of another shape, tell that the images are for all; what goes on alike is each one's own."""
    for targets in (CLASSES[:5], SHARES[:5]):
        ((x, _),) = taken([(IMAGES, targets)], [1], count=5)
        assert torch.equal(x[0], IMAGES)
    ((x, y),) = taken([(IMAGES, 2 * IMAGES)], [1], count=5)
    assert torch.equal(x[0], IMAGES[1])
    assert torch.equal(y[0], 2 * IMAGES[1])


WRONG: list[tuple[Any, type[Exception], str]] = [
    ((INPUTS, CLASSES[:4]), ValueError, r"a target for each sample, got inputs and targets of shapes \(23, 6\) and"),
    ((INPUTS, torch.tensor(1)), ValueError, "batches must have samples|a target for each sample"),
    ((INPUTS[:, 0], CLASSES), ValueError, r"a batch must be \(samples, inputs\) or \(3 pairs, .*, got \(23,\)"),
    ((OWN[0], OWN[1].T), ValueError, r"a target for each sample, got .* \(3, 4, 6\) and \(4, 3\)"),
    ((INPUTS[:0], CLASSES[:0]), ValueError, r"batches must have samples, .* got shape \(0, 6\)"),
    ((INPUTS, CLASSES.tolist()), TypeError, r"a batch must be a tensor .*, or a pair of them .*, got \[0, 1"),
    ((INPUTS, CLASSES, SHARES), TypeError, r"a batch must be a tensor .*, or a pair of them .*, got \(tensor"),
    (INPUTS.numpy(), TypeError, r"a batch must be a tensor .*, got array"),
]


@pytest.mark.parametrize(("batch", "error", "message"), WRONG)
def test_what_is_no_batch_is_refused_before_any_work(batch: Any, error: type[Exception], message: str) -> None:
    population: list[Any] = [one(), three(), residual()]
    before = copy.deepcopy(population)
    with pytest.raises(error, match=message):
        train(population, [SHARED[0], batch], "cross-entropy")
    assert population == before


@pytest.mark.parametrize("kernel", ["torch", "native"])
def test_they_train_as_a_plain_loop_does(kernel: str) -> None:
    if kernel == "native" and native.missing():
        pytest.skip("no kernel")
    population: list[Any] = [one(), three(), residual()]
    loops = [Loop(copy.deepcopy(individual), 1e-2, functional.cross_entropy) for individual in population]
    losses = train(population, [*SHARED, OWN], "cross-entropy", learning_rate=1e-2, kernel=kernel)
    for place, (individual, loop) in enumerate(zip(population, loops, strict=True)):
        expected = loop.epoch([*SHARED, (OWN[0][place], OWN[1][place])])
        assert losses[place].item() == pytest.approx(expected, rel=1e-5)
        torch.testing.assert_close(states(individual), states(loop.individual), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kernel", ["torch", "native"])
def test_batches_with_and_without_targets_of_their_own(kernel: str) -> None:
    if kernel == "native" and native.missing():
        pytest.skip("no kernel")
    genome = Genome(nn.Sequential(nn.Linear(6, 3), nn.Tanh(), nn.Linear(3, 6)))
    loop = Loop(copy.deepcopy(genome), 1e-2, functional.mse_loss)
    clean, noisy = INPUTS[:8], INPUTS[8:] + 0.1
    given = [clean, (noisy, INPUTS[8:])]
    (loss,) = train([genome], given, "mse", learning_rate=1e-2, kernel=kernel).tolist()
    assert loss == pytest.approx(loop.epoch([(clean, clean), (noisy, INPUTS[8:])]), rel=1e-5)
    torch.testing.assert_close(states(genome), states(loop.individual), rtol=1e-4, atol=1e-6)


def test_a_loader_of_torch_gives_batches() -> None:
    first = one()
    second = copy.deepcopy(first)
    loader: Any = DataLoader(TensorDataset(INPUTS, CLASSES), 5)
    train([first], loader, "cross-entropy")
    train([second], list(zip(INPUTS.split(5), CLASSES.split(5), strict=True)), "cross-entropy")
    assert first == second


def test_images_train_as_a_plain_loop_does() -> None:
    population = [Genome(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 4)).double()) for _ in range(2)]
    loops = [Loop(copy.deepcopy(genome), 1e-2, functional.cross_entropy) for genome in population]
    batch = (IMAGES.double(), CLASSES[:5])
    losses = train(population, [batch, batch], "cross-entropy", learning_rate=1e-2)
    assert losses.tolist() == pytest.approx([loop.epoch([batch, batch]) for loop in loops])
    for genome, loop in zip(population, loops, strict=True):
        torch.testing.assert_close(states(genome), states(loop.individual))


def test_noise_of_a_variational_part_is_the_seeds_with_targets_too() -> None:
    torch.manual_seed(3)
    network = Network([Genome(variational_encoder([6, 5, 3], beta=0.5)), Genome(nn.Linear(3, 4))])
    network.seed, network.learning_rate = 8, 0.0
    (loss,) = train([network], SHARED, "cross-entropy").tolist()
    source, expected = torch.Generator().manual_seed(Stream.NOISE.of_pair(8)), []
    for inputs, labels in SHARED:
        code, penalty = network[0].module(inputs, torch.randn(len(inputs), 3, generator=source))
        expected.append((functional.cross_entropy(network[1](code), labels) + penalty).item())
    assert loss == pytest.approx(sum(expected) / 2, rel=1e-5)
