"""The classes of a folder of images are the folders right below it, and what they lack is said."""

import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from evoprune.benchmarks.problems.image_files import read_folder
from evoprune.benchmarks.problems.images import ImageFolder
from evoprune.benchmarks.problems.problem import SPLITS, Problem, validate


def shades(place: Path, count: int, first: int) -> None:
    """Grey images of a side of two, of a shade each, from a first one on."""
    place.mkdir(parents=True, exist_ok=True)
    for shade in range(first, first + count):
        Image.new("L", (2, 2), shade).save(place / f"{shade}.png")


def numbered(problem: Problem) -> dict[int, int]:
    """Shade of an image -> its label, over all splits."""
    found: dict[int, int] = {}
    for split in SPLITS:
        labels = getattr(problem, f"{split}_labels")
        rounded = (getattr(problem, split)[:, 0] * 255).round().int().tolist()
        found |= dict(zip(rounded, labels.tolist(), strict=True))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten dogs of the shades from 0, of which four deeper down; eight cats from 100; and an empty folder between."""
    shades(tmp_path / "dog", 6, 0)
    shades(tmp_path / "dog" / "deeper" / "down", 4, 6)
    shades(tmp_path / "cat", 8, 100)
    (tmp_path / "cow").mkdir()
    (tmp_path / "cow" / "notes.txt").write_text("no image")
    return tmp_path


EXPECTED = dict.fromkeys(range(10), 1) | dict.fromkeys(range(100, 108), 0)
"""The cats are before the dogs, and the cows have no images."""


@pytest.mark.parametrize("task", ["reconstruction", "classification"])
def test_a_class_is_a_subfolder(folder: Path, task: str):
    problem = ImageFolder(str(folder), size=0, task=task)
    assert problem.class_names == ("cat", "dog")
    assert numbered(problem) == EXPECTED
    assert [len(getattr(problem, split)) for split in SPLITS] == [12, 3, 3]
    validate(problem, 5)
    assert (problem.classes, problem.outputs) == (2, 4 if task == "reconstruction" else 2)


def test_both_tasks_have_the_same_splits(folder: Path):
    one, other = (ImageFolder(str(folder), 0, 3, task=task) for task in ("reconstruction", "classification"))
    assert all(torch.equal(getattr(one, split), getattr(other, split)) for split in SPLITS)
    assert numbered(one) == numbered(other)


def test_names_are_sorted_as_texts(tmp_path: Path):
    for number, name in enumerate(["10", "9", "Zebra", "ape"]):
        shades(tmp_path / name, 5, 10 * number)
    problem = ImageFolder(str(tmp_path), size=0)
    assert problem.class_names == ("10", "9", "Zebra", "ape")
    assert numbered(problem) == {10 * number + k: number for number in range(4) for k in range(5)}


def test_a_name_that_no_plot_takes(tmp_path: Path):
    shades(tmp_path / "a\nb", 6, 0)
    shades(tmp_path / os.fsdecode(b"\xff"), 6, 10)
    assert ImageFolder(str(tmp_path), size=0).class_names == ("'a\\nb'", "'\\udcff'")


def test_without_classes_there_are_no_labels(tmp_path: Path):
    shades(tmp_path, 6, 0)
    flat = ImageFolder(str(tmp_path), size=0)
    assert (flat.class_names, flat.train_labels, flat.classes) == ((), None, 0)
    shades(tmp_path / "dog", 6, 10)
    shades(tmp_path / "cat", 6, 20)
    mixed = ImageFolder(str(tmp_path), 0, 1)
    read_folder.cache_clear()
    assert (mixed.class_names, mixed.train_labels) == ((), None)
    assert len(mixed.train) == 12


@pytest.mark.filterwarnings("ignore:.*left out")
def test_what_could_not_be_read_has_no_class_and_needs_none(folder: Path):
    (folder / "bad.png").write_bytes(b"no image")
    (folder / "cat" / "bad.png").write_bytes(b"no image")
    problem = ImageFolder(str(folder), size=0, task="classification")
    assert numbered(problem) == EXPECTED


def refused(folder: Path) -> str:
    read_folder.cache_clear()
    with pytest.raises(ValueError, match=r"^.+$") as caught:
        ImageFolder(str(folder), size=0, task="classification").load()
    assert str(caught.value).startswith(f"{folder}: ")
    return str(caught.value).removeprefix(f"{folder}: ")


@pytest.mark.filterwarnings("ignore:.*left out")
def test_classification_needs_classes(tmp_path: Path):
    shades(tmp_path, 6, 0)
    assert refused(tmp_path) == "classification needs two or more subfolders with images, found none"
    shades(tmp_path / "dog", 6, 10)
    (tmp_path / "cow").mkdir()
    assert refused(tmp_path) == "classification needs two or more subfolders with images, found only dog"
    shades(tmp_path / "cat", 6, 20)
    assert refused(tmp_path) == "a class is a subfolder, and the image 0.png lies in none"
    for image in tmp_path.glob("*.png"):
        image.rename(tmp_path / "cat" / image.name)
    (tmp_path / "cow" / "bad.jpg").write_bytes(b"no image")
    assert refused(tmp_path) == "a class needs at least 5 images that can be read, cow has 0"
    shades(tmp_path / "cow", 4, 30)
    assert refused(tmp_path) == "a class needs at least 5 images that can be read, cow has 4"
    shades(tmp_path / "cow", 5, 30)
    read_folder.cache_clear()
    validate(ImageFolder(str(tmp_path), size=0, split_seed=9, task="classification"), 1)


def test_each_class_is_in_the_training_split(tmp_path: Path, monkeypatch):
    shades(tmp_path / "dog", 6, 0)
    shades(tmp_path / "cat", 6, 10)
    shades(tmp_path / "ape", 20, 20)

    class Order:
        """In place of numpy's generator: the first images by name, which are apes, are for training."""

        def permutation(self, count: int):
            return torch.arange(count).flip(0).numpy()

    monkeypatch.setattr("numpy.random.default_rng", lambda seed: Order())
    expected = "by chance none of the 6 images of class cat is in the training split: take another seed, or more images"
    assert refused(tmp_path) == expected  # a fifth of 32 images is 6: all dogs are for testing, all cats for validation
