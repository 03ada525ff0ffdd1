"""What a report takes from files that may hold anything: settings, summaries and tables, checked value by value."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.experiments import DEFAULT, EXPERIMENTS
from evoprune.benchmarks.pruning.upgrade import upgraded
from evoprune.benchmarks.report.variants import effective, flat
from evoprune.checks import lookup, shown
from evoprune.files import fitting, read_json, reason
from evoprune.runs.settings import check_type, types_of

NUMBERS = re.compile(
    r"seed|n|seconds|generations|cells|updates|nonfinite|noise_floor|model_cell|parameters|trained|known_again"
    r"|preserved|(train|test|validation|search|best|trivial|preserved|rmse|accuracy)_.+"
)
"""Names of what a summary says in numbers."""
NOT_BELOW_ZERO = ("seed", "seconds")
LARGEST = 1e300


def read_settings(path: Path, experiment: str = DEFAULT) -> dict[str, Any]:
    """The settings of a run, flat; settings that this version does not know are taken as they are.

    :raises ValueError: naming the file and the setting.
    """
    values = read_json(path)
    with fitting(path):
        return check_settings(values, experiment)


def check_settings(values: Any, experiment: str = DEFAULT) -> dict[str, Any]:
    """Settings of any version, flat, where those that are known are of their types.

    :raises ValueError: naming the setting.
    """
    if not isinstance(values, dict):
        raise ValueError(f"settings must be a dict, name -> value, got {shown(values)}")
    kind = lookup("experiment", values.get("experiment", experiment), EXPERIMENTS)
    types = types_of(kind.settings)
    for name, value in (upgraded(values) if kind.name == DEFAULT else values).items():
        check_type(name, value, types.get(name, Any))
        if name == "seed" or isinstance(value, float):
            check_number(name, value)
    made = flat(values, experiment)
    effective(made)  # which looks some of them up
    return made


def check_summary(summary: Mapping[str, Any]) -> None:
    """See that what a summary says in numbers are numbers.

    :raises ValueError: naming the first that is none.
    """
    for name, value in summary.items():
        if value is not None and (NUMBERS.fullmatch(name) or not isinstance(value, bool | str | dict | list)):
            check_number(name, value)


def check_number(name: str, value: Any) -> None:
    """See that a value is a number that a float can hold; NaN, which stands for what was not finite, is one.

    :raises ValueError: naming it.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) > LARGEST
    if name == "seed" and not isinstance(value, int):
        number = False
    if not number or (name in NOT_BELOW_ZERO and value < 0):
        least = " of at least 0" if name in NOT_BELOW_ZERO else ""
        raise ValueError(f"{name} must be a{' whole' if name == 'seed' else ''} number{least}, got {shown(value)}")


def read_table(path: Path) -> pd.DataFrame:
    """A CSV file with its seeds as whole numbers, however large.

    :raises ValueError: naming the file.
    """
    try:
        if not path.is_file():
            raise ValueError("not a file")
        table = pd.read_csv(path, converters={"seed": lambda text: int(text) if text else None}, low_memory=False)
    except (OSError, ValueError, OverflowError) as error:  # pandas' own errors are ValueErrors
        raise ValueError(f"{path}: cannot be read as CSV ({reason(error)})") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"{path}: cannot be read as CSV (its rows are longer than its head)")
    return table


def read_log(path: Path, texts: tuple[str, ...]) -> pd.DataFrame:
    """A log: the generations from 0 on, and numbers in all columns but ``texts``.

    :raises ValueError: naming the file and the column.
    """
    table = read_table(path)
    for name in table.columns.drop(list(texts), errors="ignore"):
        column = table[name]
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            wrong = pd.to_numeric(column, errors="coerce").isna() & column.notna()
            raise ValueError(f"{path}: {shown(name)[1:-1]} must be numbers, got {shown(_first(column, wrong))}")
    if "gen" not in table or table["gen"].tolist() != list(range(len(table))):
        raise ValueError(f"{path}: gen must be the generations from 0 on")
    return table


def numeric(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[int, str]]:
    """A table of summaries with numbers where numbers belong, and what is wrong in which row."""
    wrong: dict[int, str] = {}
    for name in table.columns:
        column = table[name]
        if not NUMBERS.fullmatch(str(name)) or name == "seed" or pd.api.types.is_numeric_dtype(column):
            continue
        made = pd.to_numeric(column, errors="coerce")
        for row in table.index[made.isna() & column.notna()]:
            wrong.setdefault(int(row), f"{name} must be a number, got {shown(column[row])}")
        table = table.assign(**{str(name): made})
    return table, wrong


def whole(name: str, value: Any) -> int:
    """A whole number of at least 0 from a table, where it may have become a float or a text.

    :raises ValueError: for anything else.
    """
    try:
        number = int(value)
        if number == float(value) and number >= 0 and math.isfinite(float(value)):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be a whole number of at least 0, got {shown(value)}")


def _first(column: pd.Series, wrong: pd.Series) -> Any:
    return column[wrong].iloc[0] if wrong.any() else column.iloc[0] if len(column) else ""
