"""Gradients of a population, on one batch and over several: those that autograd gives for each alone."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.individuals import genomes
from evoprune.losses import Loss
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import mutPruneRandom
from evoprune.tied import TiedAutoencoder, TiedNetwork
from evoprune.training import gradients as over_batches, stacked
from evoprune.training.gradients import GradientMoments, batch_gradients
from evoprune.training.programs import Together, gradients
from evoprune.training.structure import alike
from tests.parts import CLASSES, INPUTS, residual, three, times


def pair(kind: str) -> Autoencoder:
    encoder: nn.Module = mlp_encoder([8, 5, 3])
    if kind == "variational":
        encoder = variational_encoder([8, 5, 3])
    if kind == "normalized":
        encoder = nn.Sequential(nn.Linear(8, 3), nn.LayerNorm(3), nn.ReLU())
    return Autoencoder([Encoder(encoder), Decoder(mlp_decoder([3, 5, 8]))])


@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
def test_they_are_those_of_autograd(loss):
    pairs = [pair(kind) for kind in ("plain", "variational", "plain", "normalized")]
    mutPruneRandom(pairs[0], 0.5)
    x = torch.rand(6, 8)
    before = [{name: p.clone() for name, p in genome.module.named_parameters()} for one in pairs for genome in one]
    found = gradients(pairs, x, x, loss)
    for one, tables in zip(pairs, found, strict=True):
        value = Loss(loss)(one(x), x)
        assert value.dim() == 0
        for genome, table in zip(one, tables, strict=True):
            names = [name for name, _ in genome.module.named_parameters()]
            assert list(table) == names
            wanted = torch.autograd.grad(value, list(genome.module.parameters()), retain_graph=True, allow_unused=True)
            for name, gradient in zip(names, wanted, strict=True):
                expected = torch.zeros_like(table[name]) if gradient is None else gradient
                assert torch.allclose(table[name], expected, atol=1e-6), name
    after = [dict(genome.module.named_parameters()) for one in pairs for genome in one]
    assert all(torch.equal(a[name], p) for a, b in zip(after, before, strict=True) for name, p in b.items())


def by_autograd(individual: Any, batches: Any, loss: Any) -> list[dict[str, list[Tensor]]]:
    """For each genome, parameter name -> its gradients, one a batch."""
    found: list[dict[str, list[Tensor]]] = [{} for _ in genomes(individual)]
    for x, y in batches:
        value = loss(individual(x), y)
        for genome, table in zip(genomes(individual), found, strict=True):
            for name, parameter in genome.module.named_parameters():
                (grad,) = torch.autograd.grad(value, parameter, retain_graph=True, allow_unused=True)
                table.setdefault(name, []).append(torch.zeros_like(parameter) if grad is None else grad)
    return found


def check(individuals: Any, batches: Any, name: Any, loss: Any) -> None:
    """See that moments are those of gradients taken one by one, and that nothing has changed."""
    before = copy.deepcopy(individuals)
    found = batch_gradients(individuals, iter(batches), name)
    assert individuals == before
    assert len(found) == len(individuals)
    for individual, tables in zip(individuals, found, strict=True):
        for table, wanted in zip(tables, by_autograd(individual, batches, loss), strict=True):
            assert table.keys() == wanted.keys()
            for key, each in wanted.items():
                grads = torch.stack(each)
                expected = GradientMoments(grads.mean(0), grads.abs().mean(0), grads.square().mean(0))
                for mine, theirs in zip(table[key], expected, strict=True):
                    assert torch.allclose(mine, theirs, atol=1e-6), key


@pytest.mark.parametrize("loss", ["l1", "mse", "bce"])
def test_moments_over_batches_are_those_of_autograd(loss):
    pairs: list[Any] = [pair(kind) for kind in ("plain", "variational", "plain", "normalized")]
    pairs.append(TiedAutoencoder(TiedNetwork((8, 5, 3))))
    mutPruneRandom(pairs[0], 0.5)  # pruned weights have gradients as well
    check(pairs, [(x, x) for x in torch.rand(14, 8).split(5)], loss, Loss(loss))


def test_moments_of_classifiers_in_parts():
    population = [three(), residual(), three()]
    batches = list(zip(INPUTS.split(6), CLASSES.split(6), strict=True))
    check(population, batches, "cross-entropy", functional.cross_entropy)


def test_moments_of_a_network_with_buffers():
    images = torch.rand(9, 1, 4, 4)
    population = [Genome(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten())) for _ in range(2)]
    before = copy.deepcopy(population)
    batches = [(x, torch.rand(len(x), 8)) for x in images.split(4)]
    found = batch_gradients(population, batches, "mse")
    assert population == before  # running means, too
    for genome, (table,) in zip(population, found, strict=True):
        (wanted,) = by_autograd(copy.deepcopy(genome), batches, functional.mse_loss)
        for name, grads in wanted.items():
            assert torch.allclose(table[name].mean, torch.stack(grads).mean(0), atol=1e-6)


def test_moments_by_hand():
    (genome,) = times(2.0)
    one, two = torch.tensor([[1.0]]), torch.tensor([[1.0], [3.0]])
    batches = [(one, torch.tensor([[0.0]])), (two, torch.tensor([[4.0], [6.0]]))]
    ((table,),) = batch_gradients([genome], batches, "mse")
    # 2 * (2 - 0) * 1 = 4; the mean of 2 * (2 - 4) * 1 = -4 and 2 * (6 - 6) * 3 = 0 is -2
    assert [value.item() for value in table["weight"]] == [1.0, 3.0, 10.0]


def test_one_batch_gives_its_gradients():
    population = [three(), three()]
    found = batch_gradients(population, [(INPUTS, CLASSES)], "cross-entropy")
    for mine, theirs in zip(found, gradients(population, INPUTS, CLASSES, "cross-entropy"), strict=True):
        for moments, table in zip(mine, theirs, strict=True):
            for name, grad in table.items():
                expected = GradientMoments(grad, grad.abs(), grad.square())
                assert all(torch.equal(a, b) for a, b in zip(moments[name], expected, strict=True))


def test_a_function_as_a_loss():
    def far(output: Tensor, target: Tensor) -> Tensor:
        return (output - target.unsqueeze(1)).abs().sum(1)

    batches = list(zip(INPUTS.split(9), CLASSES.split(9), strict=True))
    check([residual(), three()], batches, far, lambda output, target: far(output, target).mean())


def test_large_populations_are_taken_in_parts(monkeypatch):
    sizes: list[int] = []

    class Counted(Together):
        def __init__(self, individuals: Any, loss: Any) -> None:
            sizes.append(len(individuals))
            super().__init__(individuals, loss)

    monkeypatch.setattr(over_batches, "Together", Counted)
    monkeypatch.setattr(stacked, "MOST", 2)
    population = [three() for _ in range(5)]
    assert len(alike(population)) == 1
    check(population, [(INPUTS, CLASSES)], "cross-entropy", functional.cross_entropy)
    assert sizes == [2, 2, 1]


def test_what_does_not_learn_has_no_gradient():
    genome = Genome(nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 4)))
    genome.module.get_parameter("0.weight").requires_grad_(False)
    ((table,),) = batch_gradients([genome], [(INPUTS, CLASSES)], "cross-entropy")
    assert list(table) == ["0.bias", "1.weight", "1.bias"]
    with pytest.raises(ValueError, match="nothing learns"):
        batch_gradients([Genome(genome.module.requires_grad_(False))], [(INPUTS, CLASSES)], "cross-entropy")


def test_doubles_take_samples_of_another_type():
    genome = Genome(nn.Linear(6, 4).double())
    ((table,),) = batch_gradients([genome], [(INPUTS, CLASSES)], "cross-entropy")
    assert table["weight"].square.dtype == torch.float64
    ((one,),) = gradients([genome], INPUTS, CLASSES, "cross-entropy")
    assert torch.equal(table["weight"].mean, one["weight"])


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"individuals": three()}, TypeError, "must be a list of genomes"),
        ({"batches": 3}, TypeError, r"batches must be pairs of tensors \(inputs, targets\), got 3"),
        ({"batches": [INPUTS]}, TypeError, "batches must be pairs of tensors"),
        ({"batches": [(INPUTS, None)]}, TypeError, "batches must be pairs of tensors"),
        ({"batches": []}, ValueError, "batches must be at least one"),
        ({"batches": [(INPUTS, CLASSES[:3])]}, ValueError, r"a target for each of them, got inputs \(23, 6\) and"),
        ({"batches": [(INPUTS, torch.tensor(1))]}, ValueError, r"and targets \(\)"),
        ({"batches": [(INPUTS[:0], CLASSES[:0])]}, ValueError, "batches must have samples"),
        ({"batches": [(INPUTS[:, :5], CLASSES)]}, ValueError, "reads 6 values a sample, but the data have 5"),
        ({"loss": "none"}, ValueError, "unknown loss 'none'"),
    ],
)
def test_what_is_refused(changes, error, match):
    given = {"individuals": [three()], "batches": [(INPUTS, CLASSES)], "loss": "cross-entropy"} | changes
    with pytest.raises(error, match=match):
        batch_gradients(**given)


def test_none_and_one():
    assert batch_gradients([], [(INPUTS, CLASSES)], "cross-entropy") == []
    ((table,),) = batch_gradients([Network([three()[0]])], [(INPUTS, torch.rand(23, 5))], "mse")
    assert list(table) == ["0.weight", "0.bias"]
