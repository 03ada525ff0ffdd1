"""What data are: a problem, a tensor, an array, or a pair of such, inputs and targets."""

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from evoprune.data import CHUNK, draw_batch, samples_of, tensor_of
from evoprune.evaluation import evaluate
from evoprune.operators import mutTrain
from tests.parts import CLASSES, INPUTS, SHARES, one


class Table:
    """A problem whose inputs are no tensor: rows (number, number + 1) by index, and their targets by index too."""

    def __init__(self, count: int, labelled: bool = True) -> None:
        self.shape, self.labelled, self.asked = (count, 2), labelled, list[int]()

    def rows(self, split: str) -> "Table":
        assert split == "train"
        return self

    def targets(self, split: str) -> Tensor | None:
        return torch.arange(self.shape[0]) % 2 if self.labelled else None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Tensor) -> Tensor:
        self.asked.append(len(index))
        return torch.stack([index, index + 1], 1).float()


def test_a_tensor_is_its_own_target():
    for data in (INPUTS, SimpleNamespace(train=INPUTS)):
        samples = samples_of(data, "train")
        assert samples.inputs is samples.targets is INPUTS
        assert not samples.labelled
        (chunk,) = samples.chunks()
        assert chunk[0] is chunk[1] is INPUTS


@pytest.mark.parametrize("targets", [CLASSES, CLASSES.to(torch.uint8), SHARES, SHARES[:, 0], INPUTS.clone()])
def test_a_pair_is_inputs_and_targets(targets: Tensor):
    for data in ((INPUTS, targets), [INPUTS, targets], SimpleNamespace(train=(INPUTS, targets))):
        samples = samples_of(data, "train")
        assert samples.inputs is INPUTS
        assert samples.targets is targets
        assert samples.labelled
        (chunk,) = samples.chunks()
        assert chunk[0] is INPUTS
        assert chunk[1] is targets


def test_inputs_twice_are_to_be_reconstructed():
    assert not samples_of((INPUTS, INPUTS), "train").labelled


def test_pairs_of_arrays():
    inputs = np.ones((3, 2), np.float64)
    for given, dtype in (
        ("float64", torch.float32),
        ("int8", torch.int64),
        ("uint16", torch.int64),
        ("?", torch.int64),
    ):
        samples: Any = samples_of((inputs, np.array([1, 0, 1]).astype(given)), "train")
        assert samples.inputs.dtype == torch.float32
        assert (samples.targets.dtype, samples.targets.tolist()) == (dtype, [1, 0, 1])
    again: Any = samples_of((torch.ones(3, 2), np.array([1, 0, 1])), "train")
    assert again.targets.tolist() == [1, 0, 1]


def test_a_problem_gives_targets_for_a_split_or_none():
    splits = {"train": CLASSES, "validation": CLASSES[:5].numpy(), "test": None}
    problem = SimpleNamespace(train=INPUTS, validation=INPUTS[:5], test=INPUTS[:2], targets=splits.get)
    assert samples_of(problem, "train").targets is CLASSES
    found: Any = samples_of(problem, "validation").targets
    assert found.tolist() == [0, 1, 2, 3, 0]
    assert not samples_of(problem, "test").labelled


@pytest.mark.parametrize("labelled", [True, False])
def test_rows_that_are_no_tensor_come_some_at_a_time(labelled: bool):
    table = Table(2 * CHUNK + 3, labelled)
    chunks = list(samples_of(table, "train").chunks())
    assert [len(inputs) for inputs, _ in chunks] == table.asked == [CHUNK, CHUNK, 3]
    assert torch.cat([inputs for inputs, _ in chunks])[:, 0].tolist() == list(range(2 * CHUNK + 3))
    if labelled:
        assert torch.cat([targets for _, targets in chunks]).tolist() == [k % 2 for k in range(2 * CHUNK + 3)]
    else:
        assert all(inputs is targets for inputs, targets in chunks)


def test_targets_that_are_no_tensor_are_made_one():
    problem = SimpleNamespace(train=torch.zeros(5, 1), targets=lambda split: Table(5))
    ((_, targets),) = samples_of(problem, "train").chunks()
    assert targets.tolist() == [[k, k + 1] for k in range(5)]


