"""Collaborative filtering: from some items that a user has taken to the others."""

from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, seed_of
from evoprune.benchmarks.problems.sparse_rows import SparseRows
from evoprune.benchmarks.problems.user_items import FILES, UserItems, read_user_items, reading_memory
from evoprune.benchmarks.problems.user_items_sample import LEAST_ITEMS, LEAST_USERS, sample, sample_memory
from evoprune.memory import FLOAT, check_fits
from evoprune.metrics import ndcg_at, recall_at

MOST = 10**12  # what fits into memory is less by far


@dataclass(frozen=True)
class Retrieval(Problem):
    """The Million Song Dataset and whatever else comes in its form, a user a sample and an item a value of 0 or 1.

    ``path`` is a folder with the six files of Liang et al., or one with these in its ``pro_sg``:
    :data:`evoprune.benchmarks.problems.user_items.FILES`. Without it the data are made up:
    :func:`evoprune.benchmarks.problems.user_items_sample.sample`, whose ``write_sample`` writes such files.

    A network is trained to give back what a user has taken, by the multinomial likelihood. Validation and test are of
    other users: it is shown some of their items, and its targets are those that are held out. Inputs are not scaled to
    length 1 as in Liang et al.: what is given back would differ from what is shown.

    The data stay sparse: training and evaluation read them by rows. ``train``, ``validation`` and ``test`` are dense.
    ``binary`` is False, since outputs are no values of bits but logits.

    Source: Liang et al. 2018, "Variational Autoencoders for Collaborative Filtering" (arXiv 1802.05814).

    :raises ValueError: for a path that is no folder, fewer than ten users or items, a negative seed; and when the data
        are first asked for: what :func:`~evoprune.benchmarks.problems.user_items.read_user_items` says.
    """

    name = "retrieval"
    loss = "cross-entropy"
    output = "identity"
    metrics = (recall_at(20), recall_at(50), ndcg_at(100))
    metric = metrics[-1]
    train_labels = validation_labels = test_labels = None
    path: str | None = field(
        default=None, metadata={"help": f"a folder with {', '.join(FILES)}; without it data are made up"}
    )
    n_users: int = field(
        default=600, metadata={"help": "users of the data that are made up", "least": LEAST_USERS, "most": MOST}
    )
    n_items: int = field(
        default=200, metadata={"help": "items of the data that are made up", "least": LEAST_ITEMS, "most": MOST}
    )
    seed: int = seed_of("the data that are made up", 1)

    def __post_init__(self) -> None:
        check_recipe(self)
        if self.path is None:
            return
        path = absolute(self.path)
        with readable(self.path):
            path.stat()
            if not path.is_dir():
                raise ValueError(f"data must be a folder with {', '.join(FILES)}")
        object.__setattr__(self, "path", str(path))

    @property
    def inputs(self) -> int:
        return self.n_items if self.path is None else self.rows("train").shape[1]

    @property
    def constant(self) -> tuple[str, Tensor]:
        return "always the most popular items", self.rows("train").sums

    @property
    def memory(self) -> float:
        """Bytes for the sparse tables; what is made dense is asked for when it is."""
        return sample_memory(self.n_users, self.n_items) if self.path is None else reading_memory(self.path)

    def load(self) -> Splits:
        return Splits(self.train, self.validation, self.test)

    @property
    def train(self) -> Tensor:
        return _dense(self, "train")

    @property
    def validation(self) -> Tensor:
        return _dense(self, "validation")

    @property
    def test(self) -> Tensor:
        return _dense(self, "test")

    def rows(self, split: str) -> SparseRows:
        """What a network is shown of the users of a split, (users, items)."""
        rows: SparseRows = getattr(self._tables, split)
        return rows

    def targets(self, split: str) -> SparseRows | None:
        """What is held out of the users of a split, (users, items); None for training, which gives all back."""
        targets: SparseRows | None = None if split == "train" else getattr(self._tables, f"{split}_targets")
        return targets

    @property
    def _tables(self) -> UserItems:
        return _made(self.path, (self.n_users, self.n_items, self.seed) if self.path is None else ())


@lru_cache(maxsize=4)
def _made(path: str | None, sizes: tuple[int, ...]) -> UserItems:
    """The tables, made once a process, and those of a path also for recipes that differ in what they do not need."""
    return sample(*sizes) if path is None else read_user_items(path)


@lru_cache(maxsize=3)  # the splits of one problem
def _dense(problem: Retrieval, split: str) -> Tensor:
    rows = problem.rows(split)
    users, items = rows.shape
    check_fits({f"the {split} data of {problem}": users * items * FLOAT}, "read them by rows")
    return rows[torch.arange(users)]
