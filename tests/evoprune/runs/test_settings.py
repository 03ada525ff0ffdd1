"""Values by their annotations: what a text spells, and what is refused."""

from typing import Any, Literal

import pytest

from evoprune.runs.settings import check_type, parse, type_name


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", int, 3),
        ("3", float, 3.0),
        ("1e-3", float, 0.001),
        ("on", bool, True),
        ("No", bool, False),
        ("none", float | None, None),
        ("0.5", float | None, 0.5),
        ("none", str, "none"),
        ("7", int | str, 7),
        ("seven", int | str, "seven"),
        ("l1", Literal["l1", "l2"], "l1"),
        ("2", Literal[1, 2], 2),
        ("1,2, 3", tuple[int, ...], (1, 2, 3)),
        ("0.5", list[float], (0.5,)),
        ("4", Any, 4),
        ("4.5", Any, 4.5),
        ("four", Any, "four"),
    ],
)
def test_a_text_spells_a_value(text, kind, value):
    found = parse("x", text, kind)
    assert found == value
    assert type(found) is type(value)
    check_type("x", found, kind)


@pytest.mark.parametrize(
    ("text", "kind", "wanted"),
    [
        ("3.5", int, "int"),
        ("abc", float, "float"),
        ("inf", float, "float"),
        ("nan", float | None, "float | None"),
        ("2", bool, "bool"),
        ("l3", Literal["l1", "l2"], "Literal"),
        ("1,x", tuple[int, ...], "tuple"),
        ("x", bytes, "bytes"),
    ],
)
def test_a_text_that_spells_none_is_named(text, kind, wanted):
    with pytest.raises(ValueError, match=f"x must be of type .*{wanted}.*, got '{text}'"):
        parse("x", text, kind)


@pytest.mark.parametrize(("value", "kind"), [(True, int), (True, float), (1, bool), ("1", int), ([1, "a"], list[int])])
def test_a_value_of_another_type_is_refused(value, kind):
    with pytest.raises(ValueError, match="x must be of type"):
        check_type("x", value, kind)


def test_types_are_written_as_in_the_code():
    assert type_name(float | None) == "float | None"
    assert type_name(dict[str, int]) == "dict[str, int]"
