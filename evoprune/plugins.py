"""Operators, schedules and problems that live outside of evoprune: in a module, in a file, or in an installed package.

``PACKAGE.MODULE:NAME`` and ``path/to/file.py:NAME`` name such code. It runs only where somebody allowed it, as a
command line does that names it; what is read from a directory allows nothing. Installed packages offer names through
entry points.
"""

import hashlib
import re
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evoprune._finders import name_of
from evoprune.checks import lookup

GROUPS = {"operator": "evoprune.operators", "schedule": "evoprune.schedules", "benchmark": "evoprune.problems"}
"""Kind -> the group of entry points through which an installed package offers more of it."""

_allowed: set[str] = set()


def is_code(name: str) -> bool:
    """Whether a name says where code is, rather than being one of a registry."""
    return isinstance(name, str) and re.fullmatch(r"(.+\.py|[^\W\d][\w.]*):[^\W\d]\w*", name) is not None


def names_in(name: str) -> list[str]:
    """The names that ``+`` joins; a path that is not one of them whole goes on behind its ``+``."""
    found, rest = [], ""
    for part in name.split("+"):
        rest += part
        if is_code(rest) or re.fullmatch(r"[\w.-]*", rest):
            found.append(rest)
            rest = ""
        else:
            rest += "+"
    return [*found, rest[:-1]] if rest else found


def label(name: Any) -> Any:
    """The last part of such a name, for directories and labels; everything else as it is."""
    if not isinstance(name, str):
        return name
    return "+".join(each.rpartition(":")[2] if is_code(each) else each for each in names_in(name))


def canonical(name: str) -> str:
    """The name with the absolute path of its file."""
    place, _, attribute = name.rpartition(":")
    return f"{Path(place).expanduser().absolute()}:{attribute}" if place.endswith(".py") else name


def allow(name: str) -> None:
    """Import the code that a name stands for, and let it be used in this process from now on.

    :raises ValueError: where there is no such file, module or name in it, or it cannot be imported.
    """
    if is_code(name):
        _load(canonical(name))
        _allowed.add(canonical(name))


def is_allowed(name: str) -> bool:
    """Whether somebody allowed the code of a name; what is registered needs no leave."""
    return not is_code(name) or canonical(name) in _allowed


def find(kind: str, name: str, registry: Mapping[str, Any]) -> Any:
    """What is called ``name``: from the registry, from allowed code, or from an installed package.

    :param kind: ``"operator"``, ``"schedule"`` or ``"benchmark"``.
    :raises ValueError: for an unknown name (naming the nearest), and code that nobody allowed.
    """
    if is_code(name):
        if not is_allowed(name):
            raise ValueError(f"{kind} {name} is code outside of evoprune, which runs only where it is allowed")
        return _load(canonical(name))
    if not isinstance(name, str) or name in registry:
        return lookup(kind, name, registry)
    offered = entries(kind)
    found = lookup(kind, name, {**registry, **offered})
    return found.load() if isinstance(found, EntryPoint) else found


def entries(kind: str) -> dict[str, EntryPoint]:
    """What installed packages offer, by name; nothing of it is imported."""
    return {entry.name: entry for entry in entry_points(group=GROUPS[kind])}


def fingerprint(name: str) -> dict[str, str]:
    """Where the code of a name is, ``path``, and the ``sha256`` of that file's content.

    :raises ValueError: where it cannot be found.
    """
    place = canonical(name).rpartition(":")[0]
    path = Path(place)
    if not place.endswith(".py"):
        try:
            spec = find_spec(place)
        except (ImportError, ValueError):
            spec = None
        if spec is None or not spec.origin:
            raise ValueError(f"{name}: there is no module {place} that can be imported here")
        path = Path(spec.origin)
    try:
        return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    except OSError as error:
        raise ValueError(f"{name}: {path} cannot be read ({error.strerror})") from error


def _load(name: str) -> Any:
    place, _, attribute = name.rpartition(":")
    if place.endswith(".py") and not Path(place).is_file():
        raise ValueError(f"{name}: there is no file {place}")
    try:
        module = import_module(name_of(place) if place.endswith(".py") else place)
    except (Exception, SystemExit) as error:  # whatever foreign code does
        hint = "" if place.endswith(".py") else "; for a file write path/to/file.py:NAME"
        raise ValueError(f"{name}: cannot import {place} ({type(error).__name__}: {error}){hint}") from error
    if not hasattr(module, attribute):
        offers = ", ".join(n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__)
        raise ValueError(f"{name}: {place} has no {attribute!r}; it defines {offers or 'nothing'}")
    return getattr(module, attribute)
