"""The fields of a settings dataclass: default, help text and allowed names in one place, and the check of values."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from evoprune.checks import lookup


def option(default: Any, help: str, choices: Iterable[str] = ()) -> Any:
    """A setting: its default, its help text, and the names it may take."""
    return dataclasses.field(default=default, metadata={"help": help, "choices": tuple(choices)})


def check_fields(settings: Any) -> None:
    """See that every field of a settings dataclass has its type, and one of its names where it has some.

    :raises ValueError: naming the setting, its value and what was expected.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        _check_type(field, value)
        if field.metadata["choices"] and value is not None:
            lookup(field.name.replace("_", " "), value, dict.fromkeys(field.metadata["choices"]))


def check_names(kind: type, layer: Mapping[str, Any]) -> None:
    """See that a settings dataclass has all the names of a layer of overrides.

    :raises ValueError: for an unknown setting, naming the nearest.
    """
    known = {field.name: None for field in dataclasses.fields(kind)}
    for name in layer:
        lookup("setting", name, known)


def type_name(field: dataclasses.Field[Any]) -> str:
    """The type of a field as it is written, such as ``float | None``."""
    return str(field.type).removeprefix("<class '").removesuffix("'>")


def _check_type(field: dataclasses.Field[Any], value: Any) -> None:
    kinds = type_name(field)
    if value is None and "None" in kinds:
        return
    wanted: Any = {"str": str, "bool": bool, "int": int, "float": (int, float)}[kinds.split(" ")[0]]
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ValueError(f"{field.name} must be of type {kinds}, got {value!r}")
