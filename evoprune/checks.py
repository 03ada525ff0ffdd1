"""Names to things: look a name up in a registry, and check the numbers that settings carry.

A registry is a plain dict, name -> callable. Every check raises `ValueError` in one line that names the value and what
was expected, so that a wrong setting reads the same wherever it was given.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, TypeVar

T = TypeVar("T")


LONGEST = 80
"""Characters of a value that a message shows."""


def shown(value: Any) -> str:
    """A value for a message: its ``repr`` in one line, cut short where it is long."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python spells
        text = f"a number of {value.bit_length()} bits"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}... ({len(text)} characters)"


def lookup(kind: str, name: str, registry: Mapping[str, T]) -> T:
    """The entry called `name`; an unknown name is a `ValueError` that offers the nearest and lists the known ones.

    `kind` says what is being looked up ("operator", "schedule") and only appears in the error.
    """
    # A settings file may hold anything, also things that cannot be a dict key.
    if isinstance(name, str) and name in registry:
        return registry[name]
    near = [known for known in registry if str(name) and known.startswith(str(name).lower())]
    near = near or difflib.get_close_matches(str(name).lower(), registry, n=1)
    hint = f": did you mean {near[0]!r}?" if near else ";"
    raise ValueError(f"unknown {kind} {shown(name)}{hint} known: {', '.join(sorted(registry))}")


def in_unit_interval(what: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is a number from 0 to 1, both included. NaN, bool and text are refused."""
    if not (_is_number(value) and 0 <= value <= 1):
        raise ValueError(f"{what} must be a number in [0, 1], got {shown(value)}")


def at_least(what: str, value: Any, minimum: float, *, whole: bool = False, finite: bool = False) -> None:
    """Raise `ValueError` unless `value` is a number (with `whole`, an integer) not below `minimum`.

    NaN, bool and text are refused; infinity is a number, unless it has to be `finite`.
    """
    if not (_is_number(value) and value >= minimum and (isinstance(value, Integral) or not whole)):
        raise ValueError(
            f"{what} must be a {'whole ' if whole else ''}number of at least {minimum}, got {shown(value)}"
        )
    if finite and math.isinf(value):
        raise ValueError(f"{what} must be finite, got {shown(value)}")


def true_or_false(what: str, value: Any) -> None:
    """Raise `ValueError` unless `value` is True or False: text such as "no" would count as True."""
    if not isinstance(value, bool):
        raise ValueError(f"{what} must be True or False, got {shown(value)}")


def _is_number(value: Any) -> bool:
    # True and False are integers to Python; in a setting they are a mistake. numpy's scalars count, its bool does not.
    return isinstance(value, Real) and not isinstance(value, bool)
