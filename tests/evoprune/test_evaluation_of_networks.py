"""Fitness of genomes and of networks of any number of parts, on data with targets; pairs: see test_evaluation.py."""

import math
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune import Genome, Network
from evoprune.activations import ActivationProbe
from evoprune.data import CHUNK
from evoprune.evaluation import evaluate, network_loss, outputs_of, pairwise_losses
from evoprune.fitness import WORST
from tests.parts import CLASSES, INPUTS, SHARES, Residual, one, one_in_a_list, plain, residual, three, times, two

X = torch.tensor([[1.0], [-2.0]])
EVERYONE = pytest.mark.parametrize("make", [one, one_in_a_list, two, three, residual])
TARGETS: dict[str, tuple[Tensor, Any, Any]] = {
    "labels": (CLASSES, "cross-entropy", functional.cross_entropy),
    "shares": (SHARES, "cross-entropy", functional.cross_entropy),
    "margins": (CLASSES, "hinge", functional.multi_margin_loss),
    "values": (SHARES, "l1", functional.l1_loss),
    "function": (CLASSES, functional.cross_entropy, functional.cross_entropy),
}


def test_losses_by_hand():
    (double,), network = times(2.0), Network(times(2.0, 3.0, -1.0))
    targets = torch.tensor([[0.0], [4.0]])
    assert evaluate(double, X) == (1.5,)  # outputs 2 and -4
    assert evaluate(double, (X, targets)) == network_loss(double, (X, targets)) == (5.0,)
    assert evaluate(network, (X, targets), "mse") == network_loss(*network, (X, targets), loss="mse") == (50.0,)
    assert network_loss(*network, data=(X, targets)) == (7.0,)  # outputs -6 and 12
    assert outputs_of(network, X).tolist() == [[-6.0], [12.0]]
    assert outputs_of(double, (X, targets)).tolist() == [[2.0], [-4.0]]


def test_a_single_value_may_stand_without_a_dimension():
    assert evaluate(times(2.0)[0], (X, torch.tensor([0.0, 4.0]))) == (5.0,)
    assert evaluate(times(2.0)[0], (X, np.array([0, 4]))) == (5.0,)  # whole numbers, but one output


def test_the_parts_of_two_networks_by_hand():
    losses = pairwise_losses(times(1.0, 2.0), times(1.0, -1.0, 3.0), data=(X, torch.zeros(2, 1)))
    assert losses == [[(1.5,), (1.5,), (4.5,)], [(3.0,), (3.0,), (9.0,)]]
    assert network_loss.pairwise is pairwise_losses  # type: ignore[attr-defined]


@EVERYONE
@pytest.mark.parametrize("kind", TARGETS)
def test_every_network_and_target_is_torchs(kind: str, make: Any):
    individual, (targets, loss, torchs) = make(), TARGETS[kind]
    expected = torchs(individual(INPUTS), targets).item()
    problem = SimpleNamespace(train=None, validation=(INPUTS, targets))
    for data in ((INPUTS, targets), (INPUTS.numpy(), targets.numpy()), problem):
        assert evaluate(individual, data, loss)[0] == pytest.approx(expected, rel=1e-6)
    parts = individual if isinstance(individual, list) else [individual]
    assert network_loss(*parts, problem, loss=loss) == evaluate(individual, problem, loss)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_all_combinations_at_once_are_those_one_by_one(parts: int, kind: str):
    sides = [side[: 2 + place] for place, side in enumerate(sides_of(parts))]
    targets, loss, _ = TARGETS[kind]
    found = np.array(pairwise_losses(*sides, (INPUTS, targets), loss=loss))
    expected = [network_loss(*chosen, (INPUTS, targets), loss=loss) for chosen in product(*sides)]
    np.testing.assert_allclose(found, np.reshape(expected, (*map(len, sides), 1)), rtol=1e-6)


def sides_of(parts: int) -> list[list[Genome]]:
    """For each of so many parts four genomes."""
    widths: dict[int, list[tuple[int, ...]]]
    widths = {1: [(6, 5, 4)], 2: [(6, 5), (5, 4)], 3: [(6, 5), (5, 2, 3), (3, 4)]}
    return [[Genome(plain(*each, last=nn.Tanh())) for _ in range(4)] for each in widths[parts]]


