"""The settings dataclass as command-line options and as a TOML file, so that an option is written once."""

import argparse
import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from evoprune.benchmarks.runs.fields import check_names
from evoprune.benchmarks.pruning.settings import Settings


def add_options(parser: argparse._ActionsContainer, kind: type = Settings) -> None:
    """An option a setting, such as ``--target-preserved``; what is not given stays out of the parsed arguments."""
    for field in dataclasses.fields(kind):
        flag = "--" + field.name.replace("_", "-")
        text = field.metadata["help"]
        if field.metadata["choices"]:
            text += ": " + ", ".join(field.metadata["choices"])
        text += "" if field.default is None else f" (default {_shown(field.default)})"
        text = text.replace("%", "%%")
        type_ = str(field.type)
        if "bool" in type_:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
            continue
        number = float if "float" in type_ else int if "int" in type_ else str
        metavar = number.__name__.upper()
        parser.add_argument(flag, type=number, default=argparse.SUPPRESS, help=text, metavar=metavar)


def given(namespace: argparse.Namespace, kind: type = Settings) -> dict[str, Any]:
    """The settings among parsed arguments that were given."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in vars(namespace).items() if name in names}


def read_config(path: str | Path, kind: type = Settings) -> dict[str, Any]:
    """Settings from a TOML file with a line a setting; names with ``-`` or ``_``.

    :raises ValueError: for a file that cannot be read, or a setting that does not exist (naming the nearest).
    """
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ValueError(f"{path}: cannot read the settings ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a TOML file ({error})") from error
    settings = {name.replace("-", "_"): value for name, value in table.items()}
    try:
        check_names(kind, settings)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return settings


def _shown(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
