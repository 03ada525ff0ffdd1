"""Reconstruction losses by name. Each is elementwise; `mean_loss` reduces, so that stacked cells get a loss each."""

import math
from collections.abc import Callable
from warnings import warn

import torch
from torch import Tensor
from torch.nn import functional

from evoprune.checks import at_least, lookup, of_type

# What each output nonlinearity of `networks.OUTPUTS` can reach; the others reach everything.
OUTPUT_RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}


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


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1, "mse": mse, "bce": bce}


class Loss(str):
    """The name of a loss that can be called: ``loss(output, target)`` is the mean over all values, a scalar tensor."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return mean_loss(self, output, target, dims=output.dim())


def mean_loss(name: str, output: Tensor, target: Tensor, dims: int = 2) -> Tensor:
    """The mean of loss `name` over the last `dims` dimensions; what stands before them, cells say, is kept.

    (samples, inputs) gives a scalar and (cells, samples, inputs) gives (cells,). A batch of images, (samples, channels,
    height, width), is `dims=4`, with or without cells in front. Dimensions in front may broadcast: one target for
    all cells is enough. Works inside `torch.func.vmap`.

    :raises ValueError: for an unknown loss, or output and target that differ in the dimensions averaged over.
    """
    elementwise = lookup("loss", name, LOSSES)
    for what, tensor in (("output", output), ("target", target)):
        of_type(what, tensor, Tensor, "a tensor")
    at_least("dims", dims, 1, whole=True)
    # Without this an output of (5, 1) would silently broadcast against a target of (5, 1000).
    if min(output.ndim, target.ndim) < dims or output.shape[-dims:] != target.shape[-dims:]:
        raise ValueError(
            f"output {tuple(output.shape)} and target {tuple(target.shape)} must agree in their last {dims} dimensions"
        )
    return elementwise(output, target).mean(dim=tuple(range(-dims, 0)))


def check_loss(loss: str, output: str, data: Tensor) -> None:
    """See, before any work, that a loss, the name of the network's output and the data go together.

    Warns of values that this output can never reproduce, such as negative ones behind a sigmoid.

    :raises ValueError: for an unknown loss, or `bce` with an output other than sigmoid or with data outside [0, 1].
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
    reach = OUTPUT_RANGES.get(output, (-math.inf, math.inf))
    if low < reach[0] or high > reach[1]:
        reachable = f"[{reach[0]:g}, {reach[1]:g}]"
        warn(f"the data go from {low:g} to {high:g}, but output {output} reaches only {reachable}", stacklevel=2)


def check_probabilities(loss: str, what: str, values: Tensor) -> None:
    """See that what `bce` reads, the reconstructions or the data, lies in [0, 1]; other losses take any value."""
    if loss == "bce" and values.numel():
        low, high = (value.item() for value in values.aminmax())
        if low < 0 or high > 1:
            raise ValueError(f"loss bce needs {what} in [0, 1], but they go from {low:g} to {high:g}")


def check_shapes(output: Tensor, target: Tensor) -> None:
    """See that a decoder gives what the data are; otherwise the difference would broadcast."""
    if output.shape != target.shape:
        raise ValueError(f"the decoder gives {tuple(output.shape)} where the data are {tuple(target.shape)}")
