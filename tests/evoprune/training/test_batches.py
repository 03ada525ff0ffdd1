import copy
import random

import numpy as np
import pytest
import scipy.sparse
import torch

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.benchmarks import Problem, Splits
from evoprune.evaluation import draw_batch
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.training import train_epoch
from evoprune.training.batches import Epoch, Given

LIKE = torch.zeros(1)
DATA = torch.arange(14.0).view(7, 2) + 1  # row k is (2k + 1, 2k + 2)


def rows(epoch, cells, **settings):
    """For each cell the numbers of the samples in the order it sees them."""
    targets = torch.cat([target for _, target, _ in epoch.take(cells, LIKE, **settings)], dim=1)
    return ((targets[..., 0] - 1) / 2).int().tolist()


def test_every_sample_once_and_a_smaller_last_batch():
    epoch = Epoch(DATA, 3, [1, 2])
    batches = list(epoch.take([0, 1], LIKE))
    assert len(epoch) == len(batches) == 3
    assert [tuple(x.shape) for x, _, _ in batches] == [(2, 3, 2), (2, 3, 2), (2, 1, 2)]
    assert all(x is target and noise is None for x, target, noise in batches)
    assert [sorted(order) for order in rows(epoch, [0, 1])] == [list(range(7))] * 2


def test_batches_that_divide_the_data():
    assert [len(list(Epoch(DATA, size, [1]).take([0], LIKE))) for size in (1, 7)] == [7, 1]


def test_each_pair_has_its_own_order_whoever_is_beside_it():
    epoch = Epoch(DATA, 2, [11, 12, 13])
    first, second, third = rows(epoch, [0, 1, 2])
    assert first != second != third != first
    assert rows(epoch, [2, 0]) == [third, first]
    assert rows(Epoch(DATA, 5, [12]), [0]) == [second]
    by_hand = torch.randperm(7, generator=torch.Generator().manual_seed(12)).tolist()
    assert second == by_hand


def test_neither_corruption_nor_noise_shifts_the_order():
    plain = rows(Epoch(DATA, 2, [5]), [0])
    assert rows(Epoch(DATA, 2, [5], corruption=0.5), [0], noise_width=3) == plain


def test_without_shuffling_samples_come_as_they_are():
    assert rows(Epoch(DATA, 3, [1, 2], shuffle=False), [0, 1]) == [list(range(7))] * 2


def test_sources_may_be_any_generator():
    state = torch.Generator().manual_seed(4)
    assert rows(Epoch(DATA, 3, [state]), [0]) == rows(Epoch(DATA, 3, [4]), [0])
    random.seed(1)
    once = rows(Epoch(DATA, 3, [None]), [0])
    random.seed(1)
    assert rows(Epoch(DATA, 3, [random.Random(1)]), [0]) == once == rows(Epoch(DATA, 3, [None]), [0])


def test_corruption_sets_inputs_to_zero_and_keeps_the_target():
    data = torch.rand(100, 50) + 1
    epoch = Epoch(data, 10, [1, 2], corruption=0.3)
    inputs, targets = (torch.cat(part, 1) for part in list(zip(*epoch.take([0, 1], LIKE), strict=True))[:2])
    gone = inputs == 0
    assert gone.float().mean().item() == pytest.approx(0.3, abs=0.02)  # four standard deviations: 0.018
    assert torch.equal(inputs[~gone], targets[~gone])
    assert targets.min() >= 1
    assert not torch.equal(gone[0], gone[1])
    (everything, *_) = Epoch(data, 100, [1], corruption=1.0).take([0], LIKE)
    assert not everything[0].any()


def noises(batches):
    found = [noise for _, _, noise in batches]
    assert all(isinstance(noise, torch.Tensor) for noise in found)
    return found


def test_noise_is_standard_normal_and_each_pairs_own():
    noise = torch.cat(noises(Epoch(torch.rand(500, 2), 9, [1, 2]).take([0, 1], LIKE, 8)), 1)
    assert noise.shape == (2, 500, 8)
    assert noise.mean().item() == pytest.approx(0, abs=0.05)
    assert noise.std().item() == pytest.approx(1, abs=0.05)
    assert not torch.equal(noise[0], noise[1])


