"""What loading takes is known before, and what does not fit is refused at once."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evoprune import memory
from evoprune.__main__ import main
from evoprune.benchmarks.problems.binary_clustering import BinaryClustering
from evoprune.benchmarks.problems.cifar10 import Cifar10
from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.file_problem import FileProblem
from evoprune.benchmarks.problems.idx import IdxImages, read_idx
from evoprune.benchmarks.problems.images import ImageFolder, Photographs, read_image
from evoprune.benchmarks.problems.problem import Problem, Splits, splits
from tests.benchmarks.problems.tiny import write_cifar10
from tests.benchmarks.weights.tiny import write_mnist
from tests.damaged_images import picture, png_of
from tests.traced import traced


def tabled(place: Path, name: str) -> FileProblem:
    place.mkdir()
    table = np.random.default_rng(0).random((50, 20))
    if name.endswith("npy"):
        np.save(place / name, table)
    elif name.endswith("npz"):
        np.savez_compressed(place / name, table)
    else:
        np.savetxt(place / name, table, delimiter=",")
    return FileProblem(str(place / name))


def pictured(place: Path, size: int) -> Problem:
    place.mkdir()
    for k in range(6):
        (place / f"{k}.png").write_bytes(picture())
    (place / "bad.png").write_bytes(b"no image")
    return ImageFolder(str(place), size)


PROBLEMS: dict[str, Any] = {
    "bits": lambda place: BinaryClustering(n_samples=50, n_dim=20),
    "digits": lambda place: Digits(),
    "cifar10": lambda place: Cifar10(str(write_cifar10(place))),
    "npy": lambda place: tabled(place, "x.npy"),
    "npz": lambda place: tabled(place, "x.npz"),
    "csv": lambda place: tabled(place, "x.csv"),
    "csv with targets": lambda place: replace(tabled(place, "x.csv"), target_column="-1", task="regression"),
    "npy with targets": lambda place: replace(tabled(place, "x.npy"), target_column="-1", task="regression"),
    "idx": lambda place: IdxImages(str(write_mnist(place))),
    "packed idx": lambda place: IdxImages(str(write_mnist(place, zipped=True))),
    "photographs": lambda place: Photographs(),
    "images": lambda place: pictured(place, 32),
    "images as they are": lambda place: pictured(place, 0),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.filterwarnings("ignore:.*left out")
def test_the_estimate_is_more_than_what_stays_and_not_much_more(name, tmp_path):
    problem = PROBLEMS[name](tmp_path / "place")
    expected = problem.memory
    stays = sum(part.nbytes for part in (problem.train, problem.validation, problem.test))
    assert stays < expected < 9 * stays


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_does_not_fit_is_refused_before_it_is_loaded(name, tmp_path, monkeypatch):
    problem = PROBLEMS[name](tmp_path / "place")
    splits.cache_clear()
    needed = problem.memory
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    monkeypatch.setattr(type(problem), "load", lambda self: pytest.fail("it was loaded"))
    with pytest.raises(ValueError, match=r"this needs about .* of memory .*, and .* are free") as caught:
        problem.train  # noqa: B018
    assert caught.value.args[0].splitlines() == [str(caught.value)]
    assert str(tmp_path) in str(caught.value) or not hasattr(problem, "path")


def test_the_peak_of_bits():
    problem = BinaryClustering(n_samples=300, n_dim=1000, n_clusters=300)
    with traced() as found:
        problem.load()
    assert found.peak == pytest.approx(problem.memory, rel=0.05)


def test_a_recipe_of_a_million_million_bits_is_cheap(tmp_path):
    problem = BinaryClustering(n_dim=10**12, n_samples=10**12)
    assert (problem.inputs, problem.noise_floor, problem.shape) == (10**12, 0.05, None)
    assert problem.memory > 1e24
    for ask in (lambda: problem.train, lambda: problem.centroids):
        with pytest.raises(ValueError, match=r"this needs about .*n_dim=1000000000000"):
            ask()


class Silent(Problem):
    """Says nothing of its memory, and has not enough."""

    name = "silent"

    def load(self) -> Splits:
        raise MemoryError


def test_a_problem_need_not_know():
    assert Silent().memory == 0
    with pytest.raises(ValueError, match="do not fit into memory: take less data"):
        Silent().train  # noqa: B018


def test_a_folder_is_measured_where_it_is_not_loaded(tmp_path, monkeypatch):
    problem = pictured(tmp_path / "place", 32)
    monkeypatch.setattr(memory, "available", lambda: 1000)
    with pytest.raises(ValueError, match=r"the images in .*place .*take fewer or smaller ones"):
        problem.inputs  # noqa: B018


def test_single_files_are_measured(tmp_path, monkeypatch):
    (tmp_path / "large.png").write_bytes(png_of(5000, 5000))
    write_mnist(tmp_path)
    monkeypatch.setattr(memory, "available", lambda: 10)
    with pytest.raises(ValueError, match=r"this needs about 300 MB of memory .*large\.png"):
        read_image(tmp_path / "large.png")
    with pytest.raises(ValueError, match=r"this needs about 1\.52 kB of memory .*train-images"):
        read_idx(tmp_path / "train-images-idx3-ubyte")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--n-samples", "1000000000"], r"this needs about 16 TB of memory .*n_samples=1000000000"),
        (["--n-dim", "1000000000"], r"this needs about 16 TB of memory .*n_dim=1000000000"),
        (["--n-dim", str(10**30)], "n_dim of benchmark binary-clustering must be a whole number of at most"),
        (["--benchmark", "images", "--data", "FOLDER", "--image-size", "100000"], "whole number of at most 4096"),
        (["--benchmark", "photographs", "--image-size", "100000"], "whole number of at most 200"),
    ],
)
def test_the_command_line_refuses_at_once(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()
    for k in range(5):
        Image.new("RGB", (4, 4)).save(tmp_path / "FOLDER" / f"{k}.png")
    assert main(["run", *options, "--generations", "1", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1

    assert re.search(message, error)
    assert not (tmp_path / "runs").exists()
