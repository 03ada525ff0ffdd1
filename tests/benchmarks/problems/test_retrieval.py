from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import nn

from evoprune import memory
from evoprune.benchmarks.problems.problem import trivial_l1, validate
from evoprune.benchmarks.problems.retrieval import Retrieval
from evoprune.benchmarks.problems.sparse_rows import SparseRows, ones_at
from evoprune.benchmarks.problems.user_items import FILES, read_user_items, reading_memory
from evoprune.benchmarks.problems.user_items_sample import FEWEST, sample, sample_memory, write_sample
from evoprune.data import CHUNK, samples_of
from evoprune.evaluation import evaluate, outputs_of
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from evoprune.losses import mean_loss
from evoprune.metrics import mean_of
from evoprune.training.training import train_epoch
from tests.traced import traced

SPLITS = ("train", "validation", "test")
TABLES = ("train", "validation", "validation_targets", "test", "test_targets")
SMALL = {
    "unique_sid.txt": "SOAAA\nSOBBB\nSOCCC\nSODDD\n",
    "train.csv": "uid,sid\n0,0\n0,1\n1,3\n1,3\n2,2\n2,0\n",
    "validation_tr.csv": "uid,sid\n3,0\n4,1\n",
    "validation_te.csv": "uid,sid\n4,3\n4,2\n",
    "test_tr.csv": "uid,sid\n5,2\n",
    "test_te.csv": "uid,sid\n5,0\n",
}
"""Three users to train, two to choose by, of whom nothing is held out of the first, and one for the test."""


def small(place: Path, **changed: str | None) -> Path:
    """A folder of :data:`SMALL`, in which one file is something else, or missing."""
    place.mkdir(exist_ok=True)
    for name, good in SMALL.items():
        text = changed.get(name.partition(".")[0], good)
        if text is not None:
            (place / name).write_text(text)
    return place


def dense(rows: SparseRows | None) -> torch.Tensor:
    assert rows is not None
    return torch.from_numpy(rows.matrix.toarray())


class TestRows:
    ROWS = SparseRows(csr_matrix(np.array([[0, 1, 0], [2, 0, 0], [0, 0, 3]], np.float32)))

    @pytest.mark.parametrize("index", [[0], [2, 0, 2], [], [-1], [[0, 1], [1, 2]], 1])
    def test_they_are_what_a_tensor_would_give(self, index):
        places = torch.tensor(index, dtype=torch.int64)
        found = self.ROWS[places]
        assert found.dtype == torch.float32
        assert torch.equal(found, dense(self.ROWS)[places])
        assert (self.ROWS.shape, len(self.ROWS)) == ((3, 3), 3)

    def test_what_is_there_twice_counts_once(self):
        rows = ones_at(np.array([1, 0, 1, 1]), np.array([2, 0, 2, 1]), (3, 3))
        assert dense(rows).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
        assert rows.matrix.nnz == 3

    def test_only_those_that_are_asked_for_are_made_dense(self):
        rows = ones_at(np.arange(10**5), np.arange(10**5), (10**5, 10**5))  # 40 GB of floats
        with traced() as memory:
            assert rows[torch.tensor([5, 99_999])].nonzero().tolist() == [[0, 5], [1, 99_999]]
        assert memory.peak < 2 * 10**6


