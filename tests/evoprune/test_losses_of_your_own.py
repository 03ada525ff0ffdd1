"""Functions of output and target in place of a loss's name: in evaluation, in training, and what they may not give."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune.evaluation import evaluate
from evoprune.fitness import WORST
from evoprune.losses import check_loss_name, mean_loss, name_of, values_of
from evoprune.operators import mutTrain
from tests.parts import CLASSES, INPUTS, one, residual, three

OUTPUT, TARGET = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([[0.0, 2.0], [3.0, 1.0]])


def pinball(output: Tensor, target: Tensor) -> Tensor:
    """Values, of which two thirds weigh on one side."""
    missing = target - output
    return torch.maximum(2 * missing / 3, -missing / 3)


class Weighted(nn.Module):
    """A loss that is a module with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor([1.0, 3.0]))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (self.get_buffer("weights") * (output - target).abs()).sum(1)


def test_what_it_gives_is_averaged_whatever_its_shape():
    by_hand: dict[float, Callable[[Tensor, Tensor], Tensor]] = {
        5.0: lambda output, target: (output - target).abs().sum(),
        1.25: lambda output, target: (output - target).abs(),
        2.5: lambda output, target: (output - target).abs().sum(1),
        0.5: lambda output, target: output != target,
        2.0: lambda output, target: (output != target).sum(),
    }
    for value, loss in by_hand.items():
        assert mean_loss(loss, OUTPUT, TARGET).item() == value
    assert mean_loss(pinball, OUTPUT, TARGET).item() == pytest.approx(5 / 12)
    assert mean_loss(Weighted(), OUTPUT, TARGET).item() == pytest.approx((1 + 12) / 2)
    assert mean_loss(nn.MSELoss(), OUTPUT, TARGET).item() == 17 / 4


def test_it_sees_targets_as_they_are():
    seen: list[tuple[Any, ...]] = []

    def loss(output: Tensor, target: Tensor) -> Tensor:
        seen.append((tuple(output.shape), tuple(target.shape), target.dtype))
        return output.sum()

    for target in (CLASSES, CLASSES.to(torch.uint8).view(23, 1), INPUTS[:, 0].double()):
        evaluate(one(), (INPUTS, target), loss)
    assert [(shape, dtype) for _, shape, dtype in seen] == [
        ((23,), torch.int64),
        ((23, 1), torch.uint8),
        ((23,), torch.float32),  # that of the output
    ]
    assert {shape for shape, _, _ in seen} == {(23, 4)}


@pytest.mark.parametrize("make", [one, three, residual])
def test_torchs_own_modules_are_losses(make: Callable[[], Any]):
    individual = make()
    other = copy.deepcopy(individual)
    assert evaluate(individual, (INPUTS, CLASSES), nn.CrossEntropyLoss()) == pytest.approx(
        evaluate(individual, (INPUTS, CLASSES), "cross-entropy"), rel=1e-6
    )
    for network, loss in ((individual, nn.CrossEntropyLoss()), (other, "cross-entropy")):
        network.seed = 3
        mutTrain(network, (INPUTS, CLASSES), 0.01, optimizer="sgd", loss=loss, kernel="torch")
    assert individual.train_loss == pytest.approx(other.train_loss, rel=1e-6)
    for mine, theirs in zip(parameters(individual), parameters(other), strict=True):
        torch.testing.assert_close(mine, theirs)


def parameters(individual: Any) -> list[Tensor]:
    found = individual if isinstance(individual, list) else [individual]
    return [parameter.detach() for genome in found for parameter in genome.module.parameters()]


def test_the_share_of_wrong_answers_is_a_fitness_but_nothing_to_learn_from():
    def wrong(output: Tensor, target: Tensor) -> Tensor:
        return output.argmax(1) != target

    network = one()
    expected = (network(INPUTS).argmax(1) != CLASSES).double().mean().item()
    assert evaluate(network, (INPUTS, CLASSES), wrong)[0] == pytest.approx(expected)
    for individual in (network, residual()):
        before = copy.deepcopy(individual)
        with pytest.raises(ValueError, match=r"^the loss wrong has no gradient: it, or the network, detaches its"):
            mutTrain(individual, (INPUTS, CLASSES), loss=wrong)
        assert individual == before
        assert individual.age == 0


def test_a_loss_that_is_not_finite_is_the_worst():
    assert evaluate(one(), (INPUTS, CLASSES), lambda output, target: output.sum() * math.nan) == (WORST,)
    assert evaluate(one(), (INPUTS, CLASSES), lambda output, target: output.sum() * math.inf) == (WORST,)


GIVES: list[tuple[Callable[..., Any], str]] = [
    (lambda output, target: 0.5, "got 0.5"),
    (lambda output, target: None, "got None"),
    (lambda output, target: output.sum().item(), "got -?[0-9]"),
    (lambda output, target: [output.sum()], r"got \["),
]


@pytest.mark.parametrize(("loss", "message"), GIVES)
def test_it_gives_a_tensor(loss: Callable[..., Any], message: str):
    text = rf"^what the loss <lambda> gives must be a tensor: a scalar, or values, {message}"
    with pytest.raises(TypeError, match=text):
        values_of(loss, OUTPUT, TARGET)
    for individual in (one(), residual()):
        before = copy.deepcopy(individual)
        for use in (evaluate, mutTrain):
            with pytest.raises(TypeError, match=text):
                use(individual, (INPUTS, CLASSES), loss=loss)
        assert individual == before


def test_its_own_mistakes_show_as_they_are():
    def mistaken(output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs()  # (23, 4) and (23,)

    for individual in (one(), residual()):
        for use in (evaluate, mutTrain):
            with pytest.raises(RuntimeError, match=r"^The size of tensor a \(4\) must match the size of tensor b"):
                use(individual, (INPUTS, CLASSES), loss=mistaken)


def test_what_is_no_loss_is_refused():
    check_loss_name("cross-entropy")
    check_loss_name(functional.mse_loss)
    wrong: list[Any] = [nn.CrossEntropyLoss, None, 3, ["l1"]]
    for loss in wrong:
        for use in (check_loss_name, lambda loss: evaluate(one(), INPUTS, loss)):
            with pytest.raises(
                TypeError, match=r"^loss must be one of l1, mse, bce, cross-entropy, hinge, or a function"
            ):
                use(loss)
    with pytest.raises(ValueError, match=r"unknown loss 'crossentropy': did you mean 'cross-entropy'"):
        check_loss_name("crossentropy")


def test_what_it_is_called():
    assert [name_of("l1"), name_of(pinball), name_of(nn.MSELoss())] == ["l1", "pinball", "MSELoss()"]
