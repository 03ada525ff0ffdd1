"""What an operator, a schedule or a problem takes, by its signature: what a run provides, and options of its own."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from evoprune.checks import lookup, shown
from evoprune.runs.settings import check_type, check_value, parse, types_of


@dataclass(frozen=True)
class Option:
    """A parameter with a default: its type by its annotation or else its default, and what its field says of it."""

    type: Any
    default: Any
    help: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Its bounds, as :func:`evoprune.runs.settings.option` has them."""


def parameters(taker: Callable[..., Any], skip: int = 0) -> dict[str, inspect.Parameter]:
    """The parameters that can be given by name, without the first ``skip``.

    :raises ValueError: for something that cannot be called, or has no signature.
    """
    try:
        found = list(inspect.signature(taker).parameters.values())[skip:]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{taker!r} cannot be used: {error}") from error
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {parameter.name: parameter for parameter in found if parameter.kind in named}


def options(what: str, taker: Callable[..., Any], provided: Collection[str], skip: int = 0) -> dict[str, Option]:
    """The options of a function or a dataclass: every parameter with a default that the run does not provide.

    :param what: what the messages call it.
    :param provided: what the run provides by name.
    :param skip: first parameters that are given by place, such as the individual.
    :raises ValueError: for a parameter that has no default and that nobody provides.
    """
    hints = types_of(taker.__init__ if inspect.isclass(taker) else getattr(taker, "func", taker))
    fields = getattr(taker, "__dataclass_fields__", {})
    found = {}
    for name, parameter in parameters(taker, skip).items():
        if name in provided:
            continue
        default = parameter.default
        if default is parameter.empty:
            given = ", ".join(sorted(provided))
            raise ValueError(f"{what} needs {name}, which has no default and is nothing that a run provides ({given})")
        kind = hints.get(name, Any if default is None else type(default))
        more = fields[name].metadata if name in fields else {}
        found[name] = Option(kind, default, more.get("help", ""), more)
    return found


def chosen(what: str, given: Mapping[str, Any], known: Mapping[str, Option]) -> dict[str, Any]:
    """The values of all options: those given, texts among them as their types say, and the defaults of the others.

    :raises ValueError: for an unknown option (naming the nearest), or a value of another type.
    """
    found = {name: option.default for name, option in known.items()}
    for name, value in given.items():
        if not known:
            raise ValueError(f"{what} has no options, got {name}={shown(value)}")
        option = lookup(f"option of {what}:", name, known)
        if isinstance(value, str):
            value = parse(f"option {name} of {what}", value, option.type)
        check_type(f"option {name} of {what}", value, option.type)
        check_value(f"option {name} of {what}", value, option.more)
        if option.more.get("choices"):
            lookup(f"{name} of {what}:", value, option.more["choices"])
        found[name] = value
    return found
