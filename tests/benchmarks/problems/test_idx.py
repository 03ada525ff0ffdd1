"""MNIST's files are read as they are written, and what is wrong with one is said."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from evoprune.benchmarks.problems.idx import FILES, IdxImages, read_idx
from evoprune.benchmarks.problems.problem import SPLITS, validate
from tests.benchmarks.weights.tiny import idx, write_mnist


def test_a_file_worked_out_by_hand(tmp_path: Path):
    (tmp_path / "images").write_bytes(bytes.fromhex("00000803 00000002 00000001 00000003 000102 fdfeff"))
    assert read_idx(tmp_path / "images").tolist() == [[[0, 1, 2]], [[253, 254, 255]]]
    (tmp_path / "labels.gz").write_bytes(gzip.compress(bytes.fromhex("0000080100000003070109")))
    assert read_idx(tmp_path / "labels.gz").tolist() == [7, 1, 9]


@pytest.mark.parametrize("zipped", [False, True])
def test_the_splits(tmp_path: Path, zipped: bool):
    problem = IdxImages(str(write_mnist(tmp_path / "mnist", zipped=zipped)))
    assert (problem.inputs, problem.shape) == (25, (5, 5))
    assert problem.train.shape == (50, 25)
    assert problem.validation.shape == (10, 25)  # one in six
    assert problem.test.shape == (20, 25)
    labels = problem.train_labels
    assert labels is not None
    assert torch.equal(problem.train.argmax(1), labels)  # images and labels are shuffled together
    assert problem.train.max() == 1
    whole = np.sort(torch.cat([problem.train, problem.validation]).numpy().ravel())
    files = np.sort(read_idx(next(tmp_path.rglob("train-images*"))).ravel().astype(np.float32) / 255)
    assert np.array_equal(whole, files)
    assert not torch.equal(IdxImages(problem.directory, split_seed=1).train, problem.train)


def test_both_tasks(tmp_path: Path):
    problem = IdxImages(str(write_mnist(tmp_path)))
    classes = IdxImages(problem.directory, task="classification")
    assert (problem.outputs, classes.outputs, classes.classes) == (25, 10, 10)
    assert problem.targets("train") is None
    for split in SPLITS:
        assert torch.equal(getattr(classes, split), getattr(problem, split))
        targets = classes.targets(split)
        assert isinstance(targets, torch.Tensor)
        assert torch.equal(targets, getattr(problem, split).argmax(1))
        assert torch.equal(targets, getattr(problem, f"{split}_labels"))
    for each in (problem, classes):
        validate(each, 5)
    with pytest.raises(ValueError, match="unknown task 'regression'"):
        IdxImages(problem.directory, task="regression")


def test_images_of_one_class_are_none_to_classify(tmp_path: Path):
    write_mnist(tmp_path)
    for name, count in zip(FILES[1::2], (60, 20), strict=True):
        (tmp_path / name).write_bytes(idx(np.zeros(count)))
    validate(IdxImages(str(tmp_path)), 5)
    with pytest.raises(ValueError, match="classification needs at least two classes, got 1 in IdxImages"):
        validate(IdxImages(str(tmp_path), task="classification"), 5)


def test_missing_files_are_named_with_all_four(tmp_path: Path):
    write_mnist(tmp_path)
    (tmp_path / FILES[1]).unlink()
    with pytest.raises(ValueError, match=f"{FILES[1]} not found; expected the four files") as error:
        IdxImages(str(tmp_path)).load()
    assert all(name in str(error.value) for name in FILES)
    with pytest.raises(ValueError, match="expected the four files"):
        IdxImages(str(tmp_path / "nowhere")).load()


GOOD = idx(np.zeros((2, 3, 3)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD[:-1], "truncated: 33 bytes, 34 expected for 2 x 3 x 3"),
        (GOOD + b"x", "longer than its head says: 35 bytes, 34 expected"),
        (GOOD[:10], "truncated: 10 bytes, its head alone takes 16"),
        (b"", "magic number is 0x, expected 0x00000803"),
        (b"\x00\x00\x0d\x03" + GOOD[4:], "magic number is 0x00000d03"),  # floating-point numbers
        (b"\x89PNG" + GOOD[4:], "magic number is 0x89504e47"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str):
    path = write_mnist(tmp_path) / FILES[0]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        IdxImages(str(tmp_path)).load()
    assert str(path) in str(error.value)
    problem = IdxImages(str(tmp_path), split_seed=1)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        problem.train  # noqa: B018


def test_a_truncated_gzip_file(tmp_path: Path):
    path = write_mnist(tmp_path, zipped=True) / f"{FILES[2]}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=re.escape(f"{path}: cannot be read")):
        IdxImages(str(tmp_path)).load()


def test_files_that_do_not_belong_together(tmp_path: Path):
    write_mnist(tmp_path)
    (tmp_path / FILES[1]).write_bytes(idx(np.zeros(59)))
    with pytest.raises(ValueError, match="training images must be"):
        IdxImages(str(tmp_path)).load()
    write_mnist(tmp_path)
    (tmp_path / FILES[2]).write_bytes(idx(np.zeros((20, 4, 5))))
    with pytest.raises(ValueError, match=r"training images are \(60, 5, 5\), test images \(20, 4, 5\)"):
        IdxImages(str(tmp_path)).load()