def test_batches_take_the_type_of_the_network_unless_they_are_whole_numbers():
    like = torch.zeros(1, dtype=torch.float64)
    batch = next(Epoch(DATA, 3, [1], corruption=0.5).take([0], like, 2))
    assert [part.dtype for part in batch if part is not None] == [torch.float64] * 3
    x, *_ = next(Epoch(torch.arange(6).view(3, 2), 3, [1]).take([0], like))
    assert x.dtype == torch.int64


@pytest.mark.parametrize(
    ("size", "corruption", "message"),
    [
        (8, 0.0, "batch size 8 is larger than the 7 training samples"),
        (0, 0.0, "batch size must be a whole number of at least 1"),
        (2.5, 0.0, "batch size must be a whole number"),
        (2, 1.5, r"corruption must be a number in \[0, 1\]"),
    ],
)
def test_settings_that_make_no_epoch(size, corruption, message):
    with pytest.raises(ValueError, match=message):
        Epoch(DATA, size, [1], corruption)


def pair():
    return Autoencoder([Encoder(mlp_encoder([2, 1])), Decoder(mlp_decoder([1, 2]))])


def test_given_tensors_for_all_pairs_or_one_each():
    shared, each = torch.rand(4, 2), torch.rand(3, 4, 2)
    images = torch.rand(3, 4, 1, 2, 2)
    batches = Given([shared, each, images], [pair() for _ in range(3)])
    (a, _, _), (b, _, _), (c, target, noise) = batches.take([2, 0], LIKE)
    assert torch.equal(a, torch.stack([shared, shared]))
    assert torch.equal(b, each[[2, 0]])
    assert torch.equal(c, images[[2, 0]])
    assert target is c
    assert noise is None


def test_noise_for_given_tensors_comes_from_the_pairs_seed():
    one, other = pair(), pair()
    one.seed, other.seed = 1, 2
    batches = [torch.rand(4, 2), torch.rand(4, 2)]
    together = noises(Given(batches, [one, other]).take([0, 1], LIKE, 3))
    alone = noises(Given(batches, [one, other]).take([1], LIKE, 3))
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a[1], b[0])
    assert not torch.equal(together[0], together[1])


@pytest.mark.parametrize("shape", [(5,), (4, 5, 2), (5, 1, 8, 8)])
def test_given_tensors_of_a_shape_that_says_nothing(shape):
    with pytest.raises(ValueError, match=r"a batch must be \(samples, inputs\) or \(3 pairs, samples, ...\)"):
        next(Given([torch.rand(shape)], [pair() for _ in range(3)]).take([0], LIKE))


def test_no_tensors_at_all():
    with pytest.raises(ValueError, match="there are no batches to train on"):
        Given(iter([]), [pair()])


class Sparse(Problem):
    """Data that are no tensor: what is asked for becomes one."""

    def __init__(self) -> None:
        self.table = scipy.sparse.random(
            30, 8, density=0.4, format="csr", dtype=np.float32, rng=np.random.default_rng(1)
        )
        self.asked: list[int] = []

    @property
    def name(self) -> str:
        return "sparse"

    def load(self) -> Splits:
        raise AssertionError("nobody needs a tensor of everything")

    def rows(self, split: str) -> "Sparse":
        assert split == "train"
        return self

    @property
    def shape(self) -> tuple[int, int]:
        return self.table.shape

    def __len__(self) -> int:
        return self.table.shape[0]

    def __getitem__(self, index: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(index))
        return torch.from_numpy(self.table[index.numpy()].toarray())


@pytest.mark.parametrize("corruption", [0.0, 0.3])
def test_rows_that_are_made_dense_a_batch_at_a_time_train_as_a_tensor_does(corruption):
    sparse = Sparse()
    dense = torch.from_numpy(sparse.table.toarray())
    pairs = [Autoencoder([Encoder(mlp_encoder([8, 4, 2])), Decoder(mlp_decoder([2, 4, 8]))]) for _ in range(2)]
    for seed, pair in enumerate(pairs):
        pair.seed = seed
    others = copy.deepcopy(pairs)
    losses = [
        train_epoch(group, data, 7, corruption, kernel="torch") for group, data in ((pairs, sparse), (others, dense))
    ]
    assert torch.equal(*losses)
    assert pairs == others
    assert max(sparse.asked) == 14  # two pairs at a time
    random.seed(3)
    batch = draw_batch(sparse, 4)
    random.seed(3)
    assert torch.equal(batch, draw_batch(dense, 4))
