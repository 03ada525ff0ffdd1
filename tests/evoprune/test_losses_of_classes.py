"""Cross-entropy and hinge, by hand and against torch's own: numbers of classes, shares of them, images, cells."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn import functional

from evoprune.losses import (
    LOSSES,
    OF_CLASSES,
    check_classes,
    check_loss,
    check_probabilities,
    cross_entropy,
    hinge,
    like_output,
    mean_loss,
    values_of,
)

LOGITS = torch.tensor([[0.0, math.log(3)], [math.log(3), 0.0]])
OUTPUT = torch.randn(5, 7, generator=torch.Generator().manual_seed(1))
NUMBERS = torch.tensor([0, 6, 3, 3, 1])
SHARES = torch.rand(5, 7, generator=torch.Generator().manual_seed(2)).softmax(1)
IMAGES = torch.randn(5, 7, 3, 2, generator=torch.Generator().manual_seed(3))
PLACES = torch.arange(30).view(5, 3, 2) % 7


def test_cross_entropy_by_hand():
    assert cross_entropy(LOGITS, torch.tensor([1, 1])).tolist() == pytest.approx([math.log(4 / 3), math.log(4)])
    half = torch.full((2, 2), 0.5)
    expected = (math.log(4) + math.log(4 / 3)) / 2
    assert cross_entropy(LOGITS, half).tolist() == pytest.approx([expected, expected])
    counts = torch.tensor([[0.0, 3.0], [0.0, 0.0]])  # three items of a kind, and none at all
    assert cross_entropy(LOGITS, counts).tolist() == pytest.approx([3 * math.log(4 / 3), 0.0])
    assert mean_loss("cross-entropy", LOGITS, counts).item() == pytest.approx(1.5 * math.log(4 / 3))


def test_hinge_by_hand():
    output = torch.tensor([[2.0, 1.5, -1.0], [0.0, 0.0, 3.0]])
    # The right one is above by 0.5 and 3, then below by 3 and equal.
    assert hinge(output, torch.tensor([0, 1])).tolist() == pytest.approx([0.5 / 3, (1 + 4) / 3])
    assert mean_loss("hinge", output, torch.tensor([0, 1])).item() == pytest.approx(5.5 / 6)
    signs = torch.tensor([[1.0, 1.0, -1.0], [1.0, -1.0, -1.0]])
    assert hinge(output, signs).tolist() == [[0.0, 0.0, 0.0], [1.0, 1.0, 4.0]]
    assert mean_loss("hinge", output, signs).item() == 1.0


TORCHS: dict[str, Any] = {
    "cross-entropy": functional.cross_entropy,
    "hinge": lambda output, target: functional.multi_margin_loss(
        output.movedim(1, -1).flatten(0, -2), target.flatten()
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.uint8])
@pytest.mark.parametrize("name", OF_CLASSES)
def test_numbers_of_classes_are_torchs(name: str, dtype: torch.dtype, kind: torch.dtype):
    for output, target in ((OUTPUT.to(dtype), NUMBERS), (IMAGES.to(dtype), PLACES)):
        read = like_output(target.to(kind), output, name)
        assert read.dtype == torch.int64
        value = mean_loss(name, output, read, dims=output.dim())
        torch.testing.assert_close(value, TORCHS[name](output, target))
        torch.testing.assert_close(values_of(name, output, read).mean(), value)


def test_shares_of_classes_are_torchs():
    for output, target in ((OUTPUT, SHARES), (IMAGES, torch.rand_like(IMAGES))):
        value = mean_loss("cross-entropy", output, target, dims=output.dim())
        torch.testing.assert_close(value, functional.cross_entropy(output, target))
    ones = functional.one_hot(NUMBERS, 7).float()
    torch.testing.assert_close(cross_entropy(OUTPUT, ones), cross_entropy(OUTPUT, NUMBERS))


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("target", [NUMBERS, SHARES, PLACES], ids=["numbers", "values", "images"])
def test_cells_in_front_get_a_loss_each(name: str, target: Tensor):
    output = IMAGES if target is PLACES else OUTPUT
    dims = output.dim()
    cells = torch.stack([output, -output, 2 * output])
    alone = torch.stack([mean_loss(name, cell, target, dims) for cell in cells])
    torch.testing.assert_close(mean_loss(name, cells, torch.stack([target] * 3), dims), alone)
    torch.testing.assert_close(mean_loss(name, cells, target, dims), alone)  # one target for all
    deep = cells.unsqueeze(1).expand(3, 2, *output.shape)
    torch.testing.assert_close(mean_loss(name, deep, target, dims), torch.stack([alone, alone], 1))
    several = torch.stack([target, target.flip(0)])
    expected = torch.stack([mean_loss(name, output, one, dims) for one in several])
    torch.testing.assert_close(mean_loss(name, output, several, dims), expected)  # one output for all


@pytest.mark.parametrize("name", OF_CLASSES)
def test_numbers_inside_vmap(name: str):
    cells = torch.stack([OUTPUT, -OUTPUT, 2 * OUTPUT])
    targets = torch.stack([NUMBERS, NUMBERS.flip(0), NUMBERS])
    for loss in (lambda output, target: mean_loss(name, output, target), lambda *both: values_of(name, *both).mean()):
        torch.testing.assert_close(vmap(loss)(cells, targets), mean_loss(name, cells, targets))
        slopes = vmap(grad(loss))(cells, targets)
        for slope, output, target in zip(slopes, cells, targets, strict=True):
            leaf = output.clone().requires_grad_()
            (expected,) = torch.autograd.grad(TORCHS[name](leaf, target), leaf)
            torch.testing.assert_close(slope, expected)


SHAPES = [
    ((5, 7), torch.zeros(5, 1, dtype=torch.int64), "(5,), or values (5, 7), got targets (5, 1) of torch.int64"),
    ((5, 7), torch.zeros(4, dtype=torch.int64), "(5,), or values (5, 7), got targets (4,) of torch.int64"),
    ((5, 7), torch.zeros(5), "(5,), or values (5, 7), got targets (5,) of torch.float32"),
    ((5, 7), torch.zeros(5, 1), "(5,), or values (5, 7), got targets (5, 1) of torch.float32"),
    ((5, 7), torch.zeros(5, 6), "(5,), or values (5, 7), got targets (5, 6) of torch.float32"),
    ((5, 7, 3, 2), torch.zeros(5, 2, 3).long(), "(5, 3, 2), or values (5, 7, 3, 2), got targets (5, 2, 3) of"),
]


@pytest.mark.parametrize(("output", "target", "message"), SHAPES)
@pytest.mark.parametrize("name", OF_CLASSES)
def test_targets_of_another_shape(name: str, output: tuple[int, ...], target: Tensor, message: str):
    given = torch.rand(output)
    for read in (lambda: mean_loss(name, given, target, len(output)), lambda: values_of(name, given, target)):
        with pytest.raises(ValueError, match=rf"^loss {name} takes classes, whole numbers") as raised:
            read()
        if target.dim() == len(output) - (not target.is_floating_point()):  # what stands before is cells
            assert message in str(raised.value)


def test_an_output_without_classes_is_refused():
    for target in (torch.zeros(5), NUMBERS):
        for read in (
            lambda given=target: mean_loss("cross-entropy", torch.rand(5), given, dims=1),
            lambda given=target: values_of("cross-entropy", torch.rand(5), given),
        ):
            with pytest.raises(ValueError, match=r"reads a value for each class, .* the network gives \(5,\)"):
                read()
    assert mean_loss("hinge", torch.zeros(5), torch.ones(5), dims=1).item() == 1.0


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize(
    ("target", "classes", "message"),
    [
        ([1, 7], 7, "0 to 6, but they go from 1 to 7"),
        ([-1, 2], 7, "0 to 6, but they go from -1 to 2"),
        ([-100, 2], None, "at least 0, but they go from -100 to 2"),
    ],
)
def test_classes_that_there_are_not(name: str, target: list[int], classes: int | None, message: str):
    with pytest.raises(ValueError, match=f"^loss {name} needs classes by their numbers, {message}$"):
        check_classes(name, torch.tensor(target), classes)
    if classes is not None:  # torch says no, and then it is looked at
        with pytest.raises(ValueError, match=message):
            values_of(name, OUTPUT[:2], torch.tensor(target))


def test_which_losses_look_for_classes():
    wrong = torch.tensor([-1, 99])
    others: list[Any] = [*set(LOSSES) - set(OF_CLASSES), lambda output, target: output.sum()]
    for loss in others:
        check_classes(loss, wrong, 7)
    for name in OF_CLASSES:
        check_classes(name, wrong.new_empty(0), 7)
        check_classes(name, torch.tensor([0, 6]), 7)
        check_classes(name, torch.tensor([[-1.0, 1.0]]), 7)
    check_classes("cross-entropy", SHARES, 7)
    with pytest.raises(ValueError, match=r"loss hinge needs classes, or values of -1 and 1, got tensor\(\[0\., 1\.\]"):
        check_classes("hinge", torch.tensor([0.0, 1.0]), 7)
    check_classes("hinge", torch.tensor([math.nan, 1.0]), 7)  # whoever reads it says so
    check_probabilities("cross-entropy", "data", 3 * SHARES)


def test_targets_as_a_loss_reads_them():
    double = OUTPUT.double()
    assert like_output(SHARES, double, "cross-entropy").dtype == torch.float64
    assert like_output(NUMBERS, double[:, :1], "mse").shape == (5, 1)
    assert like_output(NUMBERS, double[:, :1], "mse").dtype == torch.float64
    assert like_output(SHARES[:, 0], OUTPUT[:, :1], "l1").shape == (5, 1)
    assert like_output(SHARES[:, 0], OUTPUT[:, :1], lambda *_: OUTPUT).shape == (5,)
    assert like_output(NUMBERS, OUTPUT, lambda *_: OUTPUT) is NUMBERS
    for name in ("l1", "mse", "bce"):
        with pytest.raises(ValueError, match=f"loss {name} reads values, but .* classes: take cross-entropy or hinge"):
            like_output(NUMBERS, OUTPUT, name)


REFUSED = [
    ("cross-entropy", "sigmoid", NUMBERS, "reads logits and needs output identity, got sigmoid"),
    ("cross-entropy", "identity", NUMBERS - 1, "needs classes, or shares of them, but the data go down to -1"),
    ("hinge", "identity", SHARES, "needs classes, or data of -1 and 1, but they go from 0"),
]


@pytest.mark.parametrize(("loss", "output", "data", "message"), REFUSED)
def test_what_a_run_refuses_before_any_work(loss: str, output: str, data: Tensor, message: str):
    with pytest.raises(ValueError, match=f"^loss {loss} {message}"):
        check_loss(loss, output, data)


def test_what_a_run_takes():
    for loss, output, data in (
        ("cross-entropy", "identity", NUMBERS),
        ("cross-entropy", "none", 3 * SHARES),
        ("hinge", "identity", NUMBERS),
        ("hinge", "tanh", torch.tensor([[-1.0, 1.0]])),
    ):
        check_loss(loss, output, data)


def test_nan_and_infinite_logits_give_what_torch_gives():
    for value in (math.nan, math.inf, -math.inf):
        output = OUTPUT.clone()
        output[1, 2] = value
        mine = cross_entropy(output, NUMBERS)
        torch.testing.assert_close(mine, nn.CrossEntropyLoss(reduction="none")(output, NUMBERS), equal_nan=True)
        assert mine.isfinite().sum() == (5 if value == -math.inf else 4)
