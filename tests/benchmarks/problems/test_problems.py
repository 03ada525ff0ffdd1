import copy
import json
import pickle
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from evoprune.benchmarks.problems import BENCHMARKS
from evoprune.benchmarks.problems.binary_clustering import BinaryClustering
from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.problem import Problem, Splits, random_split, trivial_l1, validate
from tests.benchmarks.problems.tiny import write_cifar10
from tests.benchmarks.weights.tiny import write_mnist

SMALL = BinaryClustering(n_clusters=3, n_samples=10, n_dim=8)
SPLITS = ("train", "validation", "test")


def labels(problem, split) -> torch.Tensor:
    return getattr(problem, f"{split}_labels")


@pytest.fixture
def table(tmp_path):
    """Ten rows of three numbers, different everywhere, as an .npy file."""
    path = tmp_path / "table.npy"
    np.save(path, np.arange(30.0).reshape(10, 3))
    return path


@pytest.fixture
def folder(tmp_path):
    """Ten images of a shade each."""
    from PIL import Image

    for k in range(10):
        Image.new("RGB", (4, 4), (k, 2 * k, 3 * k)).save(tmp_path / f"{k}.png")
    return tmp_path


@pytest.fixture(params=BENCHMARKS)
def problem(request, table, folder, tmp_path):
    mnist, cifar10 = write_mnist(tmp_path / "mnist"), write_cifar10(tmp_path / "cifar10")
    (tmp_path / "lines.txt").write_text("some words and others\n" * 10)
    data = {"file": [table], "images": [folder], "idx": [mnist], "cifar10": [cifar10], "text": [tmp_path / "lines.txt"]}
    return BENCHMARKS[request.param](*data.get(request.param, []))


def test_every_problem_can_be_trained_on(problem):
    validate(problem, batch_size=5)
    assert BENCHMARKS[problem.name] is type(problem)
    for split in SPLITS:
        data = getattr(problem, split)
        assert data.dtype == torch.float32
        assert data.shape[1] == problem.inputs
        classes = labels(problem, split)
        assert classes is None or (classes.dtype == torch.int64 and len(classes) == len(data))
        places = torch.tensor([len(data) - 1, 0])
        assert tuple(problem.rows(split).shape) == tuple(data.shape)
        assert torch.equal(problem.rows(split)[places], data[places])
    if problem.shape:
        assert problem.shape[0] * problem.shape[1] == problem.inputs
    assert all(setting.metadata["help"] for setting in fields(problem))


def test_every_problem_travels_as_its_parameters(problem):
    train = problem.train
    sent = pickle.dumps(problem)
    assert len(sent) < 500
    assert b"torch" not in sent
    assert b"numpy" not in sent
    twin = pickle.loads(sent)
    assert twin == problem
    assert hash(twin) == hash(problem)
    assert twin.train is train  # made once a process, shared by equal recipes
    assert copy.deepcopy(problem) == problem
    assert type(problem)(**json.loads(json.dumps(asdict(problem)))) == problem


def test_every_whole_number_of_a_recipe_is_plain_for_json(problem):
    whole = {
        field.name: np.int64(getattr(problem, field.name)) for field in fields(problem) if field.type in ("int", int)
    }
    made = replace(problem, **whole)
    assert made == problem
    assert json.loads(json.dumps(asdict(made))) == asdict(problem)
    with pytest.raises(ValueError, match=r"seed must be a whole number of at least 0, got -1"):
        replace(problem, **{next(name for name in whole if name.endswith("seed")): -1})


def test_a_random_split_takes_each_sample_once():
    parts = random_split(torch.arange(11.0)[:, None], seed=4)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [7, 2, 2]
    everything = torch.cat([parts.train, parts.validation, parts.test])
    assert sorted(everything.flatten().tolist()) == list(range(11))
    assert not torch.equal(random_split(torch.arange(11.0)[:, None], seed=5).train, parts.train)


def test_numpy_integers_are_taken_as_numbers():
    seed: Any = np.int64(3)
    problem = BinaryClustering(seed=seed)
    assert problem == BinaryClustering(seed=3)
    assert json.dumps(asdict(problem))


