"""Cross-entropy by the compiled kernel, against torch's programs and a plain loop: labels, shares, masks, sizes."""

import copy
import math
import random
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune import Genome, Network
from evoprune.individuals import genomes
from evoprune.operators import mutPruneRandom
from evoprune.training import native, train, train_epoch
from evoprune.training.batches import Epoch
from evoprune.training.optimizers import optimizer_for
from tests.evoprune.training.by_hand import Loop, in_order
from tests.parts import numbers

pytestmark = pytest.mark.skipif(bool(native.missing()), reason=f"no kernel: {native.missing()}")

X = torch.rand(43, 12, generator=torch.Generator().manual_seed(4))
CLASSES = (2, 10, 16, 17, 100)


def made(classes: int, kept: float = 1.0, hidden: tuple[int, ...] = (9,), kind: str = "genome") -> Any:
    """A network of one part or of three."""
    torch.manual_seed(classes)
    layers: list[nn.Module] = []
    for reads, gives in pairwise((12, *hidden, classes)):
        layers += [nn.Linear(reads, gives), nn.ReLU()]
    stack = nn.Sequential(*layers[:-1])
    individual: Any = Genome(stack)
    if kind == "three":
        individual = Network([Genome(stack[:2]), Genome(stack[2:4]), Genome(stack[4:])])
    individual.seed, individual.learning_rate = 7, 0.01
    if kept < 1:
        mutPruneRandom(individual, 1 - kept, rng=random.Random(1))
    return individual


def labels(classes: int) -> Tensor:
    return torch.randint(classes, (43,), generator=torch.Generator().manual_seed(5))


def shares(classes: int) -> Tensor:
    return torch.rand(43, classes, generator=torch.Generator().manual_seed(6)).softmax(1)


TARGETS = {"labels": labels, "shares": shares, "counts": lambda classes: (9 * shares(classes)).round()}


def everything(individual: Any) -> list[Tensor]:
    return [tensor for genome in genomes(individual) for tensor in numbers(genome)]


def weights(individual: Any) -> list[Tensor]:
    return [parameter.detach() for genome in genomes(individual) for parameter in genome.module.parameters()]


def distance(one: Any, other: Any) -> float:
    both = zip(everything(one), everything(other), strict=True)
    return max(float((a.double() - b.double()).abs().max()) for a, b in both)


def check(start: Any, targets: Tensor, size: int, epochs: int = 2) -> None:
    """The kernel is as near to a plain loop in float64 as torch's programs in float32 are."""
    by_kernel, by_torch, exact = (copy.deepcopy(start) for _ in range(3))
    for genome in genomes(exact):
        genome.module.double()
    loop = Loop(exact, 0.01, functional.cross_entropy)
    wanted = targets.double() if targets.is_floating_point() else targets
    for _ in range(epochs):
        settings: dict[str, Any] = {"batch_size": size, "loss": "cross-entropy"}
        loss = train_epoch([by_kernel], (X, targets), kernel="native", **settings).item()
        again = train_epoch([by_torch], (X, targets), kernel="torch", **settings).item()
        assert loss == pytest.approx(again, rel=1e-5)
        assert loss == pytest.approx(loop.epoch(in_order(7, X.double(), wanted, size)), rel=1e-5)
    far = []
    for one in (by_kernel, by_torch):
        both = zip(weights(one), weights(exact), strict=True)
        far.append(max(float((mine.double() - wanted).abs().max()) for mine, wanted in both))
    assert far[0] <= 3 * far[1] + 2e-6
    assert distance(by_kernel, by_torch) < 1e-3
    for mine, theirs in zip(genomes(by_kernel), genomes(by_torch), strict=True):
        assert (mine.steps, mine.age, mine.moments.keys()) == (theirs.steps, theirs.age, theirs.moments.keys())
        for name, mask in mine.masks.items():
            assert not mine.module.get_parameter(name)[~mask].any()


def test_it_takes_them() -> None:
    adam, start = optimizer_for("adam"), made(4)
    assert native.refuses(start, "cross-entropy", adam) == ""
    assert native.refuses(made(4, hidden=(9, 5), kind="three"), "cross-entropy", adam) == ""
    assert "no loss hinge" in native.refuses(start, "hinge", adam)
    assert "no loss <lambda>" in native.refuses(start, lambda output, target: output.sum(), adam)
    ended = Genome(nn.Sequential(nn.Linear(12, 4), nn.Sigmoid()))
    assert "no loss cross-entropy behind Sigmoid" in native.refuses(ended, "cross-entropy", adam)


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.1])
def test_any_number_of_classes(classes: int, kind: str, kept: float) -> None:
    check(made(classes, kept), TARGETS[kind](classes), 5)


@pytest.mark.parametrize("size", [1, 5, 8, 20, 43])
@pytest.mark.parametrize("kind", ["labels", "shares"])
@pytest.mark.parametrize("kept", [1.0, 0.1])
def test_batches_of_any_size(size: int, kind: str, kept: float) -> None:
    check(made(10, kept), TARGETS[kind](10), size)


@pytest.mark.parametrize("kind", ["labels", "shares"])
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("hidden", [(), (9, 20), (9, 5)])
def test_one_layer_and_three_in_one_part_or_three(hidden: tuple[int, ...], kept: float, kind: str) -> None:
    start = made(10, kept, hidden)
    check(start, TARGETS[kind](10), 5)
    if len(hidden) == 2:
        parts = Network([Genome(start.module[:2]), Genome(start.module[2:4]), Genome(start.module[4:])])
        for part in parts:
            part.masks = {name: start.masks[name] for name in part.masks}
        parts.seed, parts.learning_rate = 7, 0.01
        check(parts, TARGETS[kind](10), 8)
        one, several = copy.deepcopy(start), copy.deepcopy(parts)
        losses = [train_epoch([each], (X, TARGETS[kind](10)), loss="cross-entropy") for each in (one, several)]
        assert torch.equal(*losses)
        assert torch.equal(one(X), several(X))


