"""Metrics against values worked out by hand, and against scikit-learn's."""

import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, ndcg_score, r2_score

from evoprune.metrics import (
    ACCURACY,
    ERROR,
    L1,
    R2,
    WRONG_BITS,
    absolute_error,
    discounted,
    explained,
    hits,
    mean_of,
    misses,
    ndcg_at,
    recall_at,
    recalled,
    wrong_bits,
)

NAN = math.nan
NOTHING = torch.zeros(2, 5)
SCORES = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
"""Items in the order 0, 1, 2, 3, 4 and the other way round."""
HELD_OUT = torch.tensor([[0.0, 1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
"""At the places 2, 4 and 5, and at the first."""


def drawn(seed: int, samples: int = 30, items: int = 12):
    """Scores without ties, what was seen, and what is held out of the rest: of the first sample nothing."""
    rng = np.random.default_rng(seed)
    scores = torch.from_numpy(rng.permuted(np.tile(np.arange(items) / 10, (samples, 1)), axis=1))
    kind = torch.from_numpy(rng.integers(0, 3, (samples, items)))
    seen, held_out = (kind == 1).float(), (kind == 2).float()
    seen[:, 0], held_out[:, 0], held_out[0] = 0, 1, 0
    return scores, seen, held_out


class TestRecall:
    # of three held-out items 0, 1, 1, 2 and 3 are among the first 1 to 5; of one it is the first
    @pytest.mark.parametrize(("k", "first"), [(1, 0), (2, 1 / 2), (3, 1 / 3), (4, 2 / 3), (5, 1), (9, 1)])
    def test_by_hand(self, k, first):
        assert recalled(SCORES, NOTHING, HELD_OUT, k).tolist() == pytest.approx([first, 1])

    def test_what_was_seen_makes_room(self):
        seen = torch.tensor([[1.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
        assert recalled(SCORES, seen, HELD_OUT, 2)[0] == 1  # the first two that are left are 1 and 3

    def test_what_was_seen_is_not_held_out(self):
        seen = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
        values = recalled(SCORES, seen, HELD_OUT, 3)  # left are 0, 2 and 4, of which 4 is held out
        assert values[0] == 1
        assert values[1].isnan()

    @pytest.mark.parametrize("k", [1, 3, 7, 12])
    def test_sample_by_sample(self, k):
        scores, seen, held_out = drawn(0)
        values = recalled(scores, seen, held_out, k)
        for row in range(1, len(scores)):
            left = [int(item) for item in scores[row].argsort(descending=True) if not seen[row, item]]
            wanted = set(held_out[row].nonzero().flatten().tolist())
            assert values[row] == pytest.approx(len(wanted & set(left[:k])) / min(k, len(wanted)))


class TestDiscountedGain:
    def test_by_hand(self):
        # places 2 and 4 of three: 1/log2(3) + 1/log2(5), and at best 1 + 1/log2(3) + 1/log2(4)
        best = 1 + 1 / math.log2(3) + 1 / 2
        expected = [(1 / math.log2(3) + 1 / math.log2(5)) / best, 1]
        assert discounted(SCORES, NOTHING, HELD_OUT, 4).tolist() == pytest.approx(expected)

    def test_at_best_there_are_k(self):
        expected = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
        assert discounted(SCORES, NOTHING, HELD_OUT, 2)[0] == pytest.approx(expected)

    @pytest.mark.parametrize("k", [1, 3, 12, 100])
    @pytest.mark.parametrize("seed", range(3))
    def test_as_scikit_learn(self, k, seed):
        scores, seen, held_out = drawn(seed)
        values = discounted(scores, seen, held_out, k)
        ranked = scores.masked_fill(seen > 0, -1)  # below all others
        for row in range(1, len(scores)):
            expected = ndcg_score(held_out[row : row + 1].numpy(), ranked[row : row + 1].numpy(), k=k)
            assert values[row] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", [recalled, discounted])
class TestRanking:
    def test_users_without_held_out_items_do_not_count(self, metric):
        scores, seen, held_out = drawn(1)
        values = metric(scores, seen, held_out, 4)
        assert values.isnan().tolist() == [True] + [False] * 29
        assert mean_of(values) == pytest.approx(mean_of(values[1:]))
        assert math.isnan(mean_of(metric(scores, seen, torch.zeros_like(held_out), 4)))

    def test_counts_are_as_good_as_ones(self, metric):
        scores, seen, held_out = drawn(2)
        assert torch.equal(
            metric(scores, 3 * seen, 7 * held_out, 4).nan_to_num(), metric(scores, seen, held_out, 4).nan_to_num()
        )

    def test_it_is_within_0_and_1_and_best_in_order(self, metric):
        scores, seen, held_out = drawn(3)
        values = metric(scores, seen, held_out, 4)[1:]
        assert (values >= 0).all()
        assert (values <= 1).all()
        assert metric(held_out + scores / 100, seen, held_out, 4)[1:].tolist() == pytest.approx([1] * 29)

    def test_nan_finds_nothing(self, metric):
        lost = torch.full((2, 5), NAN)
        assert metric(lost, NOTHING, HELD_OUT, 5).tolist() == [0, 0]
        one = SCORES.clone()
        one[1, 4] = NAN
        assert metric(one, NOTHING, HELD_OUT, 5).tolist() == pytest.approx(
            [metric(SCORES, NOTHING, HELD_OUT, 5)[0].item(), 0]
        )

    @pytest.mark.parametrize("k", [0, -1, 2.5, True])
    def test_a_bad_k(self, metric, k):
        with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
            metric(SCORES, NOTHING, HELD_OUT, k)
        for named in (recall_at, ndcg_at):
            with pytest.raises(ValueError, match="k must be"):
                named(k)

    def test_shapes_that_do_not_fit(self, metric):
        with pytest.raises(ValueError, match=r"the network gives \(2, 5\) where the data are \(2, 4\)"):
            metric(SCORES, NOTHING, HELD_OUT[:, :4], 3)


class TestClasses:
    OUTPUT = torch.tensor([[0.1, 0.9, 0.0], [2.0, -1.0, 1.9], [-3.0, -2.0, -1.0], [0.0, 1.0, NAN]])
    TARGETS = torch.tensor([1, 2, 2, 1])

    def test_by_hand(self):
        assert hits(self.OUTPUT, self.OUTPUT, self.TARGETS).tolist() == [1, 0, 1, 0]  # NaN is no hit
        assert misses(self.OUTPUT, self.OUTPUT, self.TARGETS).tolist() == [0, 1, 0, 1]
        assert mean_of(hits(self.OUTPUT, self.OUTPUT, self.TARGETS)) == 0.5

    def test_as_scikit_learn(self):
        rng = np.random.default_rng(0)
        output, classes = torch.from_numpy(rng.normal(size=(50, 4))), torch.from_numpy(rng.integers(0, 4, 50))
        expected = accuracy_score(classes.numpy(), output.argmax(1).numpy())
        assert mean_of(hits(output, output, classes)) == pytest.approx(expected)
        assert mean_of(misses(output, output, classes)) == pytest.approx(1 - expected)

    @pytest.mark.parametrize("wrong", [3, -1])
    def test_a_class_that_is_not_there(self, wrong):
        with pytest.raises(ValueError, match="0 to 2"):
            hits(self.OUTPUT, self.OUTPUT, torch.tensor([0, 0, 0, wrong]))


class TestExplained:
    def test_by_hand(self):
        targets = torch.tensor([[1.0], [2.0], [3.0]])  # whose squared distance from their mean is 2 in sum
        assert mean_of(explained(targets, targets, targets)) == 1
        assert mean_of(explained(torch.full((3, 1), 2.0), targets, targets)) == 0
        assert mean_of(explained(targets + 1, targets, targets)) == pytest.approx(1 - 3 / 2)

    @pytest.mark.parametrize("outputs", [1, 3])
    def test_as_scikit_learn(self, outputs):
        rng = np.random.default_rng(outputs)
        targets = torch.from_numpy(rng.normal(size=(40, outputs)))
        output = targets + torch.from_numpy(rng.normal(size=(40, outputs)))
        assert mean_of(explained(output, output, targets)) == pytest.approx(r2_score(targets.numpy(), output.numpy()))

    def test_targets_without_a_dimension(self):
        targets = torch.tensor([1.0, 2.0, 4.0])
        output = torch.tensor([[1.0], [3.0], [3.0]])
        assert mean_of(explained(output, output, targets)) == pytest.approx(r2_score(targets.numpy(), output.numpy()))

    @pytest.mark.parametrize("off", [0.0, 0.5])
    def test_an_output_that_is_constant_in_the_targets(self, off):
        targets = torch.tensor([[1.0, 2.0], [2.0, 2.0], [4.0, 2.0]])
        output = targets + torch.tensor([[0.5, off]])
        assert mean_of(explained(output, output, targets)) == pytest.approx(r2_score(targets.numpy(), output.numpy()))
        first = 1 - 0.25 / (14 / 9)  # of the first output, whose targets have a variance of 14/9
        assert mean_of(explained(output, output, targets)) == pytest.approx((first + (off == 0)) / 2)

    @pytest.mark.parametrize("count", [3, 7, 100, 999])
    def test_a_constant_whose_mean_is_another_number(self, count):
        targets = torch.full((count, 1), 0.1, dtype=torch.float64)  # three times 0.1, divided by 3, is more than 0.1
        assert mean_of(explained(targets, targets, targets)) == 1
        assert mean_of(explained(targets + 0.1, targets, targets)) == 0

    def test_nan_is_infinitely_bad(self):
        targets = torch.tensor([[1.0], [2.0], [3.0]])
        output = torch.tensor([[1.0], [NAN], [3.0]])
        assert mean_of(explained(output, output, targets)) == -math.inf


def test_absolute_errors():
    output, targets = torch.tensor([[0.25, 1.0], [NAN, 0.0]]), torch.tensor([[0.5, 0.0], [0.0, 0.0]])
    assert absolute_error(output, output, targets).tolist() == [0.625, math.inf]
    assert mean_of(absolute_error(output, output, targets)) == math.inf


def test_absolute_errors_of_images():
    targets = torch.arange(24.0).view(2, 3, 2, 2)
    assert absolute_error(targets + 0.5, targets, targets).tolist() == [0.5, 0.5]


def test_wrong_bits():
    output = torch.tensor([[0.4, 0.6, 0.5, NAN], [0.0, 1.0, 1.0, 0.0]])
    targets = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0]])
    assert wrong_bits(output, output, targets).tolist() == [0.5, 0]  # 0.5 is a 1, and NaN is wrong


def test_means_leave_out_what_does_not_count():
    assert mean_of(torch.tensor([1.0, NAN, 4.0])) == 2.5
    assert math.isnan(mean_of(torch.tensor([NAN, NAN])))


@pytest.mark.parametrize("metric", [ACCURACY, ERROR, WRONG_BITS, L1, R2, recall_at(2), ndcg_at(3)], ids=lambda m: m.key)
def test_metrics_travel(metric):
    twin = pickle.loads(pickle.dumps(metric))
    assert (twin.key, twin.title, twin.share) == (metric.key, metric.title, metric.share)
    targets = torch.tensor([0, 1]) if metric in (ACCURACY, ERROR) else HELD_OUT
    assert torch.equal(twin.values(SCORES, NOTHING, targets), metric.values(SCORES, NOTHING, targets))


def test_names():
    assert [metric.key for metric in (recall_at(20), ndcg_at(100))] == ["recall@20", "ndcg@100"]
    assert recall_at(20).share
