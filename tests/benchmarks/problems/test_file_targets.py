"""A column of a file may be what a network is to tell: classes or values, and what is wrong with it is said."""

from pathlib import Path

import numpy as np
import pytest
import torch

from evoprune.benchmarks.problems.file_problem import FileProblem
from evoprune.benchmarks.problems.problem import SPLITS, splits, validate
from tests.damaged_targets import pair
from tests.traced import traced

ANIMALS = [
    "height,animal,legs,weight",
    *("10,dog,4,1.5", "11,bird,2,2.5", "12,dog,4,3.5", "13,cat,4,4.5", "14, cat ,4,-5"),
    *("15,bird,2,6", "16,dog,4,7e2", "17,cat,4,8", "18,dog,4,9", "19,bird,2,0"),
]
CLASS = dict(zip(range(10, 20), [2, 0, 2, 1, 1, 0, 2, 1, 2, 0], strict=True))
"""Height -> class: bird 0, cat 1, dog 2."""
WEIGHT = dict(zip(range(10, 20), [1.5, 2.5, 3.5, 4.5, -5, 6, 700, 8, 9, 0], strict=True))


@pytest.fixture
def animals(tmp_path: Path) -> str:
    """Ten animals; the heights are different, so that they tell which row a sample is."""
    (tmp_path / "animals.csv").write_text("\n".join(ANIMALS))
    return str(tmp_path / "animals.csv")


def found(problem: FileProblem) -> dict[float, list[float] | float]:
    """First input of a sample -> its target, over all splits."""
    pairs: dict[float, list[float] | float] = {}
    for split in SPLITS:
        targets = problem.targets(split)
        assert isinstance(targets, torch.Tensor)
        pairs |= dict(zip(getattr(problem, split)[:, 0].tolist(), targets.tolist(), strict=True))
    return pairs


def classify(path: Path | str, column: str | None = None) -> FileProblem:
    problem = FileProblem(str(path), target_column=column, task="classification")
    validate(problem, 1)
    return problem


def regress(path: Path | str, column: str | None = None) -> FileProblem:
    problem = FileProblem(str(path), target_column=column, task="regression")
    validate(problem, 1)
    return problem


def lines(*cells: object) -> str:
    """Ten samples, whose first input is their row, with these targets in the second column, over and over."""
    return "\n".join(f"{row},{cells[row % len(cells)]}" for row in range(10))


