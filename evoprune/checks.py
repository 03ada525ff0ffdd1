"""Names to things: look a name up in a registry, and check the numbers that settings carry.

A registry is a plain dict, name -> callable. Every check raises `ValueError` in one line that names the value and what
was expected, so that a wrong setting reads the same wherever it was given.
"""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

T = TypeVar("T")


LONGEST = 80
"""Characters of a value that a message shows."""
MOST = 10**9
"""The bound of a number of generations, epochs and the like: above it somebody has mistyped."""


def shown(value: Any) -> str:
    """A value for a message: its ``repr`` in one line, cut short where it is long."""
    if isinstance(value, int) and value.bit_length() > 1000:  # more digits than anybody, or Python, reads
        return f"a number of {value.bit_length()} bits"
    try:
        text = " ".join(repr(value).split("\n"))
    except Exception:  # a message must not fail over somebody else's repr
        text = object.__repr__(value)
    text = re.sub(r"(?<=\s)\s+", "", text)  # the margins of a module that is shown in several lines
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}... ({len(text)} characters)"


def lookup(kind: str, name: str, registry: Mapping[str, T]) -> T:
    """The entry called `name`; an unknown name is a `ValueError` that offers the nearest and lists the known ones.

    `kind` says what is being looked up ("operator", "schedule") and only appears in the error.
    """
    # A settings file may hold anything, also things that cannot be a dict key.
    if isinstance(name, str) and name in registry:
        return registry[name]
    text = shown(name).strip("'").lower()
    near = [known for known in registry if text and known.startswith(text)]
    near = near or difflib.get_close_matches(text, registry, n=1)
    hint = f": did you mean {near[0]!r}?" if near else ";"
    raise ValueError(f"unknown {kind} {shown(name)}{hint} known: {', '.join(sorted(registry))}")


def in_unit_interval(what: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is a number from 0 to 1, both included. NaN, bool and text are refused."""
    if not (is_number(value) and 0 <= value <= 1):
        raise ValueError(f"{what} must be a number in [0, 1], got {shown(value)}")


def at_least(
    what: str, value: Any, minimum: float, *, whole: bool = False, finite: bool = False, most: float = math.inf
) -> None:
    """Raise `ValueError` unless `value` is a number (with `whole`, an integer) not below `minimum` nor above `most`.

    NaN, bool and text are refused; infinity is a number, unless it has to be `finite`.
    """
    if not (is_number(value) and value >= minimum and (isinstance(value, Integral) or not whole)):
        raise ValueError(
            f"{what} must be a {'whole ' if whole else ''}number of at least {minimum}, got {shown(value)}"
        )
    if finite and value > sys.float_info.max:  # an integer may be too large for a float as well
        raise ValueError(f"{what} must be finite, got {shown(value)}")
    if value > most:
        raise ValueError(f"{what} must be at most {most}, got {shown(value)}")


def of_type(what: str, value: Any, kind: Any, expected: str) -> None:
    """Raise `TypeError` unless `value` is of a type; `expected` says in words what it must be."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} must be {expected}, got {shown(value)}")


def has(what: str, value: Any, method: str, expected: str) -> None:
    """Raise `TypeError` unless `value` is an object with a method, whatever its type; `expected` as in `of_type`."""
    if isinstance(value, type) or not callable(getattr(value, method, None)):
        raise TypeError(f"{what} must be {expected}, got {shown(value)}")


def listed(what: str, values: Any, expected: str) -> list[Any]:
    """The items of anything that has some but a text; `TypeError` for what has none."""
    try:
        if not isinstance(values, str | bytes):
            return list(values)
    except TypeError:  # no iterable, or a tensor without dimensions
        pass
    raise TypeError(f"{what} must be {expected}, got {shown(values)}")


def two(what: str, values: Any) -> tuple[Any, Any]:
    """Both of two values; `ValueError` for anything else."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or len(values) != 2:
        raise ValueError(f"{what} must be two numbers, got {shown(values)}")
    return values[0], values[1]


def true_or_false(what: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is True or False: text such as "no" would count as True."""
    if not isinstance(value, bool):
        raise ValueError(f"{what} must be True or False, got {shown(value)}")


def is_number(value: Any) -> bool:
    """Whether a value is a real number."""
    # True and False are integers to Python; in a setting they are a mistake. numpy's scalars count, its bool does not.
    return isinstance(value, Real) and not isinstance(value, bool)
