"""Genomes and networks of any parts, plain, with convolutions or residual, in one population, against torch's own."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune import Genome, Network
from evoprune.individuals import genomes
from evoprune.operators import mutPruneRandom
from evoprune.training import train_epoch
from evoprune.training.programs import LinearProgram, LoopProgram, VmapProgram, gradients, program_for
from evoprune.training.stacking import stack
from tests.evoprune.training.by_hand import Convolutions, Loop, in_order, states
from tests.parts import CLASSES, INPUTS, SHARES, Residual, one, one_in_a_list, plain, residual, three, two

LABELS, X = CLASSES, INPUTS.double()
Y = SHARES.double()
SIGNS = torch.where(Y > 0.25, 1.0, -1.0).double()


def pinball(output: Tensor, target: Tensor) -> Tensor:
    return torch.maximum(target - output, (output - target) / 3).sum(1)


def looped(output: Tensor, target: Tensor) -> Tensor:
    """What vmap refuses: a branch on values."""
    return (output - target).abs().sum() if bool((output > target).any()) else output.sum() * 0


LOSSES: dict[str, tuple[Any, Tensor, Any]] = {
    "l1": ("l1", Y, functional.l1_loss),
    "mse": ("mse", Y, functional.mse_loss),
    "labels": ("cross-entropy", LABELS, functional.cross_entropy),
    "shares": ("cross-entropy", Y, functional.cross_entropy),
    "counts": ("cross-entropy", (9 * Y).round(), functional.cross_entropy),
    "margins": ("hinge", LABELS, functional.multi_margin_loss),
    "signs": ("hinge", SIGNS, lambda output, target: (1 - target * output).clamp_min(0).mean()),
    "torchs": (nn.CrossEntropyLoss(label_smoothing=0.1), LABELS, nn.CrossEntropyLoss(label_smoothing=0.1)),
    "function": (pinball, Y, lambda output, target: pinball(output, target).mean()),
    "branch": (looped, Y, lambda output, target: looped(output, target).mean()),
}
MAKERS: dict[str, Any] = {
    "one": one,
    "one in a list": one_in_a_list,
    "two": two,
    "three": three,
    "residual": residual,
    "convolutions": lambda: Genome(Convolutions()),
    "features and head": lambda: Network([Genome(Convolutions(nn.Tanh())), Genome(Residual(4, 4))]),
    "normalized": lambda: Network([Genome(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5))), Genome(plain(5, 4))]),
}


def doubles(make: Any, count: int = 1) -> list[Any]:
    found = [make() for _ in range(count)]
    for genome in (genome for individual in found for genome in genomes(individual)):
        genome.module.double()
    return found


def by_autograd(individual: Any, loss: Any, targets: Tensor) -> list[dict[str, Tensor]]:
    value = loss(individual(X), targets)
    parameters = [parameter for genome in genomes(individual) for parameter in genome.module.parameters()]
    slopes = iter(torch.autograd.grad(value, parameters))
    return [{name: next(slopes) for name, _ in one.module.named_parameters()} for one in genomes(individual)]


@pytest.mark.parametrize("kind", LOSSES)
def test_gradients_of_a_mixed_population_are_autograds(kind: str) -> None:
    loss, targets, torchs = LOSSES[kind]
    population = [individual for make in MAKERS.values() for individual in doubles(make, 2)]
    for individual, found in zip(population, gradients(population, X, targets, loss), strict=True):
        torch.testing.assert_close(found, by_autograd(individual, torchs, targets), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("make", [one, three])
def test_all_programs_give_the_same(make: Any, kind: str) -> None:
    loss, targets, torchs = LOSSES[kind]
    population = doubles(make, 3)
    batch = X.expand(3, *X.shape), targets.expand(3, *targets.shape)
    expected = [torchs(individual(X), targets).item() for individual in population]
    for kind_of in (LinearProgram, VmapProgram, LoopProgram):
        stacks = [stack(side, 0, "cpu") for side in zip(*map(genomes, population), strict=True)]
        linear = kind_of is LinearProgram
        program = program_for(population, stacks, loss) if linear else kind_of(population, stacks, loss)  # type: ignore[call-arg,arg-type]
        assert type(program) is kind_of
        assert program.gradients(*batch).tolist() == pytest.approx(expected, rel=1e-9)
        for i, individual in enumerate(population):
            found = [{name: grad[i] for name, grad in stacked.grads.items()} for stacked in stacks]
            torch.testing.assert_close(found, by_autograd(individual, torchs, targets), rtol=1e-9, atol=1e-12)


def test_only_what_vmap_refuses_goes_through_the_loop() -> None:
    for loss, targets, refused in ((pinball, Y, False), (looped, Y, True), ("hinge", LABELS, False)):
        population = doubles(residual, 2)
        program = program_for(population, [stack(population, 0, "cpu")], loss)
        assert isinstance(program, VmapProgram)
        program.gradients(X.expand(2, *X.shape), targets.expand(2, *targets.shape))
        assert (program.fallback is not None) is refused


@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
@pytest.mark.parametrize("targets", [X[:, 0], (X[:, 0] > 0.5).long()], ids=["values", "bits"])
def test_a_value_a_sample_without_a_dimension_of_its_own(loss: str, targets: Tensor) -> None:
    torchs = {"l1": functional.l1_loss, "mse": functional.mse_loss, "bce": functional.binary_cross_entropy}[loss]
    makers = (
        lambda: Genome(plain(6, 3, 1, last=nn.Sigmoid())),
        lambda: Genome(nn.Sequential(Residual(6, 1), nn.Sigmoid())),
        lambda: Network([Genome(plain(6, 3)), Genome(plain(3, 1, last=nn.Sigmoid()))]),
    )
    population = [individual for make in makers for individual in doubles(make)]
    wanted = targets.double()[:, None]
    for individual, found in zip(population, gradients(population, X, targets, loss), strict=True):
        torch.testing.assert_close(found, by_autograd(individual, torchs, wanted), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("pruned", [0.0, 0.6])
@pytest.mark.parametrize("kind", ["labels", "shares", "margins", "function", "mse"])
def test_epochs_of_a_mixed_population_are_those_of_a_plain_loop(kind: str, pruned: float) -> None:
    loss, targets, torchs = LOSSES[kind]
    population = [individual for make in MAKERS.values() for individual in doubles(make, 2)]
    for place, individual in enumerate(population):
        individual.seed, individual.learning_rate = 100 + place, 1e-3 * (1 + place)
        if pruned:
            mutPruneRandom(individual, pruned)
    twins = copy.deepcopy(population)
    loops = [Loop(twin, twin.learning_rate, torchs) for twin in twins]
    for _ in range(2):  # the second goes on with the moments of the first
        losses = train_epoch(population, (X, targets), batch_size=5, loss=loss)
        expected = [loop.epoch(in_order(loop.individual.seed, X, targets, 5)) for loop in loops]
        assert losses.tolist() == pytest.approx(expected, rel=1e-7)
    for individual, twin in zip(population, twins, strict=True):
        torch.testing.assert_close(states(individual), states(twin), rtol=1e-6, atol=1e-8)
        for genome in genomes(individual):
            assert (genome.age, genome.steps) == (2, 10)
            for name, mask in genome.masks.items():
                assert not genome.module.get_parameter(name)[~mask].any()
                assert not any(bool(moment[~mask].any()) for moment in genome.moments[name])


def test_labels_by_pixel() -> None:
    images, places = torch.rand(7, 1, 5, 5, dtype=torch.float64), torch.arange(7 * 9).view(7, 3, 3) % 4
    population = doubles(lambda: Genome(nn.Sequential(nn.Conv2d(1, 4, 3))), 2)
    for loss, torchs in (("cross-entropy", functional.cross_entropy), (pinball, None)):
        targets = places if torchs is not None else torch.rand(7, 4, 3, 3, dtype=torch.float64)
        for individual, found in zip(population, gradients(population, images, targets, loss), strict=True):
            value = torchs(individual(images), targets) if torchs else pinball(individual(images), targets).mean()
            slopes = torch.autograd.grad(value, list(individual.module.parameters()))
            torch.testing.assert_close(list(found[0].values()), list(slopes))


def test_a_part_that_stays_lets_the_gradient_through() -> None:
    network, twin = (doubles(three)[0] for _ in range(2))
    twin[:] = copy.deepcopy(network)
    network.seed = twin.seed = 1
    before = copy.deepcopy(network)
    train_epoch([network], (X, LABELS), loss="cross-entropy", parts=("0", "2"))
    twin[1].module.requires_grad_(False)
    train_epoch([twin], (X, LABELS), loss="cross-entropy")
    assert [mine == old for mine, old in zip(network, before, strict=True)] == [False, True, False]
    assert list(network) == list(twin)
    assert [genome.age for genome in network] == [1, 0, 1]


def test_parts_are_those_of_the_names_of_each() -> None:
    class Classifier(Network):
        names = ("features", "head")

    numbered = doubles(two)[0]
    named = Classifier(copy.deepcopy(list(numbered)))
    population, before = [numbered, named], copy.deepcopy([numbered, named])
    for one_, seed in zip(population, (1, 2), strict=True):
        one_.seed = seed
    with pytest.raises(ValueError, match=r"nothing learns: an individual has the parts 0, 1, none of \('features',\)"):
        train_epoch(population, (X, LABELS), loss="cross-entropy", parts=("features",))
    assert population == before
    train_epoch(population, (X, LABELS), loss="cross-entropy", parts=("features", "1"))
    changed = [[mine != old for mine, old in zip(*both, strict=True)] for both in zip(population, before, strict=True)]
    assert changed == [[False, True], [True, False]]


def test_a_genome_on_its_own_learns_at_its_own_rate_and_is_called_network() -> None:
    still, moving = doubles(one, 2)
    still.learning_rate, before = 0.0, copy.deepcopy([still, moving])
    train_epoch([still, moving], (X, LABELS), loss="cross-entropy", learning_rate=0.1, parts=("network",))
    assert [still == before[0], moving == before[1]] == [True, False]
    with pytest.raises(ValueError, match=r"parts must be some of \('network',\), got \('0',\)"):
        train_epoch([moving], (X, LABELS), loss="cross-entropy", parts=("0",))
