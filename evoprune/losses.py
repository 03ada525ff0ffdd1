"""Losses by name, or functions of your own; `mean_loss` reduces, so that stacked cells get a loss each."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias
from warnings import warn

import torch
from torch import Tensor
from torch.nn import functional

from evoprune.checks import at_least, lookup, of_type, shown

# What each output nonlinearity of `networks.OUTPUTS` can reach; the others reach everything.
OUTPUT_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Output and target to a scalar, or to values of any shape, whose mean is the loss."""


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Absolute error of each value."""
    return (output - target).abs()


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Squared error of each value."""
    return (output - target).square()


def bce(output: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of each value in nats; `output` are probabilities. Each logarithm is kept above -100.

    Without a gradient an output outside of [0, 1] gives NaN; with one torch raises an error.
    """
    if not output.requires_grad:  # torch's own takes six times as long
        hit, miss = torch.log(output).clamp_min_(-100.0), torch.log1p(-output).clamp_min_(-100.0)
        return torch.lerp(miss, hit, target).neg_()
    lost = output.isnan()  # torch would raise an error; a diverged network is a bad one, but no mistake
    safe = output.masked_fill(lost, 0.5)
    loss = functional.binary_cross_entropy(safe, target.expand_as(output), reduction="none")
    return loss.masked_fill(lost, math.nan)


def cross_entropy(output: Tensor, target: Tensor, dim: int = 1) -> Tensor:
    """Cross-entropy of each sample in nats, as torch's; `output` are logits, the classes in dimension `dim`.

    :param target: the number of a class, in whole numbers and without that dimension; or as much of each class as there
        is, of the output's shape: probabilities, or counts (the multinomial likelihood of Liang et al. 2018, arXiv
        1802.05814).
    """
    likelihood = output.log_softmax(dim)
    if target.is_floating_point():
        return -(target * likelihood).sum(dim)
    return -_at(likelihood, target, dim)


def hinge(output: Tensor, target: Tensor, dim: int = 1) -> Tensor:
    """How far each sample is from a margin of 1.

    :param target: the number of a class, in whole numbers: the mean over the classes of how much less than 1 the output
        of the right one is above theirs (Crammer and Singer 2001; torch's ``MultiMarginLoss``). Or -1 and 1, of the
        output's shape: ``max(0, 1 - target * output)`` of each value.
    """
    if target.is_floating_point():
        return (1 - target * output).clamp_min(0)
    margins = (1 + output - _at(output, target, dim).unsqueeze(dim)).clamp_min(0)
    return (margins.sum(dim) - 1) / output.shape[dim]  # the right class itself has added 1


LOSSES: dict[str, LossFunction] = {"l1": l1, "mse": mse, "bce": bce, "cross-entropy": cross_entropy, "hinge": hinge}
OF_CLASSES: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {"cross-entropy": cross_entropy, "hinge": hinge}
"""Those of the losses whose targets may be numbers of classes, one a sample."""


class Loss(str):
    """The name of a loss that can be called: ``loss(output, target)`` is the mean over all values, a scalar tensor."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return mean_loss(str(self), output, target, dims=output.dim())


def mean_loss(loss: str | LossFunction, output: Tensor, target: Tensor, dims: int | None = None) -> Tensor:
    """The mean of a loss over the last `dims` dimensions of the output; what stands before them, cells say, is kept.

    (samples, inputs) gives a scalar and (cells, samples, inputs) gives (cells,). A batch of images, (samples, channels,
    height, width), is `dims=4`, with or without cells in front. Dimensions in front may broadcast: one target for
    all cells is enough. Works inside `torch.func.vmap`.

    :param loss: a name; or a function of your own, which gives a scalar or values, without cells in front.
    :param target: of the output's shape; numbers of classes stand without the second of the last `dims` dimensions.
    :param dims: 2 by default, for a function all there are.
    :raises TypeError: for a function that gives no tensor.
    :raises ValueError: for an unknown loss, or output and target that differ in the dimensions averaged over.
    """
    check_loss_name(loss)
    for what, tensor in (("output", output), ("target", target)):
        of_type(what, tensor, Tensor, "a tensor")
    if not isinstance(loss, str):
        return values_of(loss, output, target).mean()
    dims = 2 if dims is None else dims
    at_least("dims", dims, 1, whole=True)
    classes = loss in OF_CLASSES and not target.is_floating_point()
    own = dims - classes  # dimensions of a target without cells
    given, wanted = output.shape[-dims:], target.shape[max(target.ndim - own, 0) :]
    if loss in OF_CLASSES:
        check_targets(loss, given, wanted, target.dtype)
    # Without this an output of (5, 1) would silently broadcast against a target of (5, 1000).
    if output.ndim < dims or target.ndim < own or (not classes and wanted != given):
        shapes = f"output {tuple(output.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{shapes} must agree in their last {dims} dimensions")
    values = OF_CLASSES[loss](output, target, 1 - dims) if loss in OF_CLASSES else LOSSES[loss](output, target)
    left = max(output.ndim - dims, target.ndim - own)  # cells
    return values.mean(dim=tuple(range(left - values.ndim, 0)))


