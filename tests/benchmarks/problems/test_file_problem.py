from dataclasses import replace

import numpy as np
import pytest
import torch

from evoprune.benchmarks.problems.file_problem import FileProblem
from evoprune.benchmarks.problems.problem import validate

SPLITS = ("train", "validation", "test")


@pytest.fixture
def table(tmp_path):
    """Ten rows of three numbers, different everywhere, as an .npy file."""
    path = tmp_path / "table.npy"
    np.save(path, np.arange(30.0).reshape(10, 3))
    return path


def test_split(table):
    problem = FileProblem(table)
    assert [len(getattr(problem, split)) for split in SPLITS] == [6, 2, 2]
    everything = torch.cat([problem.train, problem.validation, problem.test])
    assert sorted(everything[:, 0].tolist()) == list(range(0, 30, 3))
    assert (everything[:, 2] == everything[:, 0] + 2).all()  # rows stay whole
    assert not torch.equal(problem.train, FileProblem(table, split_seed=1).train)
    assert problem.train_labels is None
    assert problem.noise_floor is None


def test_the_path_is_absolute(table, monkeypatch):
    monkeypatch.chdir(table.parent)
    assert FileProblem("table.npy") == FileProblem(table)


def test_formats_agree(table, tmp_path):
    data = np.load(table)
    np.savez(tmp_path / "one.npz", anything=data)
    np.savez(tmp_path / "two.npz", labels=np.arange(10), data=data)
    np.savetxt(tmp_path / "plain.csv", data, delimiter=",")
    np.savetxt(tmp_path / "header.csv", data, delimiter=",", header="a,b,c", comments="", encoding="utf-8-sig")
    for name in ("one.npz", "two.npz", "plain.csv", "header.csv"):
        assert torch.equal(FileProblem(tmp_path / name).train, FileProblem(table).train)


def test_binary_is_seen_from_the_values(table, tmp_path):
    np.save(tmp_path / "bits.npy", np.eye(6, dtype=bool))
    assert FileProblem(tmp_path / "bits.npy").binary
    assert not FileProblem(table).binary


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_a_value_that_is_not_finite_is_placed(tmp_path, bad):
    data = np.zeros((10, 3))
    data[7, 2] = bad
    np.save(tmp_path / "bad.npy", data)
    with pytest.raises(ValueError, match=r"bad\.npy: .* in row 7, column 2 \(counted from 0\) is not a finite"):
        validate(FileProblem(tmp_path / "bad.npy"), 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,x\n", r"'x' in row 1, column 1 \(counted from 0\) is not a number"),
        ("1,2\n3,\n", "'' in row 1, column 1"),
        ("id,2\n3,4\n", "'id' in row 0, column 0"),
        ("1,2\n3\n", "row 1 .* has 1 columns, row 0 has 2"),
        ("1,2\n3,4\nnan,6\n7,8\n9,10\n", "nan in row 2, column 0"),
        ("a,b\n1,2\n", "at least 5 rows, got 1"),
        ("", "expected a row of numbers a sample, found none"),
        ("1,2\n\0\xff", "is not a number|not a comma-separated"),
    ],
)
def test_bad_csv(tmp_path, text, message):
    (tmp_path / "bad.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=rf"bad\.csv: .*({message})"):
        FileProblem(tmp_path / "bad.csv").load()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((6, 2, 2)), r"expected real numbers \(samples, inputs\)"),
        (np.zeros(6), "expected real numbers"),
        (np.zeros((6, 0)), "expected real numbers"),
        (np.zeros((6, 2), dtype=complex), "complex128"),
        (np.full((6, 2), "a"), "<U1"),
        (np.zeros((4, 2)), "at least 5 rows, got 4"),
        (np.array([[None] * 2] * 6), r"expected real numbers .* got object \(6, 2\)"),
    ],
)
def test_bad_arrays(tmp_path, array, message):
    np.save(tmp_path / "bad.npy", array)
    with pytest.raises(ValueError, match=rf"bad\.npy: .*{message}"):
        FileProblem(tmp_path / "bad.npy").load()


def test_bad_archives(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.zeros((6, 2)), b=np.zeros((6, 2)))
    with pytest.raises(ValueError, match=r'one called "data", and has a, b'):
        FileProblem(tmp_path / "two.npz").load()
    for content in (b"", b"not an archive", b"PK\x03\x04 broken"):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"broken\.npz: not a file of numpy arrays"):
            FileProblem(tmp_path / "broken.npz").load()


def test_files_that_are_not_there(tmp_path, table):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv: no such file"):
        FileProblem(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match=r"one of \.npy, \.npz, \.csv"):
        FileProblem(tmp_path / "table.xlsx")
    problem = replace(FileProblem(table), split_seed=99)
    table.unlink()
    with pytest.raises(FileNotFoundError, match=r"table\.npy"):
        problem.load()