@pytest.mark.parametrize("optimizer", ["adam", "adam-anew", "sgd"])
@pytest.mark.parametrize("kind", TARGETS)
def test_every_optimizer(optimizer: str, kind: str) -> None:
    one, other = made(10, 0.6), made(10, 0.6)
    for _ in range(2):
        losses = [
            train_epoch([each], (X, TARGETS[kind](10)), loss="cross-entropy", optimizer=optimizer, kernel=kernel).item()
            for each, kernel in ((one, "native"), (other, "torch"))
        ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert distance(one, other) < 1e-4


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("size", [1, 5, 8, 43])
@pytest.mark.parametrize("kept", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("kind", ["labels", "shares"])
def test_all_variants_that_round_alike_give_the_same_bits(classes: int, size: int, kept: float, kind: str) -> None:
    targets, found = TARGETS[kind](classes), dict[str, list[tuple[Any, list[float]]]]()
    for variant, arithmetic in native.variants().items():
        individual = made(classes, kept)
        trainer = native.Trainer(None, "cross-entropy", optimizer_for("adam"), variant)
        epochs = Epoch(X, size, [7], targets=targets).of_cells([0])
        losses = [trainer.train([individual], epochs, [0.01]).item() for _ in range(2)]
        found.setdefault(arithmetic, []).append((individual, losses))
    for group in found.values():
        for individual, losses in group:
            assert losses == group[0][1]
            assert all(torch.equal(a, b) for a, b in zip(everything(individual), everything(group[0][0]), strict=True))
    first, *others = (group[0] for group in found.values())
    for individual, losses in others:
        assert losses == pytest.approx(first[1], rel=1e-5)
        assert distance(first[0], individual) < 1e-3


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kept", [1.0, 0.1])
@pytest.mark.parametrize("kind", ["labels", "shares"])
@pytest.mark.parametrize("where", ["0.weight", "2.weight", "2.bias"])
def test_logits_that_are_not_finite_do_what_they_do_in_torch(value: float, kept: float, kind: str, where: str) -> None:
    one, other = made(10, kept), made(10, kept)
    for individual in (one, other):
        kept_ones = individual.masks[where].view(-1).nonzero()
        with torch.no_grad():
            individual.module.get_parameter(where).view(-1)[int(kept_ones[0])] = value
    losses = [
        train_epoch([each], (X, TARGETS[kind](10)), 5, loss="cross-entropy", kernel=kernel).item()
        for each, kernel in ((one, "native"), (other, "torch"))
    ]
    assert losses[0] == pytest.approx(losses[1], nan_ok=True, rel=1e-5)
    for mine, torchs in zip(everything(one), everything(other), strict=True):
        assert torch.equal(mine.isfinite(), torchs.isfinite())


def test_logits_far_apart_lose_as_much_as_in_torch() -> None:
    for bias in (50.0, 200.0, 1e4, -1e4):
        one, other = made(10), made(10)
        for individual in (one, other):
            with torch.no_grad():
                individual.module[2].bias[3] = bias
        losses = [
            train([each], [(X, labels(10))], "cross-entropy", kernel=kernel).item()
            for each, kernel in ((one, "native"), (other, "torch"))
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
        assert distance(one, other) < 1e-5


@pytest.mark.parametrize("frozen", ["0.weight", "0.bias", "2.weight", "2.bias"])
def test_parameters_that_do_not_learn_stay(frozen: str) -> None:
    one, other = made(10), made(10)
    for individual, kernel in ((one, "native"), (other, "torch")):
        parameter = individual.module.get_parameter(frozen).requires_grad_(False)
        before = parameter.clone()
        train_epoch([individual], (X, labels(10)), loss="cross-entropy", kernel=kernel)
        assert torch.equal(parameter, before)
    assert distance(one, other) < 1e-4


@pytest.mark.parametrize("part", ["0", "1", "2"])
def test_one_part_of_three_learns(part: str) -> None:
    one, other = (made(10, 0.7, (9, 5), "three") for _ in range(2))
    before = copy.deepcopy(one)
    for individual, kernel in ((one, "native"), (other, "torch")):
        train_epoch([individual], (X, labels(10)), loss="cross-entropy", parts=(part,), kernel=kernel)
    assert distance(one, other) < 1e-4
    assert [str(i) for i in range(3) if one[i] != before[i]] == [part]


@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
def test_a_value_a_sample_without_a_dimension_of_its_own(loss: str) -> None:
    for targets in (X[:, 0], labels(2), labels(2).bool()):
        pair = [Genome(nn.Sequential(nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 1), nn.Sigmoid())) for _ in range(2)]
        pair[1] = copy.deepcopy(pair[0])
        pair[0].seed = pair[1].seed = 3
        losses = [
            train_epoch([each], (X, targets), loss=loss, kernel=kernel).item()
            for each, kernel in zip(pair, ("native", "torch"), strict=True)
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
        assert distance(*pair) < 1e-5


def test_corruption_leaves_labels_alone() -> None:
    one, other = made(10), made(10)
    settings: dict[str, Any] = {"loss": "cross-entropy", "corruption": 0.4}
    losses = [
        train_epoch([each], (X, labels(10)), kernel=kernel, **settings).item()
        for each, kernel in ((one, "native"), (other, "torch"))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert distance(one, other) < 1e-4
