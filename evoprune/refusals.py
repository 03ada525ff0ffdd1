"""What a network refuses, in words: asked only after an error, so that nothing is looked at while all goes well."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from evoprune.checks import shown
from evoprune.layers import check_data


def blame(
    error: Exception, data: Any, names: Sequence[str], modules: Sequence[nn.Module], wanted: int | None = None
) -> None:
    """Say what is wrong with data, or with networks that do not fit them, where that is the cause of an error.

    Returns where nothing is found: a mistake inside somebody's module is best shown as it is.

    :param error: what a network raised on the data.
    :param names: of its parts, ``modules``, in the order in which they are applied.
    :param wanted: values a sample that the last of them has to give, where that is known.
    :raises TypeError: for what is no tensor, or of a type that the network refuses.
    :raises ValueError: for data without samples or of another width, and parts that do not fit.
    """
    if not isinstance(data, Tensor):
        raise TypeError(f"the network takes a tensor (samples, inputs), got {shown(data)}") from error
    if not data.dim() or not data.numel():
        raise ValueError(f"the network takes data (samples, inputs), got shape {tuple(data.shape)}") from error
    try:
        check_data(dict(zip(names, modules, strict=True)), data.shape[-1], wanted)
    except ValueError as found:
        raise ValueError(str(found)) from error
    if not data.is_floating_point():
        text = shown(str(error)).strip("'\"")
        raise TypeError(f"the network refuses data of type {data.dtype}, try data.float(): {text}") from error