def test_combinations_of_modules_that_are_no_stacks():
    heads = [Genome(Residual(5, 4)), Genome(nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 4)))]
    bodies = [Genome(plain(6, 5)), Genome(nn.Sequential(nn.Dropout(0.9), nn.Linear(6, 5)))]
    found = pairwise_losses(bodies, heads, (INPUTS, CLASSES), loss="cross-entropy")
    for i, k in product(range(2), range(2)):
        assert found[i][k] == network_loss(bodies[i], heads[k], (INPUTS, CLASSES), loss="cross-entropy")


def test_images():
    images, places = torch.rand(5, 1, 8, 8), torch.arange(5 * 36).view(5, 6, 6) % 3
    features = Genome(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten()))
    network = Network([features, Genome(nn.Linear(72, 4))])
    expected = functional.cross_entropy(network(images), CLASSES[:5]).item()
    assert evaluate(network, (images, CLASSES[:5]), "cross-entropy")[0] == pytest.approx(expected)
    by_pixel = Genome(nn.Conv2d(1, 3, 3))
    for loss, torchs in (("cross-entropy", functional.cross_entropy), ("hinge", None)):
        output = by_pixel(images)
        flat = output.movedim(1, -1).flatten(0, -2)
        value = functional.multi_margin_loss(flat, places.flatten()) if torchs is None else torchs(output, places)
        assert evaluate(by_pixel, (images, places), loss)[0] == pytest.approx(value.item())


class Rows:
    """A problem that is no tensor: rows of a table by index, with their targets."""

    def __init__(self, inputs: Tensor, targets: Tensor | None) -> None:
        self.inputs, self.wanted, self.shape = inputs, targets, inputs.shape

    def rows(self, split: str) -> "Rows":
        return self

    def targets(self, split: str) -> Tensor | None:
        return self.wanted

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: Tensor) -> Tensor:
        assert len(index) <= CHUNK
        return self.inputs[index]


@pytest.mark.parametrize("make", [one, three, residual])
@pytest.mark.parametrize("labelled", [True, False])
def test_rows_that_are_no_tensor_are_evaluated_some_at_a_time(labelled: bool, make: Any):
    inputs = torch.rand(2 * CHUNK + 7, 6)
    targets = torch.arange(len(inputs)) % 4 if labelled else torch.rand(len(inputs), 4)
    individual, loss = make(), "cross-entropy" if labelled else "mse"
    rows = Rows(inputs, targets)
    assert evaluate(individual, rows, loss)[0] == pytest.approx(evaluate(individual, (inputs, targets), loss)[0])
    torch.testing.assert_close(outputs_of(individual, rows), outputs_of(individual, inputs))
    table = pairwise_losses(*sides_of(2), rows, loss=loss)
    assert table[1][2][0] == pytest.approx(pairwise_losses(*sides_of(2), (inputs, targets), loss=loss)[1][2][0], rel=2)
    auto = Genome(plain(6, 6))
    assert evaluate(auto, Rows(inputs, None))[0] == pytest.approx(evaluate(auto, inputs)[0])


def test_one_chunk_that_is_not_finite_is_the_worst():
    inputs = torch.ones(CHUNK + 1, 1)
    inputs[-1] = 1e30
    genome = times(1e30)[0]
    assert evaluate(genome, Rows(inputs, torch.zeros(CHUNK + 1, 1)), "mse") == (WORST,)


def test_inputs_that_are_not_finite_are_an_error_also_where_targets_are():
    for value in (math.nan, math.inf):
        inputs = INPUTS.clone()
        inputs[3, 2] = value
        for data in ((inputs, CLASSES), Rows(inputs, CLASSES)):
            for read in (
                lambda data=data: evaluate(Genome(plain(6, 4)[:1]), data, "cross-entropy"),
                lambda data=data: pairwise_losses([Genome(nn.Linear(6, 4))], data, loss="cross-entropy"),
            ):
                with pytest.raises(ValueError, match="the data hold NaN or infinity: tensor"):
                    read()
    with pytest.raises(ValueError, match="the targets hold NaN or infinity: tensor"):
        evaluate(one(), (INPUTS, SHARES * math.nan), "cross-entropy")


