from __future__ import annotations

import random
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from torch import nn

from evoprune.checks import at_least, has, in_unit_interval, listed, lookup, of_type, shown, true_or_false, two

REGISTRY = {"variance": 1, "random": 2, "none": 3}


def test_a_known_name_is_found() -> None:
    assert lookup("operator", "random", REGISTRY) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("randon", "unknown operator 'randon': did you mean 'random'? known: none, random, variance"),
        ("RANDOM", "unknown operator 'RANDOM': did you mean 'random'? known: none, random, variance"),
        ("xyz", "unknown operator 'xyz'; known: none, random, variance"),
        (None, "unknown operator None: did you mean 'none'? known: none, random, variance"),
        (["random"], "unknown operator ['random']: did you mean 'random'? known: none, random, variance"),
    ],
)
def test_an_unknown_name_lists_the_known_and_offers_the_nearest(name: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        lookup("operator", name, REGISTRY)


@pytest.mark.parametrize("value", [0, 1, 0.5, 0.0, 1.0, np.float32(0.5), np.int64(1), Fraction(1, 3)])
def test_unit_interval_accepts_numbers_and_both_ends(value: Any) -> None:
    in_unit_interval("C", value)


@pytest.mark.parametrize(
    "value", [-1e-9, 1.0000001, float("nan"), float("inf"), True, "0.5", None, np.True_, 0.5j, [0.5]]
)
def test_unit_interval_names_what_it_refuses(value: Any) -> None:
    message = f"C must be a number in [0, 1], got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        in_unit_interval("C", value)


def test_at_least() -> None:
    at_least("batch", 5, 5)
    at_least("rate", 0.1, 0)
    at_least("limit", float("inf"), 0)
    at_least("n", np.int64(3), 1, whole=True)


@pytest.mark.parametrize("value", [4, 4.999, float("nan"), True, "5", None])
def test_at_least_names_what_it_refuses(value: Any) -> None:
    message = f"batch must be a number of at least 5, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        at_least("batch", value, 5)


@pytest.mark.parametrize("value", [0, 2.5, 2.0, float("inf"), True])
def test_whole_refuses_what_is_no_integer(value: Any) -> None:
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, got"):
        at_least("n", value, 1, whole=True)


def test_true_or_false() -> None:
    true_or_false("persistent", True)
    true_or_false("persistent", False)
    for value in ("no", 1, None, np.False_):
        with pytest.raises(ValueError, match=f"^persistent must be True or False, got {re.escape(repr(value))}$"):
            true_or_false("persistent", value)


@pytest.mark.parametrize("value", [float("inf"), 10**400, float("-inf")])
def test_finite_refuses_what_no_float_holds(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^sigma must be (finite|a number of at least 0), got"):
        at_least("sigma", value, 0, finite=True)


def test_a_number_has_a_largest() -> None:
    at_least("ngen", 10, 0, most=10)
    with pytest.raises(ValueError, match=r"^ngen must be at most 10, got 11$"):
        at_least("ngen", 11, 0, most=10)


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        (nn.Sequential(nn.ReLU()), "Sequential( (0): ReLU() )"),
        (10**400, "a number of 1329 bits"),
        ("x" * 200, "'" + "x" * 59 + "... (202 characters)"),
    ],
)
def test_a_value_is_shown_in_one_short_line(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_value_that_cannot_be_shown_is_no_second_error() -> None:
    assert "Unspeakable object" in shown(Unspeakable())


def test_types_methods_lists_and_pairs_are_named() -> None:
    of_type("data", {}, dict, "a table")
    has("rng", random, "gauss", "a generator")
    assert listed("sizes", (1, 2), "numbers") == [1, 2]
    assert two("bounds", (1, 2)) == (1, 2)
    with pytest.raises(TypeError, match=r"^data must be a table, got 3$"):
        of_type("data", 3, dict, "a table")
    with pytest.raises(TypeError, match=r"^rng must be a generator, got 3$"):
        has("rng", 3, "gauss", "a generator")
    for wrong in ("text", None, 3):
        with pytest.raises(TypeError, match=r"^sizes must be numbers, got"):
            listed("sizes", wrong, "numbers")
        with pytest.raises(ValueError, match=r"^bounds must be two numbers, got"):
            two("bounds", wrong)