def values_of(loss: str | LossFunction, output: Tensor, target: Tensor) -> Tensor:
    """What a loss gives for the output of one network, whose mean is the loss.

    :raises TypeError: for a function that gives no tensor.
    :raises ValueError: where a name's output and target differ in shape, and for classes that the output has not.
    """
    if not isinstance(loss, str):
        values = loss(output, target)
        of_type(f"what the loss {name_of(loss)} gives", values, Tensor, "a tensor: a scalar, or values")
        return values if values.is_floating_point() else values.float()  # how many are wrong, perhaps
    if loss not in OF_CLASSES:
        check_shapes(output, target)
        return LOSSES[loss](output, target)
    check_targets(loss, output.shape, target.shape, target.dtype)
    with naming_classes(loss, target, output.shape[1]):
        return LOSSES[loss](output, target)


def like_output(target: Tensor, output: Tensor, loss: str | LossFunction) -> Tensor:
    """Targets as a loss reads them beside an output: on its device and, if they are no classes, of its type.

    Targets (samples,) of a network that gives one value a sample, (samples, 1), get that dimension.

    :raises ValueError: for a loss that reads values where the targets are classes.
    """
    if isinstance(loss, str) and loss in OF_CLASSES and not target.is_floating_point():
        return target.to(output.device, torch.int64)
    if not isinstance(loss, str) and not target.is_floating_point():
        return target.to(output.device)  # whatever that function makes of it
    short = isinstance(loss, str) and output.dim() == target.dim() + 1
    if short and output.shape[-1] > 1 and not target.is_floating_point():
        refuse_classes(loss)
    target = target.to(output)
    return target.unsqueeze(-1) if short and output.shape[-1] == 1 else target


def check_loss_name(loss: Any) -> None:
    """Raise `ValueError` for an unknown name, `TypeError` for what is neither a name nor a function."""
    if isinstance(loss, str):
        lookup("loss", loss, LOSSES)
    elif not callable(loss) or isinstance(loss, type):
        what = f"one of {', '.join(LOSSES)}, or a function of output and target"
        raise TypeError(f"loss must be {what}, got {shown(loss)}")


def name_of(loss: str | LossFunction) -> str:
    """What to call a loss."""
    return str(loss) if isinstance(loss, str) else str(getattr(loss, "__name__", None) or shown(loss))


def check_loss(loss: str, output: str, data: Tensor) -> None:
    """See, before any work, that a loss, the name of the network's output and the targets go together.

    Warns of values that this output can never reproduce, such as negative ones behind a sigmoid.

    :param data: the targets: values, or numbers of classes.
    :raises ValueError: for an unknown loss, `bce` with an output other than sigmoid or with data outside [0, 1],
        `cross-entropy` with an output other than identity or data below 0, and `hinge` with values other than -1 and 1.
    """
    lookup("loss", loss, LOSSES)
    of_type("output", output, str, "the name of a nonlinearity")
    of_type("data", data, Tensor, "a tensor")
    if not data.numel() or data.is_complex():
        raise ValueError(f"data must be real numbers, at least one, got {data.dtype} of shape {tuple(data.shape)}")
    low, high = data.min().item(), data.max().item()
    if loss == "bce" and output != "sigmoid":
        raise ValueError(f"loss bce reads probabilities and needs output sigmoid, got {output}")
    if loss == "bce" and not (low >= 0 and high <= 1):
        raise ValueError(f"loss bce needs data in [0, 1], but they go from {low:g} to {high:g}")
    if loss == "cross-entropy" and low < 0:
        raise ValueError(f"loss cross-entropy needs classes, or shares of them, but the data go down to {low:g}")
    if loss == "cross-entropy" and output not in ("identity", "none"):
        raise ValueError(f"loss cross-entropy reads logits and needs output identity, got {output}")
    if loss == "hinge" and data.is_floating_point() and not bool((data.abs() == 1).all()):
        raise ValueError(f"loss hinge needs classes, or data of -1 and 1, but they go from {low:g} to {high:g}")
    if loss in OF_CLASSES:
        return
    reach = OUTPUT_RANGES.get(output, (-math.inf, math.inf))
    if low < reach[0] or high > reach[1]:
        reachable = f"[{reach[0]:g}, {reach[1]:g}]"
        warn(f"the data go from {low:g} to {high:g}, but output {output} reaches only {reachable}", stacklevel=2)


