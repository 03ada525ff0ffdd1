"""Values of a table as text."""

from typing import Any

import numpy as np
import pandas as pd

P_VALUES = ("p", "p (Holm)")
SMALLEST = 0.001


def cell(value: Any, column: str = "") -> str:
    """Four significant digits, p-values down to 0.001, nothing for what is missing."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        number = float(value)
        if column in P_VALUES:
            return f"<{SMALLEST}" if number < SMALLEST else f"{number:.3f}"
        return f"{number:.0f}" if 1000 <= abs(number) < 1e7 else f"{number:.4g}"
    return str(value)


def rows(frame: pd.DataFrame) -> list[list[str]]:
    """The cells of a table as text, its columns' names first."""
    names = [str(column) for column in frame.columns]
    # itertuples keeps whole numbers whole, which iterrows does not
    body = [
        [cell(value, name) for value, name in zip(row, names, strict=True)] for row in frame.itertuples(index=False)
    ]
    return [names, *body]


def right_aligned(frame: pd.DataFrame) -> list[bool]:
    """Whether a column holds numbers."""
    return [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) for i in range(frame.shape[1])]


def anchor(title: str) -> str:
    """A heading as the name that a link can jump to."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