class TestText:
    def test_reconstruction_leaves_the_column_out(self, animals: str):
        problem = FileProblem(animals, target_column="animal")
        assert (problem.inputs, problem.outputs, problem.class_names, problem.train_labels) == (3, 3, (), None)
        everything = torch.cat([problem.train, problem.validation, problem.test])
        assert sorted(everything.tolist())[:2] == [[10, 4, 1.5], [11, 2, 2.5]]
        assert FileProblem(animals, target_column="1").train.equal(problem.train)
        with pytest.raises(ValueError, match=r"'dog' in row 0, column 1 \(counted from 0\) is not a number"):
            FileProblem(animals).load()

    def test_what_is_left_out_may_be_anything(self, tmp_path: Path):
        (tmp_path / "x.csv").write_text(lines("", "?", "nan"))
        assert FileProblem(str(tmp_path / "x.csv"), target_column="1").train.shape == (6, 1)

    @pytest.mark.parametrize("column", ["animal", "1", "-3"])
    def test_classes(self, animals: str, column: str):
        problem = classify(animals, column)
        assert problem.class_names == ("bird", "cat", "dog")
        assert found(problem) == CLASS
        assert (problem.inputs, problem.classes, problem.outputs) == (3, 3, 3)
        labels = problem.train_labels
        assert labels is not None
        assert (labels.dtype, problem.loss) == (torch.int64, "cross-entropy")

    @pytest.mark.parametrize("column", ["weight", "3", "-1"])
    def test_values(self, animals: str, column: str, tmp_path: Path):
        path = tmp_path / "numbers.csv"
        path.write_text("\n".join(ANIMALS).replace("dog", "1").replace("cat", "2").replace("bird", "3"))
        problem = regress(path, column)
        assert found(problem) == {height: [weight] for height, weight in WEIGHT.items()}
        targets = problem.targets("train")
        assert isinstance(targets, torch.Tensor)
        assert (targets.dtype, targets.shape) == (torch.float32, (6, 1))
        assert (problem.inputs, problem.outputs, problem.class_names) == (3, 1, ())

    def test_the_split_is_that_of_reconstruction(self, animals: str):
        for seed in (0, 1):
            one, other = (FileProblem(animals, seed, "animal", task) for task in ("reconstruction", "classification"))
            assert all(torch.equal(getattr(one, split), getattr(other, split)) for split in SPLITS)

    @pytest.mark.parametrize(
        ("cells", "names", "expected"),
        [
            (["10", "9", "-1"], ("-1", "9", "10"), [2, 1, 0]),  # as texts, 10 would be before 9
            (["0.5", " 1e0", "1.0", "1"], ("0.5", "1"), [0, 1, 1, 1]),
            (["10", "9", "x"], ("10", "9", "x"), [0, 1, 2]),  # one is a text, so all are
            (["nan", "x"], ("nan", "x"), [0, 1]),
            (["b", "B", "a"], ("B", "a", "b"), [2, 0, 1]),
            (["9007199254740993", "9007199254740992"], ("9007199254740992", "9007199254740993"), [1, 0]),
        ],
    )
    def test_the_order_of_classes(self, tmp_path: Path, cells: list[str], names: tuple[str, ...], expected: list[int]):
        (tmp_path / "x.csv").write_text(lines(*cells))
        problem = classify(tmp_path / "x.csv", "1")
        assert problem.class_names == names
        assert found(problem) == {row: expected[row % len(cells)] for row in range(10)}

    def test_the_name_of_the_target_makes_a_header(self, tmp_path: Path):
        (tmp_path / "x.csv").write_text("0,1,kind\n" + "1,2,a\n3,4,b\n" * 5)
        problem = classify(tmp_path / "x.csv", "kind")
        assert (len(problem.train), problem.inputs, problem.class_names) == (6, 2, ("a", "b"))

    def test_half_as_many_classes_as_samples_are_the_most(self, tmp_path: Path):
        (tmp_path / "x.csv").write_text(lines(*range(5)))
        assert classify(tmp_path / "x.csv", "1").classes == 5
        (tmp_path / "y.csv").write_text(lines(*range(6)))
        with pytest.raises(ValueError, match=r"6 different values in 10 samples are too many .*is the task regression"):
            classify(tmp_path / "y.csv", "1")

    def test_a_thousand_classes_are_the_most(self, tmp_path: Path):
        (tmp_path / "x.csv").write_text("\n".join(f"{row},c{row % 1000}" for row in range(2000)))
        assert classify(tmp_path / "x.csv", "1").classes == 1000
        (tmp_path / "y.csv").write_text("\n".join(f"{row},c{row % 1001}" for row in range(3000)))
        with pytest.raises(ValueError, match=r"'c1000' in row 1000, column 1 .*is the task regression"):
            classify(tmp_path / "y.csv", "1")


class TestArrays:
    @pytest.fixture
    def table(self, tmp_path: Path) -> Path:
        """Ten rows: their number, a class of 5 or 7, and a value."""
        rows = np.arange(10.0)
        np.save(tmp_path / "x.npy", np.column_stack([rows, np.where(rows % 3, 5, 7), rows / 4]))
        return tmp_path / "x.npy"

    def test_a_column_by_its_number(self, table: Path):
        assert FileProblem(str(table), target_column="0").train.shape == (6, 2)
        problem = classify(table, "1")
        assert problem.class_names == ("5", "7")
        assert found(problem) == {row: int(row % 3 == 0) for row in range(10)}
        assert (problem.inputs, problem.outputs) == (2, 2)
        assert found(regress(table, "-1")) == {row: [row / 4] for row in range(10)}
        assert regress(table, "-3").train[:, 0].unique().tolist() == [5, 7]

    @pytest.mark.parametrize("names", [("x", "y"), ("data", "target")])
    def test_a_pair_of_arrays(self, tmp_path: Path, names: tuple[str, str]):
        samples, path = np.arange(20.0).reshape(10, 2), tmp_path / "x.npz"
        path.write_bytes(pair(samples, samples[:, ::-1], names))
        assert found(regress(path)) == {2 * row: [2 * row + 1, 2 * row] for row in range(10)}
        assert FileProblem(str(path)).train.shape == (6, 2)
        assert regress(path, "1").outputs == 1  # a column that is named goes first
        path.write_bytes(pair(samples, np.arange(10) % 2 == 0, names))
        splits.cache_clear()
        problem = classify(path)
        assert found(problem) == {2 * row: int(row % 2 == 0) for row in range(10)}
        assert problem.class_names == ("False", "True")

    @pytest.mark.parametrize("shape", [(10,), (10, 1)])
    def test_texts_are_classes(self, tmp_path: Path, shape: tuple[int, ...]):
        kinds = np.array(["10", " 9", "9 ", "10", "9"] * 2).reshape(shape)
        np.savez(tmp_path / "x.npz", x=np.arange(10.0)[:, None], y=kinds)
        problem = classify(tmp_path / "x.npz")
        assert problem.class_names == ("9", "10")
        assert found(problem) == {row: int(row % 5 in (0, 3)) for row in range(10)}

    def test_data_go_first(self, tmp_path: Path):
        table = np.arange(20.0).reshape(10, 2)
        np.savez(tmp_path / "x.npz", x=table[:, :1], y=table[:, 0], data=table, target=-table[:, 0])
        assert found(regress(tmp_path / "x.npz")) == {2 * row: [-2 * row] for row in range(10)}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("beak", "target_column 'beak': no column of that name in 'height', 'animal', 'legs', 'weight'$"),
        ("4", "target_column '4': there are 4 columns, numbered from 0$"),
        ("-5", "target_column '-5': there are 4 columns, numbered from 0$"),
        ("1.5", "target_column '1.5': no column of that name"),
        (None, "classification needs target_column, the column that holds the targets$"),
    ],
)
def test_columns_that_are_not_there(animals: str, column: str | None, message: str):
    with pytest.raises(ValueError, match=rf"animals\.csv: {message}"):
        classify(animals, column)