def test_a_batch_of_data_with_targets_is_a_pair():
    for data in ((INPUTS, CLASSES), Table(23)):
        random.seed(5)
        inputs, targets = draw_batch(data, 4)
        random.seed(5)
        places = random.sample(range(23), 4)
        assert targets.tolist() == [k % (4 if data is not None and isinstance(data, tuple) else 2) for k in places]
        table = INPUTS if isinstance(data, tuple) else Table(23)
        assert torch.equal(inputs, table[torch.tensor(places)])
        again: Any = samples_of((inputs, targets), "train")
        assert again.targets is targets
    assert draw_batch(Table(5, labelled=False), 5).shape == (5, 2)


class Shown(TensorDataset):
    """A data set that knows of a split, as those of torchvision do."""

    train = True


FRAME = pd.DataFrame({"a": [0.0, 1.0]})
LISTED = [(INPUTS[0], 0), (INPUTS[1], 1)]
DATA = r"^data must be a problem, a tensor or a numpy array of floats, or \(inputs, targets\), got .*"
TARGETS = r"^targets must be a tensor or a numpy array of floats or of the numbers of classes, one a sample, got "
WRONG: list[tuple[Any, type[Exception], str]] = [
    (DataLoader(Shown(INPUTS, CLASSES)), TypeError, DATA + r"DataLoader.*torch\.cat\(list\(loader\)\), or tuple\("),
    (Shown(INPUTS, CLASSES), TypeError, DATA + r"Shown.*; give its samples as tensors, \(inputs, targets\)"),
    (LISTED, TypeError, DATA + r"; make two tensors of it: torch.stack\(\[x for x, y in data\]\), torch.tensor"),
    ([INPUTS[0], INPUTS[1]], TypeError, DATA + r"; make it a tensor: torch.tensor\(data\), or torch.stack"),
    (FRAME, TypeError, DATA + r"; make it an array: data.to_numpy\('float32'\)$"),
    ((INPUTS, CLASSES, SHARES), TypeError, DATA),
    ((CLASSES.numpy(), CLASSES), TypeError, DATA + r"; make it floats: data.astype\('float32'\)$"),
    ((INPUTS, CLASSES.tolist()), TypeError, TARGETS + r"\[0, 1, 2, 3, 0"),
    ((INPUTS, FRAME["a"]), TypeError, TARGETS),
    ((INPUTS, np.array(["a"] * 23)), TypeError, TARGETS + r"array\(\['a'"),
    ((INPUTS, torch.tensor(1)), TypeError, TARGETS + r"tensor\(1\)$"),
    ((INPUTS, None), TypeError, TARGETS + "None$"),
    ((INPUTS, SHARES.to(torch.complex64)), TypeError, TARGETS),
    (torch.tensor(1.0), ValueError, r"^data must be \(samples, inputs\), got tensor\(1\.\)$"),
    (np.array(1.0), ValueError, r"^data must be \(samples, inputs\), got array\(1\.\)$"),
    ((INPUTS, CLASSES[:4]), ValueError, "^data need a target for each sample, got 4 targets for 23 samples$"),
    ((INPUTS[:2], CLASSES), ValueError, "^data need a target for each sample, got 23 targets for 2 samples$"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_data_is_said_in_one_line_that_names_it(wrong: Any, error: type[Exception], message: str):
    for read in (
        lambda: samples_of(wrong, "train"),
        lambda: evaluate(one(), wrong),
        lambda: mutTrain(one(), wrong),
        lambda: draw_batch(wrong, 1),
    ):
        with pytest.raises(error, match=message) as raised:
            read()
        assert "\n" not in str(raised.value)


def test_what_the_hints_say_works():
    loader = DataLoader(TensorDataset(INPUTS, CLASSES), 5)
    inputs, targets = samples_of(tuple(map(torch.cat, zip(*loader, strict=True))), "train")
    assert torch.equal(inputs[torch.arange(23)], INPUTS)
    assert torch.equal(targets[torch.arange(23)], CLASSES)
    assert samples_of(TensorDataset(INPUTS, CLASSES).tensors, "train").targets is CLASSES
    made = torch.stack([x for x, _ in LISTED]), torch.tensor([y for _, y in LISTED])
    assert samples_of(made, "train").labelled
    assert tensor_of(FRAME.to_numpy("float32"), "train").tolist() == [[0.0], [1.0]]


def test_a_split_is_a_name():
    wrong: Any = 1
    for read in (samples_of, tensor_of):
        with pytest.raises(TypeError, match="split must be the name of a split, such as 'train', got 1"):
            read(INPUTS, wrong)
