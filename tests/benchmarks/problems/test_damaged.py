"""Damaged data end in one line that names the file, whatever is wrong with them, and take no memory."""

import gzip
import os
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.problems.cifar10 import FILES as BATCHES, Cifar10
from evoprune.benchmarks.problems.file_problem import FileProblem
from evoprune.benchmarks.problems.idx import FILES, IdxImages
from evoprune.benchmarks.problems.images import ImageFolder
from evoprune.benchmarks.problems.problem import Problem, validate
from evoprune.benchmarks.problems.retrieval import Retrieval
from evoprune.benchmarks.problems.text import TextProblem
from evoprune.benchmarks.problems.user_items_sample import write_sample
from tests.benchmarks.problems.tiny import record, write_cifar10
from tests.benchmarks.weights.tiny import idx, write_mnist
from tests.damaged import CIFAR10, DAMAGED, IDX, RETRIEVAL, TABLES, TEXT, damage
from tests.damaged_images import picture
from tests.damaged_tables import BOMB, GOOD, npy, npz
from tests.damaged_text import GOOD as LINES, ITEMS, USERS, rows
from tests.traced import traced

BOMBS = [name for name in DAMAGED if "bomb" in name and "bz2" not in name and "LZMA" not in name]
FEW = ["--generations", "1", "--no-compare", "--quiet"]


@pytest.fixture
def data(request, tmp_path):
    """What the function of that name in :data:`DAMAGED` writes."""
    (tmp_path / "data").mkdir()
    return DAMAGED[request.param](tmp_path / "data")


def kind_of(name: str) -> str:
    if name in TEXT or name in RETRIEVAL:
        return "text" if name in TEXT else "retrieval"
    return "file" if name in TABLES else "idx" if name in IDX else "cifar10" if name in CIFAR10 else "images"


def problem(name: str, path: Path) -> Problem:
    kinds = {"file": FileProblem, "idx": IdxImages, "cifar10": Cifar10, "images": ImageFolder}
    kinds |= {"text": TextProblem, "retrieval": Retrieval}
    return kinds[kind_of(name)](str(path))


def check_line(message: str, path: Path) -> None:
    assert message.splitlines() == [message]
    assert str(path) in message
    assert len(message) < 1000 + len(str(path))


@pytest.mark.parametrize(("name", "data"), [(name, name) for name in DAMAGED], indirect=["data"], ids=list(DAMAGED))
def test_one_line_names_the_file(name, data):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        validate(problem(name, data), 1)
    check_line(str(caught.value), data)


@pytest.mark.parametrize(("name", "data"), [(name, name) for name in DAMAGED], indirect=["data"], ids=list(DAMAGED))
def test_the_command_line_says_it_and_writes_nothing(name, data, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    command = ["weights"] if name in IDX else ["run", "--benchmark", kind_of(name)]
    assert main([*command, "--data", str(data), *FEW]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("evoprune: error: ")
    check_line(printed.err.removesuffix("\n"), data)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize(("name", "data"), [(name, name) for name in BOMBS], indirect=["data"], ids=BOMBS)
def test_a_bomb_is_not_unpacked(name, data):
    with traced() as memory, pytest.raises(ValueError, match=r"."):
        validate(problem(name, data), 1)
    assert memory.peak < BOMB / 4


def test_a_member_that_unpacks_to_more_than_it_says_is_read_in_sips(tmp_path, monkeypatch):
    asked = []
    read = zipfile.ZipExtFile.read

    def noted(self, size=-1):
        asked.append(size)
        return read(self, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", noted)
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        (tmp_path / "x.npz").write_bytes(npz(npy(np.zeros((1000, 100))), method))
        assert FileProblem(str(tmp_path / "x.npz")).load().train.shape == (600, 100)
    assert 0 < max(asked) <= 4096
    assert min(asked) >= 0


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
@pytest.mark.parametrize("name", ["x.npy", "x.csv", "folder"])
def test_what_must_not_be_read(tmp_path, name):
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        path.write_bytes(npy())
    path.chmod(0)
    try:
        with pytest.raises(ValueError, match=f"{name}: .*Permission denied"):
            validate((ImageFolder if name == "folder" else FileProblem)(str(path)), 1)
    finally:
        path.chmod(0o700)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.csv", "folder", "idx", "cifar10", "text", "retrieval"])
def test_a_refusal_of_the_system_is_a_line(tmp_path, monkeypatch, name):
    path = tmp_path / name
    kinds: dict[str, Any] = {"folder": ImageFolder, "idx": IdxImages, "cifar10": Cifar10}
    kind = {**kinds, "text": TextProblem, "retrieval": Retrieval}.get(name, FileProblem)
    if kind is FileProblem:
        path.write_bytes(npy())
    elif kind is Cifar10:
        write_cifar10(path)
    elif kind is Retrieval:
        write_sample(path, 20, 15)
    else:
        write_mnist(path)
    made = kind(str(path))

    def refusing(original):
        def opened(file, *arguments, **more):
            if str(file).startswith(str(path)):
                raise PermissionError(13, "Permission denied", str(file))
            return original(file, *arguments, **more)

        return opened

    monkeypatch.setattr("builtins.open", refusing(open))
    monkeypatch.setattr("os.scandir", refusing(os.scandir))
    with pytest.raises(ValueError, match=f"{name}.*: Permission denied"):
        validate(made, 1)


def test_a_home_of_nobody(tmp_path):
    kinds: list[Any] = [FileProblem, ImageFolder, Retrieval, TextProblem]
    for kind in kinds:
        with pytest.raises(ValueError, match=r"~nobody-of-that-name/x\.npy: "):
            kind("~nobody-of-that-name/x.npy")


GOOD_FILES: dict[str, bytes] = {
    "x.npy": npy(),
    "stored.npz": npz(npy(), zipfile.ZIP_STORED),
    "deflated.npz": npz(npy()),
    "bzip2.npz": npz(npy(), zipfile.ZIP_BZIP2),
    "lzma.npz": npz(npy(), zipfile.ZIP_LZMA),
    "x.csv": b"a,b,c\n" + b"1,2.5,-3e2\n" * 10,
    f"{FILES[0]}.gz": gzip.compress(idx(np.arange(960).reshape(60, 4, 4)), mtime=0),
    FILES[1]: idx(np.zeros(60)),
    BATCHES[1]: record(3, 30) * 4,
    "bad.png": picture(),
    "bad.jpg": picture("JPEG"),
    "train.csv": rows(),
    "x.txt": LINES.encode(),
}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_random_damage_is_a_line_or_no_damage(name, tmp_path):
    assert len(GOOD) == 10
    rng = random.Random(name)
    for number in range(40):
        folder = tmp_path / str(number)
        folder.mkdir()
        made: Problem
        if name.endswith((".png", ".jpg")):
            for k in range(4):
                (folder / f"{k}.png").write_bytes(GOOD_FILES["bad.png"])
            made = ImageFolder(str(folder), size=8)
        elif "ubyte" in name:
            write_mnist(folder, side=4)
            (folder / name.removesuffix(".gz")).unlink()
            made = IdxImages(str(folder))
        elif name in BATCHES:
            made = Cifar10(str(write_cifar10(folder, batch=1, test=1)))
        elif name == "train.csv":
            made = Retrieval(str(write_sample(folder, USERS, ITEMS)))
        path = folder / name
        path.write_bytes(damage(GOOD_FILES[name], rng))
        if name.endswith(("npy", "npz", "x.csv", "txt")):
            made = (TextProblem if name.endswith("txt") else FileProblem)(str(path))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                validate(made, 1)
        except ValueError as error:
            check_line(str(error), folder)
