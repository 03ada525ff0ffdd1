"""Which column of a table somebody means: by its number, or by its name in the header."""

import re
from collections.abc import Sequence

from evoprune.checks import shown

NUMBER = re.compile("-?[0-9]+")
NAMED = 5  # columns that a message names


def is_numbered(column: str) -> bool:
    """Whether a column is meant by its number, from 0 or, negative, from the end."""
    return NUMBER.fullmatch(column) is not None


def find_column(path: str, column: str, count: int, names: Sequence[str] | None) -> int:
    """The number from 0 of a column of a table of ``count`` columns.

    :param column: a name of the header, or a number, negative from the end.
    :param names: the header, if the table has one.
    :raises ValueError: naming the file, for a column that is not there, a name that is there twice, and where no column
        is left beside it.
    """
    what = f"{path}: target_column {shown(column)}"
    if is_numbered(column):
        if not -count <= int(column) < count:
            raise ValueError(f"{what}: there are {count} columns, numbered from 0")
        found = int(column) % count
    elif names is None:
        raise ValueError(f"{what}: the columns have no names, so it must be a number from 0 to {count - 1}")
    else:
        if (times := names.count(column)) != 1:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            known = ", ".join(map(shown, names[:NAMED])) + more
            raise ValueError(f"{what}: {'no column' if not times else f'{times} columns'} of that name in {known}")
        if len(names) != count:
            raise ValueError(f"{what}: the header has {len(names)} columns, the first row {count}")
        found = names.index(column)
    if count == 1:
        raise ValueError(f"{what}: it is the only column, so there are no inputs")
    return found