def test_data_take_the_type_of_the_first_part_that_has_one():
    network = Network([Genome(nn.Flatten()), Genome(nn.Linear(6, 4).double())])
    assert outputs_of(network, INPUTS.view(23, 2, 3)).dtype == torch.float64
    assert math.isfinite(evaluate(network, (INPUTS, CLASSES), "cross-entropy")[0])


REFUSED: list[tuple[Any, Any, str]] = [
    ("l1", (INPUTS, CLASSES), "loss l1 reads values, but the targets are classes: take cross-entropy or hinge"),
    ("cross-entropy", (INPUTS, CLASSES + 1), "needs classes by their numbers, 0 to 3, but they go from 1 to 4"),
    ("hinge", (INPUTS, CLASSES - 1), "loss hinge needs classes by their numbers, 0 to 3, but they go from -1 to 2"),
    ("cross-entropy", (INPUTS, CLASSES[:, None]), r"whole numbers \(23,\), or values \(23, 4\), got targets \(23, 1\)"),
    ("cross-entropy", (INPUTS[:1], CLASSES[:1, None]), r"got targets \(1, 1\) of torch.int64"),
    ("cross-entropy", (INPUTS, CLASSES[:, None].float()), r"got targets \(23, 1\) of torch.float32"),
    ("hinge", (INPUTS, SHARES), r"loss hinge needs classes, or values of -1 and 1, got tensor"),
    (
        "mse",
        (INPUTS, SHARES[:, :3]),
        r"output \((\d+, )?23, 4\) and target \(23, 3\) must agree in their last 2 dimensions",
    ),
]


@pytest.mark.parametrize(("loss", "data", "message"), REFUSED)
def test_targets_that_a_loss_cannot_read(loss: str, data: Any, message: str):
    for individual in (one(), two(), residual()):
        with pytest.raises(ValueError, match=message):
            evaluate(individual, data, loss)
    for parts in (1, 2, 3):
        with pytest.raises(ValueError, match=message):
            pairwise_losses(*sides_of(parts), data, loss=loss)


def test_losses_need_genomes_and_data():
    wrong: Any = [Network(times(1)), [1], times(1)]
    with pytest.raises(TypeError, match="a loss needs genomes and, after them, data, got"):
        network_loss(one())
    with pytest.raises(TypeError, match=r"part 1 must be a Genome, got \[Genome"):
        network_loss(one(), one_in_a_list(), INPUTS)
    with pytest.raises(TypeError, match=r"the genomes for part 0 must be a list of genomes, got Genome"):
        pairwise_losses(one(), INPUTS)
    with pytest.raises(ValueError, match=r"the genomes for part 1 must be at least one, got \[\]"):
        pairwise_losses([one()], [], INPUTS)
    with pytest.raises(TypeError, match="the genomes for part 1 must be a list of genomes, got 1"):
        pairwise_losses(times(1), wrong[1], X)
    with pytest.raises(ValueError, match="part 0 gives 5 values a sample, but part 1 takes 3"):
        network_loss(Genome(plain(6, 5)), Genome(plain(3, 4)), INPUTS)
    with pytest.raises(ValueError, match="the network reads 6 values a sample, but the data have 1"):
        evaluate(one(), X)


def test_a_network_must_give_a_tensor():
    class Two(nn.Linear):
        def forward(self, input: Tensor) -> Any:
            return super().forward(input), None

    with pytest.raises(TypeError, match=r"a network must give a tensor, got \(tensor"):
        evaluate(Genome(Two(6, 4)), (INPUTS, CLASSES), "cross-entropy")


def test_a_probe_has_a_table_for_each_part_by_its_name():
    network = three()
    found = ActivationProbe(INPUTS)(network)
    assert list(found) == ["0", "1", "2"]
    hidden = network[0](INPUTS)
    torch.testing.assert_close(found["0"]["0"], hidden.detach())
    torch.testing.assert_close(found["1"]["0"], network[1](hidden).detach())
    assert ActivationProbe(INPUTS)(one_in_a_list()).keys() == {"network"}
    assert ActivationProbe(INPUTS)(one()).keys() == {"0", "2"}
