"""CIFAR-10's binary files are read as they are written, and what is wrong with one is said."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from evoprune.benchmarks.problems import cifar10
from evoprune.benchmarks.problems.cifar10 import FILES, HOME, NAMES, UNPACKED, Cifar10
from evoprune.benchmarks.problems.problem import SPLITS, Problem, splits, validate
from tests.benchmarks.problems.tiny import record, write_cifar10
from tests.traced import traced

WORDS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def labels(problem: Problem, split: str) -> torch.Tensor:
    found: torch.Tensor = getattr(problem, f"{split}_labels")
    return found


def test_a_record_worked_out_by_hand(tmp_path: Path):
    write_cifar10(tmp_path)
    pixels = bytearray(3 * 32 * 32)
    pixels[1] = 255  # red, in the first row and the second column
    pixels[1024 + 32] = 51  # green, in the second row and the first column
    pixels[3 * 1024 - 1] = 102  # blue, in the last row and the last column
    (tmp_path / FILES[5]).write_bytes(b"\7" + pixels)
    problem = Cifar10(str(tmp_path))
    image = problem.test.reshape(1, *problem.image)[0]
    assert labels(problem, "test").tolist() == [7]
    assert [image[0, 0, 1], image[1, 1, 0], image[2, 31, 31]] == pytest.approx([1, 0.2, 0.4])
    assert image.count_nonzero() == 3
    assert (problem.image, problem.shape, problem.inputs) == ((3, 32, 32), (96, 32), 3072)


def test_the_splits(tmp_path: Path):
    problem = Cifar10(str(write_cifar10(tmp_path)))
    parts = problem.train, problem.validation, problem.test
    assert [tuple(part.shape) for part in parts] == [(18, 3072), (2, 3072), (6, 3072)]  # one in ten of 5 times 4
    shades = [(part[:, 0] * 255).round().long() for part in parts]  # which are the numbers of the records
    assert sorted(torch.cat(shades[:2]).tolist()) == list(range(20))
    assert shades[2].tolist() == list(range(20, 26))
    for split, numbers in zip(SPLITS, shades, strict=True):
        assert torch.equal(numbers % 10, labels(problem, split))  # images and labels are shuffled together
    assert torch.equal(problem.train[:, 1024], torch.full((18,), 253) / 255)
    assert torch.equal(problem.train[:, 1023], shades[0].float() / 255)
    assert not torch.equal(Cifar10(problem.directory, split_seed=1).train, problem.train)


def test_at_least_one_image_is_for_validation(tmp_path: Path):
    problem = Cifar10(str(write_cifar10(tmp_path, batch=1)))
    assert [len(problem.train), len(problem.validation)] == [4, 1]


def test_files_of_different_lengths(tmp_path: Path):
    write_cifar10(tmp_path)
    (tmp_path / FILES[1]).write_bytes(b"".join(record(1, 100 + k) for k in range(11)))
    problem = Cifar10(str(tmp_path))
    found = torch.cat([problem.train, problem.validation])[:, 0] * 255
    assert sorted(found.round().int().tolist()) == [*range(4), *range(8, 20), *range(100, 111)]


def test_it_does_not_matter_how_much_is_read_at_a_time(tmp_path: Path, monkeypatch):
    write_cifar10(tmp_path)
    whole = Cifar10(str(tmp_path)).load()
    monkeypatch.setattr(cifar10, "CHUNK", 3)
    parts = Cifar10(str(tmp_path)).load()
    assert all(torch.equal(getattr(whole, name), getattr(parts, name)) for name in ("train", "test", "train_labels"))
    (tmp_path / FILES[4]).write_bytes(record(1, 1) * 7 + record(11, 1))
    with pytest.raises(
        ValueError, match=r"data_batch_5\.bin: label 11 in record 7 \(counted from 0\); expected 0 to 9"
    ):
        Cifar10(str(tmp_path)).load()


def test_both_tasks(tmp_path: Path):
    problem = Cifar10(str(write_cifar10(tmp_path)))
    classes = Cifar10(str(tmp_path), task="classification")
    assert (problem.outputs, classes.outputs, classes.classes) == (3072, 10, 10)
    assert problem.targets("train") is None
    assert classes.targets("train") is classes.train_labels
    assert torch.equal(labels(classes, "train"), labels(problem, "train"))
    assert torch.equal(classes.train, problem.train)
    for each in (problem, classes):
        validate(each, 5)
    with pytest.raises(ValueError, match="unknown task 'regression'"):
        Cifar10(str(tmp_path), task="regression")


def test_the_folder_that_the_archive_unpacks_to(tmp_path: Path, monkeypatch):
    write_cifar10(tmp_path / UNPACKED)
    (tmp_path / UNPACKED / NAMES).write_text("\n".join([*WORDS, ""]))
    monkeypatch.chdir(tmp_path)
    assert Cifar10(".") == Cifar10(str(tmp_path))
    assert torch.equal(Cifar10(".").train, Cifar10(str(tmp_path / UNPACKED)).train)
    assert Cifar10(".").class_names == tuple(WORDS)


def test_names_may_be_missing_but_not_damaged(tmp_path: Path):
    problem = Cifar10(str(write_cifar10(tmp_path)))
    assert problem.class_names == ()
    (tmp_path / NAMES).write_text("\n".join(WORDS[:9]))
    with pytest.raises(ValueError, match=r"batches\.meta\.txt: expected the names of 10 classes, one a line, found 9"):
        problem.load()


def test_what_is_missing_is_named(tmp_path: Path):
    problem = Cifar10(str(tmp_path))
    with pytest.raises(ValueError, match=r"expected the six files data_batch_1\.bin, .*, and found none") as caught:
        problem.load()
    assert all(name in str(caught.value) for name in (*FILES, HOME, "binary version", UNPACKED))
    for name in ("data_batch_1", "test_batch"):
        (tmp_path / name).write_bytes(b"\x80\x03}q\x00")
    with pytest.raises(ValueError, match="data_batch_1 is of the Python version, a pickle; expected the six") as caught:
        problem.load()
    assert HOME in str(caught.value)
    write_cifar10(tmp_path)
    problem.load()
    (tmp_path / FILES[1]).unlink()
    (tmp_path / FILES[5]).unlink()
    with pytest.raises(ValueError, match=r"data_batch_2\.bin, test_batch\.bin not found; expected the six files"):
        problem.load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty; expected records of 3073 bytes"),
        (record(1, 1)[:-1], "3072 bytes are no whole number of records; expected records of 3073 bytes"),
        (record(1, 1) + record(10, 1), "label 10 in record 1 (counted from 0); expected 0 to 9"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str):
    path = write_cifar10(tmp_path) / FILES[2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}: {message}")):
        Cifar10(str(tmp_path)).train  # noqa: B018


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path, monkeypatch):
    write_cifar10(tmp_path)
    monkeypatch.setattr(cifar10, "count_records", lambda path: 5)
    with pytest.raises(ValueError, match=r"data_batch_1\.bin: truncated: expected 5 records of 3073 bytes"):
        Cifar10(str(tmp_path)).load()


def test_loading_takes_no_more_than_the_estimate(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(cifar10, "CHUNK", 16)
    problem = Cifar10(str(write_cifar10(tmp_path, batch=40, test=50)))
    expected = problem.memory
    np.random.default_rng(0).permutation(3)  # loads what it needs
    splits.cache_clear()
    with traced() as memory:
        problem.load()
    stays = 250 * 3072 * 4
    assert stays < memory.peak < 1.15 * stays  # the bytes are read a few at a time, and nothing is there twice
    assert memory.peak < expected