@pytest.mark.parametrize(
    ("content", "task", "message"),
    [
        ("1,a\n2,b\n3,\n", "classification", r"target '' in row 2, column 1 \(counted from 0\) is no class"),
        ("1,1\n2,x\n", "regression", r"target 'x' in row 1, column 1 \(counted from 0\) is not a number"),
        ("1,1\n2,nan\n", "regression", r"target 'nan' in row 1, column 1 \(counted from 0\) is not a finite number"),
        ("1,1\n2,nan\n3,2\n4,2\n5,2\n", "classification", r"target_column '1': nan in row 1 .* is not a finite number"),
        ("1,a\n" * 5, "classification", "at least two classes, and all 5 samples have the same"),
        ("0,a\nx,b\n", "classification", r"'x' in row 1, column 0 \(counted from 0\) is not a number"),
    ],
)
def test_the_place_is_named(tmp_path: Path, content: str, task: str, message: str):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"x\.csv: .*{message}"):
        FileProblem(str(tmp_path / "x.csv"), target_column="1", task=task).load()


def test_a_value_of_an_array_that_is_not_finite_is_placed(tmp_path: Path):
    table = np.arange(20.0).reshape(10, 2)
    table[7, 1] = -np.inf
    np.save(tmp_path / "x.npy", table)
    with pytest.raises(
        ValueError, match=r"x\.npy: target_column '-1': -inf in row 7 \(counted from 0\) is not a finite"
    ):
        regress(tmp_path / "x.npy", "-1")
    np.savez(tmp_path / "x.npz", x=table[:, :1], y=table)
    with pytest.raises(
        ValueError, match=r"x\.npz: array y: -inf in row 7, column 1 \(counted from 0\) is not a finite"
    ):
        regress(tmp_path / "x.npz")


def test_columns_are_counted_as_they_are_in_the_file(tmp_path: Path):
    table = np.zeros((10, 4))
    table[6, 2] = np.inf
    np.save(tmp_path / "x.npy", table)
    np.savetxt(tmp_path / "x.csv", table, delimiter=",")
    for name in ("x.npy", "x.csv"):
        for column in ("0", "3"):
            with pytest.raises(ValueError, match=r"inf in row 6, column 2 \(counted from 0\)"):
                FileProblem(str(tmp_path / name), target_column=column).load()


def big(place: Path, kind: str) -> FileProblem:
    """A table of 3,000 samples, so that what is always there does not count."""
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.random((3000, 3)), np.arange(3000) % 7])
    if kind == "csv":
        np.savetxt(place / "x.csv", table, delimiter=",")
    elif kind == "npy":
        np.save(place / "x.npy", table)
    else:
        np.savez(place / "x.npz", x=table, y=np.char.add("kind ", table[:, 3].astype(int).astype(str)))
    return FileProblem(str(place / f"x.{kind}"), target_column=None if kind == "npz" else "-1", task="classification")


@pytest.mark.parametrize("kind", ["csv", "npy", "npz"])
def test_loading_takes_no_more_than_the_estimate(kind: str, tmp_path: Path):
    problem = big(tmp_path, kind)
    problem.load()  # so that what is imported meanwhile does not count
    expected = problem.memory
    with traced() as memory:
        problem.load()
    assert 0.2 * expected < memory.peak < expected
