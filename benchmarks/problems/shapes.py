"""What arrays of samples and of their targets must be: their shapes, their types, and finite numbers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from evoprune.checks import shown
from evoprune.files import one_line

Check = Callable[[str, Sequence[int], np.dtype[Any]], None]
"""Refuses the shape or the type of an array; the first argument is what messages call it."""


def check_table(what: str, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """See that numbers of that shape can be trained on.

    :raises ValueError: naming the file and what was expected.
    """
    if len(shape) != 2 or shape[0] < 0 or shape[1] < 1 or dtype.kind not in "biuf":
        raise ValueError(f"{what}: expected real numbers (samples, inputs), got {_found(shape, dtype)}")
    if shape[0] < 5:
        raise ValueError(f"{what}: a split into 60/20/20 % needs at least 5 rows, got {shape[0]}")


def check_labels(what: str, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """See that an array holds a class for each sample: a number, or a text.

    :raises ValueError: naming the file and what was expected.
    """
    if tuple(shape[1:]) not in ((), (1,)) or not shape or shape[0] < 0 or dtype.kind not in "biufU":
        raise ValueError(f"{what}: expected classes (samples,), numbers or texts, got {_found(shape, dtype)}")


def check_values(what: str, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """See that an array holds one or more numbers for each sample.

    :raises ValueError: naming the file and what was expected.
    """
    if len(shape) not in (1, 2) or shape[0] < 0 or min(shape[1:], default=1) < 1 or dtype.kind not in "biuf":
        found = _found(shape, dtype)
        raise ValueError(f"{what}: expected real numbers (samples,) or (samples, outputs), got {found}")


def require_finite(what: str, data: Tensor) -> None:
    """ValueError with the place of the first NaN or infinity of a (rows, columns) tensor, if there is one."""
    if not torch.isfinite(data).all():
        row, column = torch.nonzero(~torch.isfinite(data))[0].tolist()
        value = data[row, column].item()
        raise ValueError(f"{what}: {value} in row {row}, column {column} (counted from 0) is not a finite number")


def _found(shape: Sequence[int], dtype: np.dtype[Any]) -> str:
    return f"{one_line(dtype)} {shown(tuple(shape))}"
