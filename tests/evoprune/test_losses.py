import math
import warnings

import pytest
import torch
from torch.func import grad, vmap
from torch.nn import functional

from evoprune.losses import LOSSES, OF_CLASSES, bce, check_loss, check_probabilities, l1, mean_loss, mse
from evoprune.networks import OUTPUTS

OF_VALUES = [name for name in LOSSES if name not in OF_CLASSES]
OUTPUT = torch.tensor([[0.25, 0.5], [0.75, 1.0]])
TARGET = torch.tensor([[0.0, 1.0], [1.0, 1.0]])


def test_elementwise_by_hand():
    assert l1(OUTPUT, TARGET).tolist() == [[0.25, 0.5], [0.25, 0.0]]
    assert mse(OUTPUT, TARGET).tolist() == [[0.0625, 0.25], [0.0625, 0.0]]
    expected = [-math.log(0.75), math.log(2), -math.log(0.75), 0.0]
    assert bce(OUTPUT, TARGET).flatten().tolist() == pytest.approx(expected)


def test_bce_stays_finite_when_surely_wrong():
    assert bce(torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])).tolist() == [[100.0, 100.0]]


def test_means_by_hand():
    assert mean_loss("l1", OUTPUT, TARGET).item() == 0.25
    assert mean_loss("mse", OUTPUT, TARGET).item() == 0.09375
    assert mean_loss("bce", OUTPUT, TARGET).item() == pytest.approx((math.log(2) - 2 * math.log(0.75)) / 4)


@pytest.mark.parametrize("name", LOSSES)
def test_cells_get_a_loss_each(name):
    cells = torch.rand(3, 5, 7)
    targets = torch.rand(3, 5, 7)
    stacked = mean_loss(name, cells, targets)
    assert stacked.shape == (3,)
    alone = torch.stack([mean_loss(name, cell, target) for cell, target in zip(cells, targets, strict=True)])
    torch.testing.assert_close(stacked, alone)
    torch.testing.assert_close(mean_loss(name, cells, targets[0])[0], alone[0])  # one target for all


@pytest.mark.parametrize("name", OF_VALUES)
def test_images(name):
    images, targets = torch.rand(2, 5, 3, 4, 4), torch.rand(2, 5, 3, 4, 4)
    assert mean_loss(name, images[0], targets[0], dims=4).shape == ()
    stacked = mean_loss(name, images, targets, dims=4)
    torch.testing.assert_close(stacked, mean_loss(name, images.flatten(2), targets.flatten(2)))


@pytest.mark.parametrize("name", LOSSES)
def test_inside_vmap(name):
    cells, target = torch.rand(3, 5, 7), torch.rand(5, 7)
    stacked = vmap(lambda output: mean_loss(name, output, target))(cells)
    torch.testing.assert_close(stacked, mean_loss(name, cells, target))
    slopes = vmap(grad(lambda output: mean_loss(name, output, target)))(cells)
    assert slopes.shape == cells.shape
    assert slopes.isfinite().all()


@pytest.mark.parametrize(("output", "target"), [((5, 1), (5, 7)), ((5, 7), (1, 7)), ((5, 7), (7,)), ((7,), (7,))])
def test_shapes_that_do_not_match(output, target):
    with pytest.raises(ValueError, match="must agree in their last 2 dimensions"):
        mean_loss("l1", torch.rand(output), torch.rand(target))


def test_unknown_loss():
    with pytest.raises(ValueError, match=r"unknown loss 'L2'.*bce, cross-entropy, hinge, l1, mse"):
        mean_loss("L2", OUTPUT, TARGET)
    with pytest.raises(ValueError, match="unknown loss"):
        check_loss("L2", "sigmoid", TARGET)


def test_bce_needs_probabilities():
    with pytest.raises(ValueError, match="needs output sigmoid, got tanh"):
        check_loss("bce", "tanh", TARGET)
    for data in (TARGET - 0.5, TARGET * 16):
        with pytest.raises(ValueError, match=r"data in \[0, 1\], but they go from"):
            check_loss("bce", "sigmoid", data)


@pytest.mark.parametrize("loss", OF_VALUES)
@pytest.mark.parametrize("output", OUTPUTS)
def test_data_in_the_unit_interval_suit_every_output(loss, output):
    if loss == "bce" and output != "sigmoid":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_loss(loss, output, TARGET)


@pytest.mark.parametrize(
    ("output", "data"), [("sigmoid", [[0.0, 16.0]]), ("tanh", [[-2.0, 0.0]]), ("relu", [[-0.1, 9.0]])]
)
def test_values_out_of_reach_are_pointed_out(output, data):
    with pytest.warns(UserWarning, match=f"output {output} reaches only"):
        check_loss("l1", output, torch.tensor(data))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bce_is_torchs_with_and_without_a_gradient(dtype):
    ends = torch.tensor([0.0, 1.0, 1e-30, 1 - 2**-24], dtype=dtype)
    output = torch.cat([ends, torch.rand(100, dtype=dtype)])
    for target in (torch.zeros_like(output), torch.ones_like(output), torch.rand_like(output)):
        expected = functional.binary_cross_entropy(output, target, reduction="none")
        torch.testing.assert_close(bce(output, target), expected)
        learning = output.clone().requires_grad_()
        torch.testing.assert_close(bce(learning, target), expected)
        (slopes,) = torch.autograd.grad(bce(learning, target).sum(), learning)
        assert slopes.isfinite().all()


def test_bce_of_what_is_no_probability_is_nan():
    assert bce(torch.tensor([-0.1, 1.1, math.nan]), torch.tensor([1.0, 0.0, 1.0])).isnan().all()


def test_only_bce_needs_values_in_the_unit_interval():
    check_probabilities("bce", "data", TARGET)
    check_probabilities("l1", "data", 3 * TARGET)
    with pytest.raises(ValueError, match=r"^loss bce needs data in \[0, 1\], but they go from 0 to 3$"):
        check_probabilities("bce", "data", 3 * TARGET)
