"""What reports say of outputs: a value for each sample, whose mean is the metric."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from evoprune.checks import at_least
from evoprune.evaluation import loss_of, wrong_share
from evoprune.fitness import WORST
from evoprune.losses import check_classes, check_shapes, l1, like_output

MetricFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Outputs, inputs and targets of some samples -> (samples,), NaN for a sample that does not count."""


@dataclass(frozen=True)
class Metric:
    """A metric of a problem: ``test_<key>`` in the summary of a run, ``title`` in its tables.

    ``values`` gives (samples,) for outputs, inputs and targets; ``whole`` their mean at once, where that takes less. A
    ``share`` is in [0, 1], and shown in percent. ``rises`` where more is better. ``held_out`` is a metric that says
    nothing of training data.
    """

    key: str
    title: str
    values: MetricFunction
    share: bool = False
    rises: bool = False
    held_out: bool = False
    whole: Callable[[Tensor, Tensor, Tensor], float] | None = None


def mean_of(values: Tensor) -> float:
    """The mean of values a sample, those left out that do not count (NaN); NaN where none does."""
    return float(values.double().nanmean())


def absolute_error(output: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """The mean absolute error of each sample, (samples,); infinite where an output is NaN."""
    return l1(*_same_shape(output, targets)).flatten(1).mean(1).nan_to_num(math.inf, math.inf)


def wrong_bits(output: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """The share of wrong bits of each sample after rounding at 0.5, (samples,); NaN is wrong."""
    output, target = _same_shape(output, targets)
    wrong = ((output >= 0.5) != (target >= 0.5)) | output.isnan()
    return wrong.flatten(1).double().mean(1)


def hits(output: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """1 for each sample whose class has the largest output, else 0, (samples,); their mean is the accuracy.

    :param output: (samples, classes); NaN is no hit.
    :param targets: numbers of classes, (samples,).
    """
    classes = like_output(targets, output, "cross-entropy")
    check_classes("cross-entropy", classes, output.shape[1])
    found = output.nan_to_num(-math.inf).argmax(1) == classes
    return (found & ~output.isnan().flatten(1).any(1)).double()


def misses(output: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """1 for each sample whose class :func:`hits` does not find, else 0, (samples,); their mean is the error."""
    return 1 - hits(output, inputs, targets)


def explained(output: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """Values whose mean is R2, the coefficient of determination, averaged over the outputs, (samples,).

    All samples have to be there at once. An output that is constant in the targets counts as 1 where it is met exactly,
    else as 0, as in scikit-learn. A sample with NaN among its outputs is minus infinity.
    """
    output, target = _same_shape(output, targets)
    output, target = output.flatten(1).double(), target.flatten(1).double()
    lost = (output - target).square().nan_to_num(math.inf, math.inf)
    constant = (target == target[:1]).all(0)  # the mean of equal numbers may differ from them by a last bit
    spread = (target - target.mean(0)).square().mean(0)
    exact = lost.mean(0) == 0
    shares = torch.where(constant, torch.where(exact, 0.0, 1.0), lost / spread.clamp_min(1e-300))
    return (1 - shares).mean(1)


def recalled(output: Tensor, inputs: Tensor, targets: Tensor, k: int) -> Tensor:
    """Recall@k of each sample, (samples,): how many of its held-out items are among the k best, of at most k.

    Items that the inputs hold are masked out. A sample without held-out items does not count.

    :param output: (samples, items); an item whose output is NaN is not found.
    :param targets: (samples, items), above 0 where an item is held out.
    :raises ValueError: for a k below 1.

    Source: Liang et al. 2018, "Variational Autoencoders for Collaborative Filtering" (arXiv 1802.05814), section 4.2.
    """
    found, total = _ranked(output, inputs, targets, k)
    return _counted(found.sum(1) / total.clamp_max(k), total)


def discounted(output: Tensor, inputs: Tensor, targets: Tensor, k: int) -> Tensor:
    """nDCG@k of each sample, (samples,): gains of 1 for held-out items, discounted by the logarithm of their rank.

    Parameters and source as in :func:`recalled`.
    """
    found, total = _ranked(output, inputs, targets, k)
    discounts = 1 / torch.arange(2, found.shape[1] + 2, dtype=torch.float64, device=output.device).log2()
    ideal = discounts.cumsum(0)[total.long().clamp(1, found.shape[1]) - 1]
    return _counted((found * discounts).sum(1) / ideal, total)


def _mean_error(output: Tensor, inputs: Tensor, targets: Tensor) -> float:
    error = loss_of(output, targets, "l1")
    return error if error < WORST else math.nan


def _wrong_share(output: Tensor, inputs: Tensor, targets: Tensor) -> float:
    return wrong_share(output, targets)


ACCURACY = Metric("accuracy", "accuracy", hits, share=True, rises=True)
ERROR = Metric("error", "error", misses, share=True)
WRONG_BITS = Metric("error", "wrong bits", wrong_bits, share=True, whole=_wrong_share)
L1 = Metric("l1", "L1", absolute_error, whole=_mean_error)
R2 = Metric("r2", "R2", explained, rises=True)


def recall_at(k: int) -> Metric:
    """The metric recall@k."""
    at_least("k", k, 1, whole=True)
    return Metric(f"recall@{k}", f"recall@{k}", partial(recalled, k=k), share=True, rises=True, held_out=True)


def ndcg_at(k: int) -> Metric:
    """The metric nDCG@k."""
    at_least("k", k, 1, whole=True)
    return Metric(f"ndcg@{k}", f"nDCG@{k}", partial(discounted, k=k), share=True, rises=True, held_out=True)


def _same_shape(output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    target = like_output(targets, output, "l1")
    check_shapes(output, target)
    return output, target


def _ranked(output: Tensor, inputs: Tensor, targets: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """1 for those of the k items that come first which are held out, (samples, k), and how many are, (samples,)."""
    at_least("k", k, 1, whole=True)
    output, targets = _same_shape(output, targets)
    seen = inputs.to(output.device) > 0
    wanted = (targets > 0) & ~seen
    scores = output.nan_to_num(-math.inf).masked_fill(seen, -math.inf)
    best = scores.topk(min(k, scores.shape[1]), dim=1).indices
    return (wanted & ~output.isnan()).gather(1, best).double(), wanted.sum(1).double()


def _counted(values: Tensor, total: Tensor) -> Tensor:
    return values.masked_fill(total == 0, math.nan)
