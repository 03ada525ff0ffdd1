"""The settings dataclass as command-line options and as a TOML file, so that an option is written once."""

import argparse
import dataclasses
import tomllib
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from evoprune.checks import shown
from evoprune.runs.settings import check_names, type_name, types_of
from evoprune.runs.takes import Option

CODE = "FILE.py:NAME"
Flags = Mapping[str, Mapping[str, Option]]
"""Further settings that have a flag: name -> those that it belongs to, and how."""


def add_options(
    parser: argparse.ArgumentParser, kind: type, groups: Mapping[str, str] | None = None, more: Flags | None = None
) -> None:
    """An option a setting, such as ``--target-preserved``; what is not given stays out of the parsed arguments.

    A setting that is a dict, such as ``operator_options``, is ``--operator-option NAME=VALUE``, to be repeated.

    :param groups: first setting of a group -> its title.
    :param more: options that belong to some of the values of a setting, with the values; a group each.
    """
    group = parser.add_argument_group("settings")
    for field in dataclasses.fields(kind):
        if field.name in (groups or {}):
            group = parser.add_argument_group((groups or {})[field.name])
        if not field.metadata.get("hidden"):
            _add(group, field.name, types_of(kind)[field.name], field.default, field.metadata)
    sections: dict[str, Any] = {}
    for name, owners in (more or {}).items():
        title, options = "problem " + ", ".join(owners), list(owners.values())
        if title not in sections:
            sections[title] = parser.add_argument_group(title)
        default, text = options[0].default, options[0].help
        if any(option.default != default for option in options):
            default, text = None, "; ".join(f"{option.help} (default {option.default})" for option in options)
        _add(sections[title], name, options[0].type, default, {"help": text})


def settings_among(namespace: argparse.Namespace, kind: type, more: Collection[str] = ()) -> dict[str, Any]:
    """The settings among parsed arguments that were given.

    :raises ValueError: for an option of an operator, a schedule or a problem that is not NAME=VALUE.
    """
    names = {field.name for field in dataclasses.fields(kind)} | set(more)
    found = {name: value for name, value in vars(namespace).items() if name in names}
    for name, value in found.items():
        if isinstance(value, list):
            found[name] = dict(_assignment(name.replace("_", "-").removesuffix("s"), text) for text in value)
    return found


def read_config(path: str | Path, kind: type, more: Collection[str] = ()) -> dict[str, Any]:
    """Settings from a TOML file with a line a setting; names with ``-`` or ``_``.

    :raises ValueError: for a file that cannot be read, or a setting that does not exist (naming the nearest).
    """
    if not str(path):
        raise ValueError("config must be the name of a file, got ''")
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ValueError(f"{path}: cannot read the settings ({error.strerror})") from error
    except RecursionError:
        raise ValueError(f"{path}: nested too deep to be a file of settings") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of more digits than Python reads
        raise ValueError(f"{path}: not a TOML file ({error})") from error
    settings: dict[str, Any] = {}
    for spelt, value in table.items():
        name = spelt.replace("-", "_")
        if name in settings:
            raise ValueError(f"{path}: {name} stands there twice, with - and with _")
        settings[name] = value
    try:
        check_names(kind, settings, more)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return settings


def _add(group: Any, name: str, kind: Any, default: Any, metadata: Mapping[str, Any]) -> None:
    """One option; the names it may take are its metavar."""
    flag, text, type_ = "--" + name.replace("_", "-"), metadata["help"], type_name(kind)
    if type_.startswith("dict"):
        how = {"dest": name, "action": "append", "metavar": "NAME=VALUE", "help": f"{text}; repeatable"}
        group.add_argument(flag.removesuffix("s"), default=argparse.SUPPRESS, **how)
        return
    shown = {True: "on", False: "off"}[default] if isinstance(default, bool) else default
    text += "" if default is None else f" (default {shown})"
    text = text.replace("%", "%%")
    if "bool" in type_:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text)
        return
    number: type = float if "float" in type_ else int if "int" in type_ else str
    metavar = {float: "X", int: "N", str: None}[number]
    if metadata.get("choices"):
        metavar = "{" + ",".join([*metadata["choices"], *([CODE] if metadata.get("code") else [])]) + "}"
    group.add_argument(flag, type=partial(read, number), default=argparse.SUPPRESS, help=text, metavar=metavar)


def read(kind: type, text: str) -> Any:
    """A number or a text of the command line.

    :raises argparse.ArgumentTypeError: in a line that shows the text, cut short where it is long.
    """
    try:
        return kind(text)
    except ValueError:
        what = {int: "a whole number", float: "a number"}.get(kind, kind.__name__)
        raise argparse.ArgumentTypeError(f"expected {what}, got {shown(text)}") from None


def _assignment(what: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"--{what} must be NAME=VALUE, got {shown(text)}")
    return name.replace("-", "_"), value