class TestFiles:
    @pytest.mark.parametrize("below", ["", "pro_sg"])
    def test_by_hand(self, tmp_path, below):
        problem = Retrieval(str(tmp_path))
        small(tmp_path / below)
        assert problem.train.tolist() == [[1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0]]
        assert problem.validation.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]
        assert problem.test.tolist() == [[0, 0, 1, 0]]
        assert problem.targets("train") is None
        assert dense(problem.targets("validation")).tolist() == [[0, 0, 0, 0], [0, 0, 1, 1]]
        assert dense(problem.targets("test")).tolist() == [[1, 0, 0, 0]]
        assert (problem.inputs, problem.outputs, problem.n_items) == (4, 4, 200)
        validate(problem, 3)

    def test_users_of_whom_nothing_is_held_out_do_not_count(self, tmp_path):
        problem = Retrieval(str(small(tmp_path)))
        (inputs, targets), *more = samples_of(problem, "validation").chunks()
        assert not more
        output = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 9.0, 2.0, 1.0]])
        recall = problem.metrics[0].values(output, inputs, targets)
        assert recall.isnan().tolist() == [True, False]
        assert mean_of(recall) == 1

    def test_a_sample_comes_back(self, tmp_path):
        place = write_sample(tmp_path / "new" / "data", n_users=80, n_items=30, seed=5)
        assert sorted(path.name for path in place.iterdir()) == sorted(FILES)
        assert (place / "unique_sid.txt").read_text().splitlines()[-1] == "item-29"
        found, expected = read_user_items(str(place)), sample(80, 30, 5)
        for name in TABLES:
            one, other = getattr(found, name), getattr(expected, name)
            assert one.shape == other.shape
            assert torch.equal(dense(one), dense(other))
        read, made = Retrieval(str(place)), Retrieval(n_users=80, n_items=30, seed=5)
        for split in SPLITS:
            assert torch.equal(getattr(read, split), getattr(made, split))

    def test_a_sample_replaces_nothing(self, tmp_path):
        (tmp_path / "test_te.csv").write_text("mine")
        with pytest.raises(ValueError, match=r"test_te\.csv is there already; give another directory"):
            write_sample(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["test_te.csv"]
        with pytest.raises(ValueError, match=r"test_te\.csv: cannot be made: File exists"):
            write_sample(tmp_path / "test_te.csv")

    @pytest.mark.parametrize("name", FILES)
    def test_a_missing_file_is_named_with_all_six(self, tmp_path, name):
        small(tmp_path, **{name.partition(".")[0]: None})
        message = rf"{tmp_path}: {name} not found; expected the six files {', '.join(FILES)}"
        with pytest.raises(ValueError, match=message):
            Retrieval(str(tmp_path)).train  # noqa: B018

    @pytest.mark.parametrize(
        ("name", "text", "message"),
        [
            ("unique_sid", "", r"expected the name of an item a line, found none"),
            ("train", "", r"its first line must be uid,sid, got ''"),
            ("train", "sid,uid\n0,0\n", r"its first line must be uid,sid, got 'sid,uid'"),
            ("train", "uid,sid,n\n0,0,1\n", r"its first line must be uid,sid, got 'uid,sid,n'"),
            ("train", "uid,sid\n", r"expected a user and an item a row, found none"),
            ("train", "uid,sid\n0,0,1\n", r"expected two columns, found 3"),
            ("train", "uid,sid\n0,0\n1\n", r"columns changed from 2 to 1"),
            ("train", "uid,sid\n0,0\n0,2.5\n", r"could not convert string '2\.5' to int64 at row 1"),
            ("train", "uid,sid\n0,0\n0,x\n", r"could not convert string 'x' to int64 at row 1"),
            ("train", "uid,sid\n0,\n", r"could not convert string '' to int64 at row 0"),
            ("train", "uid,sid\n0,0\n0,4\n", r"4 in row 1, column 1 \(counted from 0\): .* 4 items, from 0 to 3"),
            ("train", "uid,sid\n0,-1\n", r"-1 in row 0, column 1 \(counted from 0\): .* 4 items, from 0 to 3"),
            ("train", "uid,sid\n-1,0\n", r"-1 in row 0, column 0 \(counted from 0\): a uid is a whole number from 0"),
            ("train", f"uid,sid\n{2**63 - 1},0\n", r"9223372036854775807 in row 0, column 0"),
            ("train", "uid,sid\n0,0\n2,0\n", r"uid 1 is left out: users are numbered one by one from 0"),
            ("train", "uid,sid\n1,0\n2,0\n", r"uid 0 is left out"),
            ("validation_tr", f"uid,sid\n3,0\n{10**15},0\n", r"uid 4 is left out: .* from 3"),
            ("validation_tr", "uid,sid\n2,0\n3,0\n", r"uid 2 is a user of train\.csv already"),
            ("test_tr", "uid,sid\n0,0\n", r"uid 0 is a user of train\.csv already"),
            ("test_tr", "uid,sid\n4,0\n5,0\n", r"uid 4 is a user of validation_tr\.csv already"),
            ("validation_te", "uid,sid\n3,1\n2,0\n", r"uid 2 has no items in validation_tr\.csv"),
            ("validation_te", "uid,sid\n5,1\n", r"uid 5 has no items in validation_tr\.csv"),
            ("test_te", "uid,sid\n4,1\n", r"uid 4 has no items in test_tr\.csv"),
            ("test_te", "uid,sid\n", r"expected a user and an item a row, found none"),
        ],
    )
    def test_bad_files(self, tmp_path, name, text, message):
        small(tmp_path, **{name: text})
        with pytest.raises(ValueError, match=rf"{tmp_path}/{name}\.\w+: .*{message}") as caught:
            validate(Retrieval(str(tmp_path)), 1)
        assert len(str(caught.value).splitlines()) == 1

    def test_paths(self, tmp_path, monkeypatch):
        monkeypatch.chdir(small(tmp_path))
        assert Retrieval(".") == Retrieval(str(tmp_path))
        with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
            Retrieval(str(tmp_path / "nowhere"))
        with pytest.raises(ValueError, match=r"train\.csv: .*data must be a folder with unique_sid\.txt, train\.csv"):
            Retrieval(str(tmp_path / "train.csv"))


class TestSample:
    def test_shapes(self):
        problem = Retrieval()
        assert [problem.rows(split).shape for split in SPLITS] == [(480, 200), (60, 200), (60, 200)]
        assert [tuple(getattr(problem, split).shape) for split in SPLITS] == [(480, 200), (60, 200), (60, 200)]
        assert (problem.inputs, problem.outputs, problem.classes, problem.train_labels) == (200, 200, 0, None)
        assert (problem.loss, problem.output, problem.task) == ("cross-entropy", "identity", "reconstruction")
        assert [metric.key for metric in problem.metrics] == ["recall@20", "recall@50", "ndcg@100"]
        assert trivial_l1(problem) is None

    @pytest.mark.parametrize(("users", "items"), [(600, 200), (47, 10), (10, 500)])
    def test_a_fifth_of_the_items_of_a_user_is_held_out(self, users, items):
        made = sample(users, items, 1)
        assert len(made.train) + len(made.validation) + len(made.test) == users
        assert (made.train.matrix.sum(1) >= FEWEST).all()
        for shown, wanted in ((made.validation, made.validation_targets), (made.test, made.test_targets)):
            counts = np.asarray((shown.matrix + wanted.matrix).sum(1))
            assert (counts >= FEWEST).all()
            assert (np.asarray(wanted.matrix.sum(1)) == counts // 5).all()
            assert shown.matrix.multiply(wanted.matrix).nnz == 0

    def test_the_seed_decides(self):
        assert torch.equal(dense(sample(20, 20, 1).train), dense(sample(20, 20, 1).train))
        assert not torch.equal(Retrieval(seed=1).train, Retrieval(seed=2).train)

    @pytest.mark.parametrize(("field", "value"), [("n_users", 9), ("n_items", 9), ("seed", -1), ("n_users", 2.5)])
    def test_bad_settings(self, field, value):
        with pytest.raises(ValueError, match=field):
            Retrieval(**{field: value})
        with pytest.raises(ValueError, match=field):
            sample(**{"n_users": 20, "n_items": 20, "seed": 0, field: value})

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_a_small_linear_autoencoder_beats_popularity(self, seed):
        problem = Retrieval(seed=seed)
        inputs = problem.train
        (shown, wanted), *_ = samples_of(problem, "test").chunks()
        noise = torch.Generator().manual_seed(0)
        weights = [(torch.randn(shape, generator=noise) / 20).requires_grad_() for shape in ((200, 10), (10, 200))]
        optimizer = torch.optim.Adam(weights, lr=0.01)
        for _ in range(40):
            loss = mean_loss("cross-entropy", inputs @ weights[0] @ weights[1], inputs)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        metrics = {metric.key: metric.values for metric in problem.metrics}
        popular, learnt = inputs.sum(0).expand_as(shown), (shown @ weights[0] @ weights[1]).detach()
        for key, margin in {"recall@20": 0.1, "ndcg@100": 0.05}.items():
            best, found = (mean_of(metrics[key](output, shown, wanted)) for output in (popular, learnt))
            assert 0.2 < best < found - margin

    def test_evoprune_learns_it(self):
        problem = Retrieval()
        (shown, wanted), *_ = samples_of(problem, "test").chunks()
        torch.manual_seed(0)
        pair = Autoencoder([Encoder(nn.Linear(200, 10)), Decoder(nn.Linear(10, 200))])
        (before,) = evaluate(pair, problem, problem.loss)
        rng = torch.Generator().manual_seed(0)
        for _ in range(4):
            train_epoch([pair], problem, batch_size=20, loss=problem.loss, learning_rate=0.01, rng=rng)
        assert evaluate(pair, problem, problem.loss)[0] < before - 1
        found, popular = (
            mean_of(problem.metrics[2].values(output, shown, wanted))
            for output in (outputs_of(pair, shown), problem.train.sum(0).expand_as(shown))
        )
        assert 0.2 < popular < found - 0.05


class TestSparse:
    def test_it_is_read_in_chunks(self):
        problem = Retrieval(n_users=3000, n_items=20)
        chunks = list(samples_of(problem, "validation").chunks())
        assert [len(inputs) for inputs, _ in chunks] == [CHUNK, 300 - CHUNK]
        assert torch.equal(torch.cat([inputs for inputs, _ in chunks]), problem.validation)
        assert torch.equal(torch.cat([targets for _, targets in chunks]), dense(problem.targets("validation")))
        assert all(inputs is targets for inputs, targets in samples_of(problem, "train").chunks())

    def test_equal_recipes_share_it(self, tmp_path):
        assert Retrieval().rows("test") is Retrieval().rows("test")
        assert Retrieval().train is Retrieval().train
        place = str(small(tmp_path))
        assert Retrieval(place, seed=1).rows("train") is Retrieval(place, seed=2, n_users=50).rows("train")

    def test_dense_data_are_refused_where_they_do_not_fit(self, monkeypatch):
        problem = Retrieval(n_users=500, n_items=5000, seed=7)
        needed = 400 * 5000 * 4
        assert problem.memory < needed / 2
        monkeypatch.setattr(memory, "available", lambda: needed - 1)
        with pytest.raises(ValueError, match=r"this needs about 8 MB .*train data of Retrieval.*: read them by rows"):
            problem.train  # noqa: B018
        validate(problem, 5)  # by rows
        assert problem.test.shape == (50, 5000)

    def test_what_does_not_fit_is_refused_before_it_is_made(self, tmp_path, monkeypatch):
        with pytest.raises(ValueError, match=r"this needs about .* of memory .*1000000000000 users"):
            Retrieval(n_users=10**12).rows("train")
        assert Retrieval(n_users=10**12, n_items=10**12).inputs == 10**12
        problem = Retrieval(str(write_sample(tmp_path, 50, 40)))
        needed = problem.memory
        monkeypatch.setattr(memory, "available", lambda: needed - 1)
        with pytest.raises(ValueError, match=rf"this needs about .* of memory .*{tmp_path}"):
            problem.rows("train")

    def test_the_estimates(self, tmp_path):
        place = str(write_sample(tmp_path, 1000, 100))
        for make, expected in (
            (lambda: sample(1000, 100, 1), sample_memory(1000, 100)),
            (lambda: read_user_items(place), reading_memory(place)),
        ):
            make()  # imports what it needs
            with traced() as memory:
                make()
            assert memory.peak < expected < 4 * memory.peak

    def test_a_recipe_is_equal_by_its_parameters(self, tmp_path):
        problem = Retrieval(str(small(tmp_path)))
        assert replace(problem, seed=2) != problem
        assert replace(problem) == problem
