"""What the statistics read: numbers, and tables of runs."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from evoprune.checks import of_type, shown


def numbers(what: str, values: Any) -> np.ndarray:
    """Values as an array of one dimension.

    :raises ValueError: for anything but a list of numbers.
    """
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        found = np.empty(())
    if found.ndim != 1:
        raise ValueError(f"{what} must be a list of numbers, got {shown(values)}")
    return found


def check_series(what: str, values: Any) -> None:
    """Raise `TypeError` or `ValueError` unless values are a series of numbers."""
    of_type(what, values, pd.Series, "a pandas Series of numbers")
    numbers(what, values)


def check_frame(frame: Any, columns: Iterable[Any]) -> None:
    """See that a frame has the columns that are read.

    :raises TypeError: for anything but a frame.
    :raises ValueError: naming a column that it lacks.
    """
    of_type("frame", frame, pd.DataFrame, "a pandas DataFrame, a row a run")
    for column in columns:
        if not isinstance(column, str) or column not in frame.columns:
            raise ValueError(f"the frame has no column {shown(column)}: it has {shown(list(frame.columns))}")
