"""The fields of a settings dataclass: default, help text and allowed names in one place, and the check of values."""

import dataclasses
import math
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from evoprune.checks import MOST, lookup, shown
from evoprune.plugins import entries, is_code, names_in

SEEDS = 2**63 - 1
"""The largest seed."""
WIDTHS = r"\d{1,9}(-\d{1,9}){0,31}"
"""The form of sizes such as ``10-30``."""
PARAMETER = 42
"""Bytes that a network's parameter takes while it trains, about: weight, gradient, moments, mask, and their copies."""
RATE = 1e38
"""The largest learning rate: float32 has no larger numbers."""
TEXT = 4096
"""Characters that a text may have: the longest path."""

WORDS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}


def option(default: Any, help: str, choices: Iterable[str] = (), **more: Any) -> Any:
    """A setting: its default, its help text, and the names it may take.

    :param default: a dict is copied for every object.
    :param choices: of a registry, also those that come later.
    :param more: ``least`` and ``most``, the bounds of a number; ``share``, a number in [0, 1]; ``positive``, a number
        above 0; ``form``, a regular expression that a text has to match, with ``such``, an example for the message;
        ``code``, names of code outside of evoprune are welcome; ``many``, so are several names joined
        by ``+``; ``hidden``, no option of the command line; ``suited``, None stands for what suits the other settings,
        which their class puts in its place.
    """
    metadata = {"help": help, "choices": choices if isinstance(choices, Mapping) else tuple(choices), **more}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def types_of(kind: Any) -> dict[str, Any]:
    """The annotations of a settings dataclass or a callable, by name."""
    return get_type_hints(kind)


class SettingsBase:
    """The base of settings dataclasses."""

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]


def check_fields(settings: Any) -> None:
    """See that every field of a settings dataclass has its type, and what :func:`option` says of it.

    :raises ValueError: naming the setting, its value and what was expected.
    """
    types = types_of(type(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if value is None and field.metadata.get("suited"):
            continue
        check_type(field.name, value, types[field.name])
        names, more = field.metadata["choices"], field.metadata
        if value is None:
            continue
        for each in names_in(value) if names and more.get("many") else [value]:
            if names and each not in names and not (more.get("code") and is_code(each)):
                offered = entries(field.name) if more.get("code") else ()
                lookup(field.name.replace("_", " "), each, dict.fromkeys([*names, *offered]))
        check_value(field.name, value, more)


def check_value(name: str, value: Any, more: Mapping[str, Any]) -> None:
    """See that a value is within what the metadata of its option say, a number also within the bounds of all.

    :raises ValueError: naming the value and what was expected.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        least, most = bounds(more)
        if not least <= value <= most or (more.get("positive") and value == 0):  # NaN is not within either
            whole = isinstance(value, int)
            number = "a whole number" if whole else "a number"
            above = "a number above 0" if more.get("positive") else f"{number} of at least {least}"
            what = above if value < most else f"{number} of at most {most}"
            what = "a number in [0, 1]" if more.get("share") else what
            what = what if whole or math.isfinite(value) else "a finite number"
            raise ValueError(f"{name} must be {what}, got {shown(value)}")
    if isinstance(value, str):
        if len(value) > TEXT or not value.isprintable():
            raise ValueError(f"{name} must be a text of at most {TEXT} characters in one line, got {shown(value)}")
        if "form" in more and not re.fullmatch(more["form"], value):
            raise ValueError(f"{name} must be {more['such']}, got {shown(value)}")


def bounds(more: Mapping[str, Any]) -> tuple[float, float]:
    """The least and the most that a number may be, by the metadata of its option, else a common bound."""
    if more.get("share"):
        return 0, 1
    return more.get("least", 0 if more.get("positive") else -MOST), more.get("most", MOST)


def layered(kind: type, layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Layers of overrides as one, later ones over earlier ones.

    :raises ValueError: for an unknown setting, naming the nearest.
    """
    for layer in layers:
        check_names(kind, layer)
    return {name: value for layer in layers for name, value in layer.items()}


def check_names(kind: type, layer: Mapping[str, Any], more: Iterable[str] = ()) -> None:
    """See that a settings dataclass has all the names of a layer of overrides.

    :param more: other names that are allowed.
    :raises ValueError: for an unknown setting, naming the nearest.
    """
    known = dict.fromkeys([*(field.name for field in dataclasses.fields(kind)), *more])
    for name in layer:
        lookup("setting", name, known)


def check_type(name: str, value: Any, kind: Any) -> None:
    """See that a value is of an annotated type; a whole number is a float as well, True is no number.

    :raises ValueError: naming the value and what was expected.
    """
    if not any(_is(value, one) for one in _alternatives(kind)):
        raise ValueError(f"{name} must be of type {type_name(kind)}, got {shown(value)}")


def parse(name: str, text: str, kind: Any) -> Any:
    """The value of an annotated type that a text spells, such as a number, ``none``, ``off`` or ``1,2,3``.

    :raises ValueError: naming the text and what was expected.
    """
    for one in sorted(_alternatives(kind), key=lambda one: one is str):  # which takes anything
        try:
            return _parsed(text, one)
        except (ValueError, KeyError):
            continue
    raise ValueError(f"{name} must be of type {type_name(kind)}, got {shown(text)}")


def type_name(kind: Any) -> str:
    """An annotated type as it is written, such as ``float | None``."""
    names = [getattr(one, "__name__", str(one)) if not get_args(one) else str(one) for one in _alternatives(kind)]
    return " | ".join("None" if name == "NoneType" else name.replace("typing.", "") for name in names)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _is(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) in (tuple, list):
        item = get_args(kind)[0]
        return isinstance(value, (tuple, list)) and all(_is(each, item) for each in value)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, get_origin(kind) or kind) and (kind is bool or not isinstance(value, bool))


def _parsed(text: str, kind: Any) -> Any:
    if kind is Any:
        return parse("", text, int | float | str)
    if kind is types.NoneType:
        return {"none": None}[text.lower()]
    if kind is bool:
        return WORDS[text.lower()]
    if get_origin(kind) is Literal:
        return {str(each): each for each in get_args(kind)}[text]
    if get_origin(kind) in (tuple, list):
        return tuple(_parsed(part.strip(), get_args(kind)[0]) for part in text.split(","))
    if kind not in (int, float, str):
        raise ValueError(f"no text stands for a {type_name(kind)}")
    value = kind(text)
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{text} is not finite")
    return value