def check_probabilities(loss: str | LossFunction, what: str, values: Tensor) -> None:
    """See that what `bce` reads, the reconstructions or the data, lies in [0, 1]; other losses take any value."""
    if isinstance(loss, str) and loss == "bce" and values.numel():
        low, high = (value.item() for value in values.aminmax())
        if low < 0 or high > 1:
            raise ValueError(f"loss bce needs {what} in [0, 1], but they go from {low:g} to {high:g}")


def check_classes(loss: str | LossFunction, target: Tensor, classes: int | None) -> None:
    """See that targets of a loss that reads numbers of classes are some of those that a network tells apart.

    Those of `hinge` may also be values of -1 and 1.

    :param classes: how many it tells apart, where that is known.
    """
    if not isinstance(loss, str) or loss not in OF_CLASSES or not target.numel():
        return
    if target.is_floating_point():
        if loss == "hinge" and bool((target.isfinite() & (target.abs() != 1)).any()):
            raise ValueError(f"loss hinge needs classes, or values of -1 and 1, got {shown(target)}")
    else:
        low, high = (int(value) for value in target.aminmax())
        if low < 0 or (classes is not None and high >= classes):
            most = "at least 0" if classes is None else f"0 to {classes - 1}"
            raise ValueError(f"loss {loss} needs classes by their numbers, {most}, but they go from {low} to {high}")


def refuse_classes(loss: str | LossFunction) -> None:
    """Raise what `like_output` says of classes for a loss that reads values."""
    of_classes = " or ".join(OF_CLASSES)
    raise ValueError(f"loss {loss} reads values, but the targets are classes: take {of_classes}")


@contextmanager
def naming_classes(loss: str, target: Tensor, classes: int) -> Iterator[None]:
    """What torch raises of numbers of classes that there are not says so; to look at them each time takes too long."""
    try:
        yield
    except RuntimeError:
        check_classes(loss, target, classes)
        raise


def check_targets(loss: str, output: Sequence[int], target: Sequence[int], dtype: torch.dtype) -> None:
    """See that the shapes of a network's output and its targets are such as a loss of classes reads."""
    output, target = tuple(output), tuple(target)
    whole = not dtype.is_floating_point
    if len(output) < 1 + (whole or loss == "cross-entropy"):
        raise ValueError(f"loss {loss} reads a value for each class, (samples, classes), the network gives {output}")
    if target != ((output[0], *output[2:]) if whole else output):
        takes = f"loss {loss} takes classes, whole numbers {(output[0], *output[2:])}, or values {output}"
        raise ValueError(f"{takes}, got targets {target} of {dtype}")


def check_gradient(loss: str | LossFunction, value: Tensor) -> None:
    """See that a gradient leads back from what a loss gave; otherwise nothing could be learned from it."""
    if not value.requires_grad:
        raise ValueError(f"the loss {name_of(loss)} has no gradient: it, or the network, detaches its values")


def check_shapes(output: Tensor, target: Tensor) -> None:
    """See that a network gives what the data are; otherwise the difference would broadcast."""
    if output.shape != target.shape:
        raise ValueError(f"the network gives {tuple(output.shape)} where the data are {tuple(target.shape)}")


def _at(values: Tensor, classes: Tensor, dim: int) -> Tensor:
    """Of each sample the value of its class; the classes in dimension `dim`."""
    places = classes.unsqueeze(dim)
    one = torch.broadcast_shapes(places.shape, values.narrow(dim, 0, 1).shape)
    every = list(one)
    every[dim] = values.shape[dim]
    return values.expand(every).gather(dim, places.expand(one)).squeeze(dim)
