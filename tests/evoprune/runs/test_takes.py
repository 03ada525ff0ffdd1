"""What a signature says: what is provided, what is an option, and what nobody gives."""

from dataclasses import dataclass, field
from functools import partial

import pytest

from evoprune.runs.takes import chosen, options, parameters


def mutExample(
    individual, amount, samples=None, power: float = 2.0, deep=False, *rest, flavour: str | None = None, **more
):
    return (individual,)


@dataclass(frozen=True)
class Recipe:
    size: int = field(default=3, metadata={"help": "how large"})
    seed: int = 0


def test_options_are_what_has_a_default_and_is_not_provided():
    found = options("mine", mutExample, {"amount", "samples"}, skip=1)
    assert {name: (option.type, option.default) for name, option in found.items()} == {
        "power": (float, 2.0),
        "deep": (bool, False),
        "flavour": (str | None, None),
    }
    assert list(parameters(mutExample, 1)) == ["amount", "samples", "power", "deep", "flavour"]


def test_fields_of_a_dataclass_bring_their_help():
    ((name, size),) = options("mine", Recipe, {"seed"}).items()
    assert (name, size.type, size.default, size.help) == ("size", int, 3, "how large")


def test_a_partial_has_the_parameters_that_are_left():
    assert options("mine", partial(mutExample, power=3.0), {"amount", "samples"}, 1)["power"].default == 3.0


def test_what_nobody_gives_is_named():
    with pytest.raises(ValueError, match="operator x needs amount, which has no default and is nothing that a run"):
        options("operator x", mutExample, {"samples"}, 1)


def test_texts_become_values_and_defaults_fill_up():
    known = options("mine", mutExample, {"amount", "samples"}, 1)
    assert chosen("mine", {"power": "3", "deep": "yes"}, known) == {"power": 3.0, "deep": True, "flavour": None}
    assert chosen("mine", {"flavour": "sweet", "power": 1}, known)["flavour"] == "sweet"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"powr": 1}, "unknown option of mine: 'powr': did you mean 'power'"),
        ({"power": "x"}, "option power of mine must be of type float, got 'x'"),
        ({"deep": 1}, "option deep of mine must be of type bool, got 1"),
    ],
)
def test_mistakes_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        chosen("mine", given, options("mine", mutExample, {"amount", "samples"}, 1))


def test_something_without_options_says_so():
    with pytest.raises(ValueError, match="mine has no options, got x=1"):
        chosen("mine", {"x": 1}, {})


def test_what_cannot_be_called_is_refused():
    with pytest.raises(ValueError, match="cannot be used"):
        parameters(3)  # type: ignore[arg-type]
