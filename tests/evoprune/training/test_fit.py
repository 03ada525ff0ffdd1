"""Data and targets that do not fit are refused in one line that names both sides, before anything changes."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.operators import mutTrain
from evoprune.training import Epoch, native, train, train_epoch
from evoprune.training.fit import check_fits, check_learns, kinds_of
from tests.evoprune.training.by_hand import Convolutions
from tests.parts import CLASSES, INPUTS, SHARES, one, plain, residual, three, two

KERNELS = pytest.mark.parametrize("kernel", ["torch", "auto"])
TAKES = r"^loss {} takes classes, whole numbers \((samples|5),\), or values \((samples|5), 4\), "
REFUSED: list[tuple[Any, Tensor, str]] = [
    ("l1", CLASSES, r"^loss l1 reads values, but the targets are classes: take cross-entropy or hinge$"),
    ("bce", CLASSES, r"^loss bce reads values, but the targets are classes: take cross-entropy or hinge$"),
    ("cross-entropy", CLASSES + 1, r"needs classes by their numbers, 0 to 3, but they go from \d to 4$"),
    ("cross-entropy", CLASSES - 1, r"needs classes by their numbers, .*, but they go from -1 to 2$"),
    ("hinge", CLASSES + 1, r"needs classes by their numbers, 0 to 3, but they go from \d to 4$"),
    ("cross-entropy", CLASSES[:, None], TAKES.format("cross-entropy") + r"got targets \(5, 1\) of torch.int64$"),
    ("cross-entropy", CLASSES.float(), TAKES.format("cross-entropy")),
    ("cross-entropy", CLASSES[:, None].float(), TAKES.format("cross-entropy")),
    ("cross-entropy", SHARES[:, :3], TAKES.format("cross-entropy")),
    ("hinge", CLASSES.float(), r"^loss hinge needs classes, or values of -1 and 1, got tensor"),
    ("hinge", SHARES, r"^loss hinge needs classes, or values of -1 and 1, got tensor"),
    ("mse", SHARES[:, :3], r"the network gives \(5, 4\) where|gives 4 values a sample, but the targets have 3$"),
    ("mse", SHARES[:, 0], r"the network gives \(5, 4\) where|gives 4 values a sample, but the targets have 1$"),
]


@KERNELS
@pytest.mark.parametrize("make", [one, two, three, residual, lambda: Genome(Convolutions())])
@pytest.mark.parametrize(("loss", "targets", "message"), REFUSED)
def test_targets_that_do_not_fit(loss: Any, targets: Tensor, message: str, make: Any, kernel: str) -> None:
    individual = make()
    before = copy.deepcopy(individual)
    with pytest.raises(ValueError, match=message) as raised:
        mutTrain(individual, (INPUTS, targets), loss=loss, kernel=kernel)
    assert "\n" not in str(raised.value)
    batches = list(zip(INPUTS.split(5), targets.split(5), strict=True))
    with pytest.raises(ValueError, match=message.replace("tensor", "")):
        train([individual], batches, loss, kernel=kernel)
    assert individual == before
    assert individual.age == 0


@KERNELS
def test_what_layers_tell_is_refused_before_anybody_has_trained(kernel: str) -> None:
    population: list[Any] = [one(), residual(), Genome(plain(6, 5, 3)), two()]
    before = copy.deepcopy(population)
    with pytest.raises(ValueError, match="0 to 2, but they go from 0 to 3"):
        train_epoch(population, (INPUTS, CLASSES), loss="cross-entropy", kernel=kernel)
    with pytest.raises(ValueError, match="the network gives 3 values a sample, but the targets have 4"):
        train_epoch(population, (INPUTS, SHARES), loss="mse", kernel=kernel)
    with pytest.raises(ValueError, match="part 1 gives 4 values a sample, but the targets have 3"):
        train_epoch(population[3:], (INPUTS, SHARES[:, :3]), loss="mse", kernel=kernel)
    with pytest.raises(ValueError, match="the network reads 6 values a sample, but the data have 5"):
        train_epoch(population, (INPUTS[:, :5], CLASSES), loss="cross-entropy", kernel=kernel)
    assert population == before


@KERNELS
def test_classes_of_every_batch_are_looked_at_before_the_first(kernel: str) -> None:
    population: list[Any] = [one(), three()]
    before = copy.deepcopy(population)
    batches = [(INPUTS[:5], CLASSES[:5]), (INPUTS[5:], CLASSES[5:] + 1)]
    with pytest.raises(ValueError, match="0 to 3, but they go from 0 to 4"):
        train(population, batches, "cross-entropy", kernel=kernel)
    own = (INPUTS[:20].view(2, 10, 6), CLASSES[:20].view(2, 10) + 1)
    with pytest.raises(ValueError, match="0 to 3, but they go from 0 to 4"):
        train(population, [batches[0], own], "cross-entropy", kernel=kernel)
    assert population == before


def test_a_reconstruction_is_of_the_datas_width() -> None:
    pair = Autoencoder([Encoder(plain(6, 3)), Decoder(plain(3, 5))])
    with pytest.raises(ValueError, match=r"^the decoder gives 5 values a sample, but the data have 6$"):
        mutTrain(pair, INPUTS)
    mutTrain(pair, (INPUTS, INPUTS[:, 1:]))  # of some of the values
    with pytest.raises(ValueError, match=r"^the decoder gives 5 values a sample, but the targets have 4$"):
        mutTrain(pair, (INPUTS, SHARES))


def test_a_function_may_read_targets_of_any_shape() -> None:
    def first(output: Tensor, target: Tensor) -> Tensor:
        return (output[:, 0] - target[:, 2].float()).abs()

    for targets in (SHARES[:, :3], torch.ones(23, 3, dtype=torch.int64)):
        for individual in (one(), three(), residual()):
            mutTrain(individual, (INPUTS, targets), loss=first)


def test_kinds_of_samples() -> None:
    labelled = Epoch(INPUTS, 5, [1], targets=CLASSES)
    (kind,) = kinds_of(labelled, "cross-entropy")
    assert (kind.sample, kind.target, kind.same) == ((6,), (), False)
    assert kind.ends is not None
    assert kind.ends.tolist() == [0, 3]
    check_fits(one(), [kind], "cross-entropy")
    (kind,) = kinds_of(Epoch(INPUTS, 5, [1]), "l1")
    assert kind == ((6,), (6,), True, None)
    (kind,) = kinds_of(Epoch(INPUTS.view(23, 1, 2, 3), 5, [1], targets=SHARES), "l1")
    assert kind == ((1, 2, 3), (4,), False, None)


@KERNELS
def test_inputs_of_whole_numbers_are_named_and_not_the_labels(kernel: str) -> None:
    for individual in (one(), residual()):
        with pytest.raises(TypeError, match=r"^the network refuses data of type torch.int64, try data.float\(\)"):
            mutTrain(individual, (INPUTS.long(), CLASSES), loss="cross-entropy", kernel=kernel)

    class Broken(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match=r"^broken$"):
        mutTrain(Genome(Broken(6, 4)), (INPUTS, CLASSES), loss="cross-entropy", kernel=kernel)


def test_an_embedding_takes_whole_numbers() -> None:
    words = Genome(nn.Sequential(nn.Embedding(9, 3), nn.Flatten(), nn.Linear(6, 4)), exclude=["0"])
    before = copy.deepcopy(words)
    mutTrain(words, (torch.arange(46).view(23, 2) % 9, CLASSES), loss="cross-entropy")
    assert words != before


def test_what_learns() -> None:
    genome, network = one(), three()
    genome.module.requires_grad_(False)
    network[1].module.requires_grad_(False)
    check_learns(network, ("0", "1"))
    for individual, parts, message in (
        (genome, None, "^nothing learns: no network has a parameter that requires a gradient$"),
        (network, ("1",), "^nothing learns: no part 1 has a parameter that requires a gradient$"),
        (network, ("a", "b"), r"^nothing learns: an individual has the parts 0, 1, 2, none of \('a', 'b'\)$"),
    ):
        with pytest.raises(ValueError, match=message):
            check_learns(individual, parts)
    with pytest.raises(ValueError, match="no part 1 has a parameter"):
        mutTrain(network, (INPUTS, CLASSES), loss="cross-entropy", parts=("1",))


def test_epochs_of_what_gives_no_rows() -> None:
    wrong: list[Any] = [CLASSES.numpy(), CLASSES.tolist(), 3]
    for targets in wrong:
        with pytest.raises(TypeError, match="the targets of an epoch must be a tensor, or give rows of one, got"):
            Epoch(INPUTS, 5, [1], targets=targets)
    for targets in (CLASSES[:4], torch.tensor(1)):
        with pytest.raises(ValueError, match=r"the data have 23 samples, but targets of shape \((4,)?\)"):
            Epoch(INPUTS, 5, [1], targets=targets)


@pytest.mark.parametrize("make", [one, three, residual])
def test_training_is_a_function_of_the_seed(make: Any) -> None:
    start = make()
    results: list[Any] = []
    for seed in (3, 3, 4):
        individual = copy.deepcopy(start)
        individual.seed = seed
        torch.manual_seed(len(results))
        mutTrain(individual, (INPUTS, CLASSES), loss="cross-entropy", epochs=2)
        results.append((individual, individual.train_loss))
    assert results[0] == results[1]
    assert results[0] != results[2]
    assert results[0][1] > 0


@pytest.mark.skipif(bool(native.missing()), reason="no kernel")
def test_the_kernel_refuses_labels_that_nobody_has_looked_at() -> None:
    genome = one()
    layers = tuple(native._fixed(genome))
    data = (INPUTS.numpy(), (CLASSES + 1).numpy(), torch.arange(23).numpy(), torch.tensor([23]).numpy(), None)
    learns = tuple((*layer[:4], (*layer[4][:3], True), layer[5]) for layer in layers)
    with pytest.raises(ValueError, match=r"^labels\[3\] is none of the 4 outputs$"):
        native._library().epoch(native.best(), learns, data, 3, (1, 0.1, 0.0, 0.0, 1e-8, 0.0, 0.0), 1.0, 0.15)


def test_networks_of_other_names_are_trained_by_their_own() -> None:
    pair = Autoencoder([Encoder(plain(6, 3)), Decoder(plain(3, 6))])
    network = Network([Genome(plain(6, 3)), Genome(plain(3, 6))])
    before = copy.deepcopy([pair, network])
    with pytest.raises(ValueError, match=r"has the parts 0, 1, none of \('encoder',\)"):
        train_epoch([pair, network], INPUTS, parts=("encoder",), kernel="torch")
    assert [pair, network] == before
