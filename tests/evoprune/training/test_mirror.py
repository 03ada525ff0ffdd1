"""Images that are mirrored at random while they train: which ones, and what becomes of their targets."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.data import Rows
from evoprune.operators import mutTrain
from evoprune.training import native, train_epoch
from evoprune.training.batches import Epoch
from evoprune.training.seen import with_mirrored
from tests.evoprune.training.by_hand import Loop, states

SIZE = (2, 1, 3)  # two channels of a row of three
FLAT = torch.arange(42.0).view(7, 6)
TURNED = FLAT[:, [2, 1, 0, 5, 4, 3]]
LABELS = torch.arange(7) % 3
LIKE = torch.zeros(1)


def drawn(seed: int) -> tuple[Tensor, Tensor]:
    """The order that a seed draws, and who of it is mirrored: by hand."""
    source = torch.Generator().manual_seed(seed)
    return torch.randperm(7, generator=source), torch.rand(7, generator=source) < 0.5


def shown(epoch: Epoch, cells: list[int]) -> tuple[Tensor, Tensor]:
    """All inputs and targets of an epoch, in the order in which they come."""
    batches = list(epoch.take(cells, LIKE))
    return torch.cat([inputs for inputs, _, _ in batches], 1), torch.cat([targets for _, targets, _ in batches], 1)


@pytest.mark.parametrize("shape", [(7, 6), (7, 2, 1, 3), (7, 2, 3)])
def test_those_that_the_seed_draws_are_turned_and_their_reconstructions_too(shape: tuple[int, ...]) -> None:
    inputs, targets = shown(Epoch(FLAT.view(shape), 3, [4, 5], mirror=SIZE), [0, 1])
    assert torch.equal(inputs, targets)
    for cell, seed in enumerate((4, 5)):
        order, turned = drawn(seed)
        expected = torch.where(turned[:, None], TURNED[order], FLAT[order])
        assert torch.equal(inputs[cell].view(7, 6), expected)
        assert 0 < int(turned.sum()) < 7


def test_labels_and_other_targets_follow_their_samples() -> None:
    for targets in (LABELS, torch.arange(14.0).view(7, 2), FLAT.clone()):
        inputs, found = shown(Epoch(FLAT, 3, [4], targets=targets, mirror=SIZE), [0])
        order, turned = drawn(4)
        assert torch.equal(inputs[0], torch.where(turned[:, None], TURNED[order], FLAT[order]))
        assert torch.equal(found[0], targets[order].to(found.dtype))  # as they stood


def test_inputs_that_are_given_as_targets_are_reconstructed() -> None:
    inputs, targets = shown(Epoch(FLAT, 3, [4], targets=FLAT, mirror=SIZE), [0])
    assert torch.equal(inputs, targets)


def test_rows_of_targets_follow_too() -> None:
    class Numbers:
        shape = (7,)

        def __len__(self) -> int:
            return 7

        def __getitem__(self, index: Tensor) -> Tensor:
            return LABELS[index]

    rows: Rows = Numbers()
    _, found = shown(Epoch(FLAT, 3, [4], targets=rows, mirror=SIZE), [0])
    assert torch.equal(found[0], LABELS[drawn(4)[0]])


def test_without_shuffling_and_with_corruption() -> None:
    inputs, targets = shown(Epoch(FLAT + 1, 3, [4], 0.5, shuffle=False, mirror=SIZE), [0])
    source = torch.Generator().manual_seed(4)
    turned = torch.rand(7, generator=source) < 0.5
    keep = torch.rand(7, 6, generator=source) >= 0.5
    expected = torch.where(turned[:, None], TURNED, FLAT) + 1
    assert torch.equal(targets[0], expected)
    assert torch.equal(inputs[0], expected * keep)


def test_streams_are_what_they_were_where_nothing_is_mirrored() -> None:
    inputs, _ = shown(Epoch(FLAT, 3, [4]), [0])
    assert torch.equal(inputs[0], FLAT[drawn(4)[0]])
    mirrored, _ = shown(Epoch(FLAT, 3, [4], mirror=SIZE), [0])
    assert torch.equal(mirrored[0].sum(1), inputs[0].sum(1))  # the same order


def test_what_is_given_stays_as_it_is_and_its_change_is_seen() -> None:
    data = FLAT.clone()
    shown(Epoch(data, 3, [4], mirror=SIZE), [0])
    assert torch.equal(data, FLAT)
    table = with_mirrored(data, SIZE)
    assert with_mirrored(data, SIZE) is table
    assert table.shape == (14, 6)
    data[0, 0] = 99.0
    assert with_mirrored(data, SIZE)[7].tolist() == [2.0, 1.0, 99.0, 5.0, 4.0, 3.0]
    assert with_mirrored(data, (1, 1, 6))[7].tolist() == [5.0, 4.0, 3.0, 2.0, 1.0, 99.0]
    assert torch.equal(with_mirrored(FLAT, SIZE)[7:], TURNED)


WRONG: list[tuple[Any, type[Exception], str]] = [
    ((1, 2, 4), ValueError, r"^only images can be mirrored: 6 values a sample are none of 1 x 2 x 4$"),
    ((2, 3), ValueError, r"^mirror must be channels, height and width of the images, got \(2, 3\)$"),
    (True, TypeError, r"^mirror must be channels, height and width of the images, got True$"),
    ("213", ValueError, r"a size of images to mirror must be a whole number|mirror must be channels"),
    ((-2, -1, 3), ValueError, r"^a size of images to mirror must be a whole number of at least 1, got -2$"),
    ((2.0, 1, 3), ValueError, r"^a size of images to mirror must be a whole number of at least 1, got 2.0$"),
]


@pytest.mark.parametrize(("size", "error", "message"), WRONG)
def test_what_is_no_image_is_refused(size: Any, error: type[Exception], message: str) -> None:
    genome = classifier(6)
    before = copy.deepcopy(genome)
    with pytest.raises((error, TypeError), match=message):
        mutTrain(genome, (FLAT, LABELS), loss="cross-entropy", mirror=size)
    assert genome == before


def test_rows_that_are_no_tensor_cannot_be_mirrored() -> None:
    class Table:
        shape = (7, 6)

        def __len__(self) -> int:
            return 7

        def __getitem__(self, index: Tensor) -> Tensor:
            return FLAT[index]

    with pytest.raises(ValueError, match="only images can be mirrored"):
        Epoch(Table(), 3, [1], mirror=SIZE)


def classifier(inputs: int = 12) -> Genome:
    return Genome(nn.Sequential(nn.Linear(inputs, 5), nn.Tanh(), nn.Linear(5, 3)))


def pair() -> Autoencoder:
    encoder = nn.Sequential(nn.Linear(12, 3), nn.Tanh())
    return Autoencoder([Encoder(encoder), Decoder(nn.Sequential(nn.Linear(3, 12), nn.Sigmoid()))])


IMAGES = torch.rand(23, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.skipif(bool(native.missing()), reason="no kernel")
@pytest.mark.parametrize("corruption", [0.0, 0.3])
@pytest.mark.parametrize("labelled", [True, False])
def test_the_kernel_and_torch_agree(labelled: bool, corruption: float) -> None:
    start: Any = classifier() if labelled else pair()
    data = (IMAGES, torch.arange(23) % 3) if labelled else IMAGES
    start.seed = 9
    others = [copy.deepcopy(start) for _ in range(3)]
    settings: dict[str, Any] = {"loss": "cross-entropy" if labelled else "l1", "corruption": corruption}
    losses = [
        train_epoch([one], data, mirror=mirror, kernel=kernel, **settings).item()
        for one, kernel, mirror in zip(others, ("native", "torch", "native"), ((3, 2, 2), (3, 2, 2), None), strict=True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    torch.testing.assert_close(states(others[0]), states(others[1]), rtol=1e-4, atol=1e-5)
    assert others[0] != others[2]


def test_an_epoch_of_images_is_that_of_a_plain_loop() -> None:
    images, labels = IMAGES.double().view(23, 3, 2, 2), torch.arange(23) % 3
    genome = Genome(nn.Sequential(nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Linear(2, 3)).double())
    genome.seed = 9
    loop = Loop(copy.deepcopy(genome), 1e-3, functional.cross_entropy)
    source = torch.Generator().manual_seed(9)
    order = torch.randperm(23, generator=source)
    turned = torch.rand(23, generator=source) < 0.5
    seen = torch.where(turned[:, None, None, None], images[order].flip(3), images[order])
    (loss,) = train_epoch([genome], (images, labels), loss="cross-entropy", mirror=(3, 2, 2)).tolist()
    batches = zip(seen.split(5), labels[order].split(5), strict=True)
    assert loss == pytest.approx(loop.epoch(batches), rel=1e-9)
    torch.testing.assert_close(states(genome), states(loop.individual))