class TestBinaryClustering:
    def test_shapes_and_values(self):
        problem = BinaryClustering()
        assert [tuple(getattr(problem, split).shape) for split in SPLITS] == [(1000, 1000)] * 3
        assert problem.centroids.shape == (10, 1000)
        assert problem.binary
        assert set(problem.test.unique().tolist()) == {0.0, 1.0}

    @pytest.mark.parametrize("seed", [1, 2])
    def test_the_constant_one_is_the_trivial_answer(self, seed):
        problem = BinaryClustering(seed=seed)
        # P(0) = 0.25 * 0.95 + 0.75 * 0.05 = 0.275; 10,000 centroid bits leave a standard deviation of 0.0039
        assert (1 - problem.test).mean().item() == pytest.approx(0.275, abs=0.016)
        assert trivial_l1(problem) == pytest.approx((1 - problem.test).mean().item(), abs=1e-6)

    def test_the_true_centroid_is_at_the_noise_floor(self):
        problem = BinaryClustering()
        assert problem.noise_floor == 0.05
        for split in SPLITS:
            answer = problem.centroids[labels(problem, split)]
            assert (getattr(problem, split) - answer).abs().mean().item() == pytest.approx(0.05, abs=0.001)

    def test_splits_have_their_own_noise(self):
        problem = BinaryClustering()
        # two copies of one bit differ with probability 2 * 0.05 * 0.95 = 0.095
        assert (problem.train - problem.test).abs().mean().item() == pytest.approx(0.095, abs=0.002)
        assert (problem.train - problem.validation).abs().mean().item() == pytest.approx(0.095, abs=0.002)
        assert len(problem.test.unique(dim=0)) == 1000

    def test_clusters_are_balanced(self):
        assert labels(SMALL, "train").tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
        assert torch.bincount(labels(BinaryClustering(), "test")).tolist() == [100] * 10

    def test_without_noise_the_samples_are_the_centroids(self):
        problem = replace(SMALL, noise=0)
        assert torch.equal(problem.train, problem.centroids[labels(problem, "train")])
        assert torch.equal(problem.train, problem.test)

    @pytest.mark.parametrize("p_one", [0, 1])
    def test_certain_bits(self, p_one):
        assert (replace(SMALL, p_one=p_one).centroids == p_one).all()

    def test_the_seed_decides_and_the_sample_size_does_not_move_centroids(self):
        assert torch.equal(SMALL.load().train, SMALL.load().train)
        assert not torch.equal(SMALL.centroids, replace(SMALL, seed=2).centroids)
        assert torch.equal(SMALL.centroids, replace(SMALL, n_samples=50, noise=0.3).centroids)

    @pytest.mark.parametrize(
        "settings",
        [
            {"n_clusters": 0},
            {"n_clusters": 11, "n_samples": 10},
            {"n_samples": 2.5},
            {"n_dim": -1},
            {"noise": -0.1},
            {"noise": 0.6},
            {"noise": float("nan")},
            {"p_one": 1.1},
            {"p_one": "x"},
            {"seed": -1},
            {"seed": True},
        ],
    )
    def test_bad_settings(self, settings):
        with pytest.raises(ValueError, match=next(iter(settings))):
            BinaryClustering(**settings)


class TestDigits:
    def test_split(self):
        problem = Digits()
        assert [len(getattr(problem, split)) for split in SPLITS] == [1197, 300, 300]
        assert problem.shape == (8, 8)
        assert problem.train.min() == 0
        assert problem.train.max() == 1
        assert not problem.binary

    def test_every_sample_is_somewhere_once(self):
        from sklearn.datasets import load_digits

        everything = torch.cat([Digits().train, Digits().validation, Digits().test]) * 16
        expected = torch.from_numpy(load_digits().data).float()
        assert torch.equal(everything.unique(dim=0, return_counts=True)[0], expected.unique(dim=0))
        assert sorted(everything.sum(1).tolist()) == sorted(expected.sum(1).tolist())

    def test_every_split_has_each_digit_in_its_share(self):
        problem = Digits()
        parts = [labels(problem, split) for split in SPLITS]
        whole = torch.bincount(torch.cat(parts))
        for part in parts:
            assert (torch.bincount(part) - whole * len(part) / 1797).abs().max() < 2.5

    def test_labels_belong_to_their_images(self):
        problem = Digits()
        means = torch.stack([problem.train[labels(problem, "train") == digit].mean(0) for digit in range(10)])
        nearest = torch.cdist(problem.test, means).argmin(1)
        assert (nearest == labels(problem, "test")).sum() > 0.85 * 300

    def test_split_seed(self):
        assert torch.equal(Digits().load().test, Digits().load().test)
        assert not torch.equal(Digits(0).test, Digits(1).test)
        with pytest.raises(ValueError, match="split_seed"):
            Digits(-1)


@dataclass(frozen=True)
class Given(Problem):
    """Hands out tensors that a test made up, by name."""

    key: str
    name = "given"

    def load(self):
        good = torch.zeros(4, 3)
        bad = good.clone()
        bad[1, 2] = torch.nan
        return {
            "good": Splits(good, good, good),
            "nan": Splits(good, bad, good),
            "width": Splits(good, good, torch.zeros(4, 2)),
            "cube": Splits(torch.zeros(4, 3, 3), good, good),
            "empty": Splits(good, torch.zeros(0, 3), good),
            "median": Splits(torch.tensor([[1.0, 2.0, 9.0]]), good, torch.tensor([[2.0, 4.0, 1.0]])),
        }[self.key]


def test_trivial_l1_by_hand():
    assert trivial_l1(Given("median")) == 1.0  # the median is 2, the errors are 0, 2 and 1


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nan", r"validation data: nan in row 1, column 2"),
        ("width", "test data have 2 inputs, the training data 3"),
        ("cube", r"train data must be \(samples, inputs\) and not empty"),
        ("empty", "validation data must be"),
    ],
)
def test_bad_data(key, message):
    with pytest.raises(ValueError, match=message):
        validate(Given(key), 1)


def test_batches():
    validate(Given("good"), 4)
    with pytest.raises(ValueError, match="batch_size 2000 is larger than the 1000 training samples"):
        validate(BinaryClustering(), 2000)
    sizes: list[Any] = [0, 2.5, True]
    for size in sizes:
        with pytest.raises(ValueError, match="batch_size must be"):
            validate(Given("good"), size)
